"""Buffers in several memories: apart, inside, the hot ones first; errors that say what lacks."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import BudgetError, VerifyError
from edgeq.ir.graph import Graph
from edgeq.ops.relu import Relu
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.plan.layers import layers
from edgeq.plan.memory import Buffer, Placement, place
from edgeq.plan.plan import plan
from edgeq.plan.program import Place, Region
from edgeq.plan.regions import Memory, place_in, verify_regions
from edgeq.plan.storage import share
from edgeq.plan.traffic import accesses
from edgeq.targets.portable import PORTABLE
from tests.passes.nets import Net
from tests.plan.oracle import check_program

STEPS = ("first", "second", "third")
FAST, SLOW = Memory("fast", 64), Memory("slow", 256)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[Buffer], list[Memory], dict[str, int]]:
    buffers = []
    for index in range(draw(st.integers(1, 5))):
        first = draw(st.integers(0, 4))
        life = draw(st.integers(0, 3))
        buffers.append(Buffer(f"b{index}", draw(st.integers(0, 12)), first, first + life))
    most = max(place(buffers, alignment=1).arena, 2)
    sizes = draw(st.lists(st.integers(1, most), min_size=1, max_size=3))
    memories = [Memory(f"m{index}", size) for index, size in enumerate(sizes)]
    return buffers, memories, {b.name: draw(st.integers(0, 99)) for b in buffers}


def _possible(buffers: list[Buffer], memories: list[Memory]) -> bool:
    """Tell whether some way to share the buffers out fits: try all."""
    for choice in product(range(len(memories)), repeat=len(buffers)):
        groups = [
            [b for b, chosen in zip(buffers, choice, strict=True) if chosen == index]
            for index in range(len(memories))
        ]
        arenas = (place(group, alignment=1).arena for group in groups)
        if all(arena <= m.bytes for arena, m in zip(arenas, memories, strict=True)):
            return True
    return False


@settings(max_examples=60)
@given(_cases())
def test_a_place_is_found_where_there_is_one(
    case: tuple[list[Buffer], list[Memory], dict[str, int]],
) -> None:
    buffers, memories, counts = case
    possible = _possible(buffers, memories)
    try:
        found = place_in(buffers, memories, counts, STEPS, alignment=1)
    except BudgetError:
        assert not possible
        return
    assert possible
    taken: dict[tuple[int, int, int], str] = {}
    for b in buffers:
        region, at = found.regions[b.name], found.offsets[b.name]
        assert at >= 0
        assert at + b.size <= found.sizes[region] <= memories[region].bytes
        for step in range(b.first, b.last + 1):
            for byte in range(at, at + b.size):
                assert taken.setdefault((region, step, byte), b.name) == b.name
    assert found.arena == sum(found.sizes)


def test_without_memories_it_is_one_arena() -> None:
    buffers = [Buffer("a", 40, 0, 1), Buffer("b", 24, 1, 2)]
    assert place_in(buffers, (), {}, STEPS, alignment=8) == place(buffers, alignment=8)


def test_the_most_accessed_bytes_go_first() -> None:
    buffers = [Buffer("hot", 32, 0, 2), Buffer("warm", 32, 0, 2), Buffer("cold", 64, 0, 2)]
    counts = {"hot": 3200, "warm": 320, "cold": 3200}
    found = place_in(buffers, (FAST, SLOW), counts, STEPS, alignment=8)
    assert dict(found.regions) == {"hot": 0, "cold": 1, "warm": 0}
    found = place_in(buffers, (SLOW, FAST), counts, STEPS, alignment=8)
    assert set(found.regions.values()) == {0}
    assert found.sizes == (128, 0)


def test_what_is_left_over_goes_first_in_the_next_attempt() -> None:
    # By rank 'a' and 'b' fill the first memory, and 'c' fits nowhere else.
    buffers = [Buffer("a", 20, 0, 0), Buffer("b", 20, 0, 0), Buffer("c", 50, 0, 0)]
    counts = {"a": 2000, "b": 1000, "c": 50}
    memories = (Memory("large", 50), Memory("small", 40))
    found = place_in(buffers, memories, counts, STEPS, alignment=1)
    assert dict(found.regions) == {"a": 1, "b": 1, "c": 0}


def test_a_memory_that_has_exactly_the_room_is_enough() -> None:
    shapes = [(7, 3, 6), (22, 1, 2), (4, 7, 7), (22, 7, 7), (14, 3, 3), (23, 5, 7), (12, 6, 7)]
    shapes += [(30, 4, 5), (24, 4, 4), (2, 5, 6)]
    buffers = [Buffer(f"b{i}", *shape) for i, shape in enumerate(shapes)]
    # Which only the exact search finds.
    assert place(buffers, alignment=1).method == "exact"
    assert place_in(buffers, [Memory("all", 62)], {}, STEPS, alignment=1).sizes == (62,)
    with pytest.raises(BudgetError):
        place_in(buffers, [Memory("all", 61)], {}, STEPS, alignment=1)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (
            {"x": (300, 1, 1), "y": (8, 0, 0)},
            "'x', needed from second, has 300 bytes, and the largest memory, 'slow', 256: 44 short",
        ),
        (
            {"x": (200, 0, 2), "y": (97, 2, 2), "z": (30, 2, 2)},
            "third needs 336 bytes at once, 16 more than 'fast' (64) and 'slow' (256) have: "
            "most in 'x' 200, 'y' 97, 'z' 30",
        ),
        (
            {"x": (160, 0, 1), "y": (128, 1, 2)},
            "no place was found for 'y' of 128 bytes, needed from second, beside what is alive at "
            "the same time: short of 64 bytes in 'fast', 32 bytes in 'slow'",
        ),
    ],
)
def test_errors_say_what_and_where_and_how_much(
    shapes: dict[str, tuple[int, int, int]], message: str
) -> None:
    buffers = [Buffer(name, *shape) for name, shape in shapes.items()]
    with pytest.raises(BudgetError) as caught:
        place_in(buffers, (FAST, SLOW), {"x": 9999}, STEPS, alignment=8)
    assert caught.value.what == message
    assert caught.value.exit_code == 4


GOOD = Placement({"a": 0, "b": 0}, 72, 64, "greedy", False, regions={"a": 0, "b": 1}, sizes=(64, 8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regions": {"a": 0}}, "'b' is in no memory"),
        ({"regions": {"a": 0, "b": 2}}, "'b' is in no memory"),
        ({"regions": {"a": 0, "b": 0}}, "overlap"),
        ({"sizes": (65, 7)}, "'fast' has 64 bytes, and 65 are used"),
        ({"sizes": (72,)}, "not the sizes of 2 regions"),
        ({"arena": 80}, "not the sizes of 2 regions"),
        ({"sizes": (63, 9)}, "not inside the arena of 63 bytes"),
        ({"offsets": {"a": 0, "b": 4}}, "not inside the arena of 8 bytes"),
        ({"offsets": {"a": 0, "b": 1}, "sizes": (63, 9)}, "not inside"),
    ],
)
def test_wrong_placements_are_noticed(changes: dict[str, Any], message: str) -> None:
    buffers = [Buffer("a", 64, 0, 1), Buffer("b", 8, 1, 1)]
    verify_regions(buffers, GOOD, (FAST, SLOW), alignment=8)
    with pytest.raises(VerifyError, match=message):
        verify_regions(buffers, replace(GOOD, **changes), (FAST, SLOW), alignment=8)


def _graph() -> Graph:
    """Return a convolution and a ReLU: scratch, and tensors of 512 and 72 bytes."""
    net = Net()
    x = net.input((1, 8, 8, 8))
    return lower_arithmetic(net.graph(net.op(Relu, net.conv(x, size=3))))


def test_accesses_are_counted_where_the_multiplies_read() -> None:
    graph = _graph()
    found = layers(graph, PORTABLE, 1)
    storage = share(graph, [layer.kernel for layer in found])
    counts = accesses(storage, found, ["s0", "s1"], {})
    macs = graph.ops[0].macs(graph.operands(graph.ops[0]))
    assert counts["s0"] == found[0].scratch + macs
    assert counts[graph.inputs[0]] == 8 * 8 * 8


def test_a_program_has_its_buffers_in_regions() -> None:
    graph = _graph()
    memories = (Memory("fast", 1024), Memory("slow", 4096))
    program = plan(graph, PORTABLE, "", memories=memories)
    check_program(graph, program)
    assert [(r.name, r.limit) for r in program.named] == [("fast", 1024), ("slow", 4096)]
    assert program.arena == sum(region.bytes for region in program.named)
    places = [argument.place for call in program.calls for argument in call.arguments]
    regions = {place.index for place in places if place.kind == "arena"}
    assert regions | {port.region for port in (*program.inputs, *program.outputs)} == {0, 1}
    assert program.context_pointers == 4


def test_one_arena_is_a_region_without_a_name_of_its_own() -> None:
    program = plan(_graph(), PORTABLE, "")
    assert program.named == ()
    assert program.regions == (Region("arena", program.arena),)
    arena = [place for place in program.places.values() if place.kind == "arena"]
    assert {place.index for place in arena} <= {0}
    assert Place("arena") == Place("arena", index=0)


def test_memories_that_are_too_small_for_every_order_are_an_error() -> None:
    graph = _graph()
    with pytest.raises(BudgetError, match="has 640 bytes"):
        plan(graph, PORTABLE, "", memories=[Memory("tiny", 256)])
