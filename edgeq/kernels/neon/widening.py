"""Products of windows and weights by widening multiplies: what 32- and 64-bit rows share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import elements
from edgeq.kernels.base import Facts
from edgeq.kernels.neon import common, windows
from edgeq.kernels.neon.common import LANES, neon_requant
from edgeq.kernels.neon.windows import Windows, conv2d_windows, matrix_windows
from edgeq.kernels.portable.convolution import conv2d_note, weight_zero
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data

HEADERS = (*common.HEADERS, *windows.HEADERS, "edgeq_products_neon.h")
STEP = 8  # depths are multiples of half a vector


def panel_starts(channels: int) -> tuple[int, ...]:
    """Return the first channel of each panel of four; the last may overlap the one before.

    >>> panel_starts(10), panel_starts(3)
    ((0, 4, 6), (0,))
    """
    last = max(channels - LANES, 0)
    return tuple(min(start, last) for start in range(0, channels, LANES))


def packed_weights(w: np.ndarray, depth: int) -> np.ndarray:
    """Return weights [channels, places] as panels of four channels, sixteen places of each in turn.

    Places up to ``depth``, and channels up to four, are filled with zeros.
    """
    channels, places = w.shape
    padded = np.zeros((max(channels, LANES), depth), np.int8)
    padded[:channels, :places] = w
    panels = np.stack([padded[s : s + LANES] for s in panel_starts(channels)])
    whole = depth - depth % 16
    blocks = panels[:, :, :whole].reshape(len(panels), LANES, -1, 16).transpose(0, 2, 1, 3)
    rest = panels[:, :, whole:]
    flat = [part.reshape(len(panels), -1) for part in (blocks, rest)]
    return np.concatenate(flat, axis=1).ravel()


def pairs_fit(w: np.ndarray) -> bool:
    """Tell whether two products eight places apart fit 16 bits: not both weights are -128."""
    places = -(-w.shape[1] // 16) * 16
    least = np.zeros((len(w), places), bool)
    least[:, : w.shape[1]] = w == -128
    halves = least.reshape(len(w), -1, 2, 8)
    return not bool((halves[:, :, 0] & halves[:, :, 1]).any())


def conv2d_facts(op: Conv2D, io: Operands, pixels: int) -> Facts:
    """Return the facts of an ungrouped convolution, of which ``pixels`` are summed together."""
    count = elements(io.y.shape[:3])
    tile = _tile(io, pixels, count)
    found = conv2d_windows(op, io, tile=tile, multiple=STEP, overlap=False)
    return replace(_facts(op, io, found, tile), note=conv2d_note(op, io))


def fully_connected_facts(op: FullyConnected, io: Operands, pixels: int) -> Facts:
    """Return the facts of a fully connected layer, of which ``pixels`` rows are summed together."""
    outs, depth = io.ins[1].shape
    rows = io.x.elements // depth
    tile = _tile(io, pixels, rows)
    found = matrix_windows(rows, depth, tile=tile, multiple=STEP, overlap=False)
    return replace(_facts(op, io, found, tile), note=f"fully connected, {depth} to {outs}")


def _tile(io: Operands, pixels: int, count: int) -> int:
    """Return how many pixels are summed together: a power of two."""
    if not pairs_fit(io.ins[1].array.reshape(len(io.ins[1].array), -1)):
        return 1
    return max(size for size in (1, 2, 4) if size <= min(pixels, count))


def _facts(op: Conv2D | FullyConnected, io: Operands, found: Windows, tile: int) -> Facts:
    w = io.ins[1].array
    w = w.reshape(len(w), -1)
    channels = len(w)
    zero = weight_zero(io)
    requant = neon_requant(op.arithmetic.requant, max(channels, LANES))
    sums = centred(io.ins[1], np.int64).reshape(w.shape).sum(axis=1)
    constants = {
        **found.constants,
        "OUT_C": channels,
        **({"W_ZERO": zero} if zero else {}),
        **codes(op, io),
        **requant.constants,
    }
    bias = folded_bias(io, sums, max(channels, LANES))
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed_weights(w, found.depth), "weights, panel by panel"),
            Data("bias", bias, "bias less the input's zero point"),
            *requant.data,
        ),
        flags={
            "mode": found.mode,
            **found.flags,
            "requant": requant.flag,
            "tiles": _tiles(tile, found),
            "any": not pairs_fit(w),
            "rest": channels % LANES if channels > LANES else 0,
            "few": channels < LANES,
            "sums": zero != 0,
        },
        scratch=found.scratch,
    )


def _tiles(tile: int, found: Windows) -> tuple[int, ...]:
    """Return the sizes of tiles that a block of pixels may need, the largest first."""
    counts = {found.constants["BLOCK"]}
    if "PIXELS" in found.constants:
        counts.add(found.constants["PIXELS"] % found.constants["BLOCK"])
    rests = {size for count in counts for size in (1, 2) if count % tile & size}
    return (tile, *sorted(rests, reverse=True))
