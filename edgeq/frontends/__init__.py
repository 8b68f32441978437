"""Bytes to graph: one module for each file format. Model files are hostile until verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from edgeq.emit.names import c_identifier
from edgeq.errors import EdgeqError, ModelError
from edgeq.frontends.floats import require_integer
from edgeq.frontends.npz import read_npz
from edgeq.frontends.onnx import read_onnx
from edgeq.frontends.tflite import read_tflite
from edgeq.frontends.torch import read_pt2
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify_operations, verify_structure

Reader = Callable[[bytes, str], Graph]

READERS: Mapping[str, Reader] = MappingProxyType(
    {".npz": read_npz, ".tflite": read_tflite, ".onnx": read_onnx, ".pt2": read_pt2}
)

# The largest file that is read: far above what fits any device edgeq compiles for.
MAX_FILE_BYTES = 1 << 31


def load(path: Path, *, allow_float: bool = False) -> Graph:
    """Return the verified graph of a model file; errors name the file.

    A network that computes in floating point raises ``UnsupportedError``, unless the caller
    allows it, as what quantizes one must.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise ModelError(f"unknown file type '{path.suffix}'", where=str(path), hint=known)
    data = _read(path)
    try:
        graph = verify_structure(reader(data, c_identifier(path.stem)))
        if not allow_float:
            # Before the operations are looked at: weight-only ones would seem malformed.
            require_integer(graph)
        return verify_operations(graph)
    except EdgeqError as error:
        raise error.at(str(path)) from None


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ModelError(f"larger than {MAX_FILE_BYTES} bytes", where=str(path))
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from None
