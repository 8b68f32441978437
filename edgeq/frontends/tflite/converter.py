"""The table of operators that can be read, which the ``ops_*`` modules fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeq.frontends.tflite.node import Node
from edgeq.ir.types import DType
from edgeq.ops.base import Op

BYTES = (DType.INT8, DType.UINT8, DType.FLOAT32)
ANY = tuple(DType)

Convert = Callable[[Node], list[Op]]


@dataclass(frozen=True, slots=True)
class Converter:
    """How one operator becomes operations, and the types that its data may have.

    ``data`` is the input that holds the data. float32 is always allowed where bytes are: whether
    a network may compute in float is decided for the whole of it.
    """

    convert: Convert
    types: tuple[DType, ...]
    data: int = 0

    def refusal(self, node: Node) -> str:
        """Return why the data of ``node`` is of a type that is not supported, or ""."""
        if len(node.inputs) <= self.data or not node.inputs[self.data]:
            return ""
        dtype = node.tensor(self.data).dtype
        return "" if dtype in self.types else f"of {dtype.value} data"


CONVERTERS: dict[str, Converter] = {}


def converts(
    *codes: str, types: tuple[DType, ...] = BYTES, data: int = 0
) -> Callable[[Convert], Convert]:
    """Enter a function into ``CONVERTERS`` under the names that the format gives operators."""

    def enter(function: Convert) -> Convert:
        CONVERTERS.update((code, Converter(function, types, data)) for code in codes)
        return function

    return enter
