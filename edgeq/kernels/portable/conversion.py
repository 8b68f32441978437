"""Portable rows between codes and real numbers."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.elementwise import size_text
from edgeq.ops.dequantize import Dequantization, Dequantize
from edgeq.ops.quantize import Quantization, Quantize


def quantize_facts(op: Quantize, io: Operands) -> Facts:
    """Return the facts of float32 numbers that become codes."""
    constants = {
        "COUNT": io.y.elements,
        "Y_ZERO": io.y.zero_point,
        "LOW": io.y.dtype.min,
        "HIGH": io.y.dtype.max,
    }
    numbers: Quantization = op.arithmetic
    flags = {
        "scale": numbers.scale,
        "half_even": numbers.half_even,
        "reciprocal": numbers.reciprocal,
        "tail": numbers.tail,
    }
    if numbers.tail:
        constants["BODY"] = io.y.elements - numbers.tail
    return Facts(constants, (), flags, None, f"float32 to {io.y.dtype.value}, {size_text(io.y)}")


def dequantize_facts(op: Dequantize, io: Operands) -> Facts:
    """Return the facts of codes that become float32 numbers."""
    numbers: Dequantization = op.arithmetic
    constants = {"COUNT": io.y.elements, "X_ZERO": io.x.zero_point}
    if numbers.offset is not None:
        constants["BODY"] = io.y.elements - numbers.tail
    moved = 128 if op.unsigned else 0
    flags = {"scale": numbers.scale[0], "offset": numbers.offset, "moved": moved}
    return Facts(constants, (), flags, None, f"{io.x.dtype.value} to float32, {size_text(io.y)}")


def _one_scale(op: Dequantize, io: Operands) -> bool:
    return io.x.quant is not None and not io.x.quant.per_channel


ROWS = (
    Kernel("portable/quantize", Quantize, quantize_facts, general=True),
    Kernel("portable/dequantize", Dequantize, dequantize_facts, _one_scale, general=True),
)
