from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.types import DType
from edgeq.kernels.portable.softmax import exponentials
from edgeq.numerics.softmax import SoftmaxInput, softmax_s8
from edgeq.ops.softmax import Softmax
from tests.kernel_harness import check_layer, one_op_graph
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.window_cases import NAMES, check_codes, extremes, litert, random_codes, result

CODES = {
    DType.INT8: (1 / 256, -128),
    DType.UINT8: (1 / 256, 0),
    DType.INT16: (1 / 65536, -32768),
}
TYPES = (
    (DType.INT8, DType.INT8),
    (DType.UINT8, DType.UINT8),
    (DType.INT8, DType.INT16),
    (DType.UINT8, DType.INT16),
)


@pytest.mark.parametrize(("dtype", "out"), TYPES)
def test_equals_litert(dtype, out):
    rng = np.random.default_rng(4)
    for scale in (1e-6, 0.001, 0.0117, 0.1, 0.5, 3.7, 20.0):
        for beta in (1.0, 0.3):
            for shape in ((1, 2), (3, 10), (2, 3, 7), (1, 400)):
                x = coded("x", shape, dtype, scale, int(rng.integers(dtype.min, dtype.max + 1)))
                op = Softmax(**NAMES, beta=float(np.float32(beta)))
                y = result(op, x, out, *CODES[out])
                array = random_codes(rng, x)
                want = litert("SOFTMAX", (x, y), array, SoftmaxOptions={"beta": beta})
                check_codes(op, x, y, array, want, kernel=False)


@pytest.mark.parametrize("numerics", ["tflite-ref", "single"])
@pytest.mark.parametrize("out", [DType.INT8, DType.INT16])
@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (33, 17), (1, 1001), (1, 8191)])
def test_generated_c(shape, out, numerics):
    op = Softmax(**NAMES)
    for scale in (0.0001, 0.11, 40.0):
        x = coded("x", shape, scale=scale)
        y = result(op, x, out, *CODES[out])
        runs = extremes(x, np.random.default_rng(0))
        check_layer(op, {"x": x, "y": y}, runs, numerics=numerics, kernel="portable/softmax_s8")


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("numerics", ["tflite", "xnnpack"])
def test_generated_c_in_float32(numerics, unsigned):
    op = Softmax(**NAMES, unsigned=unsigned)
    for shape, scale in (((1, 1), 0.11), ((33, 17), 0.0001), ((2, 1001), 0.2)):
        x = coded("x", shape, scale=scale)
        y = result(op, x, DType.INT8, *CODES[DType.INT8])
        runs = extremes(x, np.random.default_rng(0))
        kernel = "portable/softmax_f32_s8"
        check_layer(op, {"x": x, "y": y}, runs, numerics=numerics, kernel=kernel)


def test_two_definitions_agree():
    rng = np.random.default_rng(6)
    op = Softmax(**NAMES, beta=0.7)
    for scale in (0.001, 0.05, 1.0):
        x = coded("x", (50, 30), scale=scale)
        array = random_codes(rng, x)
        y = result(op, x, DType.INT8, *CODES[DType.INT8])
        want = softmax_s8(array, 0.7 * x.scale)
        np.testing.assert_array_equal(evaluate(op, (x, y), [array]), want)


@given(st.integers(-128, 127), st.integers(1, 40))
def test_equal_values_share_alike(code, length):
    op = Softmax(**NAMES)
    x = coded("x", (length,))
    y = result(op, x, DType.INT16, *CODES[DType.INT16])
    got = evaluate(op, (x, y), [np.full(length, code, np.int8)])
    exact = min(65536 / length - 32768, 32767)
    assert len(set(got.tolist())) == 1
    assert abs(got[0] - exact) <= 1


def test_table_holds_every_exponential_that_is_not_zero():
    numbers = SoftmaxInput.of(0.5)
    exps = exponentials(numbers, 1000)
    assert exps is not None
    assert len(exps) == 2 - numbers.diff_min
    assert (exps[:-1] > 0).all()
    assert exps[-1] == 0
    assert exponentials(numbers, len(exps)) is None


@pytest.mark.parametrize(
    ("out", "scale", "zero"),
    [(DType.INT8, 1 / 128, -128), (DType.INT8, 1 / 256, 0), (DType.UINT8, 1 / 256, 0)],
)
def test_refuses_other_outputs(out, scale, zero):
    op = Softmax(**NAMES)
    x = coded("x", (2, 3))
    with pytest.raises(ModelError, match="output"):
        one_op_graph(op, {"x": x, "y": result(op, x, out, scale, zero)})


@pytest.mark.parametrize(("length", "scale"), [(8192, 0.1), (8, 1e-9)])
def test_refuses_what_does_not_fit(length, scale):
    op = Softmax(**NAMES)
    x = coded("x", (length,), scale=scale)
    with pytest.raises(QuantizationError):
        one_op_graph(op, {"x": x, "y": result(op, x, DType.INT8, *CODES[DType.INT8])})


def test_float_rows_add_up_to_one():
    op = Softmax(**NAMES, beta=2.0)
    x = coded("x", (1, 2), DType.FLOAT32)
    got = evaluate(op, (x, result(op, x)), [np.array([[0.0, 0.0]], np.float32)])
    assert got.tolist() == [[0.5, 0.5]]
