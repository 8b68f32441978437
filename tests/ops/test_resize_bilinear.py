from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.emit.project import sources
from edgeq.errors import ModelError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import profile
from edgeq.ir.types import DType
from edgeq.ops._resize import Grid, fixed_taps, float_taps
from edgeq.ops.resize_bilinear import Interpolation, ResizeBilinear, float_interpolation
from edgeq.plan.plan import plan
from edgeq.targets import target
from tests.kernel_harness import check_layer, one_op_graph
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.window_cases import NAMES, check_codes, extremes, litert, random_codes, result

SIZES = (
    ((4, 4), (8, 8)),
    ((4, 4), (12, 12)),
    ((5, 7), (13, 17)),
    ((9, 9), (4, 5)),
    ((3, 3), (1, 1)),
    ((1, 1), (3, 4)),
    ((6, 6), (5, 5)),
    ((10, 3), (14, 23)),
    ((31, 33), (64, 64)),
    ((7, 11), (100, 90)),
)
CORNERS = ((False, False), (True, False), (False, True))


def resize(size, corners, **fields) -> ResizeBilinear:
    align, half = corners
    return ResizeBilinear(
        **NAMES, size=size, align_corners=align, half_pixel_centers=half, **fields
    )


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize("corners", CORNERS)
def test_equals_litert_and_generated_c(corners, dtype):
    rng = np.random.default_rng(9)
    for number, (image, size) in enumerate(SIZES):
        x = coded("x", (1, *image, 5), dtype, 0.1, 3)
        op = resize(size, corners)
        y = result(op, x)
        sizes = Tensor("size", (2,), DType.INT32, data=np.array(size, np.int32))
        options = {"align_corners": corners[0], "half_pixel_centers": corners[1]}
        array = random_codes(rng, x)
        want = litert(
            "RESIZE_BILINEAR", (x, sizes, y), array, version=3, ResizeBilinearOptions=options
        )
        check_codes(op, x, y, array, want, kernel=number % 2 == 0)


@pytest.mark.parametrize("floats", [False, True])
@pytest.mark.parametrize("channels", [1, 7, 8, 16, 31, 32, 33, 65])
def test_generated_c_at_vector_lengths(channels, floats):
    x = coded("x", (2, 4, 5, channels))
    for size in ((8, 10), (9, 7)):
        op = resize(size, (False, True), float_weights=floats)
        runs = extremes(x, np.random.default_rng(channels))
        inexact = floats and size == (9, 7)
        kernel = "portable/resize_bilinear_f32_s8" if inexact else "portable/resize_bilinear_s8"
        check_layer(op, {"x": x, "y": result(op, x)}, runs, kernel=kernel)


def lowered(op: ResizeBilinear, x: Tensor) -> Interpolation:
    return op.lower(Operands((x,), (result(op, x),)), profile("tflite-ref")).arithmetic


def test_weights_of_doubling_are_short():
    x = coded("x", (1, 13, 13, 32))
    for floats in (False, True):
        numbers = lowered(resize((26, 26), (False, True), float_weights=floats), x)
        assert (numbers.rows.bits, numbers.columns.bits) == (2, 2)
        assert not numbers.in_float
        assert numbers.round_half_up is floats


@given(
    st.integers(1, 20),
    st.sampled_from([1, 2, 3, 4, 5, 8, 16]),
    st.sampled_from(CORNERS),
    st.integers(0, 2**32 - 1),
)
def test_integers_replace_float32_only_where_identical(extent, factor, corners, seed):
    size = extent * factor
    grid = Grid(extent, size, *corners)
    taps = float_taps(grid)
    numbers = float_interpolation(taps, taps)
    x = coded("x", (1, extent, extent, 2), DType.UINT8)
    op = resize((size, size), corners)
    y = result(op, x)
    array = np.random.default_rng(seed).integers(0, 256, x.shape).astype(np.uint8)
    floats = op.with_arithmetic(Interpolation(taps, taps, in_float=True))
    either = op.with_arithmetic(numbers)
    io = Operands((x,), (y,))
    np.testing.assert_array_equal(either.evaluate(io, [array])[0], floats.evaluate(io, [array])[0])
    power_of_two = size & (size - 1) == 0 and extent & (extent - 1) == 0
    assert not (power_of_two and size <= 64 and not corners[0] and numbers.in_float)


@given(st.integers(1, 40), st.integers(1, 100), st.sampled_from(CORNERS))
def test_fixed_weights_are_near_the_position(extent, size, corners):
    grid = Grid(extent, size, *corners)
    taps = fixed_taps(grid)
    assert ((taps.weight >= 0) & (taps.weight <= 1 << taps.bits)).all()
    assert ((taps.upper - taps.lower == 0) | (taps.upper - taps.lower == 1)).all()
    assert taps.lower.min() >= 0
    assert taps.upper.max() < extent
    aligned = corners[0] and size > 1
    scale = Fraction(extent - 1, size - 1) if aligned else Fraction(extent, size)
    for i in range(size):
        exact = (i + Fraction(1, 2)) * scale - Fraction(1, 2) if corners[1] else i * scale
        exact = min(max(exact, Fraction(0)), Fraction(extent - 1))
        found = int(taps.lower[i]) + Fraction(int(taps.weight[i]), 1 << taps.bits)
        assert abs(found - exact) <= Fraction(i + 2, 1 << 10)


def test_positions_beyond_the_image_are_its_last_pixel():
    # 65 * 1024 / 513 rounds up: the last position is 65.0, and the reference reads past the image.
    x = coded("x", (1, 65, 1, 1))
    op = resize((513, 1), (False, False))
    array = np.arange(65, dtype=np.int8).reshape(x.shape)
    got = evaluate(op, (x, result(op, x)), [array])
    assert got.reshape(-1)[-1] == 64


@pytest.mark.parametrize("compiler", list(filter(shutil.which, ["gcc", "clang"])))
def test_no_product_is_fused_with_a_sum(compiler, tmp_path):
    x = coded("x", (1, 4, 5, 16))
    op = resize((9, 7), (False, True), float_weights=True)
    graph = one_op_graph(op, {"x": x, "y": result(op, x)})
    for path, text in sources(plan(graph, target("host"), "0" * 64)).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    # GNU C fuses by default where ISO C does not.
    flags = ["-std=gnu11", "-O3", "-Iinclude", "-Isrc"]
    machine = subprocess.run([compiler, "-dumpmachine"], capture_output=True, text=True).stdout
    flags += ["-mfma"] if machine.startswith("x86_64") else []
    command = [compiler, *flags, "-S", "-o", "-", "src/layer.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "fmadd" not in done.stdout
    assert "fmla" not in done.stdout


def test_refuses_both_corner_modes():
    x = coded("x", (1, 2, 2, 1))
    op = resize((4, 4), (True, True))
    with pytest.raises(ModelError, match="excludes"):
        one_op_graph(op, {"x": x, "y": result(op, x)})


def test_float():
    x = coded("x", (1, 1, 2, 1), DType.FLOAT32)
    op = resize((1, 3), (True, False))
    array = np.array([1.0, 2.0], np.float32).reshape(x.shape)
    got = evaluate(op, (x, result(op, x)), [array])
    assert got.reshape(-1).tolist() == [1.0, 1.5, 2.0]
