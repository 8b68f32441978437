"""SVDF and LSTM: what is read, and what is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify
from tests.frontends.tflite_builder import ModelBuilder
from tests.ops.recurrent_files import Cell, Lstm, Svdf

PEEPHOLE = np.ones(5, np.int16)


def graph_of(data: bytes) -> Graph:
    return verify(read_tflite(data, "m"))


def test_an_svdf_has_one_state() -> None:
    graph = graph_of(Svdf(rank=2, units=3, steps=4).file())
    (op,) = graph.ops
    assert (op.KIND, op.rank) == ("svdf", 2)
    (state,) = graph.states
    assert (state.name, state.next) == (op.inputs[1], op.outputs[1])
    assert not state.initial.any()


def test_an_lstm_has_two_states_of_which_one_begins_at_its_zero_point() -> None:
    graph = graph_of(Lstm(batch=2, zeros=(1, -7), clip=3.0, time_major=True).file())
    (op,) = graph.ops
    assert (op.KIND, op.time_major, op.cell_clip) == ("lstm", True, 3.0)
    output, cell = graph.states
    assert (output.name, cell.name) == op.inputs[1:3]
    assert (output.next, cell.next) == op.outputs[1:]
    assert (output.initial == -7).all()
    assert (cell.initial == 0).all()


def test_a_state_whose_zero_point_is_no_code_is_refused() -> None:
    with pytest.raises(ModelError, match="zero point -200 is not an int8"):
        graph_of(Lstm(batch=2, zeros=(1, -200)).file())


def test_the_old_cell_copies_what_it_computes_to_its_variables() -> None:
    graph = graph_of(Cell(variable=True).file())
    assert [op.KIND for op in graph.ops] == ["lstm_cell", "reshape", "reshape"]
    assert [state.next for state in graph.states] == [op.outputs[0] for op in graph.ops[1:]]
    assert not graph_of(Cell().file()).states


def test_a_file_without_intermediate_tensors_is_read_as_the_micro_runtime_reads_it() -> None:
    assert graph_of(Lstm().file(inside=0)).ops[0].KIND == "lstm"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ports": {1: None, 5: None, 12: None}}, "without an input gate"),
        ({"ports": {9: PEEPHOLE}}, "with peepholes"),
        ({"ports": {16: np.ones((5, 5), np.int8)}}, "with a projection"),
        ({"ports": {21: PEEPHOLE}}, "with layer normalization"),
        ({"options": {"fused_activation_function": "RELU"}}, "activation other than TANH"),
        ({"hidden": {"scale": 0.01}}, "an output of another scale than its product"),
        ({"hidden": {"zero_point": 5}}, "an output of another scale than its product"),
        ({"inside": 4}, "with 4 intermediate tensors"),
    ],
)
@pytest.mark.parametrize("single", [False, True])
def test_forms_of_lstm_that_are_refused_by_name(changes: dict, says: str, single: bool) -> None:
    with pytest.raises(UnsupportedError, match=says):
        graph_of(Lstm(single=single).file(**changes))


def test_diagonal_weights_are_refused_by_name() -> None:
    options = {"diagonal_recurrent_tensors": True}
    with pytest.raises(UnsupportedError, match="with diagonal recurrent weights"):
        graph_of(Lstm().file(options=options))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ports": {2: None}}, "a required input is absent"),
        ({"ports": {12: None}}, "a required input is absent"),
        ({"ports": {19: np.zeros((1, 5), np.int16)}}, "input 19 is not a variable"),
        ({"ports": {7: np.ones((5, 4), np.int8)}}, "expected"),
        ({"options": {"cell_clip": -1.0}}, "clipped at -1"),
        ({"options": {"cell_clip": float("nan")}}, "clipped at nan"),
    ],
)
def test_lstms_that_are_malformed(changes: dict, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        graph_of(Lstm().file(**changes))


def test_svdfs_that_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="activation other than RELU"):
        graph_of(Svdf().file(activation="NONE"))
    with pytest.raises(ModelError, match="expected int8"):
        graph_of(Svdf().file(weights="uint8"))
    with pytest.raises(ModelError, match="float32"):
        graph_of(Svdf(state="float32").file())
    with pytest.raises(ModelError, match="units of 3"):
        graph_of(_svdf_of_rank(3))


def _svdf_of_rank(rank: int) -> bytes:
    b = ModelBuilder()
    x = b.input("x", (1, 4), scale=0.5)
    feature = b.const("f", np.ones((4, 4), np.int8), scale=0.5)
    time = b.const("t", np.ones((4, 2), np.int16), scale=0.5)
    state = b.variable("s", (1, 8), "int16", scale=0.5)
    y = b.tensor("y", (1, 1), scale=0.5)
    options = {"rank": rank, "fused_activation_function": "RELU"}
    b.op("SVDF", [x, feature, time, None, state], [y], SVDFOptions=options)
    return b.finish([y])


@pytest.mark.parametrize("code", ["SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM"])
@pytest.mark.parametrize("inputs", [0, 1, 4, 5, 6, 20, 24])
@pytest.mark.parametrize("outputs", [0, 1, 4])
def test_any_number_of_operands_ends_in_an_error(code: str, inputs: int, outputs: int) -> None:
    b = ModelBuilder()
    ports = [b.input(f"x{i}", (1, 4), scale=0.5) for i in range(max(inputs, 1))][:inputs]
    results = [b.tensor(f"y{i}", (1, 4), scale=0.5) for i in range(outputs)]
    name = "".join(word.title() for word in code.split("_")).replace("Lstm", "LSTM")
    kind = {"Svdf": "SVDF"}.get(name, name) + "Options"
    b.op(code, ports, results, **{kind: {"fused_activation_function": "TANH"}})
    with pytest.raises(EdgeqError):
        graph_of(b.finish(results))


def test_an_unknown_kernel_type() -> None:
    with pytest.raises(ModelError, match="kernel type 7 is not known"):
        graph_of(Lstm(single=True).file(options={"kernel_type": 7}))
