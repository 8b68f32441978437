"""The arena of a planned network against the bytes that it needs at once, counted here anew."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Graph
from edgeq.plan.program import Place, Program
from edgeq.targets import Target


def check_arena(graph: Graph, program: Program, target: Target) -> None:
    """Fail unless the arena of a lowered graph is hardly more than the bytes needed at once."""
    assert program.lower_bound == live_bytes(graph, program)
    assert 100 * program.arena <= 101 * program.lower_bound
    for port in (*program.inputs, *program.outputs):
        assert port.offset % target.alignment == 0
        assert port.offset + port.bytes <= program.arena


def lifetimes(graph: Graph, program: Program) -> dict[str, tuple[int, int]]:
    """Return the first and last call in which each computed tensor must exist.

    An operation without a call (a view, a split into slices of the whole) hands its memory on:
    what it reads lives as long as what it writes, and the other way round. What has lines in a
    stage is nowhere else.
    """
    end = len(program.calls) - 1
    first = dict.fromkeys(graph.sources, 0)
    last = dict.fromkeys(graph.results, end)
    for call in program.calls:
        first.update(dict.fromkeys(call.outputs, call.index))
        for name in (*call.inputs, *call.outputs):
            last[name] = max(last.get(name, 0), call.index)
    whole = [op for op in graph.ops if op.outputs[0] in program.places]
    silent = [op for op in whole if op.outputs[0] not in first]
    for op in silent:
        computed = [name for name in op.inputs if name in program.places]
        first.update(dict.fromkeys(op.outputs, max(first[name] for name in computed)))
    for op in reversed(silent):
        until = max(last.get(name, 0) for name in op.outputs)
        for name in op.inputs:
            last[name] = max(last.get(name, 0), until)
    return {name: (begin, max(begin, last.get(name, 0))) for name, begin in first.items()}


def _join(graph: Graph, places: dict[str, slice], lives: dict[str, tuple[int, int]]) -> None:
    """Let what is put together begin with the first of its parts that is written in place.

    So it is where all parts are, and no call puts them together: one block is kept for them.
    """
    for op in graph.ops:
        for whole in (name for name in op.outputs if name in lives):
            for part in (name for name in op.inputs if name in lives):
                there, here = places[whole], places[part]
                if there.start <= here.start and here.stop <= there.stop:
                    lives[whole] = min(lives[whole][0], lives[part][0]), lives[whole][1]


def live_bytes(graph: Graph, program: Program) -> int:
    """Return the most bytes of the arena that hold something needed in one call, its scratch too.

    Counted byte by byte from the places, in units of the alignment: nothing of the planner's.
    """
    unit = program.alignment
    ports = {"input": program.inputs, "output": program.outputs}

    def units(place: Place, size: int) -> slice:
        default = ports[place.kind][place.index].offset if place.kind in ports else 0
        begin = place.offset + default
        return slice(begin // unit, -(-(begin + size) // unit))

    places = {
        name: units(place, graph.tensors[name].bytes) for name, place in program.places.items()
    }
    lives = lifetimes(graph, program)
    assert lives.keys() == places.keys()
    # What lies in the memory of states is not in the arena.
    lives = {name: life for name, life in lives.items() if program.places[name].kind != "state"}
    _join(graph, places, lives)
    most = 0
    for call in program.calls:
        used = np.zeros(program.arena // unit + 1, bool)
        for name, (first, last) in lives.items():
            if first <= call.index <= last:
                used[places[name]] = True
        for part in call.parts or (call,):
            if part.scratch_bytes:
                used[units(part.arguments[-1].place, part.scratch_bytes)] = True
        for working in call.lines:
            used[units(Place("arena", offset=working.offset), working.bytes)] = True
        most = max(most, int(used.sum()) * unit)
    return most
