"""Graph to Program: order the operations, choose kernels, pack constants, place buffers."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.errors import BudgetError, ModelError
from edgeq.ir.graph import Graph
from edgeq.plan.calls import Layout, layer_call, scratch_name
from edgeq.plan.layers import Layer, layers
from edgeq.plan.memory import Buffer
from edgeq.plan.order import Node, best_order
from edgeq.plan.program import Port, Program, Region
from edgeq.plan.regions import Memory, place_in, verify_regions
from edgeq.plan.storage import buffers, share
from edgeq.plan.traffic import accesses
from edgeq.targets.base import Target


def plan(
    graph: Graph,
    target: Target,
    model_hash: str,
    threads: int = 1,
    memories: Sequence[Memory] = (),
) -> Program:
    """Return the program that runs a lowered graph on a target, in up to ``threads`` threads.

    ``memories`` are those that the arena may take, the preferred one first; without any it is one
    block of whatever size it needs.

    Two operator orders are planned, the given one and that of the least live bytes, and the one
    with the smaller arena is kept; of equal ones the given. (The search for an order counts every
    tensor by itself, but which ones share memory is decided for an order.) Raise ``ModelError``
    for an output that no operation writes, ``UnsupportedError`` for a layer without a kernel,
    ``BudgetError`` for memories that are too small.
    """
    _check_outputs(graph)
    found = layers(graph, target, threads)
    given = tuple(range(len(graph.ops)))
    layouts: list[Layout] = []
    errors: list[BudgetError] = []
    for order in dict.fromkeys((given, least_order(graph, found))):
        try:
            layouts.append(_layout(graph, found, order, target.alignment, memories))
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


def _layout(
    graph: Graph,
    found: Sequence[Layer],
    order: Sequence[int],
    alignment: int,
    memories: Sequence[Memory],
) -> Layout:
    """Return the layout of one operator order, verified."""
    ordered = graph.with_ops(graph.ops[index] for index in order)
    chosen = tuple(found[index] for index in order)
    storage = share(ordered, [layer.kernel for layer in chosen])
    needed = buffers(storage) + _scratch_buffers(chosen, storage.skipped)
    scratch = [scratch_name(step) for step in range(len(chosen))]
    traffic = accesses(storage, chosen, scratch) if memories else {}
    steps = [op.source or op.KIND for op in ordered.ops]
    placement = place_in(needed, memories, traffic, steps, alignment=alignment)
    verify_regions(needed, placement, memories, alignment=alignment)
    return Layout(chosen, storage, placement)


def _program(
    layout: Layout, target: Target, model_hash: str, memories: Sequence[Memory]
) -> Program:
    graph, skipped = layout.storage.graph, layout.storage.skipped
    steps = [step for step in range(len(graph.ops)) if step not in skipped]
    calls = [layer_call(layout, index, step) for index, step in enumerate(steps)]
    parts = [part for step in steps for part in layout.layers[step].parts]
    computed = [name for name, tensor in graph.tensors.items() if not tensor.is_constant]
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
        headers=tuple(sorted({name for part in parts for name in part.kernel.headers})),
        flags=target.isa_flags,
        stack=target.stack,
        isas=target.isas,
        threads=max((len(call.parts) for call, _ in calls), default=1) or 1,
        named=tuple(
            Region(memory.name, size, memory.bytes)
            for memory, size in zip(memories, layout.placement.sizes, strict=True)
        ),
    )


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


def _scratch_buffers(found: Sequence[Layer], skipped: set[int]) -> list[Buffer]:
    return [
        Buffer(scratch_name(step), layer.scratch, step, step)
        for step, layer in enumerate(found)
        if layer.has_scratch and step not in skipped
    ]


def _port(layout: Layout, name: str) -> Port:
    tensor = layout.storage.graph.tensors[name]
    at = layout.default(name)
    numbers = (tensor.bytes, at.offset, at.index)
    return Port(name, tensor.shape, tensor.dtype, tensor.quant, *numbers)
