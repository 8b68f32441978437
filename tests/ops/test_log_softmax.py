from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.types import DType
from edgeq.numerics.softmax import log_softmax_s8
from edgeq.ops._float_math import exp_f32, log_f32
from edgeq.ops.log_softmax import LogSoftmax
from tests.kernel_harness import check_layer, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import coded
from tests.ops.window_cases import NAMES, check_codes, extremes, litert, result

SHAPES = ((1, 2), (3, 10), (2, 3, 7), (1, 400), (4, 2, 3, 4))
SCALES = (1e-6, 0.001, 0.0117, 0.1, 1.0, 20.0)
OP = LogSoftmax(**NAMES)


@pytest.mark.parametrize("scale", SCALES)
def test_equals_litert(scale):
    rng = np.random.default_rng(5)
    for shape in SHAPES:
        for top in (3, 40, 256):
            x = coded("x", shape, scale=scale, zero=int(rng.integers(-128, 128)))
            y = result(OP, x, DType.INT8, 1 / 16, 127)
            array = (rng.integers(0, top, shape) - 128).astype(np.int8)
            want = litert("LOG_SOFTMAX", (x, y), array, LogSoftmaxOptions={})
            check_codes(OP, x, y, array, want, kernel=False)
            np.testing.assert_array_equal(log_softmax_s8(array, x.scale), want)


@pytest.mark.parametrize("numerics", ["tflite-ref", "single"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 10), (33, 17), (1, 4095)])
def test_generated_c(shape, numerics):
    for scale in (0.0001, 0.11, 40.0):
        x = coded("x", shape, scale=scale)
        y = result(OP, x, DType.INT8, 1 / 16, 127)
        runs, kernel = extremes(x, np.random.default_rng(1)), "portable/log_softmax_s8"
        check_layer(OP, {"x": x, "y": y}, runs, numerics=numerics, kernel=kernel)


def test_float_equals_the_layer_of_a_trained_network(shared):
    model = (shared / "models" / "mcu_ptq_mnist_lenet-300-100.tflite").read_bytes()
    golden = np.load(shared / "goldens" / "mcu_ptq_mnist_lenet-300-100.npz")
    x = coded("x", (1, 10), DType.FLOAT32)
    for image, logits in zip(golden["input0"], golden["output0"], strict=True):
        _, tensors = run_litert(model, [image], tensors=True)
        (codes,) = (a for a in tensors.values() if a.dtype == np.float32 and _before(a, logits))
        check_codes(OP, x, result(OP, x), codes, logits)


def _before(array: np.ndarray, logits: np.ndarray) -> bool:
    return array.shape == logits.shape and not np.array_equal(array, logits)


@pytest.mark.parametrize("shape", [(1, 1), (7, 33), (2, 3, 4)])
def test_float_generated_c(shape):
    rng = np.random.default_rng(8)
    x = coded("x", shape, DType.FLOAT32)
    scales = np.array([1e-9, 0.1, 3.0, 40.0, 1e30], np.float32)
    runs = [(rng.standard_normal(shape).astype(np.float32) * scale,) for scale in scales]
    check_layer(OP, {"x": x, "y": result(OP, x)}, runs, kernel="portable/log_softmax_f32")


@given(st.floats(-110, 0, width=32))
def test_float_exponential_is_rounded_correctly(x):
    wide = np.float64(np.float32(x))
    assert exp_f32(np.array([x], np.float32))[0] == np.exp(wide).astype(np.float32)


@given(st.floats(1, 2**20, width=32))
def test_float_logarithm_is_rounded_correctly(x):
    assert log_f32(np.array([x], np.float32))[0] == np.log(np.float64(x)).astype(np.float32)


def test_refuses_uint8():
    x = coded("x", (2, 3), DType.UINT8)
    with pytest.raises(ModelError, match="int8"):
        one_op_graph(OP, {"x": x, "y": result(OP, x, DType.UINT8, 1 / 16, 255)})
