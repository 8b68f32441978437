from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

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
from tests.ops.recurrent_files import Svdf

CASES = (
    Svdf(),
    Svdf(batch=2, units=3, rank=2, steps=8, zeros=(5, 5)),
    Svdf(units=5, rank=3, steps=1, bias=False),
    Svdf(batch=3, depth=1, units=1, steps=40, zeros=(127, 0)),
    Svdf(depth=33, units=9, steps=2, zeros=(-128, 127), loud=30.0),
)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES)
def test_outputs_and_states_equal_litert(case: Svdf, seed: int) -> None:
    graph = check_equals_litert(case.file(seed))
    (state,) = graph.states
    assert graph.tensors[state.name].shape == (case.batch, case.units * case.rank * case.steps)


def test_states_saturate() -> None:
    data = CASES[-1].file()
    graph = lowered(data)
    runs = random_runs(graph, 20)
    states = np.concatenate([state for _, (state,) in in_litert(data, runs, ["s"])])
    assert (states == 32767).any()
    assert (states == -32768).any()


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.bias] + [Svdf(state="int8"), Svdf(state="int8", rank=2)]
)
def test_outputs_equal_tflm(case: Svdf) -> None:
    check_equals_tflm(case.file())


def test_factors_of_the_micro_runtime_are_formed_in_float64() -> None:
    profiles = ("tflite-ref", "tflm")
    wide, narrow = (lowered(CASES[1].file(), name).ops[0].arithmetic for name in profiles)
    assert wide.feature.multiplier != narrow.feature.multiplier


@pytest.mark.parametrize("case", [*CASES, Svdf(state="int8", rank=2, units=5)])
def test_c_equals_the_reference(case: Svdf) -> None:
    check_in_c(case.file(), "svdf_s8")


def test_states_keep_the_newest_numbers_in_order() -> None:
    graph = lowered(Svdf(steps=3).file())
    runs = random_runs(graph, 5)
    (state,) = graph.states
    kept = [tensors[state.next] for tensors in reference.run_sequence(graph, runs)]
    lines = [array.reshape(-1, 3) for array in kept]
    for before, after in pairwise(lines):
        np.testing.assert_array_equal(before[:, 1:], after[:, :-1])


def _operands(**changes: object) -> tuple[object, Operands]:
    graph = lowered(Svdf().file())
    op, io = next(graph.walk())
    ins = [replace(tensor, **changes.get(f"in{i}", {})) for i, tensor in enumerate(io.ins)]
    outs = [replace(tensor, **changes.get(f"out{i}", {})) for i, tensor in enumerate(io.outs)]
    return replace(op, **changes.get("op", {})), Operands(tuple(ins), tuple(outs))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in0": {"shape": (20,)}}, "input has shape"),
        ({"in0": {"shape": (1, 19)}}, "times weights"),
        ({"in1": {"shape": (1, 39)}}, "state has shape"),
        ({"in1": {"quant": None}}, "has no scale"),
        ({"in3": {"shape": (5, 8), "data": None}}, "filters in time"),
        ({"in4": {"data": None}}, "no int32 constant"),
        ({"in4": {"shape": (2, 4), "data": None}}, "bias"),
        ({"op": {"rank": 3}}, "in units of 3"),
        ({"op": {"rank": 0}}, "in units of 0"),
        ({"out1": {"quant": None}}, "has no scale"),
    ],
)
def test_operands_that_do_not_fit(changes: dict, message: str) -> None:
    op, io = _operands(**changes)
    with pytest.raises(ModelError, match=message):
        op.check(io)


def test_a_sum_over_features_beyond_32_bits_is_refused() -> None:
    op, io = _operands()
    weights = np.full((1, 1 << 17), 127, np.int8)
    ins = (io.x, io.ins[1], replace(io.ins[2], shape=weights.shape, data=weights), *io.ins[3:])
    with pytest.raises(QuantizationError, match="more than 32 bits"):
        op.lower(Operands(ins, io.outs), profile("tflite-ref"))
