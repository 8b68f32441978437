"""How the elements of a value of the file lie in a tensor of the graph.

Files state convolutions on [N,C,H,W]; the operations here work on [N,H,W,C]. A value therefore
carries the order in which its dimensions are stored. Transposing changes that order alone and
moves nothing; only an operation that needs another order than it finds makes an element move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.types import Shape, elements


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the graph, read as a value of the file.

    Dimension ``i`` of ``tensor`` is dimension ``order[i]`` of an array of ``shape``. With ``flat``
    the value is that array reshaped to ``flat``, which has not been done yet: flattening in the
    order of the file needs a transposition that the reader's weights can often take over.
    """

    tensor: str
    shape: Shape
    order: Shape
    flat: Shape | None = None

    @property
    def seen(self) -> Shape:
        """Return the shape that the file gives this value."""
        return self.shape if self.flat is None else self.flat

    @property
    def stored(self) -> Shape:
        """Return the shape of the tensor."""
        return tuple(self.shape[axis] for axis in self.order)

    @property
    def plain(self) -> bool:
        """Tell whether the tensor holds the elements of this value in the order of the file."""
        return self.only_ones_move(identity(len(self.shape)))

    def only_ones_move(self, order: Shape) -> bool:
        """Tell whether another order moves dimensions of extent 1 alone, and so no element."""
        here, there = ([a for a in found if self.shape[a] != 1] for found in (self.order, order))
        return here == there

    def transposed(self, perm: Shape) -> Value:
        """Return the value with dimension ``i`` being this one's ``perm[i]``; nothing moves."""
        places = inverse(perm)
        shape = tuple(self.shape[axis] for axis in perm)
        return replace(self, shape=shape, order=tuple(places[axis] for axis in self.order))

    def reshaped(self, shape: Shape) -> Value:
        """Return the value under another shape of as many elements; nothing moves yet."""
        return replace(self, flat=shape)

    def regrouped(self, shape: Shape) -> tuple[Shape, Shape]:
        """Return orders of this array, and of one of ``shape``, between which nothing moves.

        Dimensions that are merged into one, or split, or both, form a group: stored side by side
        they may be read as their successors wherever the group stands. Splitting channels that
        are stored last, or merging height and width, so costs nothing.
        """
        groups = sorted(
            _groups(self.shape, shape), key=lambda pair: min(map(self.order.index, pair[0]))
        )
        ones = [axis for axis, extent in enumerate(self.shape) if extent == 1]
        inward = (*ones, *(axis for ins, _ in groups for axis in ins))
        first = next(axis for axis, extent in enumerate(shape) if extent != 1)
        outward = list(range(first))
        for axis in (axis for _, outs in groups for axis in outs):
            # Extents of 1 stay behind what they follow.
            outward.append(axis)
            while axis + 1 < len(shape) and shape[axis + 1] == 1:
                axis += 1
                outward.append(axis)
        return inward, tuple(outward)

    def rows(self) -> np.ndarray | None:
        """Return which column of the file's [rows, columns] value each stored column is.

        ``None`` when the stored rows are other rows.
        """
        if self.flat is None or len(self.flat) != 2 or not self.order:
            return None
        if self.order[0] != 0 or self.shape[0] != self.flat[0]:
            return None
        rest = self.shape[1:]
        columns = np.arange(elements(rest)).reshape(rest)
        return columns.transpose([axis - 1 for axis in self.order[1:]]).ravel()


def _groups(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """Return which dimensions become which, those of extent 1 left out, in the least groups.

    >>> _groups((1, 6, 5), (1, 2, 3, 5))
    [([1], [1, 2]), ([2], [3])]
    """
    ins, outs = ([i for i, n in enumerate(shape) if n != 1] for shape in (before, after))
    groups = []
    while ins:
        taken, made = [ins.pop(0)], [outs.pop(0)]
        left, right = before[taken[0]], after[made[0]]
        while left != right:
            if left < right:
                taken.append(ins.pop(0))
                left *= before[taken[-1]]
            else:
                made.append(outs.pop(0))
                right *= after[made[-1]]
        groups.append((taken, made))
    return groups


def identity(rank: int) -> Shape:
    """Return the order of the file itself."""
    return tuple(range(rank))


def channels_last(rank: int) -> Shape:
    """Return the order that images are stored in: dimension 1, the channels, last.

    >>> channels_last(4)
    (0, 2, 3, 1)
    """
    return (0, *range(2, rank), 1)


def inverse(perm: Shape) -> Shape:
    """Return where each dimension goes.

    >>> inverse((0, 2, 3, 1))
    (0, 3, 1, 2)
    """
    return tuple(perm.index(axis) for axis in range(len(perm)))


def without(order: Shape, axes: frozenset[int]) -> Shape:
    """Return the order of what remains when ``axes`` are dropped.

    >>> without((0, 2, 3, 1), frozenset({2, 3}))
    (0, 1)
    """
    kept = [axis for axis in range(len(order)) if axis not in axes]
    return tuple(kept.index(axis) for axis in order if axis not in axes)
