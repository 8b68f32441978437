from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.quant import QuantParams
from tests.ops.recurrent_cases import check_equals_litert, check_in_c, lowered
from tests.ops.recurrent_files import Cell

CASES = (
    Cell(),
    Cell(batch=3, depth=40, cells=1, weight_zero=0),
    Cell(batch=2, depth=1, cells=19, weight_zero=255, weight_scale=0.001),
    Cell(depth=16, cells=16, weight_zero=128, weight_scale=0.05),
)


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_outputs_equal_litert(case: Cell, variable: bool) -> None:
    graph = check_equals_litert(replace(case, variable=variable).file())
    assert len(graph.states) == 2 * variable


@settings(deadline=None, max_examples=25)
@given(
    st.builds(
        Cell,
        batch=st.integers(1, 3),
        depth=st.integers(1, 30),
        cells=st.integers(1, 12),
        weight_zero=st.integers(0, 255),
        weight_scale=st.floats(1e-4, 0.1),
        variable=st.booleans(),
    ),
    st.integers(0, 999),
)
def test_any_cell_equals_litert(case: Cell, seed: int) -> None:
    check_equals_litert(case.file(seed), 8)


@pytest.mark.parametrize("case", CASES)
def test_c_equals_the_reference(case: Cell) -> None:
    check_in_c(case.file(), "lstm_cell_s8")


def _changed(**changes: dict) -> tuple[object, Operands]:
    graph = lowered(Cell().file())
    ((op, io),) = [pair for pair in graph.walk() if pair[0].KIND == "lstm_cell"]
    ins = [replace(tensor, **changes.get(f"in{i}", {})) for i, tensor in enumerate(io.ins)]
    outs = [replace(tensor, **changes.get(f"out{i}", {})) for i, tensor in enumerate(io.outs)]
    return op, Operands(tuple(ins), tuple(outs))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in0": {"shape": (7,)}}, "input has shape"),
        ({"in2": {"shape": (1, 4)}}, "expected"),
        ({"in3": {"shape": (20, 11), "data": None}}, "expected"),
        ({"in0": {"quant": None}}, "has no scale"),
        ({"in4": {"quant": None}}, "has no scale"),
        ({"in4": {"data": None}}, "not constant"),
        ({"in0": {"quant": QuantParams.per_tensor(2.0**-7, 1)}}, "not of scale 1/128"),
        ({"out0": {"quant": QuantParams.per_tensor(2.0**-8, 0)}}, "not of scale 1/128"),
        ({"in2": {"quant": QuantParams.per_tensor(2.0**-12, 0)}}, "not of scale 1/2048"),
    ],
)
def test_operands_that_do_not_fit(changes: dict, message: str) -> None:
    op, io = _changed(**changes)
    with pytest.raises(ModelError, match=message):
        op.check(io)


def test_outputs_reach_both_ends() -> None:
    graph = lowered(Cell(cells=8, weight_scale=0.05).file())
    ((op, io),) = [pair for pair in graph.walk() if pair[0].KIND == "lstm_cell"]
    ends = [np.full(io.ins[2].shape, end, np.int16) for end in (-32768, 32767)]
    x, h = (np.full(tensor.shape, 127, np.int8) for tensor in io.ins[:2])
    constants = [tensor.array for tensor in io.ins[3:]]
    found = np.concatenate([op.evaluate(io, [x, h, c, *constants])[0] for c in ends])
    assert (found.min(), found.max()) == (-128, 127)
