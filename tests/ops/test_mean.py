from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError, UnsupportedError
from edgeq.ir.graph import Tensor
from edgeq.ir.types import DType
from edgeq.kernels.portable.reduction import groups
from edgeq.ops.mean import Mean
from tests.kernel_harness import check_layer, compile_layer, one_op_graph
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.window_cases import NAMES, check_codes, extremes, litert, random_codes, result

# Shape, axes, keep_dims.
CASES = (
    ((1, 7, 7, 33), (1, 2), True),
    ((1, 17, 31, 3), (1, 2), False),
    ((8, 5, 6), (1,), False),
    ((64, 12), (1,), True),
    ((3, 4, 5, 6), (0, 3), False),
    ((2, 3, 4, 5), (1, 3), False),
    ((2, 3, 4, 5), (0, 2), True),
    ((2, 3, 4, 5), (0, 1, 2, 3), False),
    ((6, 5), (0,), False),
    ((3, 4), (), False),
)
SCALES = ((0.1, 0.1), (0.02, 0.013), (4.0, 0.5), (0.5, 1e-5), (1e-7, 1.0), (1e-11, 1.0))


def axes_tensor(axes: tuple[int, ...]) -> Tensor:
    return Tensor("axes", (len(axes),), DType.INT32, data=np.array(axes, np.int32))


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize("case", CASES)
def test_equals_litert_and_generated_c(case, dtype):
    rng = np.random.default_rng(3)
    shape, axes, keep = case
    op = Mean(**NAMES, axes=axes, keep_dims=keep)
    for number, (x_scale, y_scale) in enumerate(SCALES):
        zeros = rng.integers(dtype.min, dtype.max + 1, 2).tolist()
        x = coded("x", shape, dtype, x_scale, zeros[0])
        y = result(op, x, dtype, y_scale, zeros[1])
        spread = rng.integers(-2, 3, shape) + zeros[0]
        near = np.clip(spread, dtype.min, dtype.max).astype(dtype.numpy)
        for array in (random_codes(rng, x), near):
            options = {"keep_dims": keep}
            want = litert("MEAN", (x, axes_tensor(axes), y), array, ReducerOptions=options)
            kernel = number == 1 and dtype is DType.INT8
            check_codes(op, x, y, array, want, kernel=kernel)


@pytest.mark.parametrize("channels", [1, 8, 15, 16, 17, 33, 130])
def test_generated_c_at_vector_lengths(channels):
    op = Mean(**NAMES, axes=(1, 2))
    x = coded("x", (2, 17, 16, channels), scale=0.3, zero=127)
    y = result(op, x, DType.INT8, 0.1, -128)
    check_layer(op, {"x": x, "y": y}, extremes(x, np.random.default_rng(channels)))


@pytest.mark.parametrize("numerics", ["gemmlowp", "single", "tflite-ref"])
def test_generated_c_of_each_profile(numerics):
    op = Mean(**NAMES, axes=(1,))
    x = coded("x", (3, 12, 5), scale=0.3)
    y = result(op, x, DType.INT8, 0.1, 4)
    runs = extremes(x, np.random.default_rng(0))
    check_layer(op, {"x": x, "y": y}, runs, numerics=numerics, kernel="portable/mean_s8")


def test_groups_alternate_between_kept_and_reduced():
    assert groups((2, 3, 4, 5, 6), (0, 2, 4)) == (1, 2, 3, 4, 5, 6, 1)
    assert groups((1, 7, 1, 4), (1,)) == (1, 7, 4)


def test_refuses_three_separate_groups():
    op = Mean(**NAMES, axes=(0, 2, 4))
    x = coded("x", (2, 3, 2, 3, 2))
    graph = one_op_graph(op, {"x": x, "y": result(op, x)})
    with pytest.raises(UnsupportedError, match="mean"):
        compile_layer(graph)


@pytest.mark.parametrize("axes", [(2,), (-1,), (0, 0)])
def test_refuses_axes(axes):
    x = coded("x", (2, 3))
    op = Mean(**NAMES, axes=axes)
    with pytest.raises(ModelError, match="axes"):
        one_op_graph(op, {"x": x, "y": coded("y", (3,))})


def test_float_mean():
    op = Mean(**NAMES, axes=(0,))
    x = coded("x", (4, 2), DType.FLOAT32)
    array = np.arange(8, dtype=np.float32).reshape(4, 2)
    assert evaluate(op, (x, result(op, x)), [array]).tolist() == [3.0, 4.0]
