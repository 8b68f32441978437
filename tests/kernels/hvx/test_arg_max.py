"""HVX arg-max against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.types import DType
from edgeq.kernels.hvx.arg_max import spread
from edgeq.ops.arg_max import ArgMax
from edgeq.targets import Target
from tests.kernel_harness import Case
from tests.kernels.hvx.forms import check, each_form
from tests.ops.elementwise_cases import by_name, coded
from tests.ops.window_cases import result

ROW = "hvx/arg_max_s8"


def arg_max(
    length: int, rows: int, out: DType = DType.INT32, dtype: DType = DType.INT8, row: str = ROW
) -> Case:
    rng = np.random.default_rng(length)
    x = coded("x", (rows, length), dtype)
    op = ArgMax(inputs=("x",), outputs=("y",), axis=1)
    wide = rng.integers(dtype.min, dtype.max + 1, x.shape)
    crowded = rng.integers(-1, 1, x.shape) + dtype.max
    low = np.maximum(rng.integers(-20, 2, x.shape), 0) + dtype.min
    runs = [[array.astype(dtype.numpy)] for array in (wide, crowded, low)]
    return Case(op, by_name(x, result(op, x, out)), runs, row)


@each_form
def test_lengths_and_rows(form: Target) -> None:
    cases = [arg_max(length, 131) for length in (2, 3, 15, 16, 17, 21, 31, 32)]
    cases += [arg_max(21, rows, out=DType.INT64) for rows in (64, 65, 127, 128, 129, 260)]
    cases += [
        arg_max(33, 130, row="portable/arg_max_8"),
        arg_max(21, 63, row="portable/arg_max_8"),
        arg_max(21, 130, dtype=DType.UINT8, row="portable/arg_max_8"),
    ]
    check(cases, form)


@pytest.mark.parametrize("length", range(2, 33))
def test_rows_are_spread(length: int) -> None:
    controls = spread(length)
    found = np.arange(128)
    for distance in (64, 32, 16, 8, 4, 2, 1):
        found = np.where(controls & distance, found[np.arange(128) ^ distance], found)
    want = np.arange(4)[:, None] * length + np.arange(length)
    np.testing.assert_array_equal(found.reshape(4, 32)[:, :length], want)
