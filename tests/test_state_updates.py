"""States that an operation overwrites as it reads them: no arena, no copy, the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.frontends.tflite import read_tflite
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph
from edgeq.ops.add import Add
from edgeq.ops.concat import Concat
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from tests.ops.recurrent_files import Lstm, Svdf
from tests.passes.nets import Net
from tests.test_states import accumulator, check

# One of each instruction set that emulators have.
TARGETS = ("portable", "aarch64", "cortex-m4", "cortex-m55", "hexagon-hvx", "x86-avx2")
ROWS = np.arange(24, dtype=np.int8).reshape(1, 8, 3)


def window(fresh: int, whole: bool, later: bool = False) -> Graph:
    """Return a window of 8 rows; ``later``: its rows before are read after it has moved."""
    net = Net()
    x, s = net.input((1, fresh, 3)), net.state(ROWS)
    if whole:
        kept = net.op(Slice, s, begin=(0, fresh, 0), size=(1, 8 - fresh, 3))
        moved = net.op(Concat, kept, x, axis=1)
        net.becomes(s, moved)
    else:
        moved = net.op(Concat, s, x, axis=1)
        net.becomes(s, net.op(Slice, moved, begin=(0, fresh, 0), size=(1, 8, 3)))
    shown = net.op(Relu, moved)
    return net.graph(net.op(Add, shown, s) if later else shown)


def updated(compiled: Compiled) -> list[str]:
    """Return the kernels that read and write one state."""
    return [
        call.kernel.partition("/")[2]
        for call in compiled.program.functions
        if {a.place.index for a in call.arguments if a.place.kind == "state" and a.const}
        & {a.place.index for a in call.arguments if a.place.kind == "state" and not a.const}
    ]


@pytest.mark.parametrize("fresh", [1, 3, 4, 7])
@pytest.mark.parametrize("whole", [True, False])
def test_a_window_moves_where_it_lies(fresh: int, whole: bool) -> None:
    compiled = check(window(fresh, whole))
    assert updated(compiled) == ["push"]
    assert len(compiled.program.calls) == 2


def test_a_window_that_is_read_later_moves_elsewhere() -> None:
    compiled = check(window(2, whole=True, later=True))
    assert updated(compiled) == []


@pytest.mark.parametrize(
    ("case", "count"),
    [
        (Svdf(batch=2, units=3, rank=2), 1),
        (Lstm(batch=2, steps=3), 1),
        (Lstm(batch=2, steps=3, time_major=True), 1),
        (Lstm(single=True), 1),
    ],
    ids=["svdf", "lstm", "time_major", "single"],
)
def test_layers_update_their_states(case: Svdf | Lstm, count: int) -> None:
    compiled = check(read_tflite(case.file(), "m"))
    assert len(updated(compiled)) == len(compiled.program.calls) == count
    for call in compiled.program.calls:
        restrict = {a.name: a.restrict for a in call.arguments}
        assert restrict["x"] and restrict["y"]
        assert not any(restrict.get(name) for name in ("state", "next", "h", "next_h"))


@pytest.mark.parametrize("target", TARGETS)
def test_on_every_instruction_set(target: str) -> None:
    net = Net()
    x, s = net.input((1, 6, 6, 16)), net.state(np.full((1, 18, 6, 16), 3, np.int8))
    moved = net.op(Concat, s, x, axis=1)
    net.becomes(s, net.op(Slice, moved, begin=(0, 6, 0, 0), size=(1, 18, 6, 16)))
    y = net.conv(net.depthwise(moved, 3), 8)
    t = net.state(np.full((1, 22, 4, 8), 1, np.int8), params=net.tensors[y].quant)
    total = net.op(Add, t, y)
    net.becomes(t, total)
    compiled = check(net.graph(net.op(Relu, total)), target)
    # Streamed layers write rows, not whole states.
    assert updated(compiled)[0] == "push"


def test_a_sum_is_added_where_it_lies() -> None:
    net = Net()
    x, s = net.input((3,)), net.state(np.array([1, -2, 3], np.int8))
    total = net.op(Add, s, x)
    net.becomes(s, total)
    compiled = check(net.graph(net.op(Relu, total)))
    assert updated(compiled) == ["add_s8"]
    assert [call.kind for call in compiled.program.calls] == ["add", "relu"]
    # A port may be bound to the caller's memory.
    assert updated(check(accumulator())) == []


def test_an_operand_that_is_a_view_of_the_state_prevents_it() -> None:
    net = Net()
    net.input((1, 3, 4))
    s = net.state(np.arange(12, dtype=np.int8).reshape(1, 3, 4))
    turned = net.op(Reshape, net.op(Reshape, s, shape=(12,)), shape=(1, 3, 4))
    total = net.op(Add, s, net.op(Add, turned, "in0"))
    again = net.op(Add, total, net.op(Reshape, s, shape=(1, 3, 4)))
    net.becomes(s, again)
    check(net.graph(net.op(Relu, again)))
