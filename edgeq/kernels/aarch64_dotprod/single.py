"""Dot product rows of depthwise convolution of an image of one channel, with many filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.aarch64_dotprod.windows import (
    CHANNELS,
    LOWEST,
    MAX_TERMS,
    packed_terms,
)
from edgeq.kernels.base import Facts
from edgeq.kernels.neon.common import neon_requant
from edgeq.kernels.neon.lines import QUAD, Lines, axes, window_lines
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

TILE = 4  # outputs whose sums stay in registers
VECTOR = 16  # codes loaded together: four quads


@dataclass(frozen=True, slots=True)
class Product:
    """Weights of one term times the codes of each output: a vector's number, and its lane."""

    line: int
    vectors: tuple[tuple[int, int], ...]


def fits_single(op: DepthwiseConv2D, io: Operands) -> bool:
    """Tell whether the image has one channel, for eight filters or more."""
    single = io.x.shape[3] == 1 and io.y.shape[3] >= CHANNELS and op.dilation[1] == 1
    if io.x.dtype is not DType.INT8 or not single:
        return False
    w = centred(io.ins[1], np.int32)
    return int(w.max(initial=0)) <= 254 and len(_lines(op, io).terms()) <= MAX_TERMS


def _lines(op: DepthwiseConv2D, io: Operands) -> Lines:
    return Lines(*axes(op, io), False)


def products(found: Lines, tile: int, excess: tuple[int, ...]) -> tuple[Product, ...]:
    """Return what a tile of outputs adds up, in the order of the weights.

    An output's quad begins at any byte: where it begins tells which vector has it as a lane.
    """
    terms = [(k, g) for k in range(found.across.window) for g in range(found.groups)]

    def place(t: int, g: int) -> tuple[int, int]:
        begin = t * found.along.stride + g * QUAD
        return begin // VECTOR * VECTOR + begin % QUAD, begin % VECTOR // QUAD

    every = (*terms, *(terms[i] for i in excess))
    return tuple(Product(k, tuple(place(t, g) for t in range(tile))) for k, g in every)


def single_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of one channel.

    The input's zero point moves into the bias: taps outside the image read it too.
    """
    found = _lines(op, io)
    channels = io.y.shape[3]
    numbers = codes(op, io)
    requant = neon_requant(
        without_negatives(op.arithmetic.requant, numbers["LOW"], numbers["Y_ZERO"]), channels
    )
    w = centred(io.ins[1], np.int32)[0]
    packed, excess = packed_terms(found, w)
    tile = min(TILE, found.along.out)
    flags = _structure(found, tile, excess)
    bias = folded_bias(io, w.sum(axis=(0, 1), dtype=np.int64), channels)
    lowest = requant.flag.form == "q6" and numbers["Y_ZERO"] == LOWEST == numbers["LOW"]
    constants = {**_sizes(found, io), "TILE": tile, **numbers, **requant.constants}
    height, width = op.kernel(io)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed, "weights of four taps and eight channels at a time"),
            Data("bias", bias, "bias less the input's zero point"),
            *requant.data,
        ),
        flags={
            **flags,
            "weights": (len(found.terms()) + len(excess)) * 32,
            "tail": channels % CHANNELS != 0,
            "requant": requant.flag,
            "lowest": lowest,
        },
        scratch=Scratch(
            "lines", DType.INT8, (found.slots + flags["outside"]) * constants["PADDED"]
        ),
        note=f"{height}x{width} depthwise convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x1 to {channels} channels",
    )


def _sizes(found: Lines, io: Operands) -> dict[str, int]:
    across, along = found.across, found.along
    reach = (along.out - 1) * along.stride + QUAD * found.groups + VECTOR
    return {
        **({"IMAGES": io.x.shape[0]} if io.x.shape[0] > 1 else {}),
        "CHANNELS": io.y.shape[3],
        "IN_LINES": across.size,
        "IN_LENGTH": along.size,
        "OUT_LINES": across.out,
        "OUT_LENGTH": along.out,
        "STRIDE": across.stride,
        "REACH": (across.window - 1) * across.dilation - across.pad,
        "PAD": along.pad,
        "SLOTS": found.slots,
        "PADDED": max(reach, along.pad + along.size),
    }


def _structure(found: Lines, tile: int, excess: tuple[int, ...]) -> dict[str, Any]:
    lines = window_lines(found)
    every = products(found, tile, excess)
    loads = {(p.line, vector) for p in every for vector, _ in p.vectors}
    return {
        "lines": lines,
        "outside": any(before or behind for _, before, behind in lines),
        "whole": found.slots == found.across.size,
        "step": found.along.stride,
        "tile": tile,
        "ragged": found.along.out % tile != 0,
        "products": every,
        "loads": tuple(sorted(loads)),
    }
