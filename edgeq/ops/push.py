"""Push: a window moves on along one dimension; what is newest enters at its end.

What streaming networks do with what they remember. It is one operation, of a window and what
enters, so that the window can move where it lies. Front ends make none: a pass finds them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import Shape
from edgeq.ops._movement import Movement, require_axis, require_counts, require_one_type
from edgeq.ops.base import Arrays, register, require


@register("push")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Push(Movement):
    """Inputs: a window and what enters. Output: the window after.

    What enters has the window's shape but for ``axis``, where it is at most as long.
    """

    axis: int

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless shapes and types fit."""
        require_counts(self, io, 2)
        require_one_type(self, io)
        require_axis(self, self.axis, len(io.x.shape))
        x, newest = (list(tensor.shape) for tensor in io.ins)
        what = f"shape {io.ins[1].shape} enters a window of {io.x.shape}"
        fits = len(x) == len(newest) and newest[self.axis] <= x[self.axis]
        require(self, fits, what)
        newest[self.axis] = x[self.axis]
        require(self, x == newest, what)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the window's shape."""
        return (io.x.shape,)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Drop the oldest, append the newest."""
        window, newest = arrays
        _, kept = np.split(window, [newest.shape[self.axis]], axis=self.axis)
        return (np.concatenate([kept, newest], axis=self.axis),)
