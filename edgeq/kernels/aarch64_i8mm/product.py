"""Matrix multiply rows of convolution and fully connected layers."""

from __future__ import annotations

from dataclasses import replace

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.aarch64_i8mm.panels import (
    PANEL,
    STEP,
    TILE,
    UNROLLED,
    block_of,
    packed_weights,
    paired,
)
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.common import HEADERS, neon_requant
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

MATMUL_HEADERS = (*HEADERS, "edgeq_matmul_neon.h")
MAX_UNROLLED = 8  # steps that need no loop


def product_facts(op: Conv2D | FullyConnected, io: Operands, pixels: int) -> Facts:
    """Return what all products share: their sizes, and the constants of every channel."""
    w = io.ins[1].array.reshape(len(io.ins[1].array), -1)
    channels, window = w.shape
    depth = -(-window // STEP) * STEP
    zero = weight_zero(io)
    pixel_bytes = depth + (STEP if zero else 0)
    block = block_of(pixels, pixel_bytes)
    padded = max(channels, PANEL)
    requant = neon_requant(op.arithmetic.requant, padded)
    sums = centred(io.ins[1], "int64").reshape(channels, -1).sum(axis=1)
    data = (
        Data("weights", packed_weights(w, depth), "weights, eight channels by eight places"),
        paired(Data("bias", folded_bias(io, sums, padded), "bias of channels in pairs"), channels),
        *(paired(factors, channels) for factors in requant.data),
    )
    constants = {
        "PIXELS": pixels,
        "OUT_C": channels,
        "DEPTH": depth,
        "STEPS": depth // STEP,
        "TILE": TILE,
        "PANEL": PANEL,
        "PIXEL_BYTES": pixel_bytes,
        "BLOCK": block,
        **({"W_ZERO": zero} if zero else {}),
        **codes(op, io),
        **requant.constants,
    }
    flags = {
        "requant": requant.flag,
        "zero": zero != 0,
        "few": channels < PANEL,
        "pixels": pixels,
        "unrolled": UNROLLED if depth // STEP > MAX_UNROLLED else MAX_UNROLLED,
    }
    tiles = -(-block // TILE) * TILE
    return Facts(constants, data, flags, Scratch("packed", DType.INT8, tiles * pixel_bytes))


def pointwise_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a 1x1 convolution whose output pixels are input pixels."""
    facts = product_facts(op, io, elements(io.y.shape[:3]))
    return replace(facts, note=conv2d_note(op, io))


def windows_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a convolution whose taps are whole eights of codes."""
    facts = product_facts(op, io, elements(io.y.shape[:3]))
    joined = op.dilation[1] == 1
    shape = {
        **conv2d_shape(op, io),
        "RUN": io.x.shape[3] * (op.kernel(io)[1] if joined else 1),
        "SPAN_H": (op.kernel(io)[0] - 1) * op.dilation[0] + 1,
        "SPAN_W": (op.kernel(io)[1] - 1) * op.dilation[1] + 1,
    }
    return replace(
        facts,
        constants={**shape, **facts.constants},
        flags={**facts.flags, "joined": joined, "padded": op.padding.any},
        note=conv2d_note(op, io),
    )


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer of several rows."""
    outs, depth = io.ins[1].shape
    facts = product_facts(op, io, io.x.elements // depth)
    return replace(facts, note=f"fully connected, {depth} to {outs}")


def _is_s8(op: Conv2D, io: Operands) -> bool:
    """Accept what has two pixels or more: of one alone, half of each instruction is wasted."""
    return io.x.dtype is DType.INT8 and op.groups(io) == 1 and elements(io.y.shape[:3]) > 1


def _is_pointwise_s8(op: Conv2D, io: Operands) -> bool:
    return _is_s8(op, io) and is_pointwise(op, io) and io.x.shape[3] % STEP == 0


def _has_whole_taps_s8(op: Conv2D, io: Operands) -> bool:
    return _is_s8(op, io) and io.x.shape[3] % STEP == 0


def _has_rows_s8(op: FullyConnected, io: Operands) -> bool:
    depth = io.ins[1].shape[1]
    return io.x.dtype is DType.INT8 and io.x.elements > depth and depth % STEP == 0


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "aarch64_i8mm/conv2d_1x1_s8",
        Conv2D,
        pointwise_facts,
        _is_pointwise_s8,
        packed=(1, 2),
        headers=MATMUL_HEADERS,
    ),
    Kernel(
        "aarch64_i8mm/conv2d_s8",
        Conv2D,
        windows_facts,
        _has_whole_taps_s8,
        packed=(1, 2),
        headers=MATMUL_HEADERS,
    ),
    Kernel(
        "aarch64_i8mm/fully_connected_s8",
        FullyConnected,
        fully_connected_facts,
        _has_rows_s8,
        packed=(1, 2),
        headers=MATMUL_HEADERS,
    ),
)
