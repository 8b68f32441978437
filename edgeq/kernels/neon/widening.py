"""Products of windows and weights by widening multiplies: what 32- and 64-bit rows share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

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
SUM_COST = 12  # instructions that keeping a pixel's sum for all panels takes
STEP = 8  # depths are multiples of half a vector


@dataclass(frozen=True, slots=True)
class Registers:
    """What fits the registers: the sums of ``pixels`` times four channels, or short windows.

    ``four`` and ``eight`` are the depths up to which they hold all weights of so many channels.
    Where they are ``many``, one pixel is multiplied with eight channels, and the factors of eight
    are at hand.
    """

    pixels: int
    many: bool
    four: int
    eight: int


def panel_starts(channels: int, panel: int) -> tuple[int, ...]:
    """Return the first channel of each panel; the last may overlap the one before.

    >>> panel_starts(10, 4), panel_starts(3, 4)
    ((0, 4, 6), (0,))
    """
    last = max(channels - panel, 0)
    return tuple(min(start, last) for start in range(0, channels, panel))


def packed_weights(w: np.ndarray, depth: int, panel: int) -> np.ndarray:
    """Return weights [channels, places] as panels of channels, sixteen places of each in turn.

    Places up to ``depth``, and channels up to ``panel``, are filled with zeros.
    """
    channels, places = w.shape
    padded = np.zeros((max(channels, panel), depth), np.int8)
    padded[:channels, :places] = w
    panels = np.stack([padded[s : s + panel] for s in panel_starts(channels, panel)])
    whole = depth - depth % 16
    blocks = panels[:, :, :whole].reshape(len(panels), panel, -1, 16).transpose(0, 2, 1, 3)
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


def conv2d_facts(op: Conv2D, io: Operands, registers: Registers) -> Facts:
    """Return the facts of an ungrouped convolution."""
    tile = _tile(io, registers.pixels, elements(io.y.shape[:3]))
    found = conv2d_windows(op, io, tile=tile, multiple=STEP, overlap=False)
    return replace(_facts(op, io, found, tile, registers), note=_note(conv2d_note(op, io), io))


def fully_connected_facts(op: FullyConnected, io: Operands, registers: Registers) -> Facts:
    """Return the facts of a fully connected layer."""
    outs, depth = io.ins[1].shape
    rows = io.x.elements // depth
    tile = _tile(io, registers.pixels, rows)
    found = matrix_windows(rows, depth, tile=tile, multiple=STEP, overlap=False)
    note = _note(f"fully connected, {depth} to {outs}", io)
    return replace(_facts(op, io, found, tile, registers), note=note)


def _note(text: str, io: Operands) -> str:
    """Return a comment about a layer, and why it is slower than others if it is."""
    reason = "" if pairs_fit(_matrix(io)) else "; pairs of weights of -128 overflow 16 bits"
    return text + reason


def _tile(io: Operands, pixels: int, count: int) -> int:
    """Return how many of ``count`` pixels are summed together: ``pixels``, or one."""
    return pixels if pixels <= count and pairs_fit(_matrix(io)) else 1


def _matrix(io: Operands) -> np.ndarray:
    return io.ins[1].array.reshape(len(io.ins[1].array), -1)


def _facts(
    op: Conv2D | FullyConnected, io: Operands, found: Windows, tile: int, registers: Registers
) -> Facts:
    w = _matrix(io)
    short = pairs_fit(w) and found.depth <= registers.four
    panel = _panel(w, found.depth, tile, registers)
    together = LANES if tile > 1 and not short else panel
    length = max(len(w), panel)
    requant = neon_requant(op.arithmetic.requant, length)
    sums = centred(io.ins[1], np.int64).reshape(w.shape).sum(axis=1)
    zero = weight_zero(io)
    constants = {
        **found.constants,
        "OUT_C": len(w),
        "PANEL": panel,
        **({"W_ZERO": zero} if zero else {}),
        **codes(op, io),
        **requant.constants,
    }
    data = (
        Data("weights", packed_weights(w, found.depth, together), "weights, panel by panel"),
        Data("bias", folded_bias(io, sums, length), "bias less the input's zero point"),
        *requant.data,
    )
    flags = {
        **_flags(w, found, tile, panel),
        "requant": requant.flag,
        "sums": zero != 0,
        "short": short,
        "summed_here": short and zero != 0 and _summed_here(len(w), panel, found.depth),
        "single": together > LANES,
    }
    return Facts(constants, data, flags, found.scratch)


def _flags(w: np.ndarray, found: Windows, tile: int, panel: int) -> dict[str, Any]:
    """Return what follows from the sizes."""
    return {
        "mode": found.mode,
        **found.flags,
        "overlap": len(w) > panel and len(w) % panel != 0,
        "few": len(w) < panel,
        "any": not pairs_fit(w),
        "tiles": _tiles(tile, found),
        "odd": 1 in _tiles(2, found),
        "parts": range(0, found.depth, 16),
        "halves": range(0, panel, LANES),
    }


def _panel(w: np.ndarray, depth: int, tile: int, registers: Registers) -> int:
    """Return how many channels go together: eight where the registers have room, else four.

    A last panel of eight that is far from full would cost more than it gains.
    """
    channels = len(w)
    unused = -(-channels // 8) * 8 - -(-channels // 4) * 4
    if depth <= registers.four:
        wide = depth <= registers.eight
    else:
        wide = registers.many and (tile == 1 or channels % 8 == 0)
    fits = channels >= 8 and unused <= channels // 16
    return 8 if wide and fits and pairs_fit(w) else LANES


def _summed_here(channels: int, panel: int, depth: int) -> bool:
    """Tell whether to add up a short window's codes for each panel rather than once for all."""
    panels, vectors = -(-channels // panel), -(-depth // 16)
    return panels * (2 * vectors + 1) < SUM_COST


def _tiles(tile: int, found: Windows) -> tuple[int, ...]:
    """Return the sizes of tiles that a block of pixels may need, the largest first."""
    counts = {found.constants["BLOCK"]}
    if "PIXELS" in found.constants:
        counts.add(found.constants["PIXELS"] % found.constants["BLOCK"])
    rests = {size for count in counts for size in (1, 2) if count % tile & size}
    return (tile, *sorted(rests, reverse=True))
