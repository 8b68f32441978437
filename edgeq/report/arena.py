"""What lies where in the arena, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edgeq.ir.graph import Graph
from edgeq.plan.program import Call, Program, Working

Facts = dict[str, Any]


def where(program: Program, name: str) -> Facts:
    """Return where a tensor lies; a port's memory is in the arena unless the caller binds other.

    A state's is in the context.
    """
    place = program.places[name]
    if place.kind == "state":
        memory = f"state{place.index}"
        return {"memory": memory, "region": "context", "offset": place.offset}
    ports = {"input": program.inputs, "output": program.outputs}.get(place.kind, ())
    if not ports:
        region = program.regions[place.index].name
        return {"memory": region, "region": region, "offset": place.offset}
    default = ports[place.index]
    return {
        "memory": f"{place.kind}{place.index}",
        "region": program.regions[default.region].name,
        "offset": default.offset + place.offset,
    }


def buffers(lowered: Graph, program: Program) -> list[Facts]:
    """Return what lies where in the regions of the arena, and from which layer to which.

    Inputs are there before the first layer (-1); outputs stay until after the last.
    """
    first = dict.fromkeys(lowered.inputs, -1)
    first.update((name, call.index) for call in program.calls for name in call.outputs)
    last = dict(first)
    found = []
    for call in program.calls:
        last.update((name, call.index) for name in _written(lowered, call.inputs, first))
        found += [
            {
                "name": working.name,
                "memory": program.regions[working.region].name,
                "region": program.regions[working.region].name,
                "offset": working.offset,
                "bytes": working.bytes,
                "first": call.index,
                "last": call.index,
            }
            for working in (*_scratch(call), *call.lines)
        ]
    last.update((name, len(program.calls)) for name in _written(lowered, lowered.outputs, first))
    found += [
        {
            "name": name,
            **where(program, name),
            "bytes": lowered.tensors[name].bytes,
            "first": start,
            "last": last[name],
        }
        for name, start in first.items()
        if program.places[name].kind != "state"
    ]
    order = {region.name: index for index, region in enumerate(program.regions)}
    return sorted(found, key=lambda b: (order[b["region"]], b["offset"], b["first"], b["name"]))


def _scratch(call: Call) -> tuple[Working, ...]:
    """Return the working memory that the functions of a layer are passed as their last argument."""
    functions = [part for part in call.parts or (call,) if part.scratch_bytes]
    if not functions:
        return ()
    place = min((part.arguments[-1].place for part in functions), key=lambda p: p.offset)
    label = f"scratch of layer {call.index}"
    return (Working(label, place.index, place.offset, call.scratch_bytes),)


def _written(lowered: Graph, names: Iterable[str], known: Mapping[str, int]) -> set[str]:
    """Return what is in memory under ``names``: a view is the tensors that it shows."""
    producers = lowered.producers()
    found: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name in known:
            found.add(name)
        elif name in producers:
            queue.extend(producers[name].inputs)
    return found
