"""Views, and pieces inside their whole: what needs no copy."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ops.add import Add
from edgeq.ops.concat import Concat
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split
from tests.passes.nets import Net, quant
from tests.plan.oracle import kinds, planned, same_bits


def test_a_chain_of_views_needs_no_call_and_no_memory() -> None:
    net = Net()
    x = net.op(Relu, net.input((2, 3, 4)))
    a = net.op(Reshape, x, shape=(6, 4))
    b = net.op(Reshape, a, shape=(24,))
    program = planned(net, net.op(Slice, b, begin=(1,), size=(22,)))
    assert kinds(program) == ["relu", "slice"]
    assert program.places[x] == program.places[a] == program.places[b]


def test_a_view_between_two_ports_is_a_copy() -> None:
    net = Net()
    x = net.input((2, 3))
    y = net.op(Reshape, x, shape=(6,))
    program = planned(net, y)
    assert kinds(program) == ["reshape"]
    assert [program.places[x].kind, program.places[y].kind] == ["input", "output"]


def test_two_outputs_of_the_same_bytes_are_two_arrays() -> None:
    net = Net()
    a = net.op(Relu, net.input((2, 3)))
    b = net.op(Reshape, a, shape=(6,))
    program = planned(net, b, a)
    assert kinds(program) == ["relu", "reshape"]
    assert (program.places[b].index, program.places[a].index) == (0, 1)


def test_an_output_that_views_a_piece_does_not_hold_the_whole() -> None:
    net = Net()
    whole = net.op(Relu, net.input((1, 8, 4)))
    _, second = net.op(Split, whole, outs=2, axis=1)
    y = net.op(Reshape, second, shape=(16,))
    program = planned(net, y)
    assert program.places[whole].kind == "arena"
    assert kinds(program) == ["relu", "reshape"]
    same_bits(net, y)


def test_a_view_of_a_constant_is_a_copy() -> None:
    net = Net()
    held = net.const(np.arange(6, dtype=np.int8), quant())
    y = net.op(Reshape, held, shape=(2, 3))
    net.input((1,))
    assert kinds(planned(net, y)) == ["reshape"]
    same_bits(net, y)


# ---- Concatenation and split --------------------------------------------------------------


def test_pieces_are_computed_in_their_place() -> None:
    net = Net()
    x = net.input((1, 4))
    a, b = net.op(Relu, x), net.op(Add, x, x)
    y = net.op(Concat, a, b, axis=0)
    program = planned(net, y)
    assert kinds(program) == ["relu", "add"]
    assert [program.places[name].offset for name in (y, a, b)] == [0, 0, 4]
    assert {program.places[name].kind for name in (y, a, b)} == {"output"}


def test_nested_concatenations_are_one_array() -> None:
    net = Net()
    x = net.input((1, 4))
    a, b, c = (net.op(Add, x, x) for _ in range(3))
    inner = net.op(Concat, b, c, axis=0)
    y = net.op(Concat, a, inner, axis=0)
    program = planned(net, y)
    assert kinds(program) == ["add"] * 3
    assert [program.places[name].offset for name in (a, inner, b, c)] == [0, 4, 4, 8]


def test_a_piece_may_be_a_view() -> None:
    net = Net()
    x = net.input((2, 2))
    a, b = (net.op(Reshape, net.op(Add, x, x), shape=(1, 4)) for _ in range(2))
    program = planned(net, net.op(Concat, a, b, axis=0))
    assert kinds(program) == ["add", "add"]


def test_a_duplicate_is_copied() -> None:
    net = Net()
    a = net.op(Relu, net.input((1, 4)))
    y = net.op(Concat, a, a, axis=0)
    assert kinds(planned(net, y)) == ["relu", "concat"]
    same_bits(net, y)


def test_a_piece_of_two_wholes_is_in_the_first() -> None:
    net = Net()
    x = net.input((1, 4))
    a, b = net.op(Relu, x), net.op(Add, x, x)
    first, second = net.op(Concat, a, b, axis=0), net.op(Concat, b, a, axis=0)
    program = planned(net, first, second)
    assert kinds(program) == ["relu", "add", "concat"]
    assert program.places[b].index == 0
    same_bits(net, first, second)


@pytest.mark.parametrize("which", [0, 1])
def test_a_port_inside_a_concatenation_is_copied(which: int) -> None:
    net = Net()
    x = net.input((1, 4))
    a = net.op(Relu, x)
    piece = (x, a)[which]
    b = net.op(Add, x, a)
    y = net.op(Concat, b, piece, axis=0)
    outputs = (y, a) if which else (y,)
    program = planned(net, *outputs)
    assert kinds(program)[-1] == "concat"
    assert program.places[b].kind == "output"
    same_bits(net, *outputs)


def test_a_constant_inside_a_concatenation_is_copied() -> None:
    net = Net()
    held = net.const(np.arange(4, dtype=np.int8).reshape(1, 4), quant())
    a = net.op(Relu, net.input((1, 4)))
    y = net.op(Concat, held, a, axis=0)
    program = planned(net, y)
    assert kinds(program) == ["relu", "concat"]
    assert program.places[a].offset == 4
    same_bits(net, y)


def test_pieces_that_are_not_contiguous_are_copied() -> None:
    net = Net()
    x = net.input((2, 4))
    y = net.op(Concat, net.op(Relu, x), net.op(Add, x, x), axis=1)
    assert kinds(planned(net, y)) == ["relu", "add", "concat"]


def test_a_split_stays_inside_its_input() -> None:
    net = Net()
    x = net.input((1, 6))
    a, b = net.op(Split, x, outs=2, axis=1)
    program = planned(net, net.op(Add, b, a))
    assert kinds(program) == ["add"]
    assert [(program.places[n].kind, program.places[n].offset) for n in (a, b)] == [
        ("input", 0),
        ("input", 3),
    ]


def test_a_piece_that_is_an_output_is_copied() -> None:
    net = Net()
    whole = net.op(Relu, net.input((1, 6)))
    a, b = net.op(Split, whole, outs=2, axis=1)
    y = net.op(Relu, b)
    program = planned(net, a, y)
    assert kinds(program) == ["relu", "split", "relu"]
    assert program.places[b].kind == "arena"
    same_bits(net, a, y)


def test_split_and_concatenated_again() -> None:
    net = Net()
    whole = net.op(Relu, net.input((1, 6)))
    a, b = net.op(Split, whole, outs=2, axis=1)
    y = net.op(Concat, b, a, axis=1)
    assert kinds(planned(net, y)) == ["relu", "concat"]
    same_bits(net, y)
