"""Slice: every ``strides``-th element of a box, in any direction.

Also what reversing is: all elements, -1 apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import Shape, elements
from edgeq.ops._movement import Movement, Parts, require_counts, require_one_type
from edgeq.ops.base import Arrays, register, require


@register("slice")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice(Movement):
    """Input: x. Output: ``size`` elements from ``begin`` on in each dimension.

    ``size`` counts elements of the output, ``strides`` apart in the input; those of a negative
    stride are read backwards. No strides: all 1.
    """

    begin: Shape
    size: Shape
    strides: Shape = ()

    @property
    def steps(self) -> Shape:
        """Return the strides, one for each dimension."""
        return self.strides or (1,) * len(self.begin)

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless the slice lies inside the input."""
        require_counts(self, io, 1)
        require_one_type(self, io)
        rank = len(io.x.shape)
        for values in (self.begin, self.size, self.steps):
            require(self, len(values) == rank, f"{values} for {rank} dimensions")
        for extent, first, count, step in zip(
            io.x.shape, self.begin, self.size, self.steps, strict=True
        ):
            ends = (first, first + (count - 1) * step)
            inside = count >= 1 and step != 0 and min(ends) >= 0 and max(ends) < extent
            require(self, inside, f"{count} elements from {first}, {step} apart, of {extent}")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return ``size``."""
        return (self.size,)

    def start(self, io: Operands) -> int:
        """Return the index of the first element, counted through the whole input."""
        strides = [elements(io.x.shape[axis + 1 :]) for axis in range(len(self.begin))]
        return sum(first * step for first, step in zip(self.begin, strides, strict=True))

    def parts(self, io: Operands) -> Parts | None:
        """Return the output inside the input when it is one run of it, and most of it.

        A small slice would keep a large input alive: it is copied.
        """
        if 2 * io.y.elements < io.x.elements:
            return None
        uncut = [axis for axis, count in enumerate(self.size) if count != 1]
        first = uncut[0] if uncut else len(self.size)
        if self.size[first + 1 :] != io.x.shape[first + 1 :] or set(self.steps[first:]) - {1}:
            return None
        return io.x.name, ((io.y.name, self.start(io) * io.x.dtype.bytes),)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy the box."""
        places = tuple(
            first + step * np.arange(count)
            for first, count, step in zip(self.begin, self.size, self.steps, strict=True)
        )
        return (arrays[0][np.ix_(*places)].reshape(self.size),)
