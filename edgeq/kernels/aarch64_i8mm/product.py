"""Matrix multiply rows of convolution and fully connected layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.aarch64_i8mm.panels import (
    GROUP,
    PANEL,
    STEP,
    UNROLLED,
    block_of,
    packed_weights,
    paired,
)
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon import windows
from edgeq.kernels.neon.common import HEADERS, neon_requant
from edgeq.kernels.neon.windows import VECTOR, Windows, conv2d_windows, matrix_windows
from edgeq.kernels.portable.convolution import (
    conv2d_note,
    conv2d_shape,
    is_pointwise,
    weight_zero,
)
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data, Scratch

MATMUL_HEADERS = (*HEADERS, *windows.HEADERS, "edgeq_matmul_neon.h")


def product_facts(
    op: Conv2D | FullyConnected, io: Operands, depth: int, weights: np.ndarray | None = None
) -> Facts:
    """Return what all products share: their sizes, and the constants of every channel.

    ``depth`` is the length of a window with what fills it up; ``weights`` may have their places
    in another order.
    """
    channels = len(io.ins[1].array)
    w = io.ins[1].array.reshape(channels, -1) if weights is None else weights
    zero = weight_zero(io)
    padded = max(channels, PANEL)
    requant = neon_requant(op.arithmetic.requant, padded)
    sums = centred(io.ins[1], np.int64).reshape(channels, -1).sum(axis=1)
    data = (
        Data("weights", packed_weights(w, depth), "weights, eight channels by eight places"),
        paired(Data("bias", folded_bias(io, sums, padded), "bias of channels in pairs"), channels),
        *(paired(factors, channels) for factors in requant.data),
    )
    constants = {
        "OUT_C": channels,
        "DEPTH": depth,
        "STEPS": depth // STEP,
        "GROUP": GROUP,
        "PANEL": PANEL,
        "PIXEL_BYTES": depth + (STEP if zero else 0),
        **({"W_ZERO": zero} if zero else {}),
        **codes(op, io),
        **requant.constants,
    }
    flags = {
        "requant": requant.flag,
        "zero": zero != 0,
        "few": channels < PANEL,
        "halves": False,
        "unrolled": depth // STEP if depth // STEP <= 2 * UNROLLED else UNROLLED,
    }
    return Facts(constants, data, flags)


def _windows_facts(op: Conv2D | FullyConnected, io: Operands, found: Windows) -> Facts:
    """Return the facts of a product of windows that lie one after the other."""
    facts = product_facts(op, io, found.depth)
    constants = {**facts.constants, **found.constants}
    strip = found.mode == "strip"
    if not strip:
        constants["TILE"] = 1  # the last block may be short: blocks need not overlap
    block = constants["BLOCK"]
    offset = 0
    if found.scratch is not None:
        offset = constants["PACKED"] = -(-found.scratch.elements // VECTOR) * VECTOR
    size = offset + -(-block // GROUP) * GROUP * constants["PIXEL_BYTES"]
    name = "patches" if offset else "packed"
    flags = {
        **facts.flags,
        **found.flags,
        "mode": found.mode,
        "scratch": name,
        "pixels": block if strip else constants["PIXELS"],
    }
    return replace(facts, constants=constants, flags=flags, scratch=Scratch(name, DType.INT8, size))


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    tile = min(GROUP, elements(io.y.shape[:3]))
    facts = _windows_facts(op, io, conv2d_windows(op, io, tile=tile, multiple=STEP))
    return replace(facts, note=conv2d_note(op, io))


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer of several rows."""
    outs, depth = io.ins[1].shape
    rows = io.x.elements // depth
    found = matrix_windows(rows, depth, tile=min(GROUP, rows), multiple=STEP)
    note = f"fully connected, {depth} to {outs}"
    return replace(_windows_facts(op, io, found), note=note)


def taps_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a convolution whose taps are whole eights of codes."""
    facts = product_facts(op, io, elements(io.ins[1].shape[1:]))
    pixels = elements(io.y.shape[:3])
    block = block_of(pixels, facts.constants["PIXEL_BYTES"])
    joined = op.dilation[1] == 1
    constants = {
        **conv2d_shape(op, io),
        "RUN": io.x.shape[3] * (op.kernel(io)[1] if joined else 1),
        "SPAN_H": (op.kernel(io)[0] - 1) * op.dilation[0] + 1,
        "SPAN_W": (op.kernel(io)[1] - 1) * op.dilation[1] + 1,
        "PIXELS": pixels,
        "BLOCK": block,
        **facts.constants,
    }
    flags = {"joined": joined, "padded": op.padding.any, "pixels": pixels, "scratch": "packed"}
    size = -(-block // GROUP) * GROUP * constants["PIXEL_BYTES"]
    return replace(
        facts,
        constants=constants,
        flags={**facts.flags, **flags},
        scratch=Scratch("packed", DType.INT8, size),
        note=conv2d_note(op, io),
    )


def has_pairs(op: Conv2D, io: Operands) -> bool:
    """Accept what has two pixels or more: of one alone, half of each instruction is wasted."""
    return io.x.dtype is DType.INT8 and op.groups(io) == 1 and elements(io.y.shape[:3]) > 1


def has_whole_taps(op: Conv2D, io: Operands) -> bool:
    """Accept windows whose taps are whole eights of codes."""
    return has_pairs(op, io) and not is_pointwise(op, io) and io.x.shape[3] % STEP == 0


def _has_rows(op: FullyConnected, io: Operands) -> bool:
    return io.x.dtype is DType.INT8 and io.x.elements > io.ins[1].shape[1]


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "aarch64_i8mm/conv2d_taps_s8",
        Conv2D,
        taps_facts,
        has_whole_taps,
        packed=(1, 2),
        headers=MATMUL_HEADERS,
    ),
    Kernel(
        "aarch64_i8mm/conv2d_s8",
        Conv2D,
        conv2d_facts,
        has_pairs,
        packed=(1, 2),
        headers=MATMUL_HEADERS,
    ),
    Kernel(
        "aarch64_i8mm/fully_connected_s8",
        FullyConnected,
        fully_connected_facts,
        _has_rows,
        packed=(1, 2),
        headers=MATMUL_HEADERS,
    ),
)
