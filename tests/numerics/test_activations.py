"""Whole operations where the vectors do not reach: other outputs, ends of range, errors."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import QuantizationError
from edgeq.ir.quant import Rounding
from edgeq.numerics import activations as act
from edgeq.numerics.softmax import MAX_LOG_SOFTMAX_LENGTH, MAX_SOFTMAX_LENGTH
from edgeq.numerics.tables import LOGISTIC_U16

ROWS = np.random.default_rng(3).integers(-128, 128, (40, 11)).astype(np.int8)
CODES = np.arange(-128, 128, dtype=np.int8)
ROUNDINGS = (Rounding.GEMMLOWP, Rounding.SINGLE)


def softmax(q: np.ndarray, scale: float) -> np.ndarray:
    """Return the real softmax of the rows."""
    e = np.exp(scale * (q.astype(np.float64) - q.max(axis=-1, keepdims=True)))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("scale", [0.004, 0.03, 0.1, 1.0, 40.0])
def test_softmax_outputs_agree(scale: float, rounding: Rounding) -> None:
    signed = act.softmax_s8(ROWS, scale, np.int8, rounding)
    unsigned = act.softmax_s8((ROWS ^ -128).view(np.uint8), scale, np.uint8, rounding)
    np.testing.assert_array_equal(unsigned.astype(np.int64) - 128, signed)
    wide = act.softmax_s8(ROWS, scale, np.int16, rounding)
    truth = np.minimum(softmax(ROWS, scale) * 65536, 65535) - 32768
    assert np.abs(wide - truth).max() < 2


def test_softmax_of_flat_rows() -> None:
    for length in (1, 2, 3, 511, 513, 1000, 4095, MAX_SOFTMAX_LENGTH):
        y = act.softmax_s8(np.zeros((1, length), np.int8), 0.1)
        expected = min(int(256 / length + 0.5), 255) - 128
        assert np.unique(y).tolist() == [expected]


def test_softmax_errors() -> None:
    row = np.zeros((1, MAX_SOFTMAX_LENGTH + 1), np.int8)
    with pytest.raises(QuantizationError):
        act.softmax_s8(row, 0.1)
    with pytest.raises(QuantizationError):
        act.softmax_s8(ROWS, 2.0**-26)
    with pytest.raises(QuantizationError):
        act.softmax_s8(ROWS, 0.1, np.int32)
    with pytest.raises(QuantizationError):
        act.log_softmax_s8(row[:, : MAX_LOG_SOFTMAX_LENGTH + 1], 0.1)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("scale", [0.004, 0.03, 0.1, 1.0, 40.0])
def test_log_softmax(scale: float, rounding: Rounding) -> None:
    y = act.log_softmax_s8(ROWS, scale, rounding)
    with np.errstate(divide="ignore"):
        truth = np.log(softmax(ROWS, float(np.float32(scale)))) * 16 + 127
    np.testing.assert_array_equal(y, np.clip(np.round(truth), -128, 127))


@pytest.mark.parametrize("scale", [1e-9, 0.002, 0.03, 0.3, 100.0])
@pytest.mark.parametrize("zero", [-128, 0, 127])
def test_sigmoids_s8_are_the_rounded_functions(scale: float, zero: int) -> None:
    x = float(np.float32(scale)) * (CODES.astype(np.float64) - zero)
    logistic = np.round(256.0 / (1.0 + np.exp(-np.clip(x, -700, 700)))) - 128
    np.testing.assert_array_equal(act.logistic_s8(CODES, scale, zero), np.minimum(logistic, 127))
    tanh = np.minimum(np.round(128.0 * np.tanh(x)), 127)
    np.testing.assert_array_equal(act.tanh_s8(CODES, scale, zero), tanh)


def test_sigmoids_s16_near_the_functions() -> None:
    q = np.arange(-32768, 32768)
    for scale in (2.0**-12, 2.0**-11, 1.1e-4, 3.7e-4, 0.01):
        numbers = act.sigmoid_input_s16(scale)
        x = q * float(np.float32(scale))
        logistic = act.logistic_s16(q, *numbers) / 32768 - 1 / (1 + np.exp(-x))
        tanh = act.tanh_s16(q, *numbers) / 32768 - np.tanh(x)
        assert max(np.abs(logistic).max(), np.abs(tanh).max()) < 4e-4


def test_sigmoid_input_s16() -> None:
    assert act.sigmoid_input_s16(2.0**-12) == (3, 0)
    assert act.sigmoid_input_s16(2.0**-10) == (12, 0)
    multiplier, shift = act.sigmoid_input_s16(1e-4)
    assert 16384 <= multiplier <= 32767
    assert abs(multiplier / 2**shift - 1e-4 * 4096 * 3) < 1e-4
    for scale in (0.0, 3.0, float("nan")):
        with pytest.raises(QuantizationError):
            act.sigmoid_input_s16(scale)
    q = np.arange(-32768, 32768)
    np.testing.assert_array_equal(act.tanh_s16(q, 0, 1), act.tanh_s16(q, 6, 0))


def test_table() -> None:
    truth = 65536 / (1 + np.exp(-np.arange(256) / 24))
    assert LOGISTIC_U16[0] == 32768
    assert LOGISTIC_U16[255] == 65535
    assert (np.diff(LOGISTIC_U16.astype(np.int64)) >= 0).all()
    assert np.abs(LOGISTIC_U16 - truth).max() < 1.5
    # No entry depends on the last bits of the exponential.
    assert np.abs(truth % 1 - 0.5).min() > 1e-6


def test_hard_swish_near_the_function() -> None:
    s_in, z_in, s_out, z_out = 0.05, 3, 0.04, -110
    x = s_in * (CODES.astype(np.float64) - z_in)
    truth = np.clip(x * np.clip(x + 3, 0, 6) / 6 / s_out + z_out, -128, 127)
    assert np.abs(act.hard_swish_s8(CODES, s_in, z_in, s_out, z_out) - truth).max() < 1
    with pytest.raises(QuantizationError):
        act.hard_swish_s8(CODES, 1.0, 0, 1 / 512, 0)


def test_l2norm_near_the_function() -> None:
    d = ROWS.astype(np.float64) - 5
    truth = np.clip(128 * d / np.sqrt((d * d).sum(axis=-1, keepdims=True)), -128, 127)
    assert np.abs(act.l2norm_s8(ROWS, 5) - truth).max() <= 1
    assert not act.l2norm_s8(np.full((2, 4), 7, np.int8), 7).any()
