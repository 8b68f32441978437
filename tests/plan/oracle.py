"""What a program does to memory, byte by byte, without building it.

Every byte of every tensor has a token: what only moves bytes hands tokens on, what computes makes
new ones. A program is right when each layer finds the tokens of its inputs where it reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

import numpy as np

from edgeq import reference
from edgeq.ir.graph import Graph
from edgeq.kernels.portable import ROWS
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.plan.plan import plan
from edgeq.plan.program import Argument, Call, Place, Program
from edgeq.targets.portable import PORTABLE
from tests.kernel_harness import QUICK, compile_layer
from tests.passes.nets import Net

Tokens = Mapping[str, np.ndarray]


def tokens_of(graph: Graph) -> dict[str, np.ndarray]:
    """Return the tokens of every computed tensor."""
    fresh = count(1)
    found = {name: _new(fresh, graph.tensors[name].bytes) for name in graph.inputs}
    for op, io in graph.walk():
        parts = op.parts(io)
        if op.VIEW and op.inputs[0] in found:
            found[op.outputs[0]] = found[op.inputs[0]]
        elif parts is not None and io.y.name == parts[0]:
            pieces = [found.get(name) for name, _ in parts[1]]
            sizes = [graph.tensors[name].bytes for name, _ in parts[1]]
            whole = [_new(fresh, n) if p is None else p for p, n in zip(pieces, sizes, strict=True)]
            found[io.y.name] = np.concatenate(whole)
        elif parts is not None and parts[0] in found:
            for name, start in parts[1]:
                found[name] = found[parts[0]][start : start + graph.tensors[name].bytes]
        else:
            found.update((tensor.name, _new(fresh, tensor.bytes)) for tensor in io.outs)
    return found


def _new(fresh: Iterator[int], size: int) -> np.ndarray:
    return np.array([next(fresh) for _ in range(size)], np.int64)


class Memory:
    """The arena, and memory of the caller's for each port."""

    def __init__(self, program: Program) -> None:
        self.regions = [np.zeros(region.bytes, np.int64) for region in program.regions]
        sides = (("input", program.inputs), ("output", program.outputs))
        self.ports = {
            (kind, index): np.zeros(port.bytes, np.int64)
            for kind, ports in sides
            for index, port in enumerate(ports)
        }

    def at(self, place: Place, size: int) -> np.ndarray:
        """Return the bytes of a place, all of which must be there."""
        in_arena = place.kind == "arena"
        whole = self.regions[place.index] if in_arena else self.ports[place.kind, place.index]
        part = whole[place.offset : place.offset + size]
        assert place.offset >= 0
        assert len(part) == size
        return part


def check_program(graph: Graph, program: Program) -> None:
    """Fail unless the program moves the right bytes, with ports bound to the caller's memory."""
    tokens, memory = tokens_of(graph), Memory(program)
    for index, name in enumerate(graph.inputs):
        memory.ports["input", index][:] = tokens[name]
    for call in program.calls:
        _run(graph, program, call, tokens, memory)
    for index, name in enumerate(graph.inputs):
        np.testing.assert_array_equal(memory.ports["input", index], tokens[name])
    for index, name in enumerate(graph.outputs):
        np.testing.assert_array_equal(memory.ports["output", index], tokens[name])


def _run(graph: Graph, program: Program, call: Call, tokens: Tokens, memory: Memory) -> None:
    for argument in call.arguments[len(_pointers(call)) :]:
        memory.at(argument.place, call.scratch_bytes)[:] = -1
    for name in dict.fromkeys(call.inputs):
        if name in tokens:
            place = program.places[name]
            np.testing.assert_array_equal(memory.at(place, len(tokens[name])), tokens[name])
    _check_restrict(graph, program, call)
    before = {name: memory.at(program.places[name], len(tokens[name])) for name in tokens}
    held = {name: before[name].copy() for name in call.inputs if name in tokens}
    for name in call.outputs:
        part = memory.at(program.places[name], len(tokens[name]))
        # A piece that is in its place already is not written, even inside an input.
        if program.places[name].kind != "input":
            part[:] = tokens[name]
        np.testing.assert_array_equal(part, tokens[name])
    for name, old in held.items():
        if not _may_take_over(program, call, name):
            np.testing.assert_array_equal(before[name], old)


def _may_take_over(program: Program, call: Call, name: str) -> bool:
    """Tell whether the layer's row lets its output replace this input, and it does, exactly."""
    rows = [row for row in ROWS if (row.id, row.op.KIND) == (call.kernel, call.kind)]
    places = {row.in_place for row in rows}
    taken = places != {None} and call.inputs.count(name) == 1 and call.inputs.index(name) in places
    return taken and program.places[name] == program.places[call.outputs[0]]


def _pointers(call: Call) -> tuple[Argument, ...]:
    """Return the arguments that are operands: scratch is last."""
    return call.arguments[: len(call.arguments) - (call.scratch_bytes > 0)]


def _check_restrict(graph: Graph, program: Program, call: Call) -> None:
    """Fail when memory that a layer writes is also behind another pointer that is restrict."""
    names = [name for name in (*call.inputs, *call.outputs) if name in program.places]
    regions = {name: _region(graph, program, name) for name in names}
    free = {a.place for a in call.arguments if a.restrict}
    for out in call.outputs:
        for name in names:
            if name != out and _overlap(regions[out], regions[name]):
                assert not free & {program.places[out], program.places[name]}


def _region(graph: Graph, program: Program, name: str) -> tuple[tuple[str, int], int, int]:
    place = program.places[name]
    return (place.kind, place.index), place.offset, place.offset + graph.tensors[name].bytes


def _overlap(a: tuple[tuple[str, int], int, int], b: tuple[tuple[str, int], int, int]) -> bool:
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2]


def planned(net: Net, *outputs: str) -> Program:
    """Return the program, whose bytes move as they must."""
    graph = lower_arithmetic(net.graph(*outputs))
    program = plan(graph, PORTABLE, "")
    check_program(graph, program)
    return program


def kinds(program: Program) -> list[str]:
    """Return what is called, in order."""
    return [call.kind for call in program.calls]


def same_bits(net: Net, *outputs: str) -> None:
    """Fail unless the C computes what the reference does and leaves its inputs alone."""
    graph = lower_arithmetic(net.graph(*outputs))
    compiled = compile_layer(graph, QUICK)
    arrays = reference.sample_inputs(graph, 3)
    kept = [array.copy() for array in arrays]
    got = compiled(*arrays)
    results = got if isinstance(got, tuple) else (got,)
    for want, have in zip(reference.run(graph, kept), results, strict=True):
        np.testing.assert_array_equal(have, want)
    for want, have in zip(kept, arrays, strict=True):
        np.testing.assert_array_equal(have, want)
