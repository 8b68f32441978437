from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from tests.litert import run_litert
from tests.ops.elementwise_cases import all_codes, coded, scales, tflite, zeros

REAL = {
    Activation.NONE: (None, None),
    Activation.RELU: (0, None),
    Activation.RELU6: (0, 6),
    Activation.RELU_N1_TO_1: (-1, 1),
}
CODES = (DType.INT8, DType.UINT8)


def code(bound: int, scale: float, zero: int) -> int:
    """Return the code of a bound, rounded half away from zero."""
    ratio = Fraction(float(np.float32(bound) / np.float32(scale)))
    rounded = floor(abs(ratio) + Fraction(1, 2))
    return zero + (rounded if ratio >= 0 else -rounded)


@given(st.sampled_from(Activation), st.data())
def test_codes_of_the_bounds(kind: Activation, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(CODES))
    scale, zero = data.draw(scales(2**-40, 2**38)), data.draw(zeros(dtype))
    low, high = kind.codes(coded("y", (1,), dtype, scale, zero))
    below, above = REAL[kind]
    assert low == (dtype.min if below is None else max(dtype.min, code(below, scale, zero)))
    assert high == (dtype.max if above is None else min(dtype.max, code(above, scale, zero)))
    assert low <= zero <= high


# A bound that lies half way between two codes, and one that float32 alone puts there.
TIES = ((6 / 2.5, 2), (1 / 2.5, 3), (6 / 100.5, 0), (0.011881188, 0))


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("kind", Activation)
@pytest.mark.parametrize(("scale", "zero"), [*TIES, (0.0235, -128), (0.0613, 100), (3e-3, 50)])
def test_codes_equal_litert(dtype: DType, kind: Activation, scale: float, zero: int) -> None:
    zero += 128 if dtype is DType.UINT8 else 0
    x, y = (coded(name, (1, 16, 16, 1), dtype, scale, zero) for name in "xy")
    options = {
        "padding": "VALID",
        "stride_h": 1,
        "stride_w": 1,
        "filter_height": 1,
        "filter_width": 1,
        "fused_activation_function": kind.name,
    }
    codes = all_codes(dtype).reshape(x.shape)
    (want,) = run_litert(tflite("MAX_POOL_2D", (x, y), 2, Pool2DOptions=options), [codes])
    np.testing.assert_array_equal(np.clip(codes, *kind.codes(y)), want)


@pytest.mark.parametrize("kind", Activation)
def test_float_clamp(kind: Activation) -> None:
    y = np.array([-7, -1, -0.5, 0, 0.5, 1, 5.5, 6, 7], np.float32)
    got = kind.apply_float(y)
    low, high = (9 if edge is None else edge for edge in REAL[kind])
    low = -9 if low == 9 else low
    assert got.dtype == np.float32
    assert got.tolist() == [min(max(v, low), high) for v in y.tolist()]
