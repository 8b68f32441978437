"""Resource variables and variable tensors become states, or are refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from edgeq import reference
from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends.tflite import CONVERTERS, read_tflite
from edgeq.frontends.tflite.converter import converts
from edgeq.frontends.tflite.node import Node
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.passes.pipeline import run_passes
from tests.frontends.tflite_builder import ModelBuilder

SHAPE = (1, 4)
CODE: dict[str, Any] = {"scale": 0.5}
START = np.array([[1, 2, 3, 4]], np.int8)
ADD = {"AddOptions": {}}


class Stateful:
    """A file with resource variables in the making; the main subgraph first."""

    def __init__(self, **initial: np.ndarray) -> None:
        self.b = ModelBuilder()
        self.initial = initial
        self.handles: dict[str, int] = {}
        if initial:
            self.b.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": 1})
        self.x = self.b.input("x", SHAPE, **CODE)

    def handle(self, name: str, container: str = "") -> int:
        tensor = self.b.tensor(f"handle {name}{len(self.b.graph['tensors'])}", (), "resource")
        options = {"container": container, "shared_name": name}
        self.b.op("VAR_HANDLE", [], [tensor], VarHandleOptions=options)
        return tensor

    def read(self, handle: int, **options: Any) -> int:
        y = self.tensor(**options)
        self.b.op("READ_VARIABLE", [handle], [y])
        return y

    def assign(self, handle: int, value: int) -> None:
        self.b.op("ASSIGN_VARIABLE", [handle, value], [])

    def add(self, a: int, b: int) -> int:
        y = self.tensor()
        self.b.op("ADD", [a, b], [y], **ADD)
        return y

    def tensor(self, shape: tuple[int, ...] = SHAPE, dtype: str = "int8", **options: Any) -> int:
        name = f"t{len(self.b.graph['tensors'])}"
        return self.b.tensor(name, shape, dtype, **{**CODE, **options})

    def data(self, *outputs: int) -> bytes:
        self.b.outputs(outputs)
        if self.initial:
            self.b.subgraph("NoOp")
            for name, value in self.initial.items():
                self.assign(self.handle(name), self.b.const(f"first {name}", value, **CODE))
        return self.b.finish()


def graph(data: bytes) -> Graph:
    return verify(read_tflite(data, "m"))


def refusal(data: bytes) -> EdgeqError:
    with pytest.raises(EdgeqError) as error:
        graph(data)
    return error.value


def answers(found: Graph, *codes: int) -> list[list[int]]:
    """Return the first output of runs, each with an input of one code."""
    lowered = run_passes(found)
    runs = [(np.full(SHAPE, code, np.int8),) for code in codes]
    name = lowered.outputs[0]
    return [tensors[name].reshape(-1).tolist() for tensors in reference.run_sequence(lowered, runs)]


def test_a_variable_is_a_state() -> None:
    s = Stateful(sum=START)
    total = s.add(s.x, s.read(s.handle("sum")))
    s.assign(s.handle("sum"), total)
    found = graph(s.data(total))
    (state,) = found.states
    assert (state.name, state.initial.tolist()) == ("sum", START.tolist())
    assert answers(found, 10, 20, 1) == [[11, 12, 13, 14], [31, 32, 33, 34], [32, 33, 34, 35]]


def test_what_is_read_after_an_assignment_is_what_was_assigned() -> None:
    s = Stateful(v=START)
    handle = s.handle("v")
    first = s.read(handle)
    s.assign(handle, s.x)
    second = s.read(handle)
    s.assign(handle, s.add(s.read(handle), first))
    y = s.add(first, second)
    assert answers(graph(s.data(y)), 10, 20) == [[11, 12, 13, 14], [31, 32, 33, 34]]


def test_a_name_in_another_container_is_another_variable() -> None:
    s = Stateful(v=START)
    s.assign(s.handle("v", container="other"), s.x)
    y = s.add(s.x, s.read(s.handle("v")))
    found = graph(s.data(y))
    assert found.states == ()  # nothing is assigned to the one that is read: it is a constant
    assert answers(found, 10, 20) == [[11, 12, 13, 14], [21, 22, 23, 24]]


def test_a_variable_that_is_assigned_first_needs_no_initial_value_and_is_no_state() -> None:
    s = Stateful()
    handle = s.handle("v")
    s.assign(handle, s.x)
    found = graph(s.data(s.add(s.x, s.read(handle))))
    assert found.states == ()
    assert answers(found, 10) == [[20] * 4]


def test_codes_are_copied_whatever_the_tensors_say_of_their_scales() -> None:
    s = Stateful(v=START)
    handle = s.handle("v")
    y = s.add(s.x, s.read(handle))
    s.assign(handle, s.add(s.x, s.read(handle, scale=0.25)))
    found = graph(s.data(y))
    # 10 * 0.5 + 1 * 0.25 is 10.5 halves: 11, and so on; read again as halves.
    assert answers(found, 10, 0) == [[11, 12, 13, 14], [11, 11, 12, 12]]


def test_the_name_of_a_variable_may_be_that_of_a_tensor() -> None:
    s = Stateful(x=START)
    total = s.add(s.x, s.read(s.handle("x")))
    s.assign(s.handle("x"), total)
    found = graph(s.data(total))
    assert found.states[0].name == "x'"
    assert answers(found, 1, 1) == [[2, 3, 4, 5], [3, 4, 5, 6]]


def _unread(s: Stateful) -> int:
    return s.read(s.handle("nobody"))


def _late(s: Stateful) -> int:
    s.assign(s.handle("v"), s.x)
    s.b.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": 2})
    return s.x


def _many(s: Stateful) -> int:
    for index in range(2, 6):
        s.b.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": index})
    return s.x


def _main(s: Stateful) -> int:
    s.b.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": 0})
    return s.x


def _no_handle(s: Stateful) -> int:
    return s.read(s.x)


def _add_handle(s: Stateful) -> int:
    return s.add(s.x, s.handle("v"))


def _read_as_handle(s: Stateful) -> int:
    return s.read(s.handle("v"), dtype="resource")


def _port(s: Stateful) -> int:
    return s.handle("v")


UNSUPPORTED: dict[Callable[[Stateful], int], str] = {
    _unread: "READ_VARIABLE of a variable without an initial value x1",
    _late: "CALL_ONCE after an operator that reads or assigns a variable x1",
    _many: "CALL_ONCE of more than 4 subgraphs x1",
    _main: "CALL_ONCE with CALL_ONCE in its subgraph x1: op[1]",
    _no_handle: "READ_VARIABLE of a handle that no VAR_HANDLE gives x1",
    _add_handle: "ADD with type RESOURCE x1",
    _read_as_handle: "READ_VARIABLE with type RESOURCE x1",
    _port: "a port with type RESOURCE x1",
}


@pytest.mark.parametrize("build", UNSUPPORTED, ids=lambda build: build.__name__[1:])
def test_what_cannot_be_a_state_is_refused(build: Callable[[Stateful], int]) -> None:
    s = Stateful(v=START)
    s.b.outputs([build(s)])
    for _ in range(5):
        s.b.subgraph("init")
        handle = s.handle("v")
        s.assign(handle, s.b.const("first", START, **CODE))
    error = refusal(s.b.finish())
    assert isinstance(error, UnsupportedError), error
    assert UNSUPPORTED[build] in str(error)


def test_an_initialising_subgraph_assigns_constants_and_nothing_else() -> None:
    for outside in (True, False):
        s = Stateful(v=START)
        s.b.outputs([s.read(s.handle("v"))])
        s.b.subgraph("init")
        value = s.tensor()
        if outside:
            s.b.op("ADD", [value, value], [value], **ADD)
        s.assign(s.handle("v"), value)
        says = "CALL_ONCE with ADD in its subgraph" if outside else "with a value that is no const"
        assert says in str(refusal(s.b.finish()))


@pytest.mark.parametrize(
    ("form", "what"),
    [
        ({"shape": (4,)}, "reads int8 (4,), the variable is int8 (1, 4)"),
        ({"dtype": "int16"}, "reads int16 (1, 4), the variable is int8 (1, 4)"),
    ],
)
def test_reading_something_else_than_the_variable(form: dict[str, Any], what: str) -> None:
    s = Stateful(v=START)
    error = refusal(s.data(s.read(s.handle("v"), **form)))
    assert isinstance(error, ModelError) and what in str(error)


def test_assigning_something_else_and_a_subgraph_that_is_not_there() -> None:
    s = Stateful(v=START)
    s.assign(s.handle("v"), s.tensor((2, 2)))
    assert "assigns int8 (2, 2), the variable is int8 (1, 4)" in str(refusal(s.data(s.x)))
    s = Stateful()
    s.b.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": 7})
    assert "subgraph 7 of 1" in str(refusal(s.data(s.x)))


@pytest.fixture
def kept() -> Iterator[None]:
    """An operator that adds its input to a variable tensor, for as long as the test runs."""

    @converts("ADD_N", states=(1,))
    def add_n(node: Node) -> list[Op]:
        before, after = node.state(1)
        ports = {**node.ports, "inputs": (node.inputs[0], before)}
        return [Add(**ports), Add(**{**ports, "outputs": (after,)})]

    yield
    del CONVERTERS["ADD_N"]


def _kept(dtype: str = "int8", **options: Any) -> bytes:
    s = Stateful()
    s.b.graph["tensors"][s.x]["type"] = dtype.upper()
    variable = s.b.tensor("kept", SHAPE, dtype, **{**CODE, "is_variable": True, **options})
    first, second = s.tensor(dtype=dtype), s.tensor(dtype=dtype)
    s.b.op("ADD_N", [s.x, variable], [first])
    s.b.op("ADD_N", [s.x, variable], [second])
    return s.data(second)


@pytest.mark.usefixtures("kept")
def test_a_variable_tensor_is_a_state_that_operators_update_one_after_the_other() -> None:
    found = graph(_kept(zero_point=3))
    assert [(s.name, s.initial.reshape(-1).tolist()) for s in found.states] == [("kept", [3] * 4)]
    assert answers(found, 5, 7) == [[10] * 4, [24] * 4]
    # Only of int8 does a reset know the zero point.
    assert graph(_kept("uint8", zero_point=3)).states[0].initial.reshape(-1).tolist() == [0] * 4


@pytest.mark.usefixtures("kept")
def test_variable_tensors_elsewhere_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="ADD_N with state that is kept between runs x2"):
        graph(_swapped())
    with pytest.raises(ModelError, match=r"ADD_N .*: input 1 is not a variable"):
        graph(_kept(is_variable=False))
    with pytest.raises(ModelError, match="a variable that has data"):
        graph(_with_data())


def _swapped() -> bytes:
    s = Stateful()
    variable = s.b.variable("kept", SHAPE, **CODE)
    y, z = s.tensor(), s.tensor()
    s.b.op("ADD_N", [variable, s.x], [y])
    s.b.op("ADD_N", [variable, s.x], [z])
    return s.data(z)


def _with_data() -> bytes:
    s = Stateful()
    s.b.const("kept", START, is_variable=True, **CODE)
    return s.data(s.x)
