"""DSP extension rows of fully connected layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS, Channels, channels, is_short
from edgeq.kernels.portable.convolution import as_matrix, conv2d_note, is_matrix, weight_zero
from edgeq.kernels.portable.convolution import fully_connected_facts as portable_facts
from edgeq.ops._accumulate import Accumulation, bias_of, centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data, Scratch

ID = "dsp/fully_connected_s8"
FILES = (*HEADERS, "edgeq_fully_connected_dsp.h")
GROUP = 4  # codes of a row in a word, and outputs summed in registers together
FILLED = 8  # codes that the loop takes at a time
NARROW = 1 << 23  # what the sum of a second output stays below, so that 256 times it fits a word
DEEPEST = 1 << 15  # codes whose products with unsigned weights still add up to a word
RAISED = 128


def matrix_words(codes: np.ndarray) -> np.ndarray:
    """Return the words of ``codes`` [outputs, depth], [pairs of outputs, groups, 2].

    For each four places k of a row the weights at k and k + 2 of both outputs, then those at k + 1
    and k + 3; the first output of the two is raised by 128.
    """
    outs, depth = codes.shape
    filled = np.zeros((outs + outs % 2, -(-depth // FILLED) * FILLED), np.uint8)
    filled[:outs, :depth] = codes.astype(np.int8).view(np.uint8)
    filled[0:outs:2, :depth] ^= RAISED
    # [pairs, two outputs, groups, halves, parity] to [pairs, groups, parity, halves, outputs]
    halves = filled.reshape(len(filled) // 2, 2, -1, 2, 2).transpose(0, 2, 4, 3, 1)
    words: np.ndarray = np.ascontiguousarray(halves).reshape(-1).view("<i4")
    return words.reshape(len(filled) // 2, -1, 2)


def matrix_stream(codes: np.ndarray, bias: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return what the matrix functions read: four outputs at a time, then what is left by twos.

    ``factors`` [outputs, 3] is empty where all outputs have the same.
    """
    words = matrix_words(codes)
    fours = len(codes) // GROUP
    blocks: list[np.ndarray] = []
    for first in range(0, GROUP * fours, GROUP):
        pair = first // 2
        # Words of both pairs of outputs in turn.
        blocks.append(words[pair : pair + 2].transpose(1, 2, 0).ravel())
        blocks.append(bias[first : first + GROUP])
        blocks.append(factors[first : first + GROUP].ravel())
    for first in range(GROUP * fours, len(codes), 2):
        blocks.append(words[first // 2].ravel())
        two = np.zeros((2, 1 + factors.shape[1]), np.int32)
        last = min(2, len(codes) - first)
        two[:last, 0] = bias[first : first + 2]
        two[:last, 1:] = factors[first : first + 2]
        blocks += [two[:, 0], two[:, 1:].ravel()]
    joined: np.ndarray = np.concatenate(blocks).astype(np.int32)
    return joined


def _weights(io: Operands) -> np.ndarray:
    weights: np.ndarray = centred(io.ins[1], np.int32)
    return weights


def _scales_itself(op: FullyConnected, io: Operands) -> bool:
    """Tell whether the matrix functions rescale: a single rounding needs shifts of 2 or more."""
    numbers: Accumulation = op.arithmetic
    if not is_short(io, numbers, _weights(io)):
        return False
    single = numbers.requant.rounding is Rounding.SINGLE
    return not single or channels(io, numbers, _weights(io)).shift.min() > 1


def _factors(found: Channels, rounding: Rounding) -> np.ndarray:
    """Return multiplier, addend and shift of each output, [outputs, 3].

    With a single rounding the high word of a product comes before the shift, which is less by one
    then; others double the product.
    """
    if rounding is Rounding.SINGLE:
        multiplier = (found.multiplier.view(np.uint32) >> 1).view(np.int32)
        numbers = (multiplier, found.addend >> 1, found.shift - 1)
    else:
        numbers = (found.multiplier, found.addend, found.shift)
    factors: np.ndarray = np.stack(numbers, 1)
    return factors


def width(weights: np.ndarray) -> str:
    """Return how wide the sums of two outputs are that share 16-bit numbers, if there are fours."""
    if len(weights) < GROUP:
        return "few"
    seconds = np.abs(weights[1::2]).sum(axis=1, dtype=np.int64) * 128
    return "narrow" if seconds.max(initial=0) < NARROW else "wide"


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer that rescales in a few instructions."""
    facts = portable_facts(op, io)
    numbers: Accumulation = op.arithmetic
    rounding = numbers.requant.rounding
    found = channels(io, numbers, _weights(io))
    factors = _factors(found, rounding)
    one = bool((factors == factors[0]).all())
    own = factors[:, :0] if one else factors
    names = ("MULTIPLIER", "ADDEND", "SHIFT")
    same = factors[0].tolist() if one else (0, 0, 0)
    kind = f"{width(found.weights)}_{'one' if one else 'each'}_{rounding.value}"
    codes = found.weights + weight_zero(io)
    return _packed(
        facts,
        matrix_stream(codes, found.bias, own),
        dict(zip(names, same, strict=True)),
        {"function": kind, "sums": False},
    )


def sums_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer whose sums are rescaled one by one."""
    facts = portable_facts(op, io)
    weights = _weights(io)
    bias = _folded(io, weights).astype(np.int32)
    found = _packed(
        facts,
        matrix_stream(weights + weight_zero(io), bias, np.zeros((len(weights), 0), np.int32)),
        {name: facts.constants[name] for name in ("Y_ZERO", "LOW", "HIGH")},
        {"function": f"{width(weights)}_sums", "sums": True, "requant": facts.flags["requant"]},
    )
    scales = {name: facts.constants.get(name) for name in ("MULTIPLIER", "SHIFT")}
    data = tuple(d for d in facts.data if d.name not in ("weights", "bias"))
    constants = {
        **found.constants,
        "PAIRS": found.scratch.elements if found.scratch else 0,
        **{name: value for name, value in scales.items() if value is not None},
    }
    words = constants["PAIRS"] + constants["OUT_C"]
    scratch = Scratch("pairs", DType.INT32, words)
    return replace(found, constants=constants, data=(*found.data, *data), scratch=scratch)


def _packed(
    facts: Facts, stream: np.ndarray, constants: dict[str, int], flags: dict[str, Any]
) -> Facts:
    """Return facts with a stream in place of the portable weights and bias."""
    sizes = {name: facts.constants[name] for name in ("ROWS", "DEPTH", "OUT_C", "W_ZERO")}
    return Facts(
        constants={**sizes, **constants},
        data=(Data("stream", stream, "four outputs at a time"),),
        flags=flags,
        scratch=Scratch("pairs", DType.INT32, -(-sizes["DEPTH"] // FILLED) * FILLED // 2),
        note=facts.note,
    )


def _folded(io: Operands, weights: np.ndarray) -> np.ndarray:
    """Return the bias less what the input's zero point adds to every sum."""
    sums = weights.sum(axis=1, dtype=np.int64)
    folded: np.ndarray = bias_of(io).astype(np.int64) - io.x.zero_point * sums
    return folded


def _multiplies(op: FullyConnected, io: Operands) -> bool:
    """Tell whether no sum leaves a word, also without the input's zero point."""
    if io.x.dtype is not DType.INT8 or io.ins[1].shape[1] >= DEEPEST:
        return False
    weights = _weights(io)
    reach = 128 * np.abs(weights).sum(axis=1, dtype=np.int64) + np.abs(_folded(io, weights))
    return bool(reach.max() < 2**31)


def _rescales(op: FullyConnected, io: Operands) -> bool:
    return _multiplies(op, io) and _scales_itself(op, io)


OfMatrix = Callable[[FullyConnected, Operands], Facts]
Accepts = Callable[[FullyConnected, Operands], bool]


def _row(facts: OfMatrix, accepts: Accepts) -> Kernel:
    return Kernel(ID, FullyConnected, facts, accepts, packed=(1, 2), headers=FILES)


def _conv2d_row(facts: OfMatrix, accepts: Accepts) -> Kernel:
    """Return the row of convolutions that are a matrix."""
    return Kernel(
        ID,
        Conv2D,
        lambda op, io: replace(facts(*as_matrix(op, io)), note=conv2d_note(op, io)),
        lambda op, io: is_matrix(op, io) and accepts(*as_matrix(op, io)),
        packed=(1, 2),
        headers=FILES,
    )


_FORMS = ((fully_connected_facts, _rescales), (sums_facts, _multiplies))
ROWS = tuple(row(*form) for row in (_row, _conv2d_row) for form in _FORMS)
