"""The call of a stage: the calls of its bands, in loops, and what moves between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgeq.plan.calls import Layout, part_calls
from edgeq.plan.layers import Part
from edgeq.plan.program import Call, Copy, Data, Turns, Working
from edgeq.plan.stage import Segment
from edgeq.plan.stages import Move, Stage, line_name


def stage_call(layout: Layout, index: int, stage: Stage) -> tuple[Call, tuple[Data, ...]]:
    """Return the call of a stage, with all calls of its bands, and its constant arrays."""
    graph, segment = layout.storage.graph, stage.segment
    found, turns = _turns(layout, stage)
    scratches = [layout.scratch(segment.first)] * len(found)
    parts, data = part_calls(layout, index, found, scratches)
    ops = [graph.ops[step] for step in segment.steps]
    written = {name for op in ops for name in op.outputs}
    outer = tuple(n for op in ops for n in op.outputs if n not in segment.inner)
    read = dict.fromkeys(name for op in ops for name in op.inputs if name not in written)
    whole = Call(
        index=index,
        symbol=f"l{index:02d}_stage",
        kernel="stage",
        kind="STAGE",
        source=f"{ops[0].source} to {ops[-1].source}" if len(ops) > 1 else ops[0].source,
        note=_note(segment),
        arguments=(),
        constants={},
        data={},
        flags={},
        inputs=tuple(read),
        outputs=outer,
        output_bytes=tuple(graph.tensors[name].bytes for name in outer),
        macs=sum(op.macs(graph.operands(op)) for op in ops),
        scratch_bytes=stage.scratch,
        lines=tuple(_lines(layout, name, size) for name, size in stage.room.items()),
        parts=parts,
        turns=turns,
    )
    return whole, data


def _turns(layout: Layout, stage: Stage) -> tuple[list[Part], tuple[Turns, ...]]:
    """Return the bands in the order of the calls, and the loops that these stand in."""
    found: list[Part] = []
    turns = []
    for loop in stage.loops:
        steps: list[int | Copy] = []
        for action, advances in zip(loop.actions, loop.advances, strict=True):
            if isinstance(action.what, Move):
                steps.append(_copy(layout, action.what, action.starts, advances))
            else:
                steps.append(len(found))
                found.append(stage.part(action.what, action, advances))
        turns.append(Turns(loop.count, tuple(steps)))
    return found, tuple(turns)


def _lines(layout: Layout, name: str, size: int) -> Working:
    place = layout.arena_place(line_name(name))
    return Working(line_name(name), place.index, place.offset, size)


def _note(segment: Segment) -> str:
    rows = "a row" if segment.rows == 1 else f"{segment.rows} rows"
    layers = "" if segment.first == segment.last else f"{len(segment.steps)} layers, "
    return f"{layers}{rows} at a time" + (", in place" if segment.into else "")


def _copy(
    layout: Layout, move: Move, starts: Sequence[tuple[str, int]], advances: Sequence[int]
) -> Copy:
    places = [
        layout.place(name, start, by) for (name, start), by in zip(starts, advances, strict=True)
    ]
    if move.dropped:
        source = replace(places[0], offset=places[0].offset + move.dropped)
        return Copy(source, places[0], move.bytes)
    return Copy(places[0], places[1], move.bytes)
