"""One product with an addend that channels share: equal at every sum, or absent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams, Rounding
from edgeq.kernels.dsp.plain import MARK, plain
from edgeq.numerics import requantize
from edgeq.ops._accumulate import bias_of
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from tests.kernel_harness import Case, one_op_graph
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case


def lowered(case: Case) -> tuple[DepthwiseConv2D, Operands, np.ndarray]:
    """Return a lowered layer and its weights, [channels, taps]."""
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    assert isinstance(op, DepthwiseConv2D)
    return op, io, io.ins[1].array.astype(np.int64).reshape(9, -1).T


def check(case: Case, scale: int, shift: int | None) -> bool:
    """Compare the codes of every sum that each channel can have; tell whether there are factors."""
    op, io, w = lowered(case)
    found = plain(io, op.arithmetic, w, scale=scale, shift=shift)
    if found is None:
        return False
    zeros = io.x.zero_point, io.y.zero_point
    products = np.stack([w * (code - zeros[0]) for code in (-128, 127)])
    ends = products.min(axis=0).sum(axis=1), products.max(axis=0).sum(axis=1)
    for i, (low, high) in enumerate(zip(*ends, strict=True)):
        sums = np.arange(low, high + 1)
        every = np.zeros((len(sums), len(w)), np.int32)
        every[:, i] = sums + bias_of(io)[i]
        scaled = requantize(every, op.arithmetic.requant)[:, i].astype(np.int64)
        # What a kernel adds up begins with a bias less the products of the zero point.
        counted = scale * (sums + zeros[0] * w[i].sum()) if found.alive[i] else 0 * sums
        raw = counted + int(found.bias[i])
        assert np.abs(raw).max() < 2**31
        moved, multiplier = int(found.shift[i]), int(found.multiplier[i])
        assert moved == (multiplier % MARK if shift is None else shift)
        codes = (raw * multiplier >> 32) + (zeros[1] << moved)
        assert np.abs(codes).max() < 2**31
        wanted = np.clip(scaled + zeros[1], -128, 127)
        np.testing.assert_array_equal(np.clip(codes >> moved, -128, 127), wanted)
    return True


@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
@pytest.mark.parametrize("zeros", [(-3, -128), (-128, 127), (5, -100)])
def test_every_sum(numerics: Numerics, zeros: tuple[int, int]) -> None:
    # Halves that are rounded away from zero break the line where codes go below it.
    broken = Rounding(numerics.name) is Rounding.GEMMLOWP and zeros[1] == -100
    for scale in (4.0, 20.0, 300.0):
        case = depthwise_case((1, 3, 3, 6), (3, 3), numerics=numerics, zeros=zeros, scale=scale)
        for times in (128, 256):
            assert check(case, times, None) is not broken
        assert not (broken and check(case, 256, 11))


def test_one_shift_of_all_channels() -> None:
    case = depthwise_case((1, 3, 3, 6), (3, 3), zeros=(-3, -128), scale=20.0)
    assert check(case, 256, 11)
    assert not check(case, 256, 22)


def test_sums_themselves_are_too_coarse() -> None:
    case = depthwise_case((1, 3, 3, 6), (3, 3), zeros=(-3, -128), scale=20.0)
    assert not check(case, 1, None)


def test_channels_of_one_answer_and_of_few() -> None:
    case = depthwise_case((1, 3, 3, 6), (3, 3), zeros=(-3, -128), scale=20.0)
    w, b = case.tensors["w"], case.tensors["b"]
    scales = w.quant.scale
    changed = replace(
        w, quant=QuantParams((scales[0] * 1e-9, 1e-9 * scales[1], *scales[2:]), (0,) * 6, 3)
    )
    bias = b.array.copy()
    bias[0] = 2**31 - 1 - 2**20
    assert check(replace(case, tensors={**case.tensors, "w": changed}), 256, None)
    tensors = {**case.tensors, "w": changed, "b": replace(b, data=bias)}
    assert check(replace(case, tensors=tensors), 256, None)


def test_a_narrower_clamp_has_none() -> None:
    op, io, w = lowered(depthwise_case((1, 3, 3, 6), (3, 3), zeros=(0, -128)))
    numbers = op.arithmetic
    assert plain(io, numbers, w, scale=256) is not None
    assert plain(io, type(numbers)(numbers.requant, -100, 127), w, scale=256) is None
