from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Tensor
from edgeq.ir.types import DType
from edgeq.ops._resize import Grid, nearest
from edgeq.ops.resize_nearest import ResizeNearest
from tests.kernel_harness import check_layer, one_op_graph
from tests.ops.elementwise_cases import coded
from tests.ops.window_cases import NAMES, check_codes, litert, random_codes, result

SIZES = (
    ((4, 4), (8, 8)),
    ((5, 7), (13, 17)),
    ((9, 9), (4, 5)),
    ((3, 3), (1, 1)),
    ((1, 1), (3, 4)),
    ((10, 3), (14, 23)),
    ((7, 11), (100, 90)),
)
CORNERS = ((False, False), (True, False), (False, True), (True, True))


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize("corners", CORNERS)
def test_equals_litert_and_generated_c(corners, dtype):
    rng = np.random.default_rng(7)
    align, half = corners
    for image, size in SIZES:
        x = coded("x", (1, *image, 5), dtype, 0.1, 3)
        op = ResizeNearest(**NAMES, size=size, align_corners=align, half_pixel_centers=half)
        y = result(op, x)
        sizes = Tensor("size", (2,), DType.INT32, data=np.array(size, np.int32))
        options = {"align_corners": align, "half_pixel_centers": half}
        array = random_codes(rng, x)
        want = litert(
            "RESIZE_NEAREST_NEIGHBOR",
            (x, sizes, y),
            array,
            version=3,
            ResizeNearestNeighborOptions=options,
        )
        check_codes(op, x, y, array, want, kernel=dtype is DType.INT8)


@pytest.mark.parametrize("dtype", [DType.UINT8, DType.INT16, DType.INT32, DType.FLOAT32])
@pytest.mark.parametrize(
    ("size", "kernel"),
    [((6, 10), "resize_repeat"), ((3, 15), "resize_repeat"), ((5, 7), "resize_nearest")],
)
def test_generated_c_of_any_type(size, kernel, dtype):
    x = Tensor("x", (2, 3, 5, 17), dtype)
    op = ResizeNearest(**NAMES, size=size)
    array = np.random.default_rng(0).integers(0, 100, x.shape).astype(dtype.numpy)
    tensors = {"x": x, "y": result(op, x)}
    check_layer(op, tensors, [(array,)], kernel=f"portable/{kernel}")


@given(st.integers(1, 50), st.integers(1, 200), st.booleans(), st.booleans())
def test_sources_are_in_order_and_inside(extent, size, align, half):
    sources = nearest(Grid(extent, size, align, half))
    assert len(sources) == size
    assert (np.diff(sources) >= 0).all()
    assert sources.min() >= 0
    assert sources.max() < extent


@pytest.mark.parametrize("size", [(0, 3), (3,)])
def test_refuses_sizes(size):
    x = coded("x", (1, 2, 2, 1))
    with pytest.raises(ModelError, match="size"):
        one_op_graph(ResizeNearest(**NAMES, size=size), {"x": x, "y": coded("y", (1, 3, 3, 1))})
