"""How a network is to be compiled, besides what for."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

from edgeq.errors import EdgeqError
from edgeq.memories import Memories, memories
from edgeq.plan.plan import STREAM
from edgeq.plan.regions import Memory
from edgeq.targets.base import OPTIMIZATIONS


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of the user's; raise ``EdgeqError`` for a word that is none of them.

    Layers are cut into up to ``threads`` parts. ``stream`` says when they run some rows at a time
    to save memory: ``"auto"``, ``"always"`` or ``"never"``. With ``optimize="size"`` instead of
    ``"speed"`` they share functions wherever they can, which takes less flash. ``arena`` names
    memories and their bytes, the preferred one first (``"dtcm=64K,sram=256K"`` or a mapping), for
    what is otherwise one block.
    """

    threads: int = 1
    stream: str = "auto"
    optimize: str = "speed"
    arena: Memories | None = None

    def __post_init__(self) -> None:
        _check("stream", self.stream, STREAM)
        _check("optimize for", self.optimize, OPTIMIZATIONS)
        memories(self.arena)

    @property
    def memories(self) -> tuple[Memory, ...]:
        """Return the memories of ``arena``; none where it is one block."""
        return memories(self.arena)


def _check(what: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        near = difflib.get_close_matches(word, known, n=1)
        nearest = f"did you mean '{near[0]}'? " if near else ""
        raise EdgeqError(f"cannot {what} '{word}'", hint=f"{nearest}known: {', '.join(known)}")
