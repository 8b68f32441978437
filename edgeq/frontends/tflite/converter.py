"""The table of operators that can be read, which the ``ops_*`` modules fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeq.frontends.tflite.node import Node
from edgeq.frontends.tflite.tensors import HANDLE, STATE
from edgeq.ir.types import DType
from edgeq.ops.base import Op

BYTES = (DType.INT8, DType.UINT8, DType.FLOAT32)
CODES = (*BYTES, DType.INT16)
ANY = tuple(DType)

Convert = Callable[[Node], list[Op]]


@dataclass(frozen=True, slots=True)
class Converter:
    """How one operator becomes operations, and the types that its data may have.

    ``data`` is the input that holds the data. float32 is always allowed where bytes are: whether
    a network may compute in float is decided for the whole of it. ``states`` are the inputs that
    are variable tensors; with ``handles`` the first operand is a handle of a variable, and the
    data of any type (``variables.py``).
    """

    convert: Convert
    types: tuple[DType, ...]
    data: int = 0
    states: tuple[int, ...] = ()
    handles: bool = False

    def refusal(self, node: Node) -> str:
        """Return what of ``node`` is not supported: an operand, or the type of its data; or ""."""
        for index, name in enumerate((*node.inputs, *node.outputs)):
            reason = node.unusable.get(name, "")
            is_state = reason == STATE and index in self.states and index < len(node.inputs)
            is_handle = reason == HANDLE and index == 0 and self.handles
            if reason and not is_state and not is_handle:
                return f"with {reason}"
        if self.handles or len(node.inputs) <= self.data or not node.inputs[self.data]:
            return ""
        dtype = node.tensor(self.data).dtype
        return "" if dtype in self.types else f"of {dtype.value} data"


CONVERTERS: dict[str, Converter] = {}


def converts(
    *codes: str,
    types: tuple[DType, ...] = BYTES,
    data: int = 0,
    states: tuple[int, ...] = (),
    handles: bool = False,
) -> Callable[[Convert], Convert]:
    """Enter a function into ``CONVERTERS`` under the names that the format gives operators."""

    def enter(function: Convert) -> Convert:
        converter = Converter(function, types, data, states, handles)
        CONVERTERS.update((code, converter) for code in codes)
        return function

    return enter
