"""DSP extension rows of depthwise convolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS, channels, is_short
from edgeq.kernels.dsp.linear import SHIFT, line
from edgeq.kernels.dsp.plain import plain
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.kernels.portable.convolution import weight_zero
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

CHANNELS = 4  # whose codes are in one word
LEAST_PIXELS = 3  # fewer do not make up for the weights that are unpacked first
# Forms of one product, and the shift in the last instruction of each: with the smaller one there
# are factors for channels whose sums are few.
STRAIGHT = {"line": SHIFT, "steep": 0}
SCALES = (256, 128)  # what plain sums are times themselves: weights are then 16-bit numbers


def depthwise_weights(io: Operands) -> np.ndarray:
    """Return the weights without their zero point, [channels, taps]."""
    w = centred(io.ins[1], np.int32)
    weights: np.ndarray = w.reshape(-1, w.shape[3]).T
    return weights


def depthwise_factors(op: DepthwiseConv2D, io: Operands) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the form of rescaling, weights without their zero point, and [channels, factors]."""
    weights = depthwise_weights(io)
    for form, shift in STRAIGHT.items():
        short = line(io, op.arithmetic, weights, shift=shift)
        if short is not None:
            return form, weights, np.stack((short.bias, short.multiplier, short.addend), 1)
    found = channels(io, op.arithmetic, weights)
    numbers = (found.bias, found.multiplier, found.addend, found.shift)
    requant = without_negatives(op.arithmetic.requant, op.arithmetic.low, io.y.zero_point)
    return requant.rounding.value, found.weights, np.stack(numbers, 1)


def is_rescaled(op: DepthwiseConv2D, io: Operands) -> bool:
    """Tell whether some form rescales every sum of a layer."""
    weights = depthwise_weights(io)
    if is_short(io, op.arithmetic, weights):
        return True
    return any(line(io, op.arithmetic, weights, shift=s) is not None for s in STRAIGHT.values())


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """The form of rescaling, its scale, weights without their zero point, [channels, factors]."""

    form: str
    scale: int
    weights: np.ndarray
    factors: np.ndarray


def _plain(op: DepthwiseConv2D, io: Operands) -> _Numbers | None:
    """Return the form with a multiplier and a bias of each channel, if there is one."""
    weights = depthwise_weights(io)
    for scale in SCALES:
        fits = scale * np.abs(weights).max() < 2**15
        found = plain(io, op.arithmetic, weights, scale=scale) if fits else None
        if found is not None:
            settled = np.where(found.alive[:, np.newaxis], weights, 0)
            return _Numbers("plain", scale, settled, np.stack((found.bias, found.multiplier), 1))
    return None


def _numbers(op: DepthwiseConv2D, io: Operands) -> _Numbers:
    """Return what 3x3 windows are multiplied and rescaled with."""
    short = _plain(op, io)
    if short is not None:
        return short
    found = channels(io, op.arithmetic, depthwise_weights(io))
    numbers = (found.bias, found.multiplier, found.addend, found.shift)
    requant = without_negatives(op.arithmetic.requant, op.arithmetic.low, io.y.zero_point)
    factors = np.stack(numbers, 1).astype(np.int32)
    return _Numbers(requant.rounding.value, 1, found.weights, factors)


def depthwise_3x3_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of 3x3 windows."""
    numbers = _numbers(op, io)
    images, in_h, in_w, in_c = io.x.shape
    stride = op.stride[0]
    zero = weight_zero(io)
    taps = (numbers.weights + zero).astype(np.int8).reshape(-1, 3, 3).transpose(0, 2, 1)
    return Facts(
        constants={
            "IMAGES": images,
            "IN_H": in_h,
            "IN_W": in_w,
            "CHANNELS": in_c,
            "OUT_H": io.y.shape[1],
            "OUT_W": io.y.shape[2],
            "PAD_TOP": op.padding.top,
            "PAD_LEFT": op.padding.left,
            "X_ZERO": io.x.zero_point,
            "W_ZERO": zero,
            "Y_ZERO": io.y.zero_point,
            "SCALE": numbers.scale,
            "FACTORS": numbers.factors.shape[1],
        },
        data=(
            Data("weights", np.ascontiguousarray(taps).ravel(), "nine weights of each channel"),
            Data("factors", numbers.factors.ravel(), "what rescales the sums of each channel"),
        ),
        flags={"form": numbers.form, "stride": stride},
        scratch=Scratch("pairs", DType.INT32, 8 * ((io.y.shape[2] - 1) * stride + 3)),
        note=f"3x3 depthwise convolution, stride {stride}, {in_h}x{in_w}x{in_c}",
    )


def _accepts(op: DepthwiseConv2D, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8 or op.kernel(io) != (3, 3) or op.multiplier(io) != 1:
        return False
    if op.stride not in ((1, 1), (2, 2)) or op.dilation != (1, 1) or io.y.shape[3] < CHANNELS:
        return False
    if io.y.shape[1] * io.y.shape[2] < LEAST_PIXELS:
        return False
    return is_short(io, op.arithmetic, depthwise_weights(io)) or _plain(op, io) is not None


ROWS = (
    Kernel(
        "dsp/depthwise_conv2d_3x3_s8",
        DepthwiseConv2D,
        depthwise_3x3_facts,
        _accepts,
        packed=(1, 2),
        headers=(*HEADERS, "edgeq_depthwise_dsp.h"),
    ),
)
