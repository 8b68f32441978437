"""Dot product rows of convolution and fully connected layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import elements
from edgeq.kernels.aarch64_dotprod.layout import loops, packed_weights, padded_runs, steps
from edgeq.kernels.aarch64_dotprod.lines import (
    conv2d_lines,
    copied_cost,
    line_blocks,
    line_window,
    lines_cost,
)
from edgeq.kernels.aarch64_dotprod.tiles import LANES, STEP, Blocks, Window, panels_of
from edgeq.kernels.base import Facts
from edgeq.kernels.neon import common, windows
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.kernels.neon.windows import Windows, conv2d_windows, matrix_windows
from edgeq.kernels.portable.convolution import conv2d_note, weight_zero
from edgeq.kernels.product import codes, folded_bias, is_narrow, product_rows
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data

HEADERS = (*common.HEADERS, *windows.HEADERS, "edgeq_product_dotprod.h")
TILE = 5  # pixels that a block has at least, where there are so many


def blocks_of(found: Windows, pixels: int) -> Blocks:
    """Return the blocks of pixels: all but the last, which may be smaller, and that one."""
    block = found.constants["BLOCK"]
    if found.mode == "strip":
        return ((-(-pixels // block), block),)
    whole, last = divmod(pixels - 1, block)
    small = (1, max(last + 1, min(found.constants["TILE"], pixels)))
    return ((whole, block), small) if whole else (small,)


def _facts(
    op: Conv2D | FullyConnected, io: Operands, found: Windows, blocks: Blocks, window: Window
) -> Facts:
    """Return what both operations share."""
    arithmetic = op.arithmetic
    w = centred(io.ins[1], np.int32)
    w = w.reshape(len(w), -1)
    zero = 0 if is_narrow(w) else weight_zero(io)
    panels = panels_of(blocks, len(w), window)
    length = max(len(w), panels[0].channels)
    requant = common.neon_requant(
        without_negatives(arithmetic.requant, arithmetic.low, io.y.zero_point), length
    )
    bias = folded_bias(io, w.sum(axis=1, dtype=np.int64), length)
    rows = padded_runs(w + zero, window) if found.mode == "lines" else w + zero
    weights = packed_weights(rows, panels)
    constants = {**found.constants, "OUT_C": len(w), **codes(op, io), **requant.constants}
    return Facts(
        constants={**constants, "W_ZERO": zero} if zero else constants,
        data=(
            Data("weights", weights, "weights of four places at a time, panel by panel"),
            Data("bias", bias, "bias less the input's zero point"),
            *requant.data,
        ),
        flags={
            **found.flags,
            "mode": found.mode,
            "requant": requant.flag,
            "weight_zero": zero != 0,
            "loops": loops(panels, blocks, window, len(w)),
            "runs": window.runs,
            "steps": steps(window.run, beyond=found.mode == "lines"),
            "pitch": "STEP" if found.mode == "lines" else "DEPTH",
            "least": min(size for _, size in blocks),
        },
        scratch=found.scratch,
    )


def _multiple(depth: int) -> int:
    """Return of what the depth must be a multiple to be read from ``x`` itself."""
    return 1 if depth >= STEP else LANES


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    pixels = elements(io.y.shape[:3])
    direct = _multiple(io.x.shape[3])
    found = conv2d_windows(op, io, tile=min(TILE, pixels), multiple=LANES, direct=direct)
    blocks, window = blocks_of(found, pixels), Window(1, found.depth)
    lines = conv2d_lines(op, io)
    if lines and lines_cost(op, io, lines) < copied_cost(io, blocks, window):
        found, blocks, window = lines, line_blocks(lines), line_window(op, io)
    return replace(_facts(op, io, found, blocks, window), note=conv2d_note(op, io))


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer."""
    outs, depth = io.ins[1].shape
    rows = io.x.elements // depth
    direct = _multiple(depth)
    found = matrix_windows(rows, depth, tile=min(TILE, rows), multiple=LANES, direct=direct)
    facts = _facts(op, io, found, blocks_of(found, rows), Window(1, found.depth))
    return replace(facts, note=f"fully connected, {depth} to {outs}")


ROWS = product_rows(
    "aarch64_dotprod",
    HEADERS,
    conv2d=conv2d_facts,
    fully_connected=fully_connected_facts,
)
