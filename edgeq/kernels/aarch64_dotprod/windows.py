"""Dot product rows of depthwise convolution for windows other than 3x3, and dilated ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts
from edgeq.kernels.neon.common import neon_requant
from edgeq.kernels.neon.lines import Lines, lines, window_lines
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

CHANNELS = 8  # computed together
LOWEST = -128
MAX_TERMS = 28  # more would be much code


def fits(op: DepthwiseConv2D, io: Operands) -> bool:
    """Tell whether a layer has eight channels or more, weights of two int8, and few terms."""
    if io.x.dtype is not DType.INT8 or op.multiplier(io) != 1 or io.y.shape[3] < CHANNELS:
        return False
    w = centred(io.ins[1], np.int32)
    return int(w.max(initial=0)) <= 254 and len(lines(op, io).terms()) <= MAX_TERMS


def window_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution with any window.

    The input's zero point moves into the bias: taps outside the image read it too.
    """
    found = lines(op, io)
    channels = io.y.shape[3]
    numbers = codes(op, io)
    requant = neon_requant(
        without_negatives(op.arithmetic.requant, numbers["LOW"], numbers["Y_ZERO"]), channels
    )
    w = centred(io.ins[1], np.int32)[0]
    packed, excess = packed_terms(found, w)
    terms = found.terms()
    sizes = {**_sizes(found, io), "WEIGHTS": (len(terms) + len(excess)) * 32}
    bias = folded_bias(io, w.sum(axis=(0, 1), dtype=np.int64), channels)
    lowest = requant.flag.form == "q6" and numbers["Y_ZERO"] == LOWEST == numbers["LOW"]
    height, width = op.kernel(io)
    return Facts(
        constants={**sizes, **numbers, **requant.constants},
        data=(
            Data("weights", packed, "weights of four taps and eight channels at a time"),
            Data("bias", bias, "bias less the input's zero point"),
            *requant.data,
        ),
        flags={
            **_structure(found),
            "terms": (*terms, *(terms[i] for i in excess)),
            "tail": channels % CHANNELS != 0,
            "requant": requant.flag,
            "lowest": lowest,
        },
        scratch=Scratch("quads", DType.INT8, found.bytes),
        note=f"{height}x{width} depthwise convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x{channels}",
    )


def packed_terms(found: Lines, w: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return weights [height, width, channels] by blocks, and the terms that come twice.

    Those have weights that are not int8 in some channel: what exceeds it follows, as more terms.
    """
    terms = found.packed(w)
    narrow = np.clip(terms, -128, 127)
    excess = np.flatnonzero((terms != narrow).any(axis=(1, 2)))
    every = np.concatenate([narrow, (terms - narrow)[excess]]).astype(np.int8)
    channels = w.shape[2]
    starts = [min(s, channels - CHANNELS) for s in range(0, channels, CHANNELS)]
    blocks = [every[:, s : s + CHANNELS].ravel() for s in starts]
    return np.concatenate(blocks), tuple(int(i) for i in excess)


def _sizes(found: Lines, io: Operands) -> dict[str, int]:
    across, along = found.across, found.along
    return {
        **({"IMAGES": io.x.shape[0]} if io.x.shape[0] > 1 else {}),
        "CHANNELS": io.y.shape[3],
        "IN_LINES": across.size,
        "IN_LENGTH": along.size,
        "IN_LINE": across.bytes,
        "IN_STEP": along.bytes,
        "OUT_LINES": across.out,
        "OUT_LENGTH": along.out,
        "OUT_LINE": across.out_bytes,
        "OUT_STEP": along.out_bytes,
        "STRIDE": across.stride,
        "REACH": (across.window - 1) * across.dilation - across.pad,
        "PAD": along.pad,
        "SLOTS": found.slots,
        "QUADS": found.quads,
        "PADDED": found.padded,
        "TILE": found.tile,
    }


def _structure(found: Lines) -> dict[str, Any]:
    along = found.along
    return {
        "lines": window_lines(found),
        "whole": found.slots == found.across.size,
        "unit": found.unit,
        "dilation": along.dilation,
        "step": along.stride // found.unit,
        "tile": found.tile,
        "ragged": along.out % found.tile != 0,
    }
