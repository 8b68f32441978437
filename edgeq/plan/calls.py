"""The calls of a program: C functions with their pointers, numbers and constant arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Tensor
from edgeq.plan.layers import Layer, Part
from edgeq.plan.memory import Placement
from edgeq.plan.program import Argument, Call, Data, Place
from edgeq.plan.stages import Stage
from edgeq.plan.storage import Storage


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One operator order with its layers, stages, sharing decisions and arena offsets."""

    layers: tuple[Layer, ...]
    storage: Storage
    placement: Placement
    stages: tuple[Stage, ...] = ()

    @property
    def headers(self) -> tuple[str, ...]:
        """Return the files that the kernels of all calls include."""
        used = (self.layers[i] for i in range(len(self.layers)) if i not in self.storage.skipped)
        parts = (part for layer in used for part in layer.parts)
        return tuple(sorted({name for part in parts for name in part.kernel.headers}))

    def place(self, name: str, start: int = 0, advance: int = 0) -> Place:
        """Return where a computed tensor lies, or the lines of one, from byte ``start`` on."""
        graph = self.storage.graph
        _, offset = self.storage.locate(name)
        group = self.storage.group(name)
        for kind, ports in (("input", graph.inputs), ("output", graph.outputs)):
            for index, port in enumerate(ports):
                if port in group:
                    return Place(kind, index=index, offset=offset + start, advance=advance)
        state = self.storage.state(name)
        if state is not None:
            return Place("state", index=state, offset=offset + start, advance=advance)
        return self.arena_place(name, start, advance)

    def memory(self, name: str) -> str:
        """Return the tensor in whose memory one lies: of what a state becomes, the state."""
        state = self.storage.state(name)
        if state is not None:
            return self.storage.graph.states[state].name
        return self.storage.locate(name)[0]

    def arena_place(self, name: str, start: int = 0, advance: int = 0) -> Place:
        """Return a place in the arena: of a tensor, though a port be bound elsewhere, or lines."""
        root, offset = self.storage.locate(name)
        region = self.placement.regions.get(root, 0)
        at = self.placement.offsets[root] + offset + start
        return Place("arena", index=region, offset=at, advance=advance)

    def scratch(self, step: int, start: int = 0) -> Place:
        """Return where the working memory of a step lies; it may have none."""
        name = scratch_name(step)
        return self.arena_place(name, start) if name in self.placement.offsets else Place("arena")


def scratch_name(step: int) -> str:
    """Return the name of the working memory of a step's buffer."""
    return f"scratch of step {step}"


def layer_call(layout: Layout, index: int, step: int) -> tuple[Call, tuple[Data, ...]]:
    """Return the call of a layer, with its parts where it has several, and its constant arrays."""
    layer = layout.layers[step]
    prefix = f"l{index:02d}_"
    scratches = [layout.scratch(step, layer.scratch_start(i)) for i in range(len(layer.parts))]
    op, tensors = layout.storage.graph.ops[step], layout.storage.graph.tensors
    sizes = tuple(tensors[name].bytes for name in op.outputs)
    if len(layer.parts) == 1:
        call, data = _call(layout, index, layer.parts[0], prefix, scratches[0], ())
        return replace(call, output_bytes=sizes), data
    parts, data = part_calls(layout, index, layer.parts, scratches)
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
        macs=op.macs(layout.storage.graph.operands(op)),
        scratch_bytes=layer.scratch,
        parts=parts,
        output_bytes=sizes,
    )
    return whole, data


def part_calls(
    layout: Layout, index: int, parts: Sequence[Part], scratches: Sequence[Place]
) -> tuple[tuple[Call, ...], tuple[Data, ...]]:
    """Return the calls of a layer in parts; arrays that are equal are there once."""
    calls: list[Call] = []
    known: tuple[Data, ...] = ()
    for number, (part, scratch) in enumerate(zip(parts, scratches, strict=True)):
        call, data = _call(layout, index, part, f"l{index:02d}_p{number}_", scratch, known)
        calls.append(call)
        known += data
    return tuple(calls), known


def _call(
    layout: Layout, index: int, part: Part, prefix: str, scratch: Place, known: tuple[Data, ...]
) -> tuple[Call, tuple[Data, ...]]:
    """Return one function; arrays that are equal to ``known`` ones of the layer are those."""
    arguments, constants = _arguments(layout, prefix, part)
    if part.facts.scratch is not None:
        found = part.facts.scratch
        arguments += (Argument(found.name, found.dtype, False, True, scratch),)
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
        fixed=part.kernel.fixed,
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
    memories = [None if t.is_constant else part.buffer(t.name) for t, _ in tensors]
    roots = [None if name is None else layout.memory(name) for name in memories]
    arguments, data = [], []
    for (tensor, const), role, root in zip(tensors, roles, roots, strict=True):
        if tensor.is_constant:
            data.append(Data(prefix + role, tensor.array, f"constant '{tensor.name}'"))
            where = Place("data", symbol=prefix + role)
        else:
            memory = part.buffer(tensor.name)
            where = layout.place(memory, part.starts.get(memory, 0), part.advances.get(memory, 0))
        shared = root is not None and roots.count(root) > 1
        arguments.append(Argument(role, tensor.dtype, const, not shared, where))
    return tuple(arguments), tuple(data)


def _numbered(ins: Sequence[Tensor], outs: Sequence[Tensor]) -> tuple[str, ...]:
    """Return x0, x1, ... and y0, y1, ... for kernels of any number of operands."""
    names = [f"x{i}" for i in range(len(ins))] if len(ins) != 1 else ["x"]
    return (*names, *([f"y{i}" for i in range(len(outs))] if len(outs) != 1 else ["y"]))
