"""Logistic and tanh of int16 codes: C, NumPy and LiteRT on every code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgeq import _fixed_point as c
from edgeq.ir.types import DType
from edgeq.numerics import activations as act
from edgeq.numerics.tables import LOGISTIC_U16
from tests.litert import run_litert
from tests.numerics.exact import ALL_S16
from tests.ops.elementwise_cases import coded, tflite

FUNCTIONS = {
    "LOGISTIC": (act.logistic_s16, c.logistic_s16),
    "TANH": (act.tanh_s16, c.tanh_s16),
}
# Powers of two on both sides of 2^-12, the ends of what is accepted, and what lies between.
SCALES = (
    *(2.0**e for e in range(-20, 3)),
    *(1e-9, 3.05e-5, 1e-4, 2.4e-4, 7.3e-4, 0.01, 0.3, 1.0 / 3.0, 1.7, 2.66),
)


@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("scale", SCALES)
def test_every_code(kind: str, scale: float) -> None:
    reference, compiled = FUNCTIONS[kind]
    numbers = act.sigmoid_input_s16(scale)
    mine = reference(ALL_S16, *numbers)
    np.testing.assert_array_equal(compiled(ALL_S16, *numbers, LOGISTIC_U16), mine)
    shape = ALL_S16.shape
    x = coded("x", shape, DType.INT16, scale)
    y = coded("y", shape, DType.INT16, 2.0**-15)
    np.testing.assert_array_equal(mine, run_litert(tflite(kind, (x, y)), [ALL_S16])[0])


@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("numbers", [(1, 0), (65535, 0), (32767, 1), (32767, 31), (16384, 31)])
def test_ends_of_the_numbers(kind: str, numbers: tuple[int, int]) -> None:
    reference, compiled = FUNCTIONS[kind]
    mine = reference(ALL_S16, *numbers)
    np.testing.assert_array_equal(compiled(ALL_S16, *numbers, LOGISTIC_U16), mine)


@pytest.mark.parametrize("function", [c.logistic_s16, c.tanh_s16])
def test_a_short_table_is_refused(function: Callable) -> None:
    with pytest.raises(ValueError, match="256"):
        function(ALL_S16, 3, 0, LOGISTIC_U16[:-1])
