"""Forms that kernels compute in few bits: step by step in 16 bits, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.kernels.affine import affine_form
from edgeq.kernels.division import division, mean_codes, mean_factor
from edgeq.kernels.linear import Scheme, linear_sum
from edgeq.kernels.neon import elementwise as neon
from edgeq.kernels.x86_avx2 import elementwise as avx2
from edgeq.numerics import requantize
from edgeq.ops.add import Add
from tests.kernel_harness import one_op_graph
from tests.kernels.layers import ALL, all_pairs, channels_case
from tests.kernels.neon.layers import ROUNDINGS

CODES = ALL.astype(np.int64)


def in_16_bits(values: np.ndarray) -> np.ndarray:
    """Return values, which must fit 16 bits."""
    assert values.min() >= -(1 << 15) and values.max() < 1 << 15
    return values


@pytest.mark.parametrize("schemes", [neon.SCHEMES, avx2.SCHEMES], ids=["neon", "avx2"])
@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
def test_linear_sums(schemes: tuple[Scheme, ...], numerics: Numerics) -> None:
    rng = np.random.default_rng(8)
    found = 0
    for _ in range(8):
        a, b, y = (float(s) for s in rng.uniform((0.01, 0.01, 0.05), (0.1, 0.1, 0.2)))
        zeros = tuple(map(int, rng.integers(-128, 128, 3)))
        case = all_pairs(scales=(a, b, y), zeros=zeros, numerics=numerics)
        [(op, io)] = one_op_graph(case.op, case.tensors, numerics).walk()
        assert isinstance(op, Add)
        form = linear_sum(op, io, schemes)
        if form is None:
            continue
        carry = np.zeros((256, 256), np.int64)
        for level in reversed(range(len(form.digits))):
            f0, f1 = form.digits[level]
            products = in_16_bits(f0 * CODES[:, None] + f1 * CODES)
            total = in_16_bits(in_16_bits(products + carry) + form.constants[level])
            carry = total >> (form.bits[level - 1] if level else form.fraction)
        expected = op.evaluate(io, (ALL[:, None], ALL))[0]
        np.testing.assert_array_equal(np.clip(carry, -128, 127), expected)
        found += 1
    assert found >= 6


@pytest.mark.parametrize("lowest", [-128, 0])
def test_affine_forms(lowest: int) -> None:
    case = channels_case(Add, 64)
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    assert isinstance(op, Add)
    form = affine_form(op, io, lowest)
    assert form is not None
    x = (CODES + 128 + lowest)[:, None]
    carry = np.zeros((256, 64), np.int64)
    for digits, constants in zip(reversed(form.digits), reversed(form.constants), strict=True):
        total = in_16_bits(x * digits.astype(np.int64) + carry + constants)
        carry = total >> 8
    expected = op.evaluate(io, (ALL[:, None], io.ins[1].array))[0]
    np.testing.assert_array_equal(np.clip(total >> form.fraction, -128, 127), expected)


@pytest.mark.parametrize("half_up", [False, True])
@pytest.mark.parametrize("bits", [15, 16])
@pytest.mark.parametrize("counts", [(2,), (49,), (125,), (128,), (4, 6, 9), (1, 2, 4), (9, 12, 15)])
def test_divisions(counts: tuple[int, ...], bits: int, half_up: bool) -> None:
    found = division(counts, half_up, bits)
    assert found is not None
    for count in counts:
        sums = np.arange(-128 * count, 127 * count + 1)
        moved = in_16_bits((sums << found.left) + found.offset)
        products = in_16_bits(moved * in_16_bits(np.array(found.factors[count])) >> bits)
        means = (products + (1 << found.right >> 1)) >> found.right
        np.testing.assert_array_equal(means, mean_codes(sums, count, half_up))


@pytest.mark.parametrize("count", [1, 2, 8, 49, 300, 1089])
def test_mean_factors(count: int) -> None:
    factor = mean_factor(count, half_up=False)
    assert factor is not None and factor.rounding is Rounding.SINGLE
    sums = np.arange(-128 * count, 127 * count + 1, dtype=np.int32)
    np.testing.assert_array_equal(requantize(sums, factor), mean_codes(sums, count, False))
