"""Graph to Program: order the operations, choose kernels, pack constants, place buffers."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.plan.calls import Layout, layer_call, scratch_name
from edgeq.plan.layers import Layer, layers
from edgeq.plan.memory import Buffer, place, verify_placement
from edgeq.plan.order import Node, best_order
from edgeq.plan.program import Call, Data, Port, Program
from edgeq.plan.stage_calls import stage_call
from edgeq.plan.stages import Stage, line_name, stages
from edgeq.plan.storage import buffers, share
from edgeq.targets.base import Target

STREAM = {
    "auto": "where the target is short of memory and it costs few instructions",
    "always": "for the smallest arena",
    "never": "",
}
"""When layers run some rows at a time."""


def plan(
    graph: Graph, target: Target, model_hash: str, threads: int = 1, stream: str = "auto"
) -> Program:
    """Return the program that runs a lowered graph on a target, in up to ``threads`` threads.

    Two operator orders are planned, the given one and that of the least live bytes, and the one
    with the smaller arena is kept; of equal ones the given. (The search for an order counts every
    tensor by itself, but which ones share memory is decided for an order.) With ``stream``, one of
    ``STREAM``, layers run some rows at a time where that makes the arena smaller; not with threads.
    Raise ``ModelError`` for an output that no operation writes, ``UnsupportedError`` for a layer
    without a kernel.
    """
    _check_outputs(graph)
    found = layers(graph, target, threads)
    given = tuple(range(len(graph.ops)))
    orders = dict.fromkeys((given, least_order(graph, found)))
    layouts = [_layout(graph, found, order, target) for order in orders]
    if threads == 1 and (stream == "always" or (stream == "auto" and target.stream)):
        layouts += [_layout(graph, found, order, target, stream) for order in orders]
    return _program(min(layouts, key=lambda layout: layout.placement.arena), target, model_hash)


def _check_outputs(graph: Graph) -> None:
    written = {name for op in graph.ops for name in op.outputs}
    for name in graph.outputs:
        if name not in written:
            raise ModelError(
                f"no operation writes output '{name}'", hint="the pass separate_ports adds a copy"
            )


def _layout(
    graph: Graph,
    found: Sequence[Layer],
    order: Sequence[int],
    target: Target,
    stream: str = "never",
) -> Layout:
    """Return the layout of one operator order, verified."""
    ordered = graph.with_ops(graph.ops[index] for index in order)
    chosen = tuple(found[index] for index in order)
    thrifty = stream != "always"
    staged = () if stream == "never" else stages(ordered, chosen, target.isas, thrifty)
    segments = [stage.segment for stage in staged]
    storage = share(ordered, [layer.kernel for layer in chosen], segments)
    regions = buffers(storage, segments) + _scratch_buffers(chosen, storage.skipped, staged)
    placement = place(regions, alignment=target.alignment)
    verify_placement(regions, placement, alignment=target.alignment)
    return Layout(chosen, storage, placement, staged)


def _program(layout: Layout, target: Target, model_hash: str) -> Program:
    graph = layout.storage.graph
    calls = _calls(layout)
    lined = {name for stage in layout.stages for name in stage.segment.inner}
    computed = [n for n, t in graph.tensors.items() if not t.is_constant and n not in lined]
    return Program(
        name=graph.name,
        target=target.name,
        numerics=graph.numerics,
        calls=tuple(call for call, _ in calls),
        data=tuple(data for _, arrays in calls for data in arrays),
        inputs=tuple(_port(layout, name) for name in graph.inputs),
        outputs=tuple(_port(layout, name) for name in graph.outputs),
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
    nodes = tuple(
        Node(
            tuple(dict.fromkeys(n for n in op.inputs if n in sizes)),
            op.outputs,
            layer.scratch,
        )
        for op, layer in zip(graph.ops, found, strict=True)
    )
    return best_order(nodes, sizes, inputs=graph.inputs, outputs=graph.outputs)


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


def _port(layout: Layout, name: str) -> Port:
    tensor = layout.storage.graph.tensors[name]
    return Port(name, tensor.shape, tensor.dtype, tensor.quant, tensor.bytes, layout.offset(name))
