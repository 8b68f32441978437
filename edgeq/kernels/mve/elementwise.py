"""Helium rows of elementwise operations and pooling."""

from __future__ import annotations

from dataclasses import replace

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp import elementwise as dsp
from edgeq.kernels.dsp.pooling import takes_maximum, window_facts
from edgeq.kernels.mve.product import HEADERS, LANES
from edgeq.kernels.portable.elementwise import binary_facts, unit_of
from edgeq.kernels.portable.pooling import SHORT_TAPS, average_pool2d_facts
from edgeq.ops.add import HEADROOM, Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mul import Mul
from edgeq.ops.quantize import Quantize

FILES = (*HEADERS, "edgeq_elementwise_mve.h")
CHANNELS = 8  # whose codes are summed in a vector of 16-bit numbers


def _exact_first(op: Add) -> tuple[int, int]:
    """Return which input is exact at the common scale, or else the first, and the other."""
    return (1, 0) if not unit_of(op.arithmetic.terms[0]) else (0, 1)


def _second(requant: Requant) -> tuple[int, int, int]:
    """Return unit, multiplier and shift of the term that is rescaled, its shift to the right.

    A factor of a half has a shift of 0: here it is twice the code times a quarter.
    """
    if unit_of(requant):
        return 2 << HEADROOM, 1 << 30, requant.shift[0] - 1
    return 1 << HEADROOM, requant.multiplier[0], requant.shift[0]


def add_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum of two arrays of one shape, one of which is exact."""
    first, other = _exact_first(op)
    unit = unit_of(op.arithmetic.terms[first])
    unit1, multiplier1, shift1 = _second(op.arithmetic.terms[other])
    total = op.arithmetic.total
    return Facts(
        constants={
            "COUNT": io.y.elements,
            f"X{first}_UNIT": unit,
            f"X{first}_ZERO": io.ins[first].zero_point,
            f"X{other}_UNIT": unit1,
            f"X{other}_ZERO": io.ins[other].zero_point,
            f"X{other}_MULTIPLIER": multiplier1,
            f"X{other}_SHIFT": shift1,
            "MULTIPLIER": total.multiplier[0],
            "SHIFT": total.shift[0],
            "Y_ZERO": io.y.zero_point,
        },
        flags={"first": first, "other": other, "rounding": total.rounding.value},
        note=binary_facts(op, io).note,
    )


def _adds(op: Add, io: Operands) -> bool:
    shapes = {tensor.shape for tensor in (*io.ins, io.y)}
    if io.x.dtype is not DType.INT8 or len(shapes) != 1 or io.ins[1].is_constant:
        return False
    numbers = op.arithmetic
    if numbers.total.rounding is Rounding.FLOAT32 or numbers.total.shift[0] >= 0:
        return False
    first, other = _exact_first(op)
    right = _second(numbers.terms[other])[2] < 0
    whole = (numbers.low, numbers.high) == (io.y.dtype.min, io.y.dtype.max)
    return bool(unit_of(numbers.terms[first])) and right and whole


def global_average_facts(op: AveragePool2D, io: Operands) -> Facts:
    """Return the facts of the mean of a whole image."""
    facts = average_pool2d_facts(op, io)
    used = ("IMAGES", "CHANNELS", "COUNT", "OFFSET", "LOW", "HIGH")
    return replace(facts, constants={name: facts.constants[name] for name in used})


def _whole_image(op: AveragePool2D, io: Operands) -> bool:
    whole = op.window == io.x.shape[1:3] and not op.padding.any
    few = op.window[0] * op.window[1] <= SHORT_TAPS
    return io.x.dtype is DType.INT8 and whole and few and io.x.shape[3] >= CHANNELS


def product_facts(op: Mul, io: Operands) -> Facts:
    """Return the facts of a product with a constant for each channel."""
    facts = dsp.product_facts(op, io)
    requant = op.arithmetic.requant
    used = {name: facts.constants[name] for name in ("ROWS", "CHANNELS", "X_ZERO")}
    numbers = {
        "MULTIPLIER": requant.multiplier[0],
        "SHIFT": requant.shift[0],
        "Y_ZERO": io.y.zero_point,
    }
    return replace(facts, constants={**used, **numbers})


def _wide_maximum(op: MaxPool2D, io: Operands) -> bool:
    return takes_maximum(op, io) and io.x.shape[3] >= LANES


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "mve/linear_sum_s8",
        Add,
        dsp.linear_facts,
        dsp.has_linear_form,
        (),
        ("x0", "x1", "y"),
        0,
        FILES,
    ),
    *(
        Kernel(
            "mve/affine_s8", op, dsp.affine_facts, dsp.is_affine, (1,), in_place=0, headers=FILES
        )
        for op in (Add, Mul)
    ),
    Kernel(
        "mve/mul_channels_s8",
        Mul,
        product_facts,
        dsp.multiplies_channels,
        (1,),
        in_place=0,
        headers=FILES,
    ),
    Kernel("mve/max_pool2d_s8", MaxPool2D, window_facts, _wide_maximum, headers=FILES),
    Kernel("mve/add_s8", Add, add_facts, _adds, (), ("x0", "x1", "y"), 0, FILES),
    Kernel(
        "mve/global_average_s8", AveragePool2D, global_average_facts, _whole_image, headers=FILES
    ),
    Kernel(
        "mve/quantize_s8",
        Quantize,
        dsp.number_facts,
        dsp.to_int8,
        headers=(*HEADERS, *dsp.NUMBERS, "edgeq_quantize_mve.h"),
    ),
)
