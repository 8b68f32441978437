"""Strips of a convolution: they cover the output, and their lines hold every window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.strips import Strip, strip_of
from edgeq.ops._spatial import Padding
from tests.kernel_harness import one_op_graph
from tests.kernels.neon.layers import conv_case


def strip(x: tuple, kernel: tuple[int, int], most: int, **changes: object) -> Strip:
    case = conv_case(x, 4, kernel, **changes)
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    return strip_of(op, io, most)


@given(
    height=st.integers(1, 40),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    most=st.integers(1, 3000),
)
def test_rows_cover_the_output(
    height: int, kernel: int, stride: int, dilation: int, most: int
) -> None:
    pads = Padding(kernel, kernel, 1, 2)
    changes = {"stride": (stride, 1), "dilation": (dilation, 1), "padding": pads}
    found = strip((1, height, 5, 3), (kernel, 2), most, **changes)
    sizes = found.constants
    rows, strips, out = found.rows, sizes["STRIPS"], sizes["OUT_H"]
    # The last one overlaps that before it, and is needed.
    assert (strips - 1) * rows < out <= strips * rows
    assert sizes["LINES"] == (rows - 1) * stride + (kernel - 1) * dilation + 1
    assert found.codes == sizes["LINES"] * sizes["PITCH"]
    assert found.codes <= most or rows == 1
    assert sizes["LEFT"] + sizes["INSIDE"] + sizes["RIGHT"] == sizes["PITCH"]
    # The last window of a line ends within it.
    assert (sizes["OUT_W"] - 1) * sizes["STEP"] + found.run <= sizes["PITCH"]


def test_taps_that_are_apart_are_runs_of_their_own() -> None:
    near = strip((1, 9, 9, 5), (3, 3), 1000)
    apart = strip((1, 9, 9, 5), (3, 3), 1000, dilation=(1, 2))
    assert (near.joined, near.runs, near.run) == (True, 3, 15)
    assert (apart.joined, apart.runs, apart.run) == (False, 9, 5)


def test_more_padding_than_a_line_needs() -> None:
    sizes = strip((1, 3, 4, 2), (1, 1), 100, stride=(1, 9), padding=Padding(0, 0, 3, 0)).constants
    assert (sizes["LEFT"], sizes["INSIDE"], sizes["RIGHT"]) == (2, 0, 0)


def test_tiles_are_scattered_where_rows_end_inside_them() -> None:
    case = conv_case((1, 8, 6, 3), 4, (1, 1))
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    several, one = strip_of(op, io, 1000), strip_of(op, io, 1)
    assert several.rows == 8 and one.rows == 1
    assert several.is_scattered(op, io, 4) and not several.is_scattered(op, io, 3)
    assert not one.is_scattered(op, io, 4)
