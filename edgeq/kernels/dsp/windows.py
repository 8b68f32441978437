"""DSP extension rows of depthwise convolution with windows of other sizes than 3x3."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS
from edgeq.kernels.dsp.depthwise import CHANNELS, depthwise_factors, depthwise_weights, is_rescaled
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

COUNTS = (1, 3, 5)  # windows that are computed together
# Instructions for two columns of so many windows, stride 1 and 2.
_COSTS = {1: (6, 6), 3: (11, 12), 5: (16, 18)}
MOST_PAIRS = 8
MOST_TAPS = 64  # words of one channel's weights


@dataclass(frozen=True, slots=True)
class _Shape:
    """Sizes along rows and columns; an image of one column is taken for one row."""

    size: tuple[int, int]
    out: tuple[int, int]
    kernel: tuple[int, int]
    pad: tuple[int, int]
    stride: int

    @property
    def pairs(self) -> int:
        """Return the pairs of rows of a window, wherever it begins."""
        return self.kernel[0] // 2 + 1 if self.stride == 1 else (self.kernel[0] + 1) // 2

    @property
    def taps(self) -> int:
        """Return the columns of a window: an odd count."""
        return max(3, self.kernel[1] | 1)

    @property
    def plane(self) -> int:
        """Return the columns that windows reach."""
        return (self.out[1] - 1) * self.stride + self.taps


def _shape(op: DepthwiseConv2D, io: Operands) -> _Shape:
    (height, width), (out_h, out_w) = io.x.shape[1:3], io.y.shape[1:3]
    kernel, pad = op.kernel(io), (op.padding.top, op.padding.left)
    if width == out_w == kernel[1] == 1:
        return _Shape((1, height), (1, out_h), kernel[::-1], pad[::-1], op.stride[0])
    return _Shape((height, width), (out_h, out_w), kernel, pad, op.stride[0])


def _count(width: int, stride: int) -> int:
    """Return how many windows of a row to compute together; the last ones may be so again."""
    known = [n for n in COUNTS if n <= width]
    return min(known, key=lambda n: -(-width // n) * _COSTS[n][stride - 1])


def _pays(shape: _Shape) -> bool:
    """Tell whether there are enough windows for what is done before the first.

    In instructions of a channel, as counted for windows of 1 to 25 taps on a Cortex-M4.
    """
    words, taps = shape.pairs * shape.taps, shape.kernel[0] * shape.kernel[1]
    windows = shape.out[0] * shape.out[1]
    return 110 + 8 * words + windows * (17 + 2.5 * words) < windows * (26 + 5.5 * taps)


def _stream(shape: _Shape, weights: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return what the kernel reads for each channel; see ``edgeq_dsp_depthwise_windows``."""
    rows, columns = shape.kernel
    taps = np.zeros((len(weights), shape.pairs, 2, shape.taps), np.int8)
    filled = weights.reshape(-1, rows, columns)
    for row in range(rows):
        taps[:, row // 2, row % 2, :columns] = filled[:, row]
    # [channels, words, upper and lower], in twos.
    words = taps.transpose(0, 1, 3, 2).reshape(len(weights), -1, 2)
    even = np.pad(words, ((0, 0), (0, words.shape[1] % 2), (0, 0)))
    codes = even.reshape(len(weights), -1, 2, 2).transpose(0, 1, 3, 2)
    packed = np.ascontiguousarray(codes).reshape(len(weights), -1).view("<i4")
    joined: np.ndarray = np.concatenate([factors[:, :1], packed, factors[:, 1:]], axis=1)
    return joined.astype(np.int32).ravel()


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution."""
    form, weights, factors = depthwise_factors(op, io)
    shape = _shape(op, io)
    planes = shape.pairs * CHANNELS * shape.plane
    sets = 2 if shape.stride == 1 and shape.out[0] > 1 else 1
    record = shape.pairs * shape.taps + factors.shape[1]
    rows, columns = shape.kernel
    return Facts(
        constants={
            "IMAGES": io.x.shape[0],
            "IN_H": shape.size[0],
            "IN_W": shape.size[1],
            "CHANNELS": io.x.shape[3],
            "OUT_H": shape.out[0],
            "OUT_W": shape.out[1],
            "PAIRS": shape.pairs,
            "TAPS": shape.taps,
            "PAD_TOP": shape.pad[0],
            "PAD_LEFT": shape.pad[1],
            "X_ZERO": io.x.zero_point,
            "PLANES": planes,
        },
        data=(Data("stream", _stream(shape, weights, factors), "weights and factors"),),
        flags={"form": form, "stride": shape.stride, "count": _count(shape.out[1], shape.stride)},
        scratch=Scratch("words", DType.INT32, planes + sets * CHANNELS * record),
        note=f"{rows}x{columns} depthwise convolution, stride {shape.stride}, "
        f"{shape.size[0]}x{shape.size[1]}x{io.x.shape[3]}",
    )


def _accepts(op: DepthwiseConv2D, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8 or op.multiplier(io) != 1 or io.y.shape[3] < CHANNELS:
        return False
    if op.stride not in ((1, 1), (2, 2)) or op.dilation != (1, 1):
        return False
    shape, weights = _shape(op, io), depthwise_weights(io)
    small = shape.pairs <= MOST_PAIRS and shape.pairs * shape.taps <= MOST_TAPS
    if not small or not _pays(shape) or weights.min() < -128 or weights.max() > 127:
        return False
    return is_rescaled(op, io)


ROWS = (
    Kernel(
        "dsp/depthwise_conv2d_s8",
        DepthwiseConv2D,
        depthwise_facts,
        _accepts,
        packed=(1, 2),
        headers=(*HEADERS, "edgeq_depthwise_dsp.h", "edgeq_depthwise_windows_dsp.h"),
    ),
)
