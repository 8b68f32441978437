"""Dot product rows of depthwise convolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.aarch64_dotprod.rows import WINDOW, walk
from edgeq.kernels.aarch64_dotprod.single import fits_single, single_facts
from edgeq.kernels.aarch64_dotprod.windows import CHANNELS, LOWEST, fits, window_facts
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.common import HEADERS, neon_requant
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

QUAD_HEADERS = (*HEADERS, "edgeq_quads_dotprod.h")
SMALL_CACHE = 1 << 14  # bytes of input that stay in the nearest cache while channels take turns
ODD_ROWS = 15  # up to this height, a last row without a partner is worth code of its own


def block_starts(channels: int) -> list[int]:
    """Return the first channels of the blocks; the last block overlaps."""
    return [min(s, channels - CHANNELS) for s in range(0, channels, CHANNELS)]


def packed_columns(w: np.ndarray) -> np.ndarray:
    """Return weights [3, 3, 8] as [columns, channels, 4 rows]; the fourth row weighs nothing."""
    padded = np.zeros((WINDOW, CHANNELS, 4), np.int8)
    padded[:, :, :WINDOW] = w.transpose(1, 2, 0)
    return padded


def excess_columns(w: np.ndarray) -> tuple[int, ...]:
    """Return the columns of weights [3, 3, channels] in which some are not int8."""
    wide = (w < -128) | (w > 127)
    return tuple(int(column) for column in np.flatnonzero(wide.any(axis=(0, 2))))


def packed_blocks(w: np.ndarray, excess: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the weights of all blocks, and for each block whether some are not int8.

    Such blocks are followed by what exceeds int8, in the columns ``excess``.
    """
    parts: list[np.ndarray] = []
    wide: list[int] = []
    for start in block_starts(w.shape[2]):
        block = w[:, :, start : start + CHANNELS]
        narrow = np.clip(block, -128, 127)
        parts.append(packed_columns(narrow))
        wide.append(int((block != narrow).any()))
        if wide[-1]:
            parts.append(packed_columns(block - narrow)[list(excess)])
    return np.concatenate([part.ravel() for part in parts]), tuple(wide)


def outside_rows(
    op: DepthwiseConv2D, io: Operands, rows: int, tops: tuple[int, int]
) -> tuple[tuple[bool, bool], ...]:
    """Tell for each input row of ``rows`` output rows whether it may lie above or below the image.

    ``tops`` are the first and the last output row that they begin at.
    """
    stride, top = op.stride[0], op.padding.top
    count = stride * (rows - 1) + WINDOW
    first, last = (stride * each - top for each in tops)
    return tuple((first + r < 0, last + r >= io.x.shape[1]) for r in range(count))


def strip_rows(op: DepthwiseConv2D, io: Operands) -> int:
    """Return how many output rows one block computes before the next: an even number."""
    _, _, width, channels = io.x.shape
    rows = SMALL_CACHE // (width * channels * op.stride[0])
    return max(min(rows, io.y.shape[1]) // 2 * 2, 2)


def structure(op: DepthwiseConv2D, io: Operands) -> dict[str, Any]:
    """Return what code there is for rows and columns: flags of the template."""
    height, width = io.y.shape[1:3]
    along = walk(io.x.shape[2], width, op.stride[1], op.padding.left)
    single = height % 2 == 1 and height <= ODD_ROWS
    last_pair = height - 3 if single else height - 2
    pairs = outside_rows(op, io, 2, (0, last_pair)) if height >= 2 else ()
    last = outside_rows(op, io, 1, (height - 1, height - 1)) if single else ()
    return {
        "stride": op.stride[0],
        "pad_top": op.padding.top,
        "walk": along,
        "borders": along.has_borders,
        "pairs": pairs,
        "single": last,
        "outside": any(above or below for above, below in (*pairs, *last)),
        "overlap": height % 2 == 1 and not single,
        "strips": strip_rows(op, io) < height - height % 2,
    }


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a 3x3 depthwise convolution.

    The input's zero point moves into the bias: taps outside the image read it too.
    """
    images, in_h, in_w, channels = io.x.shape
    _, out_h, out_w, _ = io.y.shape
    flags = structure(op, io)
    numbers = codes(op, io)
    requant = neon_requant(
        without_negatives(op.arithmetic.requant, numbers["LOW"], numbers["Y_ZERO"]), channels
    )
    data, weight_flags = _weights(io)
    constants = {
        **({"IMAGES": images} if images > 1 else {}),
        "IN_H": in_h,
        "OUT_H": out_h,
        "CHANNELS": channels,
        "IN_ROW": in_w * channels,
        "OUT_ROW": out_w * channels,
        **({"STRIP": strip_rows(op, io)} if flags["strips"] else {}),
        **numbers,
        **requant.constants,
    }
    lowest = requant.flag.form == "q6" and numbers["Y_ZERO"] == LOWEST == numbers["LOW"]
    return Facts(
        constants=constants,
        data=(*data, *requant.data),
        flags={**flags, **weight_flags, "requant": requant.flag, "lowest": lowest},
        scratch=Scratch("outside", DType.INT8, in_w * channels) if flags["outside"] else None,
        note=f"3x3 depthwise convolution, stride {op.stride[0]}, {in_h}x{in_w}x{channels}",
    )


def _weights(io: Operands) -> tuple[list[Data], dict[str, Any]]:
    """Return weights and bias, and the flags that tell how weights are packed."""
    channels = io.y.shape[3]
    w = centred(io.ins[1], np.int32)[0]
    excess = excess_columns(w)
    packed, wide = packed_blocks(w, excess)
    bias = folded_bias(io, w.sum(axis=(0, 1), dtype=np.int64), channels)
    data = [
        Data("weights", packed, "columns of weights, of eight channels at a time"),
        Data("bias", bias, "bias less the input's zero point"),
    ]
    if any(wide) and not all(wide):
        data.append(Data("wide", np.array(wide, np.uint8), "blocks with weights beyond int8"))
    flags = {"tail": channels % CHANNELS != 0, "excess": excess, "always": all(wide)}
    return data, flags


def _takes(op: DepthwiseConv2D, io: Operands) -> bool:
    moves = op.stride in ((1, 1), (2, 2)) and op.dilation == (1, 1)
    # Borders are whole columns of the first window, less those that the next one shares with it.
    return (
        op.kernel(io) == (WINDOW, WINDOW)
        and moves
        and op.padding.left <= WINDOW - op.stride[1]
        and fits(op, io)
    )


ROWS = (
    Kernel(
        "aarch64_dotprod/depthwise_conv2d_3x3_s8",
        DepthwiseConv2D,
        depthwise_facts,
        _takes,
        packed=(1, 2),
        headers=QUAD_HEADERS,
    ),
    Kernel(
        "aarch64_dotprod/depthwise_conv2d_s8",
        DepthwiseConv2D,
        window_facts,
        fits,
        packed=(1, 2),
        headers=QUAD_HEADERS,
    ),
    Kernel(
        "aarch64_dotprod/depthwise_conv2d_single_s8",
        DepthwiseConv2D,
        single_facts,
        fits_single,
        packed=(1, 2),
        headers=QUAD_HEADERS,
    ),
)
