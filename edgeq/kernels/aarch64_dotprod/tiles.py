"""How a product is cut into tiles of registers: panels of channels, and heights of pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

LANES = 4  # channels in a vector of sums; places of a window that one instruction takes
STEP = 16  # codes of a window that are loaded at a time
REGISTERS = 25  # of 32, for sums and codes: compilers that have to fill all spill some
WIDEST = 8  # vectors of channels in a panel
NARROW = (0, 5, 4, 9)  # instructions that make codes of fewer than four vectors, and write them
CALL = 8  # instructions round a tile: addresses and the loop
PANEL = 16  # instructions round the tiles of a panel
SECOND = 40  # instructions that a second kind of tile must save to be worth its code


class Window(NamedTuple):
    """What the sums of one pixel read: ``runs`` runs of ``run`` codes each."""

    runs: int
    run: int

    @property
    def loads(self) -> int:
        """Return how many vectors of codes are loaded."""
        return self.runs * -(-self.run // STEP)

    @property
    def lanes(self) -> int:
        """Return how many times four codes are multiplied."""
        return self.runs * -(-self.run // LANES)


@dataclass(frozen=True, slots=True)
class Heights:
    """Pixels in tiles: ``tall`` ones first, in ``tiles`` of ``height``, the others in ``rest``.

    ``cost`` is an estimate of executed instructions.
    """

    height: int
    rest: int
    cost: float


@dataclass(frozen=True, slots=True)
class Panels:
    """``count`` panels of ``vectors`` vectors of channels each, from ``first`` on.

    The last one ends with the last channel, and may overlap the one before.
    """

    vectors: int
    count: int
    first: int

    @property
    def channels(self) -> int:
        """Return the channels of one panel."""
        return self.vectors * LANES


def tallest(vectors: int) -> int:
    """Return how many pixels fit: a vector of codes of each, and its sums.

    >>> tallest(4), tallest(2), tallest(1)
    (5, 8, 12)
    """
    return REGISTERS // (vectors + 1)


def tile_cost(height: int, vectors: int, window: Window) -> float:
    """Return about how many instructions a tile takes."""
    products = window.lanes * vectors * height
    # Two vectors of weights are one instruction, but on many processors two loads.
    loads = window.loads * height + window.lanes * vectors * 0.75
    loop = 3.5 * -(-window.loads // 2) if window.loads > 2 else 0
    finish = height * (2.5 * vectors + 6 * (vectors // 4) + NARROW[vectors % 4]) + vectors
    return products + loads + loop + finish + CALL


def heights_cost(pixels: int, height: int, rest: int, vectors: int, window: Window) -> float:
    """Return what so many pixels cost in tiles of two heights, the best that they allow."""
    tall = tall_pixels(pixels, height, rest)
    short = -(-(pixels - tall) // rest)
    return tall // height * tile_cost(height, vectors, window) + short * tile_cost(
        rest, vectors, window
    )


@cache
def tall_pixels(pixels: int, height: int, rest: int) -> int:
    """Return how many pixels go into tiles of ``height``, so that the fewest are done twice.

    >>> tall_pixels(49, 6, 5), tall_pixels(13, 6, 1), tall_pixels(12, 6, 6)
    (24, 12, 12)
    """
    if height == rest:
        return pixels // height * height
    most = pixels // height * height

    def twice(tall: int) -> tuple[int, int]:
        return -(pixels - tall) % rest, pixels - tall

    options = [t for t in range(most, max(-1, most - height * rest), -height) if t >= 0]
    return min(options, key=twice)


Blocks = tuple[tuple[int, int], ...]  # how many blocks, each of how many pixels


@cache
def heights(blocks: Blocks, vectors: int, window: Window) -> Heights:
    """Return the heights that take the fewest instructions for some blocks of pixels."""

    def options() -> Iterator[Heights]:
        for height in range(1, min(tallest(vectors), *(size for _, size in blocks)) + 1):
            for rest in range(1, height + 1):
                second = any(tall_pixels(size, height, rest) < size for _, size in blocks)
                each = (n * heights_cost(p, height, rest, vectors, window) for n, p in blocks)
                yield Heights(height, rest, sum(each) + second * SECOND)

    return min(options(), key=lambda h: h.cost)


def panel_choices(channels: int) -> Iterator[tuple[Panels, ...]]:
    """Yield the ways to cut channels: panels of one width, the last perhaps narrower.

    >>> list(panel_choices(6))[0]
    (Panels(vectors=1, count=2, first=0),)
    """
    for vectors in range(1, WIDEST + 1):
        width = vectors * LANES
        whole, left = divmod(channels, width)
        if whole == 0:
            yield (Panels(vectors, 1, 0),)
            return
        yield (Panels(vectors, whole + (left > 0), 0),)
        narrow = -(-left // LANES)
        if 0 < narrow < vectors:
            yield (Panels(vectors, whole, 0), Panels(narrow, 1, channels - narrow * LANES))


@cache
def panels_of(blocks: Blocks, channels: int, window: Window) -> tuple[Panels, ...]:
    """Return the panels that take the fewest instructions.

    >>> panels_of(((1, 49),), 1024, Window(1, 512))
    (Panels(vectors=4, count=64, first=0),)
    """
    return min(panel_choices(channels), key=lambda p: panels_cost(p, blocks, window))


def panels_cost(panels: tuple[Panels, ...], blocks: Blocks, window: Window) -> float:
    """Return about how many instructions all tiles of all blocks take."""
    around = PANEL * sum(count for count, _ in blocks)
    each = (p.count * (heights(blocks, p.vectors, window).cost + around) for p in panels)
    return sum(each) + SECOND * len(panels)
