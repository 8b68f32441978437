"""The index of the largest code against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.types import DType
from edgeq.ops.arg_max import ArgMax
from edgeq.plan.select import select
from edgeq.targets import target
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded
from tests.ops.window_cases import result

ROW = "aarch64/arg_max_8"


def arg_max(length: int, dtype: DType, out: DType, axis: int = 1) -> Case:
    rng = np.random.default_rng(length)
    x = coded("x", (37, length) if axis else (length, 3), dtype)
    op = ArgMax(inputs=("x",), outputs=("y",), axis=axis)
    wide = rng.integers(dtype.min, dtype.max + 1, x.shape)
    crowded = rng.integers(-2, 1, x.shape) + dtype.max
    crowded = np.minimum(crowded, dtype.max)
    ends = [np.full(x.shape, end) for end in (dtype.min, dtype.max)]
    runs = [[array.astype(dtype.numpy)] for array in (wide, crowded, *ends)]
    return Case(op, by_name(x, result(op, x, out)), runs, ROW)


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
def test_lengths_round_the_vectors(dtype: DType) -> None:
    lengths = (16, 17, 21, 31, 32, 33, 48, 49, 63, 64)
    outs = (DType.INT32, DType.INT64)
    check_layers([arg_max(n, dtype, out) for n in lengths for out in outs], target("aarch64"))


@pytest.mark.parametrize(("length", "axis"), [(15, 1), (65, 1), (20, 0)])
def test_what_it_does_not_take_stays_portable(length: int, axis: int) -> None:
    found = arg_max(length, DType.INT8, DType.INT32, axis)
    [(lowered, io)] = one_op_graph(found.op, found.tensors).walk()
    row = select(lowered, io, ("aarch64", "portable"))
    assert row is not None and row.id.startswith("portable/")
