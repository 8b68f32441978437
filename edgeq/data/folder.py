"""Pictures in a folder, and what they show: class folders, a file of labels, or masks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.data.pictures import SUFFIXES
from edgeq.errors import EdgeqError, ModelError

# A class, or the file of a mask.
Label = int | Path


@dataclass(frozen=True, slots=True)
class Pictures:
    """Files of pictures in a fixed order, each with its label, or none with any."""

    paths: tuple[Path, ...]
    labels: tuple[Label, ...] | None

    def spread(self, limit: int | None) -> Pictures:
        """Return at most ``limit`` of them, evenly spread, so that every class folder has some."""
        count = len(self.paths)
        if limit is None or limit >= count:
            return self
        places = [i * count // limit for i in range(limit)]
        labels = None if self.labels is None else tuple(self.labels[i] for i in places)
        return Pictures(tuple(self.paths[i] for i in places), labels)


def find(path: Path, labels: Path | None = None, classes: Path | None = None) -> Pictures:
    """Return the pictures of a folder and what is below it, sorted; or the one of a file.

    Without ``labels`` a picture's class is its first folder's: the whole number that this is
    named by where all are, else the folder's line in ``classes``, else its place among the sorted
    folders. ``labels`` is a file of lines ``PICTURE LABEL`` (a comma or blanks between), or a
    folder of masks, one for each picture, of its path but for the ending. Raise ``ModelError`` for
    a folder without pictures, and where a label is missing or unclear.
    """
    paths = files(path)
    if labels is not None:
        root = path if path.is_dir() else path.parent
        found = [each.relative_to(root).as_posix() for each in paths]
        if not labels.is_dir():
            return Pictures(paths, tuple(_listed(found, labels, classes)))
        if classes is not None:
            raise EdgeqError("--classes with masks", hint="a mask's pixels are the classes")
        return Pictures(paths, tuple(_masks(found, labels)))
    if path.is_file():
        return Pictures(paths, None)
    return Pictures(paths, _by_folder(path, paths, classes))


def files(path: Path) -> tuple[Path, ...]:
    """Return the pictures of a folder and what is below it, sorted; or the one of a file."""
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise ModelError("cannot be read: no such file or folder", where=str(path))
    found = (each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)
    paths = [
        each
        for each in found
        if each.is_file() and not any(p.startswith(".") for p in each.relative_to(path).parts)
    ]
    if not paths:
        kinds = " ".join(sorted(SUFFIXES))
        raise ModelError("holds no pictures", where=str(path), hint=f"looked for {kinds}")
    return tuple(sorted(paths))


def _by_folder(root: Path, paths: Sequence[Path], classes: Path | None) -> tuple[Label, ...] | None:
    """Return the classes of pictures by their folders; ``None`` where there are no folders."""
    parts = [path.relative_to(root).parts for path in paths]
    if all(len(each) == 1 for each in parts):
        if classes is not None:
            raise EdgeqError("--classes, but no class folders", where=str(root))
        return None
    loose = [path for path, each in zip(paths, parts, strict=True) if len(each) == 1]
    if loose:
        raise ModelError(
            f"picture '{loose[0].name}' is in no class folder, others are", where=str(root)
        )
    folders = sorted({each[0] for each in parts})
    known = _numbered(folders) if classes is None else _in_lines(folders, _lines(classes), classes)
    return tuple(known[each[0]] for each in parts)


def _numbered(folders: Sequence[str]) -> Mapping[str, int]:
    if all(re.fullmatch(r"\d{1,9}", folder) for folder in folders):
        return {folder: int(folder) for folder in folders}
    return {folder: index for index, folder in enumerate(folders)}


def _in_lines(names: Sequence[str], lines: Sequence[str], where: Path) -> Mapping[str, int]:
    missing = [name for name in names if name not in lines]
    if missing:
        raise ModelError(f"no class '{missing[0]}'", where=str(where), hint="one name a line")
    return {name: lines.index(name) for name in names}


def _listed(names: Sequence[str], path: Path, classes: Path | None) -> list[Label]:
    """Return the label of each picture that a file lists."""
    table: dict[str, str] = {}
    known = None if classes is None else _lines(classes)
    for number, line in enumerate(_lines(path), start=1):
        if not line:
            continue
        found = re.fullmatch(r"(.+?)(?:\s*,\s*|\s+)([^\s,]+)", line)
        if found is None:
            raise ModelError(f"line {number}: '{line}'", where=str(path), hint="PICTURE LABEL")
        table[found[1].strip("\"'")] = found[2]
    labels: list[Label] = []
    for name in names:
        text = table.get(name, table.get(Path(name).stem))
        if text is None:
            raise ModelError(f"no label for picture '{name}'", where=str(path))
        labels.append(_class(text, known, name, path))
    return labels


def _class(text: str, classes: Sequence[str] | None, name: str, path: Path) -> int:
    if classes is not None and text in classes:
        return classes.index(text)
    if not re.fullmatch(r"\d{1,9}", text):
        known = "not among --classes" if classes is not None else "no whole number"
        hint = "" if classes is not None else "--classes FILE gives names numbers: one name a line"
        raise ModelError(f"label '{text}' of '{name}' is {known}", where=str(path), hint=hint)
    return int(text)


def _masks(names: Sequence[str], folder: Path) -> list[Label]:
    """Return the mask of each picture: the same path but for the ending."""
    there: dict[str, Path] = {}
    counts: Counter[str] = Counter()
    for path in files(folder):
        key = path.relative_to(folder).with_suffix("").as_posix()
        there[key] = path
        counts[key] += 1
    labels: list[Label] = []
    for name in names:
        key = Path(name).with_suffix("").as_posix()
        if counts[key] != 1:
            several = "several masks" if counts[key] else "no mask"
            raise ModelError(f"{several} for picture '{name}'", where=str(folder))
        labels.append(there[key])
    return labels


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise ModelError("is no text", where=str(path)) from None
