from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.hard_swish import HardSwish
from tests.kernel_harness import check_layer, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import (
    all_codes,
    by_name,
    coded,
    evaluate,
    random_codes,
    scales,
    tflite,
    zeros,
)

TYPES = (DType.INT8, DType.UINT8)
OP = HardSwish(inputs=("x",), outputs=("y",))


@pytest.mark.parametrize("dtype", TYPES)
@given(st.data())
@settings(max_examples=150)
def test_equals_litert(dtype: DType, data: st.DataObject) -> None:
    codes = all_codes(dtype)
    x = coded("x", (256,), dtype, data.draw(scales(1e-4, 4.0)), data.draw(zeros(dtype)))
    # The reference needs an output scale above 1/128 of the input's.
    y_scale = x.scale * data.draw(scales(0.01, 20.0))
    y = coded("y", (256,), dtype, y_scale, data.draw(zeros(dtype)))
    model = tflite("HARD_SWISH", (x, y), HardSwishOptions={})
    expected = run_litert(model, [codes])[0]
    np.testing.assert_array_equal(evaluate(OP, (x, y), [codes]), expected)


@pytest.mark.parametrize("shape", [(1,), (17,), (16, 16)])
def test_kernel(shape: tuple[int, ...]) -> None:
    x, y = coded("x", shape, scale=0.05, zero=-11), coded("y", shape, scale=0.04, zero=-100)
    runs = [[random_codes(np.random.default_rng(seed), x)] for seed in range(5)]
    check_layer(OP, by_name(x, y), runs, kernel="portable/lookup_s8")


def test_float() -> None:
    found = by_name(*(coded(name, (5,), DType.FLOAT32) for name in "xy"))
    io = Graph("g", found, (OP,), ("x",), ("y",)).operands(OP)
    (y,) = OP.evaluate_float(io, [np.array([-4, -3, 0, 3, 8], np.float32)])
    assert y.dtype == np.float32
    assert y.tolist() == [0, 0, 0, 3, 8]


def test_an_output_scale_far_finer_than_the_input() -> None:
    found = by_name(coded("x", (4,), scale=1.0), coded("y", (4,), scale=1 / 200))
    with pytest.raises(QuantizationError, match="finer"):
        one_op_graph(OP, found)
