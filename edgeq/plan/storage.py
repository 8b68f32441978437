"""Which tensors share memory: views, concatenations written in place, in-place operations.

Every tensor gets a root (the tensor whose buffer it lies in) and a byte offset inside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from edgeq.ir.graph import Graph, Operands
from edgeq.ir.state import State
from edgeq.kernels.base import Kernel
from edgeq.ops.base import Op
from edgeq.plan.memory import Buffer
from edgeq.plan.stage import Segment
from edgeq.plan.updates import Update, updates


@dataclass(frozen=True, slots=True)
class Life:
    """When tensors are first written and last read, in steps.

    Whatever a stage reads or writes is alive through all of it. ``begins`` and ``ends`` are the
    steps in which the writing begins and ends.
    """

    begins: Mapping[str, int]
    ends: Mapping[str, int]
    last: Mapping[str, int]

    @classmethod
    def of(cls, graph: Graph, stages: Sequence[Segment]) -> Life:
        """Return the lives of the tensors of a graph in its order."""
        spans = {step: (stage.first, stage.last) for stage in stages for step in stage.steps}
        begins = dict.fromkeys(graph.sources, 0)
        ends = dict(begins)
        for step, op in enumerate(graph.ops):
            begin, end = spans.get(step, (step, step))
            begins.update(dict.fromkeys(op.outputs, begin))
            ends.update(dict.fromkeys(op.outputs, end))
        uses = _last_uses(graph)
        last = {name: spans.get(step, (step, step))[1] for name, step in uses.items()}
        return cls(begins, ends, last)


@dataclass(slots=True)
class Storage:
    """Sharing decisions while they are made; ``skipped`` are operations that need no call.

    ``updates`` are the states that an operation overwrites as it reads them.
    """

    graph: Graph
    life: Life
    parent: dict[str, tuple[str, int]] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    members: dict[str, list[str]] = field(default_factory=dict)
    updates: dict[str, Update] = field(default_factory=dict)

    def locate(self, name: str) -> tuple[str, int]:
        """Return the root of a tensor and its byte offset inside it."""
        offset = 0
        while name in self.parent:
            name, step = self.parent[name]
            offset += step
        return name, offset

    def group(self, name: str) -> list[str]:
        """Return all tensors that share the buffer of ``name``."""
        root, _ = self.locate(name)
        return self.members.get(root, [root])

    def join(self, name: str, other: str, offset: int) -> None:
        """Put the whole group of ``name`` inside ``other`` at a byte offset."""
        root, _ = self.locate(other)
        inner, _ = self.locate(name)
        self.members[root] = [*self.group(other), *self.members.pop(inner, [inner])]
        self.parent[inner] = (other, offset)

    def fills(self, name: str) -> bool:
        """Tell whether a computed tensor takes all bytes of the buffer that it lies in."""
        tensors = self.graph.tensors
        return tensors[self.locate(name)[0]].bytes == tensors[name].bytes

    def port_count(self, *names: str) -> int:
        """Return how many inputs, outputs and states the groups of ``names`` hold together."""
        ports = dict.fromkeys((*self.graph.sources, *self.graph.results))
        inside = {member for name in names for member in self.group(name)}
        return sum(port in inside for port in ports)

    def joinable(self, name: str, other: str) -> bool:
        """Tell whether two computed tensors may share a buffer."""
        tensors = self.graph.tensors
        if tensors[name].is_constant or tensors[other].is_constant:
            return False
        apart = self.locate(name)[0] != self.locate(other)[0]
        return apart and self.port_count(name, other) <= 1 and self._keeps_states(name, other)

    def state(self, name: str) -> int | None:
        """Return the index of the state in whose memory a tensor lies, if it is one's."""
        group = set(self.group(name)) if self.graph.states else set()
        for index, state in enumerate(self.graph.states):
            if state.name in group or state.next in group:
                return index
        return None

    def _keeps_states(self, name: str, other: str) -> bool:
        """Tell whether no state would be written before its last reader has run."""
        together = {*self.group(name), *self.group(other)} if self.graph.states else set()
        for state in self.graph.states:
            if state.next == state.name or not together & {state.name, state.next}:
                continue
            before = together if state.name in together else self.group(state.name)
            after = together if state.next in together else self.group(state.next)
            read = max((self.life.last.get(member, -1) for member in before), default=-1)
            begin = min(self.life.begins[member] for member in after)
            if read >= begin and not (read == begin and self._overwrites(state, begin, before)):
                return False
        return True

    def _overwrites(self, state: State, step: int, before: Collection[str]) -> bool:
        """Tell whether an operation may write a state's next value while it reads the one before.

        What else it reads must not lie there.
        """
        update = self.updates.get(state.name)
        if update is None or update.step != step:
            return False
        return set(before).intersection(self.graph.ops[step].inputs) == {state.name}


def share(graph: Graph, kernels: Sequence[Kernel], stages: Sequence[Segment] = ()) -> Storage:
    """Decide all sharing, in execution order; that of stages has been decided with them."""
    storage = Storage(graph, Life.of(graph, stages))
    staged = {step for stage in stages for step in stage.steps}
    storage.updates = updates(graph, kernels, staged)
    for update in storage.updates.values():
        _share_update(storage, update)
    for step, (op, io) in enumerate(graph.walk()):
        if step in storage.skipped:
            continue
        if op.VIEW:
            _share_view(storage, step, io)
        elif op.parts(io) is not None:
            _share_parts(storage, step, op, io)
    for stage in stages:
        last = graph.ops[stage.last].outputs[0]
        # It was joinable when the stage was chosen; of states, what shares may have changed.
        if stage.into and (not graph.states or storage.joinable(last, stage.into)):
            storage.join(last, stage.into, 0)
    for step, ((_, io), kernel) in enumerate(zip(graph.walk(), kernels, strict=True)):
        if step not in storage.skipped | staged and kernel.in_place is not None:
            _share_in_place(storage, step, io, kernel.in_place)
    return storage


def _share_update(storage: Storage, update: Update) -> None:
    """Let what an operation makes of a state lie in the state's memory, with all views between."""
    ops = storage.graph.ops
    state = ops[update.views[0]].outputs[0]
    names = [ops[step].inputs[0] for step in update.views]
    if storage.port_count(*names) == 0 and storage.joinable(update.written, state):
        for name in names:
            storage.join(name, state, 0)
        storage.skipped.update(update.views)


def _share_view(storage: Storage, step: int, io: Operands) -> None:
    x, y = io.x.name, io.y.name
    # What a port shares memory with must not reach beyond the port's own bytes.
    inside = storage.port_count(y) == 0 or storage.fills(x)
    if inside and storage.joinable(y, x):
        storage.join(y, x, 0)
        storage.skipped.add(step)


def _share_parts(storage: Storage, step: int, op: Op, io: Operands) -> None:
    """Let the parts of a concatenation or split lie inside the whole."""
    parts = op.parts(io)
    if parts is None:
        return
    whole, pieces = parts
    names = [name for name, _ in pieces]
    done = []
    for piece, offset in pieces:
        own = storage.fills(piece) and names.count(piece) == 1
        # A port may be bound to the caller's memory, so it cannot lie inside another tensor.
        fits = own and storage.port_count(piece) == 0 and storage.joinable(piece, whole)
        if fits:
            storage.join(piece, whole, offset)
        done.append(fits)
    if all(done):
        storage.skipped.add(step)


def _share_in_place(storage: Storage, step: int, io: Operands, index: int) -> None:
    x, y = io.ins[index], io.y
    if x.is_constant or x.bytes != y.bytes or x.name in storage.graph.sources:
        return
    root = storage.locate(x.name)[0]
    dies = all(storage.life.last.get(name, -1) <= step for name in storage.group(x.name))
    fed = any(name in storage.graph.sources for name in storage.group(x.name))
    # Another operand in the same memory, even a part of it, would be read after it was written.
    roots = [storage.locate(tensor.name)[0] for tensor in io.ins]
    whole = storage.fills(x.name) and storage.locate(y.name)[0] == y.name
    if dies and not fed and whole and roots.count(root) == 1 and storage.joinable(y.name, x.name):
        storage.join(y.name, x.name, 0)


def _last_uses(graph: Graph) -> dict[str, int]:
    uses = {name: len(graph.ops) for name in graph.results}
    for step, op in enumerate(graph.ops):
        for name in op.inputs:
            uses[name] = max(uses.get(name, -1), step)
    return uses


def buffers(storage: Storage, stages: Sequence[Segment] = ()) -> list[Buffer]:
    """Return one buffer for each root, with the time in which some member is alive.

    ``stages`` are those that the sharing was decided with. Tensors of which there are only lines
    have none, nor has what lies in the memory of states.
    """
    graph, life = storage.graph, storage.life
    lined = {name for stage in stages for name in stage.inner}
    result = []
    for name, tensor in graph.tensors.items():
        if tensor.is_constant or name in lined or storage.locate(name)[0] != name:
            continue
        if storage.state(name) is not None:
            continue
        group = storage.group(name)
        start = min(life.begins[member] for member in group)
        end = max(max(life.last.get(member, -1), life.ends[member]) for member in group)
        result.append(Buffer(name, tensor.bytes, start, end))
    return result
