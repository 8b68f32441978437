"""The sizes by which windows are gathered: nothing is read or written outside of anything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.neon.windows import VECTOR, Windows, conv2d_windows, matrix_windows
from edgeq.ops._spatial import Padding
from tests.kernel_harness import one_op_graph
from tests.kernels.neon.layers import conv_case

small = st.integers(1, 4)
paddings = st.builds(Padding, *[st.integers(0, 3)] * 4)


def windows_of(
    x: tuple[int, ...], kernel: tuple[int, int], tile: int, overlap: bool, **op: object
) -> Windows:
    case = conv_case(x, 3, kernel, **op)
    ((lowered, io),) = one_op_graph(case.op, case.tensors).walk()
    tile = min(tile, io.y.elements // 3)
    return conv2d_windows(lowered, io, tile=tile, multiple=8, overlap=overlap)


@given(
    size=st.tuples(st.integers(1, 2), *[st.integers(5, 40)] * 2, st.integers(1, 9)),
    kernel=st.tuples(small, small),
    stride=st.tuples(small, small),
    padding=paddings,
    tile=st.sampled_from([1, 2, 4, 8]),
    overlap=st.booleans(),
)
def test_blocks_of_windows_fit_their_memory(
    size: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Padding,
    tile: int,
    overlap: bool,
) -> None:
    found = windows_of(size, kernel, tile, overlap, stride=stride, padding=padding)
    k = found.constants
    pixels = k["PIXELS"] if "PIXELS" in k else k["IMAGES"] * k["OUT_H"] * k["OUT_W"]
    tile = min(tile, pixels)
    assert k["BLOCK"] >= tile and ("TILE" in k) == overlap
    if found.mode == "direct":
        assert found.scratch is None and k["DEPTH"] % 8 == 0
        return
    assert found.scratch is not None
    spare = found.scratch.elements - k["BLOCK"] * k["DEPTH"]
    assert 0 <= k["DEPTH"] - k["WINDOW"] < 8 and spare >= VECTOR
    assert k["BLOCK"] % tile == 0 or found.mode == "strip" or k["BLOCK"] == k["PIXELS"]
    if found.mode == "strip":
        columns = (k["OUT_W"] - 1) * k["STRIDE_W"] + k["SPAN_W"]
        last_row = (k["ROWS"] - 1) * k["STRIDE_H"] + k["SPAN_H"]
        assert k["ROWS"] <= k["OUT_H"] and last_row == k["STRIP_H"]
        assert columns * k["IN_C"] == k["STRIP_W"]
        assert k["PAD_LEFT"] * k["IN_C"] + k["LINE"] <= k["STRIP_W"]
        assert k["LINE"] <= k["IN_W"] * k["IN_C"]
        # The last vector read begins where the last run of the last window does.
        end = k["STRIP"] + k["STRIP_H"] * k["STRIP_W"] - k["RUN"] + VECTOR
        assert end <= found.scratch.elements


@given(pixels=st.integers(1, 3000), window=st.integers(1, 60))
def test_whole_vectors_are_read_where_they_fit(pixels: int, window: int) -> None:
    found = matrix_windows(pixels, window, tile=1, multiple=16)
    if found.mode == "rows":
        safe = found.constants["SAFE"]
        assert safe == 0 or (safe - 1) * window + VECTOR <= pixels * window
        assert safe * window + VECTOR > pixels * window or safe == pixels
    else:
        assert window % 16 == 0


def test_short_runs_take_strips_and_long_ones_do_not() -> None:
    assert windows_of((1, 9, 9, 3), (3, 3), 4, False).mode == "strip"
    assert windows_of((1, 9, 9, 16), (3, 3), 4, False).mode == "general"
    assert windows_of((1, 9, 9, 16), (1, 1), 4, False).mode == "direct"
    assert windows_of((1, 9, 9, 12), (1, 1), 4, False).mode == "rows"
