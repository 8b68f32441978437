from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.verify import verify
from edgeq.ops.pad import Pad
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split
from edgeq.reference import run
from tests.frontends.tflite.one_op import OneOp, ints


def reshape(*shape: int) -> OneOp:
    return OneOp().x(2, 6).const(ints(*shape)).y(3, 4)


def test_a_reshape_takes_the_shape_of_its_output() -> None:
    for model in (OneOp().x(2, 6).y(3, 4), reshape(3, 4), reshape(-1, 4), reshape(0)):
        op = model.op("RESHAPE")
        assert isinstance(op, Reshape) and op.shape == (3, 4)


@pytest.mark.parametrize("shape", [(4, 3), (-1, -1), (-1, 0), (3, 4, 1), (2**31 - 1, -1)])
def test_a_reshape_whose_operand_says_otherwise(shape: tuple[int, ...]) -> None:
    assert f"output has shape (3, 4), expected {shape}" in str(reshape(*shape).refusal("RESHAPE"))


def test_dimensions_of_one_come_and_go() -> None:
    assert OneOp().x(1, 6, 1).y(6).op("SQUEEZE").outputs == ("y0",)
    op = OneOp().x(2, 6).const(ints(-2)).y(2, 1, 6).op("EXPAND_DIMS")
    assert isinstance(op, Reshape) and op.shape == (2, 1, 6)
    assert "dimension 3 of 3" in str(
        OneOp().x(2, 6).const(ints(3)).y(2, 6, 1).refusal("EXPAND_DIMS")
    )


SLICES = st.tuples(
    st.integers(-7, 7),
    st.integers(-7, 7),
    st.integers(-3, 3).filter(bool),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(SLICES, min_size=1, max_size=2), st.integers(0, 3), st.booleans())
def test_a_strided_slice_is_that_of_python(
    cuts: list[tuple[int, int, int, bool, bool]], shrink: int, relative: bool
) -> None:
    array = np.arange(30, dtype=np.int8).reshape(6, 5)
    begins, ends, strides, no_begin, no_end = zip(*cuts, strict=True)
    index = tuple(
        (0 if no_begin[i] else begins[i])
        if shrink >> i & 1
        else slice(
            None if no_begin[i] else begins[i],
            None if no_end[i] else ends[i],
            strides[i],
        )
        for i in range(len(cuts))
    )
    try:
        expected = array[index]
    except IndexError:
        expected = np.empty(0)
    given_ends = [end - begins[i] if relative else end for i, end in enumerate(ends)]
    options = {
        "begin_mask": sum(mask << i for i, mask in enumerate(no_begin)),
        "end_mask": sum(mask << i for i, mask in enumerate(no_end)),
        "shrink_axis_mask": shrink,
        "offset": relative,
    }
    model = OneOp().x(6, 5)
    for values in (begins, given_ends, strides):
        model.const(ints(*values))
    data = model.y(*expected.shape).data("STRIDED_SLICE", StridedSliceOptions=options)
    try:
        graph = verify(read_tflite(data, "m"))
    except EdgeqError:
        backwards = any(shrink >> i & 1 and step < 0 for i, step in enumerate(strides))
        assert expected.size == 0 or backwards
        return
    np.testing.assert_array_equal(run(graph, [array])[0], expected)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (((0, 0), (2, 2), (0, 1)), {}, "has a stride of 0"),
        (((0, 0), (2, 2), (-1, 1)), {"shrink_axis_mask": 1}, "and a stride below 0 there"),
        (((0, 0), (2, 2), (1, 1)), {"ellipsis_mask": 3}, "has several ellipses"),
        (((0, 0), (2,), (1, 1)), {}, "2 begins, 1 ends, 2 strides"),
        (((0, 0, 0), (2, 2, 2), (1, 1, 1)), {}, "begins, ends and strides of 3 dimensions for 2"),
        (((3, 0), (2, 2), (1, 1)), {}, "elements 3 to 2 of 6 are none"),
        (((9, 0), (2, 2), (1, 1)), {"shrink_axis_mask": 1}, "dimension 9 of 6"),
    ],
)
def test_other_slices(values: Any, options: dict[str, Any], message: str) -> None:
    model = OneOp().x(6, 5)
    for vector in values:
        model.const(ints(*vector))
    found = model.y(2, 2).refusal("STRIDED_SLICE", StridedSliceOptions=options)
    assert message in str(found)


def test_a_slice_to_the_end() -> None:
    op = OneOp().x(6, 5).const(ints(2, 0)).const(ints(-1, 3)).y(4, 3).op("SLICE")
    assert isinstance(op, Slice) and (op.begin, op.size) == ((2, 0), (4, 3))
    far = OneOp().x(6).const(np.array([2**62])).const(ints(-1)).y(4).refusal("SLICE")
    assert isinstance(far, ModelError)


def test_parameters_that_are_computed_are_unsupported() -> None:
    error = OneOp().x(6).x(1, dtype="int32").const(ints(-1)).y(4).refusal("SLICE")
    assert "SLICE with begins that are computed at run time x1: op[0] 'y0'" in str(error)


def test_long_parameters_are_refused_unread() -> None:
    error = OneOp().x(6).const(np.zeros(1 << 20, np.int32)).const(ints(1)).y(4).refusal("SLICE")
    assert "1048576 begins, expected 64 at most" in str(error)


def test_splits() -> None:
    op = OneOp().const(ints(-1)).x(4, 6).y(4, 3).y(4, 3).op("SPLIT", SplitOptions={"num_splits": 2})
    assert isinstance(op, Split) and (op.axis, op.sizes, op.inputs) == (1, (3, 3), ("x1",))
    op = OneOp().x(4, 6).const(ints(1, -1)).const(ints(1)).y(4, 1).y(4, 5).op("SPLIT_V")
    assert isinstance(op, Split) and op.sizes == (1, 5)
    uneven = OneOp().const(ints(1)).x(4, 5).y(4, 3).y(4, 2).refusal("SPLIT")
    assert "5 elements in 2 equal pieces" in str(uneven)
    fewer = OneOp().x(4, 6).const(ints(6)).const(ints(1)).y(4, 3).y(4, 3).refusal("SPLIT_V")
    assert "1 sizes for 2 outputs" in str(fewer)
    none = OneOp().const(ints(1)).x(4, 6).refusal("SPLIT")
    assert "has 2 inputs and 0 outputs" in str(none)


def test_pads_hold_the_zero_point_of_the_output() -> None:
    model = OneOp().x(2, zero_point=5).const([[1, 0]]).y(3, zero_point=5)
    op = model.op("PAD")
    assert isinstance(op, Pad) and (op.paddings, op.value) == (((1, 0),), 5)
    model = OneOp().x(2).const([[1, 0]]).const(np.int8([9]), scale=0.5).y(3)
    op = model.op("PADV2")
    assert isinstance(op, Pad) and op.value == 9
    real = OneOp().x(2, dtype="float32").const([[1, 0]]).const(np.float32([-1.5]))
    op = real.y(3, dtype="float32").op("PADV2")
    assert isinstance(op, Pad) and op.value == -1.5
    other = OneOp().x(2).const([[1, 0]]).const(np.int8([9]), scale=0.25).y(3).refusal("PADV2")
    assert isinstance(other, UnsupportedError)


def test_pads_are_bounded() -> None:
    huge = OneOp().x(2).const(np.array([[0, 2**40]])).y(3).refusal("PAD")
    assert "output has shape (3,), the operation gives (1099511627778,)" in str(huge)
    assert "3 paddings for 1" in str(OneOp().x(2).const([1, 0, 0]).y(3).refusal("PAD"))
    assert "is negative" in str(OneOp().x(2).const([[-1, 2]]).y(3).refusal("PAD"))


def test_concatenation() -> None:
    options = {"axis": -1}
    op = OneOp().x(1, 2).x(1, 3).y(1, 5).op("CONCATENATION", ConcatenationOptions=options)
    assert op.inputs == ("x0", "x1")
    fused = {"axis": 1, "fused_activation_function": "RELU"}
    error = OneOp().x(1, 2).x(1, 3).y(1, 5).refusal("CONCATENATION", ConcatenationOptions=fused)
    assert isinstance(error, UnsupportedError)
    for axis in (2, -3, 2**31 - 1):
        model = OneOp().x(1, 2).x(1, 3).y(1, 5)
        error = model.refusal("CONCATENATION", ConcatenationOptions={"axis": axis})
        assert f"dimension {axis} of 2" in str(error)
    absent = OneOp().x(1, 2).none().y(1, 2).refusal("CONCATENATION")
    assert "a required input is absent" in str(absent)
