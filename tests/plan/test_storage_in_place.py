"""Operations in place: never over what somebody still reads, never over an input."""

from __future__ import annotations

from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.concat import Concat
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.reshape import Reshape
from edgeq.ops.split import Split
from tests.passes.nets import Net, quant
from tests.plan.oracle import planned, same_bits


def _chain(net: Net, x: str, length: int) -> str:
    for _ in range(length):
        x = net.op(Relu, x)
    return x


def test_a_chain_runs_in_the_output_alone() -> None:
    net = Net()
    x = net.input((16,))
    y = _chain(net, x, 4)
    program = planned(net, y)
    assert {program.places[op.outputs[0]] for op in net.ops} == {program.places[y]}
    assert program.arena == 32
    assert program.places[x].kind == "input"


def test_types_of_one_size_share() -> None:
    net = Net()
    a = net.op(Relu, net.input((16,)))
    y = net.op(Requantize, a, dtype=DType.UINT8, params=quant(0.5, 128))
    program = planned(net, y)
    assert program.places[a] == program.places[y]


def test_what_is_read_later_stays() -> None:
    net = Net()
    a = net.op(Relu, net.input((16,)))
    b = net.op(Relu, a)
    y = net.op(Add, b, a)
    program = planned(net, y)
    assert program.places[b].kind == program.places[y].kind == "output"
    assert program.places[a].kind == "arena"


def test_an_operand_read_twice_stays() -> None:
    net = Net()
    a = net.op(Relu, net.input((16,)))
    y = net.op(Add, a, a)
    program = planned(net, y)
    assert program.places[a].kind == "arena"
    assert not any(argument.restrict for argument in program.calls[1].arguments[:2])


def test_a_part_of_the_operand_is_read_after_it_would_be_written() -> None:
    net = Net()
    whole = net.op(Relu, net.input((2, 8)))
    first, _ = net.op(Split, whole, outs=2, axis=0)
    y = net.op(Add, whole, first)
    program = planned(net, y)
    assert program.places[whole].kind == "arena"
    same_bits(net, y)


def test_a_piece_is_not_overwritten_while_its_neighbour_lives() -> None:
    net = Net()
    whole = net.op(Relu, net.input((2, 8)))
    first, second = net.op(Split, whole, outs=2, axis=0)
    a = net.op(Relu, first)
    y = net.op(Concat, second, a, axis=0)
    program = planned(net, y)
    assert program.places[a] != program.places[first]
    same_bits(net, y)


def test_inputs_and_their_views_are_not_overwritten() -> None:
    net = Net()
    x = net.input((2, 8))
    view = net.op(Reshape, x, shape=(16,))
    piece = net.op(Split, x, outs=2, axis=0)[1]
    outputs = [net.op(Relu, name) for name in (x, view, piece)]
    program = planned(net, *outputs)
    assert {program.places[name].kind for name in (x, view, piece)} == {"input"}
    assert not any(program.places[name].kind == "input" for name in outputs)
    same_bits(net, *outputs)


def test_an_output_that_is_read_is_not_overwritten() -> None:
    net = Net()
    a = net.op(Relu, net.input((16,)))
    program = planned(net, a, net.op(Relu, a))
    assert [program.places[op.outputs[0]].index for op in net.ops] == [0, 1]


def test_one_output_read_by_many() -> None:
    net = Net()
    a = net.op(Relu, net.input((16,)))
    outputs = [net.op(Relu, a) for _ in range(5)]
    program = planned(net, *outputs)
    # Only the last reader takes its memory over.
    assert program.places[a] == program.places[program.calls[-1].outputs[0]]
    assert len({program.places[name] for name in outputs}) == 5
    same_bits(net, *outputs)
