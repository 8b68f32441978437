"""NEON rows of depthwise convolution, 32 and 64 bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.common import HEADERS, neon_requant
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.kernels.portable.convolution import conv2d_shape
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

DEPTHWISE_HEADERS = (*HEADERS, "edgeq_depthwise_neon.h")
MAX_TAPS = 128  # pointers to the codes of one window, on the stack
MAX_UNROLLED = 49  # taps that are written out one by one


def panel_starts(channels: int, lanes: int) -> tuple[int, ...]:
    """Return the first channel of each panel; a last one that would not be full overlaps.

    >>> panel_starts(40, 16)
    (0, 16, 24)
    """
    return tuple(min(start, channels - lanes) for start in range(0, channels, lanes))


def depthwise_weights(op: DepthwiseConv2D, io: Operands) -> np.ndarray:
    """Return the weights less their zero point: a row for each tap."""
    height, width = op.kernel(io)
    return centred(io.ins[1], np.int32).reshape(height * width, -1)


def depthwise_requant(op: DepthwiseConv2D, io: Operands) -> Requant:
    """Return the rescaling of the sums, in its cheaper rounding where that gives the same codes."""
    return without_negatives(op.arithmetic.requant, op.arithmetic.low, io.y.zero_point)


def depthwise_note(op: DepthwiseConv2D, io: Operands) -> str:
    """Return one line that describes the layer."""
    height, width = op.kernel(io)
    _, in_h, in_w, in_c = io.x.shape
    return f"{height}x{width} depthwise convolution, stride {op.stride[0]}, {in_h}x{in_w}x{in_c}"


def packed_taps(w: np.ndarray, lanes: int) -> np.ndarray:
    """Return weights [taps, channels] as [panels, taps, lanes]; the last panel overlaps."""
    starts = panel_starts(w.shape[1], lanes)
    return np.stack([w[:, s : s + lanes] for s in starts]).ravel()


def chains_of(w: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Return runs of taps, in order, whose products add up to 16 bits in every channel.

    Weights are int8.

    >>> chains_of(np.array([[100], [100], [55], [1], [-127]]))
    ((0, 1, 2, 3), (4,))
    """
    chains: list[tuple[int, ...]] = []
    high = low = np.full(w.shape[1], 1 << 15)
    for tap, row in enumerate(w):
        above, below = np.maximum(127 * row, -128 * row), np.maximum(128 * row, -127 * row)
        high, low = high + above, low + below
        if high.max() > 32767 or low.max() > 32768:
            chains.append(())
            high, low = above, below
        chains[-1] += (tap,)
    return tuple(chains)


def window_shape(op: DepthwiseConv2D, io: Operands) -> dict[str, int]:
    """Return sizes and steps, as constants; an image of one column is taken for one row.

    Codes of one row are at constant distances, also where the row before has none.
    """
    shape = conv2d_shape(op, io)
    if (shape["IN_W"], shape["OUT_W"], shape["KERNEL_W"], shape["PAD_LEFT"]) != (1, 1, 1, 0):
        return shape
    turned = {
        f"{name}_{there}": shape[f"{name}_{here}"]
        for name in ("IN", "OUT", "KERNEL", "STRIDE", "DILATION")
        for here, there in (("H", "W"), ("W", "H"))
    }
    return {**shape, **turned, "PAD_TOP": 0, "PAD_LEFT": shape["PAD_TOP"]}


def inside_columns(shape: dict[str, int]) -> tuple[int, int]:
    """Return the first column of outputs whose windows are between the image's sides, and the end.

    Both are 0 where there is none.

    >>> same = {"IN_W": 9, "OUT_W": 9, "KERNEL_W": 5, "STRIDE_W": 1, "DILATION_W": 1, "PAD_LEFT": 2}
    >>> inside_columns(same), inside_columns({**same, "DILATION_W": 3})
    ((2, 7), (0, 0))
    """
    reach = (shape["KERNEL_W"] - 1) * shape["DILATION_W"]
    first = -(-shape["PAD_LEFT"] // shape["STRIDE_W"])
    last = (shape["IN_W"] - 1 - reach + shape["PAD_LEFT"]) // shape["STRIDE_W"]
    end = min(shape["OUT_W"], last + 1)
    return (first, end) if first < end else (0, 0)


def _structure(op: DepthwiseConv2D, io: Operands, w: np.ndarray) -> dict[str, Any]:
    """Return the flags: how the products are added, and where windows need pointers to taps."""
    shape = window_shape(op, io)
    first, end = inside_columns(shape)
    wide = bool(w.min() <= -128 or w.max() > 127)
    chains = () if wide or first == end or len(w) > MAX_UNROLLED else chains_of(w)
    return {
        "lanes": 16 if io.y.shape[3] >= 16 else 8,
        "wide": wide,
        "chains": chains,
        "rows": range(shape["KERNEL_H"] if chains else 0),
        "width": shape["KERNEL_W"],
        "filled": not wide and len(w) % 2 == 1,
        "border": not chains or (first, end) != (0, shape["OUT_W"]),
        "inside": {"INSIDE": first, "INSIDE_END": end} if chains else {},
        "repeats": op.multiplier(io) > 1,
    }


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution with any window.

    The input's zero point moves into the bias: taps outside the image read it too.
    """
    shape = window_shape(op, io)
    channels, line = io.y.shape[3], shape["IN_W"] * shape["IN_C"]
    w = depthwise_weights(op, io)
    flags = _structure(op, io, w)
    taps = np.pad(w, ((0, int(flags["filled"])), (0, 0)))
    packed = packed_taps(taps, flags["lanes"]).astype(np.int16 if flags["wide"] else np.int8)
    requant = neon_requant(depthwise_requant(op, io), channels)
    constants = {
        "IMAGES": io.x.shape[0],
        **shape,
        "OUT_C": channels,
        "LINE": line,
        **flags["inside"],
        "TAPS": len(taps),
        **codes(op, io),
        **requant.constants,
    }
    bias = folded_bias(io, w.sum(axis=0, dtype=np.int64), channels)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed, f"weights of {flags['lanes']} channels, tap by tap"),
            Data("bias", bias, "bias less the input's zero point"),
            *requant.data,
        ),
        flags={"requant": requant.flag, **flags},
        scratch=Scratch("outside", DType.INT8, line),
        note=depthwise_note(op, io),
    )


def is_depthwise_s8(op: DepthwiseConv2D, io: Operands) -> bool:
    """Accept one filter for each channel, or many filters for the only one."""
    height, width = op.kernel(io)
    one = op.multiplier(io) == 1 or io.x.shape[3] == 1
    fits = height * width < MAX_TAPS and io.y.shape[3] >= 8
    return io.x.dtype is DType.INT8 and one and fits


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "neon/depthwise_conv2d_s8",
        DepthwiseConv2D,
        depthwise_facts,
        is_depthwise_s8,
        packed=(1, 2),
        headers=DEPTHWISE_HEADERS,
    ),
)
