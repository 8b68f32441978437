"""Graph to Program: order the operations, choose kernels, pack constants, place buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from edgeq.errors import BudgetError, ModelError
from edgeq.ir.graph import Graph
from edgeq.plan.calls import Layout, layer_call, scratch_name
from edgeq.plan.layers import Layer, layers
from edgeq.plan.memory import Buffer
from edgeq.plan.order import Node, best_order
from edgeq.plan.program import Call, Data, Port, Program, Region, Slot
from edgeq.plan.regions import Memory, place_in, verify_regions
from edgeq.plan.stage_calls import stage_call
from edgeq.plan.stages import Stage, line_name, stages
from edgeq.plan.storage import Storage, buffers, share
from edgeq.plan.traffic import accesses
from edgeq.plan.updates import updates
from edgeq.targets.base import Target

STREAM = {
    "auto": "where the target is short of memory and it costs few instructions",
    "always": "for the smallest arena",
    "never": "",
}
"""When layers run some rows at a time."""


def plan(
    graph: Graph,
    target: Target,
    model_hash: str,
    threads: int = 1,
    memories: Sequence[Memory] = (),
    stream: str = "auto",
) -> Program:
    """Return the program that runs a lowered graph on a target, in up to ``threads`` threads.

    ``memories`` are those that the arena may take, the preferred one first; without any it is one
    block of whatever size it needs.

    Two operator orders are planned, the given one and that of the least live bytes, and the one
    with the smaller arena is kept; of equal ones the given. (The search for an order counts every
    tensor by itself, but which ones share memory is decided for an order.) With ``stream``, one of
    ``STREAM``, layers run some rows at a time where that makes the arena smaller; not with threads.
    Raise ``ModelError`` for an output that no operation writes, ``UnsupportedError`` for a layer
    without a kernel, ``BudgetError`` for memories that are too small.
    """
    _check_outputs(graph)
    found = layers(graph, target, threads)
    given = tuple(range(len(graph.ops)))
    orders = dict.fromkeys((given, least_order(graph, found)))
    ways = ["never"]
    if threads == 1 and (stream == "always" or (stream == "auto" and target.stream)):
        ways.append(stream)
    layouts: list[Layout] = []
    errors: list[BudgetError] = []
    for way, order in product(ways, orders):
        try:
            layouts.append(_layout(graph, found, order, target, way, memories))
        except BudgetError as error:
            errors.append(error)
    if not layouts:
        # Of the order with the fewest bytes alive.
        raise errors[-1]
    best = min(layouts, key=lambda layout: layout.placement.arena)
    return _program(best, target, model_hash, memories)


def _check_outputs(graph: Graph) -> None:
    written = {name for op in graph.ops for name in op.outputs}
    for name in graph.outputs:
        if name not in written:
            raise ModelError(
                f"no operation writes output '{name}'", hint="the pass separate_ports adds a copy"
            )
    changed = [state.next for state in graph.states if state.next != state.name]
    if len({*changed, *graph.outputs} & written) != len(changed) + len(graph.outputs):
        raise ModelError("no operation stores a state", hint="the pass store_states adds a copy")


def _layout(
    graph: Graph,
    found: Sequence[Layer],
    order: Sequence[int],
    target: Target,
    stream: str,
    memories: Sequence[Memory],
) -> Layout:
    """Return the layout of one operator order, verified."""
    ordered = graph.with_ops(graph.ops[index] for index in order)
    chosen = tuple(found[index] for index in order)
    thrifty = stream != "always"
    staged = () if stream == "never" else stages(ordered, chosen, target, thrifty)
    segments = [stage.segment for stage in staged]
    storage = share(ordered, [layer.kernel for layer in chosen], segments)
    needed = buffers(storage, segments) + _scratch_buffers(chosen, storage.skipped, staged)
    traffic = _traffic(storage, chosen, staged) if memories else {}
    steps = [op.source or op.KIND for op in ordered.ops]
    placement = place_in(needed, memories, traffic, steps, alignment=target.alignment)
    verify_regions(needed, placement, memories, alignment=target.alignment)
    return Layout(chosen, storage, placement, staged)


def _traffic(
    storage: Storage, found: Sequence[Layer], staged: Sequence[Stage]
) -> Mapping[str, int]:
    """Return the accesses of each buffer: those of a stage share scratch and have lines."""
    begins = {step: stage.segment.first for stage in staged for step in stage.segment.steps}
    scratch = [scratch_name(begins.get(step, step)) for step in range(len(found))]
    lines = {name: line_name(name) for stage in staged for name in stage.room}
    return accesses(storage, found, scratch, lines)


def _program(
    layout: Layout, target: Target, model_hash: str, memories: Sequence[Memory]
) -> Program:
    graph = layout.storage.graph
    calls = _calls(layout)
    lined = {name for stage in layout.stages for name in stage.segment.inner}
    computed = [n for n, t in graph.tensors.items() if not t.is_constant and n not in lined]
    return Program(
        name=graph.name,
        target=target.name,
        numerics=graph.numerics,
        calls=tuple(call for call, _ in calls),
        data=(*(data for _, arrays in calls for data in arrays), *_initial_data(graph)),
        inputs=tuple(_port(layout, name) for name in graph.inputs),
        outputs=tuple(_port(layout, name) for name in graph.outputs),
        states=tuple(_slot(graph, index) for index in range(len(graph.states))),
        arena=layout.placement.arena,
        lower_bound=layout.placement.lower_bound,
        alignment=target.alignment,
        model_hash=model_hash,
        places={name: layout.place(name) for name in computed},
        headers=layout.headers,
        flags=target.isa_flags,
        stack=target.stack,
        isas=target.isas,
        threads=max((len(c.parts) for c, _ in calls if not c.turns), default=1) or 1,
        named=tuple(
            Region(memory.name, size, memory.bytes)
            for memory, size in zip(memories, layout.placement.sizes, strict=True)
        ),
    )


def _calls(layout: Layout) -> list[tuple[Call, tuple[Data, ...]]]:
    """Return the calls in order: of layers that need one, and of stages where they begin."""
    begins = {stage.segment.first: stage for stage in layout.stages}
    staged = {step for stage in layout.stages for step in stage.segment.steps}
    calls: list[tuple[Call, tuple[Data, ...]]] = []
    for step in range(len(layout.layers)):
        if step in begins:
            calls.append(stage_call(layout, len(calls), begins[step]))
        elif step not in layout.storage.skipped | staged:
            calls.append(layer_call(layout, len(calls), step))
    return calls


def least_order(graph: Graph, found: Sequence[Layer]) -> tuple[int, ...]:
    """Return the order of operations in which the fewest bytes are alive, scratch included."""
    sizes = {name: t.bytes for name, t in graph.tensors.items() if not t.is_constant}
    # States are in no arena.
    apart = {n: 0 for state in graph.states for n in (state.name, state.next)}
    written = updates(graph, [layer.kernel for layer in found]).values()
    apart.update({n: 0 for u in written for v in u.views for n in graph.ops[v].outputs})
    apart.update({u.written: 0 for u in written})
    sizes, waiting = {**sizes, **apart}, _waits(graph)
    nodes = tuple(
        Node(
            tuple(dict.fromkeys(n for n in op.inputs if n in sizes)),
            op.outputs,
            layer.scratch,
            waiting.get(op.outputs[0], ()),
        )
        for op, layer in zip(graph.ops, found, strict=True)
    )
    return best_order(nodes, sizes, inputs=graph.sources, outputs=graph.results)


def _waits(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return, for what each state is stored as, an output of every operation that reads it."""
    readers = graph.consumers()
    return {
        state.next: tuple(op.outputs[0] for op in readers[state.name])
        for state in graph.states
        if state.next != state.name
    }


def _scratch_buffers(
    found: Sequence[Layer], skipped: set[int], staged: Sequence[Stage]
) -> list[Buffer]:
    """Return the working memory of layers and stages, and the lines of these."""
    apart = skipped.union(*(stage.segment.steps for stage in staged))
    buffers = [
        Buffer(scratch_name(step), layer.scratch, step, step)
        for step, layer in enumerate(found)
        if layer.has_scratch and step not in apart
    ]
    for stage in staged:
        first, last = stage.segment.first, stage.segment.last
        buffers += [Buffer(line_name(name), n, first, last) for name, n in stage.room.items()]
        if stage.has_scratch:
            buffers.append(Buffer(scratch_name(first), stage.scratch, first, last))
    return buffers


def _slot(graph: Graph, index: int) -> Slot:
    state = graph.states[index]
    tensor = graph.tensors[state.name]
    fill = state.initial.reshape(-1)[0] if state.is_uniform else None
    symbol = "" if state.is_uniform else f"state{index}"
    return Slot(state.name, tensor.shape, tensor.dtype, tensor.bytes, fill, symbol)


def _initial_data(graph: Graph) -> Iterator[Data]:
    """Yield the first values of states whose elements differ."""
    for index, state in enumerate(graph.states):
        if not state.is_uniform:
            yield Data(f"state{index}", state.initial, f"first value of state '{state.name}'")


def _port(layout: Layout, name: str) -> Port:
    tensor = layout.storage.graph.tensors[name]
    at = layout.arena_place(name)
    numbers = (tensor.bytes, at.offset, at.index)
    return Port(name, tensor.shape, tensor.dtype, tensor.quant, *numbers)
