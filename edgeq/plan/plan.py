"""Graph to Program: order the operations, choose kernels, pack constants, place buffers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.kernels.base import Facts, Kernel
from edgeq.plan.memory import Buffer, Placement, place, verify_placement
from edgeq.plan.order import Node, best_order
from edgeq.plan.program import Argument, Call, Data, Place, Port, Program
from edgeq.plan.select import select_all
from edgeq.plan.storage import Storage, buffers, share
from edgeq.targets.base import Target


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """One operator order with its kernels and facts, sharing decisions and arena offsets."""

    kernels: tuple[Kernel, ...]
    facts: tuple[Facts, ...]
    storage: Storage
    placement: Placement

    def place(self, name: str) -> Place:
        """Return where a computed tensor lies."""
        graph = self.storage.graph
        root, offset = self.storage.locate(name)
        group = self.storage.group(name)
        for kind, ports in (("input", graph.inputs), ("output", graph.outputs)):
            for index, port in enumerate(ports):
                if port in group:
                    return Place(kind, index=index, offset=offset)
        return Place("arena", offset=self.placement.offsets[root] + offset)

    def offset(self, name: str) -> int:
        """Return the default arena offset of a port."""
        root, offset = self.storage.locate(name)
        return self.placement.offsets[root] + offset


def plan(graph: Graph, target: Target, model_hash: str) -> Program:
    """Return the program that runs a lowered graph on a target.

    Two operator orders are planned, the given one and that of the least live bytes, and the one
    with the smaller arena is kept; of equal ones the given. (The search for an order counts every
    tensor by itself, but which ones share memory is decided for an order.) Raise ``ModelError``
    for an output that no operation writes, ``UnsupportedError`` for a layer without a kernel.
    """
    _check_outputs(graph)
    kernels = select_all(graph, target.isas)
    facts = tuple(
        kernel.facts(op, io) for kernel, (op, io) in zip(kernels, graph.walk(), strict=True)
    )
    given = tuple(range(len(graph.ops)))
    layouts = [
        _layout(graph, kernels, facts, order, target.alignment)
        for order in dict.fromkeys((given, least_order(graph, facts)))
    ]
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
    kernels: Sequence[Kernel],
    facts: Sequence[Facts],
    order: Sequence[int],
    alignment: int,
) -> _Layout:
    """Return the layout of one operator order, verified."""
    ordered = graph.with_ops(graph.ops[index] for index in order)
    chosen = tuple(kernels[index] for index in order)
    known = tuple(facts[index] for index in order)
    storage = share(ordered, chosen)
    regions = buffers(storage) + _scratch_buffers(known, storage.skipped)
    placement = place(regions, alignment=alignment)
    verify_placement(regions, placement, alignment=alignment)
    return _Layout(chosen, known, storage, placement)


def _program(layout: _Layout, target: Target, model_hash: str) -> Program:
    graph, skipped = layout.storage.graph, layout.storage.skipped
    steps = [step for step in range(len(graph.ops)) if step not in skipped]
    layers = [_call(layout, index, step) for index, step in enumerate(steps)]
    computed = [name for name, tensor in graph.tensors.items() if not tensor.is_constant]
    return Program(
        name=graph.name,
        target=target.name,
        numerics=graph.numerics,
        calls=tuple(call for call, _ in layers),
        data=tuple(data for _, arrays in layers for data in arrays),
        inputs=tuple(_port(layout, name) for name in graph.inputs),
        outputs=tuple(_port(layout, name) for name in graph.outputs),
        arena=layout.placement.arena,
        lower_bound=layout.placement.lower_bound,
        alignment=target.alignment,
        model_hash=model_hash,
        places={name: layout.place(name) for name in computed},
        headers=tuple(sorted({name for i in steps for name in layout.kernels[i].headers})),
        flags=target.isa_flags,
    )


def least_order(graph: Graph, facts: Sequence[Facts]) -> tuple[int, ...]:
    """Return the order of operations in which the fewest bytes are alive, scratch included."""
    sizes = {name: t.bytes for name, t in graph.tensors.items() if not t.is_constant}
    nodes = tuple(
        Node(
            tuple(dict.fromkeys(n for n in op.inputs if n in sizes)),
            op.outputs,
            fact.scratch.bytes if fact.scratch else 0,
        )
        for op, fact in zip(graph.ops, facts, strict=True)
    )
    return best_order(nodes, sizes, inputs=graph.inputs, outputs=graph.outputs)


def _scratch_name(step: int) -> str:
    return f"scratch of step {step}"


def _scratch_buffers(facts: Sequence[Facts], skipped: set[int]) -> list[Buffer]:
    return [
        Buffer(_scratch_name(step), fact.scratch.bytes, step, step)
        for step, fact in enumerate(facts)
        if fact.scratch is not None and step not in skipped
    ]


def _port(layout: _Layout, name: str) -> Port:
    tensor = layout.storage.graph.tensors[name]
    return Port(name, tensor.shape, tensor.dtype, tensor.quant, tensor.bytes, layout.offset(name))


def _call(layout: _Layout, index: int, step: int) -> tuple[Call, tuple[Data, ...]]:
    graph, kernel, facts = layout.storage.graph, layout.kernels[step], layout.facts[step]
    op = graph.ops[step]
    io = graph.operands(op)
    prefix = f"l{index:02d}_"
    arguments, constants = _arguments(layout, prefix, kernel, io)
    arguments += _scratch_argument(layout, step, facts)
    packed = tuple(Data(prefix + d.name, d.array, d.comment) for d in facts.data)
    call = Call(
        index=index,
        symbol=prefix + kernel.id.split("/")[-1],
        kernel=kernel.id,
        kind=op.KIND,
        source=op.source,
        note=facts.note,
        arguments=arguments,
        constants=facts.constants,
        data={d.name: prefix + d.name for d in facts.data},
        flags=facts.flags,
        inputs=op.inputs,
        outputs=op.outputs,
        macs=op.macs(io),
        scratch_bytes=facts.scratch.bytes if facts.scratch else 0,
    )
    return call, packed + constants


def _arguments(
    layout: _Layout, prefix: str, kernel: Kernel, io: Operands
) -> tuple[tuple[Argument, ...], tuple[Data, ...]]:
    """Return the pointer parameters, and the constants that are passed as they are."""
    passed = [t for i, t in enumerate(io.ins) if i not in kernel.packed]
    tensors = [(t, True) for t in passed] + [(t, False) for t in io.outs]
    roles = kernel.roles if len(kernel.roles) == len(tensors) else _numbered(passed, io.outs)
    roots = [None if t.is_constant else layout.storage.locate(t.name)[0] for t, _ in tensors]
    arguments, data = [], []
    for (tensor, const), role, root in zip(tensors, roles, roots, strict=True):
        if tensor.is_constant:
            data.append(Data(prefix + role, tensor.array, f"constant '{tensor.name}'"))
            where = Place("data", symbol=prefix + role)
        else:
            where = layout.place(tensor.name)
        shared = root is not None and roots.count(root) > 1
        arguments.append(Argument(role, tensor.dtype, const, not shared, where))
    return tuple(arguments), tuple(data)


def _numbered(ins: Sequence[Tensor], outs: Sequence[Tensor]) -> tuple[str, ...]:
    """Return x0, x1, ... and y0, y1, ... for kernels of any number of operands."""
    names = [f"x{i}" for i in range(len(ins))] if len(ins) != 1 else ["x"]
    return (*names, *([f"y{i}" for i in range(len(outs))] if len(outs) != 1 else ["y"]))


def _scratch_argument(layout: _Layout, step: int, facts: Facts) -> tuple[Argument, ...]:
    if facts.scratch is None:
        return ()
    offset = layout.placement.offsets[_scratch_name(step)]
    where = Place("arena", offset=offset)
    return (Argument(facts.scratch.name, facts.scratch.dtype, False, True, where),)
