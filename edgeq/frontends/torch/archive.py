"""The archive of a .pt2 file, as far as ``torch.export.load`` may see it.

torch says of its loader: never load data from an untrusted source. A .pt2 file can make it run
code in these ways: weights, constants and sample inputs that are pickled; libraries of compiled
code; names of Python functions in place of operators; text of symbolic extents that is evaluated.
None of them is needed for a network. The archive is therefore written anew with the rest alone,
and a file that relies on one of them is refused. This narrows what a file can do; what remains is
torch's own reading of JSON and of raw arrays, so files still deserve the trust that code does.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends.tflite.tensors import limit, readable
from edgeq.ir.verify import MAX_TENSORS, MAX_TOTAL_BYTES

_MODEL = "models/model.json"
_SAMPLES = "data/sample_inputs/model.pt"
_CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_RAW = re.compile(r"data/(?:weights/weight|constants/tensor)_\d+")
_HEADS = ("archive_format", "archive_version", "byteorder", ".data/version", "version")
_UNSEEN = (".data/serialization_id", _SAMPLES)
_EXTRA = "extra/"  # files that a user has added, which no one reads here
_OLD = "serialized_exported_program.json"  # beside weights that are pickled

_OPERATOR = re.compile(
    r"torch\.ops\.(?:aten|higher_order)\.(?!__)\w+(?:\.(?!__)\w+)?"
    r"|_operator\.(?:getitem|add|sub|mul|floordiv|mod|neg|[lg][te]|eq|ne)"
)
# What sympy.srepr writes of an extent: symbols and whole numbers, added and multiplied.
_EXTENT = re.compile(
    r"(?:Symbol\('[a-z]+\d+'(?:, \w+=(?:True|False))*\)|Integer\(-?\d{1,12}\)|Mul\(|Add\(|, |\))+"
    r"|-?\d{1,12}"
)


def safe_archive(data: bytes) -> bytes:
    """Return the archive with the program and its raw arrays alone.

    Raise ``ModelError`` when it is none, ``UnsupportedError`` when it holds more than that.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            return _copied(found)
    except RecursionError:
        raise ModelError("its JSON is nested too deeply") from None
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile):
        raise ModelError(
            "not a .pt2 file, or a damaged one", hint="torch.export.save writes it"
        ) from None


def _copied(found: zipfile.ZipFile) -> bytes:
    entries = found.infolist()
    limit(len(entries), MAX_TENSORS, "members")
    limit(sum(entry.file_size for entry in entries), MAX_TOTAL_BYTES, "bytes in the archive")
    if any(entry.filename.endswith(_OLD) for entry in entries):
        raise UnsupportedError(
            "weights that are pickled, as older versions of torch save them",
            hint="save it again with a newer one",
        )
    paths = [entry.filename.partition("/")[2] for entry in entries]
    if len(set(paths)) != len(paths) or _MODEL not in paths:
        raise ModelError("no program of torch.export", hint="torch.export.save writes it")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for entry, path in zip(entries, paths, strict=True):
            if path not in _UNSEEN and not path.startswith(_EXTRA):
                archive.writestr(f"archive/{path}", _checked(path, found.read(entry)))
        archive.writestr(f"archive/{_SAMPLES}", b"")
    return made.getvalue()


def _checked(path: str, data: bytes) -> bytes:
    """Return a member as it may be seen; raise for one that may run code."""
    if path == _MODEL:
        program = json.loads(data)
        _check_program(program)
        return json.dumps(program).encode()
    if path in _CONFIGS:
        config = json.loads(data)
        for key, value in _entries(config):
            if key == "use_pickle" and value is not False:
                raise UnsupportedError(f"weights or constants that are pickled: {path}")
        return json.dumps(config).encode()
    if path in _HEADS or _RAW.fullmatch(path):
        return data
    raise UnsupportedError(f"a member that is no part of a program: '{readable(path)}'")


def _check_program(program: Any) -> None:
    targets: dict[str, int] = {}
    for key, value in _entries(program):
        if key in ("target", "as_operator") and not _OPERATOR.fullmatch(str(value)):
            targets[str(value)] = targets.get(str(value), 0) + 1
        if key == "expr_str" and not _EXTENT.fullmatch(str(value)):
            raise UnsupportedError(f"an extent computed as '{readable(str(value))}'")
    if targets:
        raise _foreign(targets)


def _foreign(targets: dict[str, int]) -> EdgeqError:
    listed = "\n".join(f"  {readable(name)} x{count}" for name, count in targets.items())
    count = sum(targets.values())
    verb = "is" if count == 1 else "are"
    return UnsupportedError(f"{count} of its operations {verb} none of torch.ops.aten:\n{listed}\n")


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key of every object with its value."""
    pending = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            yield from found.items()
            pending.extend(found.values())
        elif isinstance(found, list):
            pending.extend(found)
