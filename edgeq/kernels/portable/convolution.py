"""Portable rows of convolution and fully connected layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.requant import requant_facts
from edgeq.ops._accumulate import INT32_LIMIT, bias_of, centred, is_wide, largest_sums
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data, Scratch

TILE = 4  # pixels whose windows are multiplied together
CHANNELS = 4  # output channels multiplied together ...
CHANNELS_LONG = 2  # ... and when windows are long: fewer sums then stay in registers
LONG_WINDOW = 128
LANES = 4  # rows of a fully connected layer's matrix multiplied together
LANES_S16 = 16  # windows are filled up to vectors of this many 16-bit products ...
FILL_BYTES = 4096  # ... where the zero weights that it takes are few
MAX_BLOCK = 64  # sums kept on the stack for each pixel of a tile


def channel_block(channels: int) -> int:
    """Return how many channels are rescaled together: all, an even divisor, or ``MAX_BLOCK``.

    >>> channel_block(24), channel_block(96), channel_block(1001)
    (24, 48, 64)
    """
    if channels <= MAX_BLOCK:
        return channels
    divisors = [d for d in range(MAX_BLOCK, MAX_BLOCK // 2, -2) if channels % d == 0]
    return divisors[0] if divisors else MAX_BLOCK


def weight_zero(io: Operands) -> int:
    """Return the zero point of per-tensor weights; per-channel weights are symmetric."""
    quant = io.ins[1].quant
    return 0 if quant is None or quant.per_channel else quant.zero_point[0]


def conv2d_note(op: Conv2D | DepthwiseConv2D, io: Operands) -> str:
    """Return one line that describes a convolution."""
    height, width = op.kernel(io)
    return (
        f"{height}x{width} convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x{io.x.shape[3]} to "
        f"{io.y.shape[1]}x{io.y.shape[2]}x{io.y.shape[3]}"
    )


def conv2d_shape(op: Conv2D | DepthwiseConv2D, io: Operands) -> dict[str, int]:
    """Return sizes and steps of a convolution, as constants."""
    _, in_h, in_w, in_c = io.x.shape
    _, out_h, out_w, _ = io.y.shape
    kernel = op.kernel(io)
    return {
        "IN_H": in_h,
        "IN_W": in_w,
        "IN_C": in_c,
        "OUT_H": out_h,
        "OUT_W": out_w,
        "KERNEL_H": kernel[0],
        "KERNEL_W": kernel[1],
        "STRIDE_H": op.stride[0],
        "STRIDE_W": op.stride[1],
        "DILATION_H": op.dilation[0],
        "DILATION_W": op.dilation[1],
        "PAD_TOP": op.padding.top,
        "PAD_LEFT": op.padding.left,
    }


def is_pointwise(op: Conv2D | DepthwiseConv2D, io: Operands) -> bool:
    """Tell whether output pixels are input pixels times a matrix."""
    return op.kernel(io) == (1, 1) and op.stride == (1, 1) and not op.padding.any


def filled_window(window: int, channels: int) -> int:
    """Return the length of a window with zeros at its end, so that vectors hold it.

    >>> filled_window(27, 32), filled_window(64, 64), filled_window(9, 8192)
    (32, 64, 9)
    """
    filled = -(-window // LANES_S16) * LANES_S16
    added = (filled - window) * channels
    return filled if added <= max(FILL_BYTES, window * channels // 8) else window


def _filled_weights(io: Operands, window: int) -> np.ndarray:
    """Return the weights as rows of ``window`` codes; what was added has no effect."""
    w = io.ins[1].array.reshape(io.y.shape[3], -1)
    rows = np.full((len(w), window), weight_zero(io), np.int8)
    rows[:, : w.shape[1]] = w
    return rows


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    pixels = elements(io.y.shape[:3])
    out_c = io.y.shape[3]
    taps = elements(io.ins[1].shape[1:])
    window = filled_window(taps, out_c)
    pointwise = is_pointwise(op, io) and window == taps
    tile = TILE if pixels >= TILE else 1
    group = min(CHANNELS_LONG if tile == TILE and window > LONG_WINDOW else CHANNELS, out_c)
    requant = requant_facts(op.arithmetic.requant)
    shape = {"DEPTH": io.x.shape[3]} if pointwise else conv2d_shape(op, io)
    constants = {
        **shape,
        "PIXELS": pixels,
        "OUT_C": out_c,
        "WINDOW": window,
        "FILL": window - taps,
        "TILE": tile,
        "BLOCK": channel_block(out_c),
        "GROUP": group,
        **accumulation_codes(op, io),
        **requant.constants,
    }
    return Facts(
        constants=constants,
        data=(*weight_data(op, io, _filled_weights(io, window)), *requant.data),
        flags={
            "requant": requant.flag,
            "sum": sum_type(op, io),
            "pointwise": pointwise,
            "contiguous": op.dilation[1] == 1,
            "tile": range(tile),
            "group": range(group),
        },
        scratch=Scratch("patches", DType.INT16, tile * window),
        note=conv2d_note(op, io),
    )


def _ungrouped_s8(op: Conv2D, io: Operands) -> bool:
    return io.x.dtype is DType.INT8 and op.groups(io) == 1


def _ungrouped_s16(op: Conv2D, io: Operands) -> bool:
    return s16(op, io) and op.groups(io) == 1


def conv2d_grouped_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a grouped convolution: one sum at a time."""
    requant = requant_facts(op.arithmetic.requant)
    groups = op.groups(io)
    constants = {
        "IMAGES": io.x.shape[0],
        **conv2d_shape(op, io),
        "OUT_C": io.y.shape[3],
        "GROUP_IN": io.x.shape[3] // groups,
        "GROUP_OUT": io.y.shape[3] // groups,
        **accumulation_codes(op, io),
        **requant.constants,
    }
    note = f"{conv2d_note(op, io)}, {groups} groups"
    flags = {"requant": requant.flag, "sum": sum_type(op, io)}
    return Facts(constants, (*weight_data(op, io), *requant.data), flags, None, note)


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer."""
    outs, depth = io.ins[1].shape
    rows = io.x.elements // depth
    requant = requant_facts(op.arithmetic.requant)
    lanes = min(LANES, outs)
    constants = {
        "ROWS": rows,
        "DEPTH": depth,
        "OUT_C": outs,
        "LANES": lanes,
        **accumulation_codes(op, io),
        **requant.constants,
    }
    return Facts(
        constants,
        (*weight_data(op, io), *requant.data),
        {"requant": requant.flag, "sum": sum_type(op, io), "lanes": range(lanes)},
        Scratch("row", DType.INT16, depth),
        f"fully connected, {depth} to {outs}",
    )


def is_matrix(op: Conv2D, io: Operands) -> bool:
    """Tell whether windows are adjacent codes: each is one pixel, or an image is one window."""
    whole = io.x.shape[1:] == io.ins[1].shape[1:] and not op.padding.any
    return op.groups(io) == 1 and (whole or is_pointwise(op, io))


def as_matrix(op: Conv2D, io: Operands) -> tuple[FullyConnected, Operands]:
    """Return such a convolution as a fully connected layer."""
    outs = io.y.shape[3]
    codes = io.ins[1].array.reshape(outs, -1)
    w = replace(io.ins[1], shape=codes.shape, data=codes)
    y = replace(io.y, shape=(io.y.elements // outs, outs))
    layer = FullyConnected(inputs=op.inputs, outputs=op.outputs, arithmetic=op.arithmetic)
    return layer, Operands((io.x, w, *io.ins[2:]), (y,))


def accumulation_codes(op: Op, io: Operands) -> dict[str, int]:
    """Return the zero points, and the clamp before the output's zero point is added."""
    return {
        "X_ZERO": io.x.zero_point,
        "W_ZERO": weight_zero(io),
        "Y_ZERO": io.y.zero_point,
        "LOW": op.arithmetic.low - io.y.zero_point,
        "HIGH": op.arithmetic.high - io.y.zero_point,
    }


def sum_type(op: Op, io: Operands) -> str:
    """Return the C type that holds every sum: int64 sums of int16 codes seldom need it."""
    return "int64_t" if is_wide(io) and not _narrow(op, io) else "int32_t"


def _narrow(op: Op, io: Operands) -> bool:
    w = np.abs(centred(io.ins[1], np.int64))
    sums = w.sum(axis=tuple(axis for axis in range(w.ndim) if axis != op.WEIGHTS_AXIS))
    return int(largest_sums(io, sums).max()) <= INT32_LIMIT


def weight_data(op: Op, io: Operands, packed: np.ndarray | None = None) -> tuple[Data, Data]:
    """Return the weights, as they are or packed, and the bias."""
    weights = io.ins[1].array if packed is None else packed
    note = "weights [" + ", ".join(map(str, weights.shape)) + "]"
    bias = bias_of(io)
    if sum_type(op, io) == "int32_t":
        bias = bias.astype(np.int32)
    return Data("weights", weights, note), Data("bias", bias, "bias")


def s8(op: Op, io: Operands) -> bool:
    """Accept int8 codes."""
    return io.x.dtype is DType.INT8


def s16(op: Op, io: Operands) -> bool:
    """Accept int16 codes."""
    return io.x.dtype is DType.INT16


ROWS = (
    Kernel("portable/conv2d_s8", Conv2D, conv2d_facts, _ungrouped_s8, packed=(1, 2)),
    Kernel("portable/conv2d_grouped_s8", Conv2D, conv2d_grouped_facts, s8, packed=(1, 2)),
    Kernel("portable/conv2d_s16", Conv2D, conv2d_facts, _ungrouped_s16, packed=(1, 2)),
    Kernel("portable/conv2d_grouped_s16", Conv2D, conv2d_grouped_facts, s16, packed=(1, 2)),
    Kernel("portable/fully_connected_s8", FullyConnected, fully_connected_facts, s8, packed=(1, 2)),
    Kernel(
        "portable/fully_connected_s16", FullyConnected, fully_connected_facts, s16, packed=(1, 2)
    ),
)
