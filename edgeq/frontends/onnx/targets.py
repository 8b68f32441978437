"""In which code the result of a float operation between codes is wanted.

DequantizeLinear, an operation, QuantizeLinear: that pattern is one operation on codes, as ONNX
Runtime fuses it. What only moves elements, or clamps them, may stand before the last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeq.frontends.onnx.codes import HIGH, LOW, Code, code_of, scales_of
from edgeq.frontends.onnx.node import Node

MOVES = frozenset(
    {"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)
CLAMPS = frozenset({"Clip", "Relu"})
_FARTHEST = 16


@dataclass(frozen=True, slots=True)
class Target:
    """The code of a result, and the name of the value of the file that is in it."""

    code: Code
    name: str


def target_of(node: Node) -> Target | None:
    """Return how the first output of a node is quantized, ``None`` where it is not."""
    name = node.outputs[0]
    for _ in range(_FARTHEST):
        readers = node.islands.readers.get(name, [])
        if len(readers) != 1 or name in node.islands.outputs:
            return None
        [reader] = readers
        if reader.code in QUANTIZERS and reader.inputs[:1] == (name,):
            return Target(stated_code(reader), reader.outputs[0] if reader.outputs else name)
        if reader.code not in MOVES | CLAMPS or reader.inputs[:1] != (name,):
            return None
        if not reader.outputs:
            return None
        name = reader.outputs[0]
    return None


def wanted(node: Node) -> Target:
    """Return how the first output of a node is quantized; raise where it is not."""
    found = target_of(node)
    if found is None:
        raise node.unsupported("in floating point: its result is not quantized")
    return found


def under(node: Node, target: Target) -> Node:
    """Return the node with its result named as the codes of it are."""
    return replace(node, outputs=(target.name, *node.outputs[1:]))


# The operator of QONNX, under the names of the domains that exporters use.
QUANTS = ("qonnx.custom_op.general::Quant", "onnx.brevitas::Quant")
QUANTIZERS = frozenset({"QuantizeLinear", *QUANTS})


def stated_code(node: Node) -> Code:
    """Return the code that a node quantizes to."""
    if node.code not in QUANTS:
        if node.integer("block_size", 0):
            raise node.unsupported("in blocks")
        return code_of(node, 1, 2)
    return quant_code(node)[0]


def quant_code(node: Node) -> tuple[Code, int, int]:
    """Return the code of a QONNX Quant, with its least and largest code."""
    node.expect(4)
    scale, zero = scales_of(node, 1), node.weights(2, "zero points")
    widths = node.numbers(3, "widths") if node.array(3) is not None else (0,)
    if len(widths) != 1:
        raise node.unsupported(f"with {len(widths)} widths")
    signed, narrow = bool(node.integer("signed", 1)), bool(node.integer("narrow", 0))
    if scale.size != 1 or zero.size != 1:
        raise node.unsupported("of values with a scale per channel")
    low, high = quant_bounds(node, widths[0], signed=signed, narrow=narrow)
    origin = 0 if signed else 128
    number = float(zero.reshape(()))
    if not low <= number <= high or number != int(number):
        raise node.unsupported(f"with a zero point of {number:g}")
    return Code(float(scale.reshape(())), int(number) - origin, origin), low - origin, high - origin


def quant_bounds(node: Node, bits: float, *, signed: bool, narrow: bool) -> tuple[int, int]:
    """Return the least and largest code of a QONNX Quant, of 2 to 8 bits."""
    if bits not in range(2, 9):
        raise node.unsupported(f"of {bits:g} bits")
    if node.text("rounding_mode", "ROUND").upper() not in ("ROUND", "HALF_EVEN"):
        raise node.unsupported(f"with rounding {node.text('rounding_mode', '')}")
    count = 1 << int(bits)
    if signed:
        return -(count // 2) + narrow, count // 2 - 1
    return 0, count - 1 - narrow


def is_whole(low: int, high: int) -> bool:
    """Tell whether bounds leave out no int8 code."""
    return low <= LOW and high >= HIGH
