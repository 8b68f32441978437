"""One node of an .onnx file: what all front ends share, and its attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from edgeq.frontends.nchw import node as nchw
from edgeq.frontends.nchw.node import MAX_PARAMETERS
from edgeq.frontends.onnx.codes import Islands
from edgeq.frontends.onnx.proto import array_of
from edgeq.frontends.tflite.tensors import readable
from edgeq.ir.types import Shape

_FLOAT, _INT, _STRING, _TENSOR, _FLOATS, _INTS = 1, 2, 3, 4, 6, 7


@dataclass(frozen=True, slots=True, eq=False)
class Node(nchw.Node):
    """Attributes by name, the version of the operators, and what is known of codes."""

    FORMAT: ClassVar[str] = "onnx"

    attributes: dict[str, Any]
    opset: int
    islands: Islands = field(default_factory=Islands)

    def _attribute(self, name: str, kind: int) -> Any:
        found = self.attributes.get(name)
        if found is not None and found.type != kind:
            raise self.error(f"attribute '{name}' is of type {found.type}, expected {kind}")
        return found

    def integer(self, name: str, default: int) -> int:
        """Return an attribute that is a whole number."""
        found = self._attribute(name, _INT)
        return default if found is None else int(found.i)

    def real(self, name: str, default: float) -> float:
        """Return an attribute that is a finite number."""
        found = self._attribute(name, _FLOAT)
        value = default if found is None else float(found.f)
        if not np.isfinite(value):
            raise self.error(f"attribute '{name}' is {value}")
        return value

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is text."""
        found = self._attribute(name, _STRING)
        return default if found is None else readable(found.s.decode("utf-8", "replace"))

    def integers(self, name: str) -> Shape | None:
        """Return an attribute that is a list of whole numbers, ``None`` when it is absent."""
        found = self._attribute(name, _INTS)
        if found is None:
            return None
        if len(found.ints) > MAX_PARAMETERS:
            raise self.error(f"attribute '{name}' has {len(found.ints)} values")
        return tuple(int(value) for value in found.ints)

    def reals(self, name: str) -> tuple[float, ...] | None:
        """Return an attribute that is a list of numbers, ``None`` when it is absent."""
        found = self._attribute(name, _FLOATS)
        if found is None:
            return None
        if len(found.floats) > MAX_PARAMETERS:
            raise self.error(f"attribute '{name}' has {len(found.floats)} values")
        return tuple(float(value) for value in found.floats)

    def tensor(self, name: str) -> np.ndarray | None:
        """Return an attribute that is an array, ``None`` when it is absent."""
        found = self._attribute(name, _TENSOR)
        return None if found is None else array_of(found.t, self.source)
