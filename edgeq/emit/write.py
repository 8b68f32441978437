"""Write an output folder: all of it or nothing, and never anybody else's files."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath

from edgeq.errors import EdgeqError

# What was written last time, so that the next time can tell its own files from others'.
RECORD = ".edgeq.json"


def write_folder(files: Mapping[str, str], out: Path) -> None:
    """Write ``files`` (relative path to text) below ``out``.

    Everything is first written beside ``out``, then moved into place. Files that an earlier call
    wrote, that nobody changed since and that are not written again, are removed; others stay.
    """
    if out.exists() and not out.is_dir():
        raise EdgeqError("is not a folder", where=str(out))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise EdgeqError(f"cannot be written: {error.strerror}", where=str(out)) from None
    try:
        stage.chmod(0o755)
        _stage(files, stage)
        _move(stage, out)
    except OSError as error:
        raise EdgeqError(f"cannot be written: {error.strerror}", where=str(out)) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _stage(files: Mapping[str, str], stage: Path) -> None:
    record = {}
    for path, text in files.items():
        data = text.encode()
        record[path] = sha256(data).hexdigest()
        target = stage / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (stage / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _move(stage: Path, out: Path) -> None:
    if not out.exists():
        stage.rename(out)
        return
    written = [p.relative_to(stage) for p in sorted(stage.rglob("*")) if p.is_file()]
    old = _record(out)
    for path in written:
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / path, out / path)
    for name, digest in old.items():
        stale = out / name
        if Path(name) not in written and _unchanged(stale, digest):
            stale.unlink()


def _record(out: Path) -> dict[str, str]:
    """Return what the last call wrote, without any path that leads out of the folder."""
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
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


def _unchanged(path: Path, digest: str) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    return sha256(path.read_bytes()).hexdigest() == digest
