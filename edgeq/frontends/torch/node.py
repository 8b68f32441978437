"""One node of an exported program: what all front ends share, and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from edgeq.frontends.nchw import node as nchw
from edgeq.ir.types import Shape


@dataclass(frozen=True, slots=True, eq=False)
class Node(nchw.Node):
    """Arguments by the names of the operator's schema; those that are tensors are ``inputs``.

    ``shapes`` are those that torch gives the outputs. ``call`` computes the node in torch, of the
    arrays of its inputs by name.
    """

    FORMAT: ClassVar[str] = "torch"

    arguments: Mapping[str, Any]
    shapes: tuple[Shape, ...]
    call: Any

    def number(self, name: str, default: float | None = None) -> float:
        """Return an argument that is a number."""
        found = self.arguments.get(name)
        found = default if found is None else found
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise self.unsupported(f"with {name} {type(found).__name__}")
        return float(found)

    def bound(self, name: str) -> float | None:
        """Return an argument that is a number, or ``None`` where there is none."""
        return None if self.arguments.get(name) is None else self.number(name)

    def integer(self, name: str, default: int | None = None) -> int:
        """Return an argument that is a whole number."""
        found = self.arguments.get(name)
        found = default if found is None else found
        if isinstance(found, bool) or not isinstance(found, int):
            raise self.unsupported(f"with {name} {type(found).__name__}")
        return found

    def flag(self, name: str) -> bool:
        """Return an argument that says yes or no; no where it is absent."""
        return bool(self.arguments.get(name))

    def integers(self, name: str) -> Shape | None:
        """Return an argument that is a list of whole numbers, or one; ``None`` where absent."""
        found = self.arguments.get(name)
        if found is None:
            return None
        listed = found if isinstance(found, (list, tuple)) else [found]
        if any(isinstance(value, bool) or not isinstance(value, int) for value in listed):
            raise self.unsupported(f"with {name} that are known at run time only")
        return tuple(listed)

    def refuse(self, *names: str) -> None:
        """Raise ``UnsupportedError`` when one of these arguments is given, and not 0 or false."""
        for name in names:
            if self.arguments.get(name):
                raise self.unsupported(f"with {name}")

    @property
    def shape(self) -> Shape:
        """Return the shape that torch gives the first output."""
        return self.shapes[0]

    def own(self, name: str, array: np.ndarray) -> str:
        """Return the name of a constant that this node brings along."""
        held = self.build.fresh(f"{self.outputs[0]}:{name}")
        self.build.constants[held] = array
        return held
