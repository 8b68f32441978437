"""What kernels on vectors share: constants of sums of products in the form that they read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import is_pointwise
from edgeq.ops._accumulate import bias_of
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected

FactsOf = Callable[[Any, Operands], Facts]


def is_s8(op: Conv2D | FullyConnected, io: Operands) -> bool:
    """Tell whether the input is of int8."""
    return io.x.dtype is DType.INT8


def is_ungrouped_s8(op: Conv2D, io: Operands) -> bool:
    """Tell whether every output channel sees every input channel, of int8."""
    return is_s8(op, io) and op.groups(io) == 1


def is_pointwise_s8(op: Conv2D, io: Operands) -> bool:
    """Tell whether output pixels are input pixels, of int8, times one matrix."""
    return is_ungrouped_s8(op, io) and is_pointwise(op, io)


def product_rows(
    isa: str,
    headers: tuple[str, ...],
    *,
    conv2d: FactsOf,
    fully_connected: FactsOf,
    pointwise: FactsOf | None = None,
    takes: Callable[[Any], bool] = lambda op: True,
) -> tuple[Kernel, ...]:
    """Return the rows of an instruction set for products of int8, the closest fit first.

    ``takes`` tells whether there are instructions for the arithmetic of an operation.
    """

    def among(accepts: Callable[[Any, Operands], bool]) -> Callable[[Any, Operands], bool]:
        return lambda op, io: accepts(op, io) and takes(op)

    table: tuple[tuple[str, type[Op], FactsOf | None, Callable[[Any, Operands], bool]], ...] = (
        ("pointwise_conv2d_s8", Conv2D, pointwise, is_pointwise_s8),
        ("conv2d_s8", Conv2D, conv2d, is_ungrouped_s8),
        ("fully_connected_s8", FullyConnected, fully_connected, is_s8),
    )
    return tuple(
        Kernel(f"{isa}/{name}", op, facts, among(accepts), packed=(1, 2), headers=headers)
        for name, op, facts, accepts in table
        if facts is not None
    )


def codes(op: Conv2D | DepthwiseConv2D | FullyConnected, io: Operands) -> dict[str, int]:
    """Return the zero points of input and output, and the least and largest output code."""
    arithmetic = op.arithmetic
    return {
        "X_ZERO": io.x.zero_point,
        "Y_ZERO": io.y.zero_point,
        "LOW": arithmetic.low,
        "HIGH": arithmetic.high,
    }


def is_narrow(w: np.ndarray) -> bool:
    """Tell whether weights, less their zero point, are int8."""
    return bool(w.min(initial=0) >= -128 and w.max(initial=0) <= 127)


def folded_bias(io: Operands, weight_sums: np.ndarray, length: int) -> np.ndarray:
    """Return the bias less the input's zero point times the weights, zeros added up to ``length``.

    It wraps, as the sums do that it becomes part of: the whole of each fits int32.
    """
    folded = bias_of(io).astype(np.int64) - io.x.zero_point * weight_sums
    return np.pad(folded, (0, length - len(folded))).astype(np.uint32).view(np.int32)


def filled_requant(requant: Requant, length: int) -> Requant:
    """Return factors for ``length`` channels: where there is one for each, the last is repeated."""
    if requant.channels in (1, length):
        return requant

    def filled(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return values + values[-1:] * (length - len(values))

    return replace(
        requant,
        multiplier=filled(requant.multiplier),
        shift=filled(requant.shift),
        scale=filled(requant.scale),
    )
