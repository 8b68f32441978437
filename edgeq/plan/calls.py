"""The calls of a program: C functions with their pointers, numbers and constant arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Tensor
from edgeq.plan.layers import Layer, Part
from edgeq.plan.memory import Placement
from edgeq.plan.program import Argument, Call, Data, Place
from edgeq.plan.storage import Storage


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One operator order with its layers, sharing decisions and arena offsets."""

    layers: tuple[Layer, ...]
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


def scratch_name(step: int) -> str:
    """Return the name of the working memory of a step's buffer."""
    return f"scratch of step {step}"


def layer_call(layout: Layout, index: int, step: int) -> tuple[Call, tuple[Data, ...]]:
    """Return the call of a layer, with its parts where it has several, and its constant arrays."""
    graph, layer = layout.storage.graph, layout.layers[step]
    prefix = f"l{index:02d}_"
    if len(layer.parts) == 1:
        return _call(layout, index, step, 0, prefix, ())
    parts: list[Call] = []
    known: tuple[Data, ...] = ()
    for number in range(len(layer.parts)):
        part, data = _call(layout, index, step, number, f"{prefix}p{number}_", known)
        parts.append(part)
        known += data
    op = graph.ops[step]
    whole = Call(
        index=index,
        symbol=prefix + layer.kernel.id.split("/")[-1],
        kernel=parts[0].kernel,
        kind=op.KIND,
        source=op.source,
        note=parts[0].note,
        arguments=(),
        constants={},
        data={},
        flags={},
        inputs=op.inputs,
        outputs=op.outputs,
        macs=op.macs(graph.operands(op)),
        scratch_bytes=layer.scratch,
        parts=tuple(parts),
    )
    return whole, known


def _call(
    layout: Layout, index: int, step: int, number: int, prefix: str, known: tuple[Data, ...]
) -> tuple[Call, tuple[Data, ...]]:
    """Return one function; arrays that are equal to ``known`` ones of the layer are those."""
    part = layout.layers[step].parts[number]
    arguments, constants = _arguments(layout, prefix, part)
    arguments += _scratch_argument(layout, step, number)
    packed = tuple(replace(d, name=prefix + d.name) for d in part.facts.data)
    names = {data.name: _same(data, known) for data in packed}
    call = Call(
        index=index,
        symbol=prefix + part.kernel.id.split("/")[-1],
        kernel=part.kernel.id,
        kind=part.op.KIND,
        source=part.op.source,
        note=part.facts.note,
        arguments=arguments,
        constants=part.facts.constants,
        data={d.name: names[prefix + d.name] for d in part.facts.data},
        flags=part.facts.flags,
        inputs=part.op.inputs,
        outputs=part.op.outputs,
        macs=part.op.macs(part.io),
        scratch_bytes=part.scratch,
    )
    return call, tuple(data for data in packed if names[data.name] == data.name) + constants


def _same(data: Data, known: tuple[Data, ...]) -> str:
    """Return the name of an array that is equal to ``data``, or its own."""
    for other in known:
        alike = other.array.dtype == data.array.dtype and other.comment == data.comment
        if alike and np.array_equal(other.array, data.array):
            return other.name
    return data.name


def _arguments(
    layout: Layout, prefix: str, part: Part
) -> tuple[tuple[Argument, ...], tuple[Data, ...]]:
    """Return the pointer parameters, and the constants that are passed as they are."""
    kernel, io = part.kernel, part.io
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
            where = replace(where, offset=where.offset + part.starts.get(tensor.name, 0))
        shared = root is not None and roots.count(root) > 1
        arguments.append(Argument(role, tensor.dtype, const, not shared, where))
    return tuple(arguments), tuple(data)


def _numbered(ins: Sequence[Tensor], outs: Sequence[Tensor]) -> tuple[str, ...]:
    """Return x0, x1, ... and y0, y1, ... for kernels of any number of operands."""
    names = [f"x{i}" for i in range(len(ins))] if len(ins) != 1 else ["x"]
    return (*names, *([f"y{i}" for i in range(len(outs))] if len(outs) != 1 else ["y"]))


def _scratch_argument(layout: Layout, step: int, number: int) -> tuple[Argument, ...]:
    layer = layout.layers[step]
    scratch = layer.parts[number].facts.scratch
    if scratch is None:
        return ()
    offset = layout.placement.offsets[scratch_name(step)] + layer.scratch_start(number)
    where = Place("arena", offset=offset)
    return (Argument(scratch.name, scratch.dtype, False, True, where),)
