"""One product in place of a rescaling: equal at every sum, and absent where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.kernels.dsp.linear import SHIFT, line
from edgeq.numerics import requantize
from edgeq.ops._accumulate import bias_of, centred
from tests.kernel_harness import one_op_graph
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case


@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
@pytest.mark.parametrize("zeros", [(-3, -128), (-128, 127), (5, -100)])
@pytest.mark.parametrize("scale", [4.0, 20.0, 300.0])
def test_every_sum(numerics: Numerics, zeros: tuple[int, int], scale: float) -> None:
    case = depthwise_case((1, 3, 3, 6), (3, 3), numerics=numerics, zeros=zeros, scale=scale)
    [(op, io)] = one_op_graph(case.op, case.tensors, numerics).walk()
    w = centred(io.ins[1], np.int64).reshape(9, -1).T
    found = line(io, op.arithmetic, w)
    # Halves that are rounded away from zero break the line where codes go below it.
    is_broken = op.arithmetic.requant.rounding is Rounding.GEMMLOWP and zeros[1] == -100
    assert (found is None) is is_broken
    if found is None:
        return
    products = np.stack([w * (code - zeros[0]) for code in (-128, 127)])
    low, high = products.min(axis=0).sum(axis=1).min(), products.max(axis=0).sum(axis=1).max()
    sums = np.arange(low, high + 1)[:, np.newaxis] + bias_of(io)
    # What a kernel adds up begins with a bias less the products of the zero point.
    raw = sums - bias_of(io) + found.bias + zeros[0] * w.sum(axis=1)
    codes = ((raw * found.multiplier >> 32) + found.addend) >> SHIFT
    inside = np.logical_and(
        sums >= products.min(axis=0).sum(axis=1) + bias_of(io),
        sums <= products.max(axis=0).sum(axis=1) + bias_of(io),
    )
    expected = requantize(sums.astype(np.int32), op.arithmetic.requant).astype(np.int64)
    wanted = np.clip(expected + zeros[1], -128, 127)
    np.testing.assert_array_equal(np.clip(codes, -128, 127)[inside], wanted[inside])


def test_a_narrower_clamp_has_none() -> None:
    case = depthwise_case((1, 3, 3, 6), (3, 3), zeros=(0, -128))
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    w = centred(io.ins[1], np.int64).reshape(9, -1).T
    numbers = op.arithmetic
    assert line(io, numbers, w) is not None
    assert line(io, type(numbers)(numbers.requant, -100, 127), w) is None
