"""The files of the repository that style tests read, found without git: an sdist has none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FOLDERS = ("edgeq", "templates", "runtime", "tests", "examples", "benchmarks", ".ci")
# Written by programs: installed data, caches, what a try-out generates.
SKIPPED_FOLDERS = frozenset({"__pycache__", "_data", "build", "out"})
SCHEMA = "edgeq/frontends/schema"
GENERATED = frozenset({f"{SCHEMA}/layout.py", f"{SCHEMA}/tflite_generated.py"})


def files(*suffixes: str, folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    """Yield the files by hand under ``folders`` whose names end in one of ``suffixes``, sorted."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.name.endswith(suffixes) and _by_hand(path):
                yield path


def _by_hand(path: Path) -> bool:
    folders = path.relative_to(ROOT).parent.parts
    return SKIPPED_FOLDERS.isdisjoint(folders) and name(path) not in GENERATED


def python_files(*folders: str) -> list[Path]:
    """List the Python files under ``folders``; without any, all of the repository's.

    Raises:
        AssertionError: none found, which would make the calling test pass whatever happens.
    """
    found = list(files(".py", folders=folders or FOLDERS))
    if not folders:
        found.append(ROOT / "setup.py")
    assert found
    return found


def name(path: Path) -> str:
    """Return the path of ``path`` from the repository's root."""
    return path.relative_to(ROOT).as_posix()
