"""Write files and output folders: all of it or nothing, and never over anybody else's files."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath

from edgeq.errors import EdgeqError

# What was written last time, so that the next time can tell its own files from others'.
RECORD = ".edgeq.json"


def write_folder(files: Mapping[str, str], out: Path) -> None:
    """Write ``files`` (relative path to text) below ``out``.

    Everything is first written to one side, then moved into place. Files that an earlier call
    wrote are replaced; those that it wrote, nobody changed since and are not written again, are
    removed; all others stay. Raise ``EdgeqError`` when something of another's is in the way, or
    the folder cannot be written; nothing has changed then.
    """
    with _named(out):
        real = Path(os.path.realpath(out))
        if not real.exists():
            _write_new(files, real)
        elif real.is_dir():
            _write_into(files, real)
        else:
            raise EdgeqError("is not a folder")


def write_file(data: bytes, path: Path) -> None:
    """Write one file: whole, or not at all. Raise ``EdgeqError`` when it cannot be written."""
    with _named(path):
        real = Path(os.path.realpath(path))
        if real.is_dir():
            raise EdgeqError("is a folder")
        if real.exists() and not real.is_file():
            real.write_bytes(data)  # a device or pipe, which a rename would destroy
            return
        stage = _beside(real)
        try:
            stage.write_bytes(data)
            if real.exists():
                stage.chmod(stat.S_IMODE(real.stat().st_mode))
            os.replace(stage, real)
        finally:
            stage.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors name what was to be written."""
    try:
        yield
    except EdgeqError as error:
        raise error.at(str(path)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise EdgeqError(f"cannot be written: {reason}", where=str(path)) from None


def _write_new(files: Mapping[str, str], out: Path) -> None:
    base = next(parent for parent in out.parents if parent.exists())
    with _stage(files, base) as stage:
        out.parent.mkdir(parents=True, exist_ok=True)
        stage.rename(out)


def _write_into(files: Mapping[str, str], out: Path) -> None:
    old = _record(out)
    _check_free(files, out, old)
    # Inside: the folder beside may be of another file system, or not ours to write.
    with _stage(files, out) as stage:
        # The record comes last, so that a process that is stopped here leaves a true one.
        for path in (*files, RECORD):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(stage / path, out / path)
    for name, digest in old.items():
        if name not in files and _digest(out / name) == digest:
            (out / name).unlink()


@contextlib.contextmanager
def _stage(files: Mapping[str, str], base: Path) -> Iterator[Path]:
    """Write all files and their record in a new folder; remove what is left of it at the end."""
    stage = _beside(base / "edgeq")
    stage.mkdir()
    try:
        record = {}
        for path, text in files.items():
            data = text.encode()
            record[path] = sha256(data).hexdigest()
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_bytes(data)
        (stage / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:100]}-{secrets.token_hex(8)}")


def _check_free(files: Mapping[str, str], out: Path, old: Mapping[str, str]) -> None:
    """Raise when a path is taken by something that no earlier call wrote."""
    for path, text in files.items():
        place = out / path
        blocked = any(p.exists() and not p.is_dir() for p in _below(place, out))
        there = place.is_symlink() or place.exists()
        mine = path in old and place.is_file()
        same = _digest(place) == sha256(text.encode()).hexdigest()
        if blocked or (there and not mine and not same):
            raise EdgeqError(
                f"'{path}' is in the way, and was not written by edgeq",
                hint="move it, or choose another folder",
            )


def _below(place: Path, out: Path) -> Iterator[Path]:
    """Yield the folders between ``out`` and a path below it."""
    for parent in place.parents:
        if parent == out:
            return
        yield parent


def _record(out: Path) -> dict[str, str]:
    """Return what the last call wrote, without any path that leads out of the folder."""
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(record, dict):
        return {}
    return {
        name: digest
        for name, digest in record.items()
        if isinstance(digest, str)
        and not PurePosixPath(name).is_absolute()
        and ".." not in PurePosixPath(name).parts
    }


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a plain file; ``None`` for everything else."""
    if path.is_symlink() or not path.is_file():
        return None
    return sha256(path.read_bytes()).hexdigest()
