"""Live bytes of an execution order: what a step needs, and what it leaves behind.

Sets of steps are integers: bit v says that node v has run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeq.errors import ModelError


@dataclass(frozen=True, slots=True)
class Node:
    """An operation as the planner sees it: tensors it reads and writes, bytes only it needs.

    It runs after those that write ``waits``, which it does not read.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    scratch: int = 0
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Liveness:
    """A run of nodes with the numbers that decide its memory.

    ``before`` are the nodes each one waits for, ``users`` those that wait for it. While a node
    runs it adds ``needs`` bytes, of which ``stays`` remain; ``reads`` lists, for every tensor that
    it may free, the nodes that must all have run and the bytes. ``mortals`` are all such tensors:
    the node that writes it (-1: none here), its readers, its bytes. ``start`` bytes are alive
    before the first step, and ``idle`` more in it alone: inputs that nothing reads.
    """

    before: tuple[int, ...]
    users: tuple[int, ...]
    needs: tuple[int, ...]
    stays: tuple[int, ...]
    reads: tuple[tuple[tuple[int, int], ...], ...]
    mortals: tuple[tuple[int, int, int], ...]
    start: int
    idle: int

    @classmethod
    def of(
        cls,
        nodes: Sequence[Node],
        sizes: Mapping[str, int],
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> Liveness:
        """Return the liveness of all nodes, which must stand in a valid order."""
        maker = _makers(nodes, sizes, inputs, outputs)
        users = dict.fromkeys((*inputs, *maker), 0)
        before, after = [0] * len(nodes), [0] * len(nodes)
        for index, node in enumerate(nodes):
            for name in node.inputs:
                users[name] = users.get(name, 0) | 1 << index
            for name in (*node.inputs, *node.waits):
                if name in maker:
                    before[index] |= 1 << maker[name]
                    after[maker[name]] |= 1 << index
        size = {name: sizes.get(name, 0) for name in users}
        kept = set(outputs)
        lasting = {name for name in users if users[name] or name in kept}
        mortals = [name for name in users if users[name] and name not in kept]
        return cls(
            before=tuple(before),
            users=tuple(after),
            needs=tuple(n.scratch + sum(size[name] for name in n.outputs) for n in nodes),
            stays=tuple(sum(size[o] for o in n.outputs if o in lasting) for n in nodes),
            reads=tuple(
                tuple((users[i], size[i]) for i in dict.fromkeys(n.inputs) if i not in kept)
                for n in nodes
            ),
            mortals=tuple((maker.get(name, -1), users[name], size[name]) for name in mortals),
            start=sum(size[name] for name in dict.fromkeys(inputs) if name in lasting),
            idle=sum(size[name] for name in dict.fromkeys(inputs) if name not in lasting),
        )

    def part(self, begin: int, end: int, live: int) -> Liveness:
        """Return nodes ``begin`` to ``end`` alone, where all before have run and left ``live``."""
        within = (1 << (end - begin)) - 1
        return Liveness(
            before=tuple(mask >> begin for mask in self.before[begin:end]),
            users=tuple(mask >> begin & within for mask in self.users[begin:end]),
            needs=self.needs[begin:end],
            stays=self.stays[begin:end],
            reads=tuple(
                tuple((mask >> begin, size) for mask, size in reads if not mask >> end)
                for reads in self.reads[begin:end]
            ),
            mortals=tuple(
                (max(maker - begin, -1), mask >> begin, size)
                for maker, mask, size in self.mortals
                if maker < end and mask >> begin and not mask >> end
            ),
            start=live,
            idle=0 if begin else self.idle,
        )

    def during(self, node: int, done: int, live: int) -> int:
        """Return the bytes alive while a node runs after ``done``, which left ``live`` bytes."""
        return live + self.needs[node] + (0 if done else self.idle)

    def after(self, node: int, done: int, live: int) -> int:
        """Return the bytes alive when a node has run after ``done``, which left ``live`` bytes."""
        waiting = ~(done | 1 << node)
        freed = sum(size for users, size in self.reads[node] if not users & waiting)
        return live + self.stays[node] - freed

    def profile(self, order: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the bytes alive while each step runs, and those alive before it."""
        during, before, done, live = [], [], 0, self.start
        for node in order:
            before.append(live)
            during.append(self.during(node, done, live))
            live = self.after(node, done, live)
            done |= 1 << node
        return during, before

    def relatives(self) -> tuple[list[int], list[int]]:
        """Return, for each node, all that must run before it and all that must run after it."""
        above, below = list(self.before), list(self.users)
        for node in range(len(above)):
            for other in bits(self.before[node]):
                above[node] |= above[other]
        for node in reversed(range(len(below))):
            for other in bits(self.users[node]):
                below[node] |= below[other]
        return above, below

    def least(self) -> int:
        """Return bytes that no order can do without: those forced on it by some node."""
        above, below = self.relatives()
        return max(map(self._forced, range(len(above)), above, below), default=0)

    def _forced(self, node: int, above: int, below: int) -> int:
        """Return the bytes alive while a node runs when all that may be dead by then is dead."""
        made = self.start + sum(self.stays[other] for other in bits(above))
        later = below | 1 << node
        dead = sum(
            size
            for maker, users, size in self.mortals
            if not users & later and (maker < 0 or above >> maker & 1)
        )
        return made - dead + self.needs[node]


def bits(mask: int) -> list[int]:
    """Return the positions of the ones of a mask, lowest first."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def _makers(
    nodes: Sequence[Node], sizes: Mapping[str, int], inputs: Sequence[str], outputs: Sequence[str]
) -> dict[str, int]:
    """Return the node that writes each tensor; raise ModelError where the order is not valid."""
    maker: dict[str, int] = {}
    ready = set(inputs)
    for index, node in enumerate(nodes):
        needed = (*node.inputs, *node.waits)
        missing = [name for name in needed if name in sizes and name not in ready]
        if missing:
            raise ModelError(f"node {index} reads '{missing[0]}', which nothing has written yet")
        for name in node.outputs:
            if name in ready:
                raise ModelError(f"node {index} writes '{name}', which was written before")
            maker[name] = index
            ready.add(name)
    missing = [name for name in outputs if name in sizes and name not in ready]
    if missing:
        raise ModelError(f"nothing writes the output '{missing[0]}'")
    return maker
