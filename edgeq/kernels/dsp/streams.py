"""What the tile functions of DSP convolution read: biases, weights and factors of two channels."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.kernels.dsp.common import Channels
from edgeq.kernels.dsp.linear import Line, extremes, line
from edgeq.kernels.dsp.plain import plain
from edgeq.kernels.portable.convolution import weight_zero
from edgeq.ops._accumulate import Accumulation

PLAIN_SHIFTS = (11, 10, 12, 13)  # the first ones suit most layers
STRAIGHT_SHIFTS = (2, 6)  # of the functions with one product; small scales need more bits
_PACKED_REACH = 2**23  # sums of a packed second channel are smaller


def _starts(count: int) -> list[int]:
    """Return the first channel of each two; the last two may begin with one that was there."""
    return [min(first, count - 2) for first in range(0, count, 2)]


def shares(codes: np.ndarray) -> bool:
    """Tell whether two weights may share a 16-bit number, for every two channels."""
    seconds = [first + 1 for first in _starts(len(codes))]
    low = codes[[second - 1 for second in seconds]] < 0
    return not bool((low & (codes[seconds] == -128)).any())


def is_small(found: Channels) -> bool:
    """Tell whether 256 times the sums of every second channel can be rescaled."""
    seconds = [first + 1 for first in _starts(len(found.bias))]
    reach = reach_of(found)[seconds]
    addend = np.abs(found.addend.astype(np.int64))[seconds]
    return bool((reach < _PACKED_REACH).all() and (128 * (reach + addend + 2) < 2**31).all())


def _blocks(codes: np.ndarray, packed: bool) -> list[np.ndarray]:
    """Return the words of weights of each two channels.

    For each four places k of a window the weights (k, k + 2) of both channels, then those of
    (k + 1, k + 3).
    """
    blocks = []
    for first in _starts(len(codes)):
        # [two channels, groups, two halves, parity] to [groups, parity, halves, channels]
        quads = codes[first : first + 2].reshape(2, -1, 2, 2).transpose(1, 3, 2, 0)
        halves = (256 * quads[..., 1] + quads[..., 0]) if packed else quads
        kind = np.int16 if packed else np.int8
        blocks.append(np.ascontiguousarray(halves, kind).reshape(-1).view("<i4"))
    return blocks


def _words_from(parts: list[np.ndarray]) -> np.ndarray:
    joined = np.concatenate([part.astype(np.int64) for part in parts])
    whole: np.ndarray = (joined & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
    return whole


def stream(found: Channels, codes: np.ndarray, packed: bool, single: bool) -> np.ndarray:
    """Return what the tile function reads for each two channels.

    Biases; weights; multiplier, addend and shift of each channel.
    """
    parts = []
    for first, words in zip(_starts(len(codes)), _blocks(codes, packed), strict=True):
        pair = slice(first, first + 2)
        bias = found.bias[pair].astype(np.int64)
        factors = np.stack((found.multiplier[pair], found.addend[pair], found.shift[pair]), 1)
        factors = factors.astype(np.int64)
        if packed:
            bias[1] = 256 * bias[1] + bias[0]
            multiplier, addend, shift = factors[1]
            half = 0 if single else 64
            factors[1] = (multiplier % 2**32) // 2, 128 * addend + half, shift + 7
        parts += [bias, words, factors.ravel()]
    return _words_from(parts)


def straight_stream(
    io: Operands, numbers: Accumulation, weights: np.ndarray, codes: np.ndarray, shift: int
) -> np.ndarray | None:
    """Return the stream with one product for a rescaling, or None where none gives every code.

    Biases; weights; multiplier and addend of each channel, for codes shifted by ``shift``.
    """
    starts = np.asarray(_starts(len(codes)))
    firsts = _lines(io, numbers, weights, starts, shift, 1)
    if firsts is None:
        return None
    seconds = _lines(io, numbers, weights, starts + 1, shift + 8, 256)
    if seconds is None:
        return None
    parts = []
    for i, words in enumerate(_blocks(codes, packed=True)):
        bias = np.array([firsts.bias[i], int(seconds.bias[i]) + int(firsts.bias[i])], np.int64)
        both = [f for two in (firsts, seconds) for f in (two.multiplier[i], two.addend[i])]
        parts += [bias, words, np.array(both, np.int64)]
    return _words_from(parts)


def plain_stream(
    io: Operands, numbers: Accumulation, weights: np.ndarray, codes: np.ndarray, shift: int
) -> np.ndarray | None:
    """Return the stream of a plain line, or None where none gives every code.

    The second bias; weights; multipliers of both channels, and 256 times the first bias; for codes
    shifted by ``shift``. ``codes`` are ``weights`` with their zero point, in the order of words.
    """
    found = plain(io, numbers, weights, scale=256, shift=shift)
    if found is None:
        return None
    settled = np.where(found.alive[:, np.newaxis], codes, weight_zero(io))
    parts = []
    for first, words in zip(_starts(len(codes)), _blocks(settled, packed=True), strict=True):
        bias = found.bias[first : first + 2]
        parts += [bias[1:], words, found.multiplier[first : first + 2], bias[:1]]
    return _words_from(parts)


def _lines(
    io: Operands,
    numbers: Accumulation,
    weights: np.ndarray,
    chosen: np.ndarray,
    shift: int,
    scale: int,
) -> Line | None:
    """Return bias, multiplier and addend of the channels ``chosen``.

    Nothing of the sum counts in channels with one answer to everything; theirs may be too large.
    """
    least, most = extremes(io, numbers, weights)
    alive = (least != most)[chosen]
    addend = np.where(alive, 0, least[chosen] << shift).astype(np.int32)
    whole = Line(np.zeros_like(addend), np.zeros_like(addend), addend)
    if alive.any():
        part = line(io, numbers, weights, shift=shift, scale=scale, chosen=chosen[alive].tolist())
        if part is None:
            return None
        whole.bias[alive] = part.bias
        whole.multiplier[alive] = part.multiplier
        whole.addend[alive] = part.addend
    return whole


def reach_of(found: Channels) -> np.ndarray:
    """Return the largest absolute sum of each channel, over all codes."""
    w = found.weights.astype(np.int64)
    bias = found.bias.astype(np.int64)
    above = np.where(w > 0, 127 * w, -128 * w).sum(axis=1)
    below = np.where(w > 0, 128 * w, -127 * w).sum(axis=1)
    reach: np.ndarray = np.maximum(np.abs(bias + above), np.abs(bias - below))
    return reach
