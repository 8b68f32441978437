"""Hexagon rows of what is a matrix product: convolution and fully connected layers.

The instruction multiplies bytes without sign by bytes with it, eight at a time, so weights are
stored plus 128, and each window's sum of codes times that is taken off again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts
from edgeq.kernels.portable.convolution import conv2d_note, weight_zero
from edgeq.kernels.product import codes, folded_bias, product_rows
from edgeq.kernels.rescale import layer_rescale
from edgeq.kernels.strips import strip_of
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data, Scratch

HEADERS = ("edgeq_fixed_point_hexagon.h",)
DEEP = 8  # codes of a window that are multiplied together
TILE = 2  # windows, and as many channels, that are summed in registers
RAISED = 128
GROUP_BYTES = 1 << 13
STRIP_BYTES = 1 << 14


def padded_weights(w: np.ndarray) -> np.ndarray:
    """Return stored weights [channels, depth], plus 128, filled up to a multiple of eight."""
    channels, depth = w.shape
    full = np.zeros((channels, -(-depth // DEEP) * DEEP), np.uint8)
    full[:, :depth] = w.astype(np.int32) + RAISED
    return full.ravel()


def _product_facts(op: Conv2D | FullyConnected, io: Operands, pixels: int) -> Facts:
    """Return what all products share, of a group of windows out of ``pixels``."""
    w = centred(io.ins[1], np.int32)
    w = w.reshape(len(w), -1)
    channels, depth = w.shape
    window = -(-depth // DEEP) * DEEP
    count = min(pixels, max(TILE, GROUP_BYTES // window))
    rescale = layer_rescale(op, io, w, channels)
    constants = {
        "DEPTH": depth,
        "WINDOW": window,
        "PIXELS": pixels,
        "COUNT": count,
        "OUT_C": channels,
        "RAISED": RAISED + weight_zero(io),
        **codes(op, io),
        **rescale.constants,
    }
    bias = folded_bias(io, w.sum(axis=1, dtype=np.int64), channels)
    stored = io.ins[1].array.reshape(channels, depth)
    return Facts(
        constants=constants,
        data=(
            Data("weights", padded_weights(stored), "weights plus 128, row by row", DEEP),
            Data("bias", bias, "bias less what the input's zero point adds"),
            *rescale.data,
        ),
        flags={
            "code": "int8_t",
            "rescale": rescale.flag,
            "pixels": range(min(TILE, count)),
            "channels": range(min(TILE, channels)),
        },
        scratch=Scratch("windows", DType.INT8, count * window),
    )


def pointwise_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a 1x1 convolution of stride 1."""
    facts = _product_facts(op, io, elements(io.y.shape[:3]))
    return replace(facts, note=conv2d_note(op, io))


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer."""
    outs, depth = io.ins[1].shape
    facts = _product_facts(op, io, io.x.elements // depth)
    return replace(facts, note=f"fully connected, {depth} to {outs}")


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution: windows are gathered from copied lines."""
    strip = strip_of(op, io, STRIP_BYTES)
    facts = _product_facts(op, io, strip.count)
    size = facts.constants["COUNT"] * facts.constants["WINDOW"]
    return replace(
        facts,
        constants={**strip.constants, **facts.constants, "LINES_AT": size},
        flags={**facts.flags, "joined": strip.joined},
        scratch=Scratch("windows", DType.INT8, size + strip.codes),
        note=conv2d_note(op, io),
    )


ROWS = product_rows(
    "hexagon",
    HEADERS,
    pointwise=pointwise_facts,
    conv2d=conv2d_facts,
    fully_connected=fully_connected_facts,
)
