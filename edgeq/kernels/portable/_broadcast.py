"""Broadcasting as loops: dimensions along which the operands move alike are one loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgeq.ir.types import Shape


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop: its extent, and the elements each operand moves on at every step; 0 stays."""

    extent: int
    x0: int
    x1: int
    y: int


def loops(x0: Shape, x1: Shape, y: Shape) -> tuple[Loop, ...]:
    """Return the fewest loops that run over ``y``, outermost first; at least one.

    >>> loops((1, 8, 8, 3), (3,), (1, 8, 8, 3))
    (Loop(extent=64, x0=3, x1=0, y=3), Loop(extent=3, x0=1, x1=1, y=1))
    """
    merged: list[Loop] = []
    strides = (_strides(x0, y), _strides(x1, y), _strides(y, y))
    for extent, *steps in zip(y, *strides, strict=True):
        if extent == 1:
            continue
        inner = Loop(extent, *steps)
        if merged and _continues(merged[-1], inner):
            inner = Loop(merged.pop().extent * extent, *steps)
        merged.append(inner)
    return tuple(merged) or (Loop(1, 1, 1, 1),)


def _strides(shape: Shape, y: Shape) -> tuple[int, ...]:
    padded = (1,) * (len(y) - len(shape)) + shape
    strides, step = [], 1
    for extent, whole in zip(reversed(padded), reversed(y), strict=True):
        strides.append(step if extent == whole else 0)
        step *= extent
    return tuple(reversed(strides))


def _continues(outer: Loop, inner: Loop) -> bool:
    """Tell whether every operand's outer steps are whole runs of the inner loop."""
    pairs = ((outer.x0, inner.x0), (outer.x1, inner.x1), (outer.y, inner.y))
    return all(far == near * inner.extent for far, near in pairs)


def loop_constants(found: Iterable[Loop]) -> dict[str, int]:
    """Return extents and steps as constants; the innermost loop is ``INNER``, of steps 0 or 1."""
    *outer, inner = found
    constants = {}
    for level, loop in enumerate(outer):
        constants[f"EXTENT{level}"] = loop.extent
        steps = {"X0": loop.x0, "X1": loop.x1, "Y": loop.y}
        constants.update({f"{name}_STEP{level}": step for name, step in steps.items() if step})
    return {**constants, "INNER": inner.extent}
