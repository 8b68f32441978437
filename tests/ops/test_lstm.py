from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq import reference
from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import profile
from tests.ops.recurrent_cases import (
    check_equals_litert,
    check_equals_tflm,
    check_in_c,
    in_litert,
    lowered,
    random_runs,
)
from tests.ops.recurrent_files import Lstm

CASES = (
    Lstm(),
    Lstm(batch=2, steps=3, depth=19, cells=10, time_major=True, zeros=(115, 65), loud=0.1),
    Lstm(steps=6, depth=33, clip=0.7, zeros=(-52, -101), cell_bits=4, loud=5.0),
    Lstm(batch=3, steps=2, depth=1, cells=1, zeros=(-128, 127), cell_bits=6),
    Lstm(batch=2, steps=2, cells=13, time_major=True, clip=10.0, cell_bits=0, zeros=(127, -128)),
    Lstm(steps=4, cells=6, cell_bits=1, loud=3.0),
    Lstm(depth=8, cells=8, cell_bits=2),
    Lstm(depth=8, cells=8, cell_bits=5, clip=0.01),
)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("case", CASES)
def test_outputs_and_states_equal_litert(case: Lstm, seed: int) -> None:
    graph = check_equals_litert(case.file(seed))
    assert [graph.tensors[state.name].shape for state in graph.states] == [
        (case.batch, case.cells)
    ] * 2


@settings(deadline=None, max_examples=25)
@given(
    st.builds(
        Lstm,
        batch=st.integers(1, 3),
        steps=st.integers(1, 4),
        depth=st.integers(1, 40),
        cells=st.integers(1, 20),
        time_major=st.booleans(),
        clip=st.sampled_from((0.0, 0.5, 6.0, 1e9)),
        zeros=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
        cell_bits=st.integers(0, 6),
        loud=st.sampled_from((0.05, 1.0, 20.0)),
    ),
    st.integers(0, 999),
)
def test_any_lstm_equals_litert_and_tflm(case: Lstm, seed: int) -> None:
    data = case.file(seed)
    check_equals_litert(data, 8)
    check_equals_tflm(data, 8)


@pytest.mark.parametrize("case", [Lstm(batch=1), Lstm(batch=3, depth=5, cells=9)])
def test_the_operator_of_one_step_equals_litert(case: Lstm) -> None:
    graph = check_equals_litert(replace(case, single=True).file())
    assert [op.KIND for op in graph.ops[:3]] == ["reshape", "lstm", "reshape"]


def test_cell_states_saturate() -> None:
    data = CASES[4].file()
    states = [state for _, (state,) in in_litert(data, random_runs(lowered(data), 20), ["c"])]
    assert np.max(states) == 32767
    assert np.min(states) == -32767  # clipped there


def test_a_bound_below_half_a_code_clips_in_the_micro_runtime_only() -> None:
    case = Lstm(clip=2.0**-20)
    check_equals_litert(case.file())
    check_equals_tflm(case.file())
    bounds = [lowered(case.file(), name).ops[0].arithmetic.clip for name in ("tflite-ref", "tflm")]
    assert bounds == [None, 0]


@pytest.mark.parametrize("case", CASES)
def test_c_equals_the_reference(case: Lstm) -> None:
    check_in_c(case.file(), "lstm_s8")


@pytest.mark.parametrize("case", CASES[1:])
def test_c_equals_the_reference_of_the_micro_runtime(case: Lstm) -> None:
    check_in_c(case.file(), "lstm_s8", "tflm")


def test_a_sequence_in_one_run_equals_its_steps_in_many() -> None:
    whole, single = Lstm(steps=6, cells=9), Lstm(cells=9)
    graph, step = lowered(whole.file()), lowered(single.file())
    ((x,),) = random_runs(graph, 1)
    expected = reference.run(graph, [x])[0]
    runs = [[x[:, t : t + 1]] for t in range(6)]
    found = [tensors["y"] for tensors in reference.run_sequence(step, runs)]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), expected)


def _changed(**changes: dict) -> tuple[object, Operands]:
    op, io = next(lowered(Lstm().file()).walk())
    ins = [replace(tensor, **changes.get(f"in{i}", {})) for i, tensor in enumerate(io.ins)]
    outs = [replace(tensor, **changes.get(f"out{i}", {})) for i, tensor in enumerate(io.outs)]
    return replace(op, **changes.get("op", {})), Operands(tuple(ins), tuple(outs))


COARSE = lowered(Lstm(cell_bits=4).file()).tensors["c"].quant


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in0": {"shape": (1, 7)}}, "input has shape"),
        ({"in0": {"shape": (1, 1, 6)}}, "times weights of 7"),
        ({"in2": {"shape": (5,)}}, "expected"),
        ({"in5": {"shape": (5, 8), "data": None}}, "expected"),
        ({"in8": {"shape": (7, 5), "data": None}}, "expected"),
        ({"in12": {"data": None}}, "not constant"),
        ({"in1": {"quant": None}}, "has no scale"),
        ({"in2": {"quant": COARSE}}, "other codes"),
        ({"out0": {"quant": COARSE}}, "other codes"),
        ({"op": {"cell_clip": -1.0}}, "clipped at -1"),
    ],
)
def test_operands_that_do_not_fit(changes: dict, message: str) -> None:
    op, io = _changed(**changes)
    with pytest.raises(ModelError, match=message):
        op.check(io)


@pytest.mark.parametrize("scale", [2.0**-16, 2.0**-8, 0.0003])
def test_a_cell_state_of_another_scale(scale: float) -> None:
    quant = replace(COARSE, scale=(scale,))
    op, io = _changed(in2={"quant": quant}, out2={"quant": quant})
    with pytest.raises(ModelError, match="of the cell state"):
        op.check(io)


def test_a_sum_beyond_32_bits_is_refused() -> None:
    op, io = _changed()
    depth = 1 << 17
    wide = np.full((5, depth), 127, np.int8)
    ins = [
        replace(tensor, shape=wide.shape, data=wide) if 3 <= i < 7 else tensor
        for i, tensor in enumerate(io.ins)
    ]
    with pytest.raises(QuantizationError, match="more than 32 bits"):
        op.lower(Operands(tuple(ins), io.outs), profile("tflite-ref"))
