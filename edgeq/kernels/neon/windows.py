"""What products of windows and weights read: the windows of a block of pixels, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.portable.convolution import conv2d_shape, is_pointwise
from edgeq.ops.conv2d import Conv2D
from edgeq.plan.program import Scratch

HEADERS = ("edgeq_windows_neon.h",)
VECTOR = 16  # codes in a vector: what is copied at a time, and what a copy writes too much
SCRATCH_BYTES = 1 << 14  # windows that stay in the first cache while weights pass over them
LEAST_PIXELS = 16  # weights are read once for at least so many windows ...
MOST_PIXELS = 512  # ... and no more than these, for each of which a sum may be kept
MOST_COPIES = 12  # copies that are written out one by one


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Where a kernel finds its windows: ``constants`` and ``flags`` join those of its facts.

    ``mode`` is how ``neon/windows.j2`` gets them. ``direct``: they lie in ``x`` one after the
    other. ``rows``: so they do, and are copied, for zeros to follow each. ``strip``: rows of the
    image are copied with their padding, so that a vector may be read where a run of codes is
    shorter. ``general``: run by run.
    """

    mode: str
    constants: Mapping[str, int]
    flags: Mapping[str, Any] = field(default_factory=dict)
    scratch: Scratch | None = None

    @property
    def depth(self) -> int:
        """Return the length of a window, with what fills it up."""
        return self.constants["DEPTH"]


def conv2d_windows(
    op: Conv2D, io: Operands, *, tile: int, multiple: int, direct: int | None = None
) -> Windows:
    """Return the windows of an ungrouped convolution, filled with zeros up to ``multiple``.

    A pointwise layer is read from ``x`` itself if its depth is a multiple of ``direct`` (by
    default of ``multiple``). ``tile`` is at most the number of output pixels; every block has at
    least so many.
    """
    pixels = elements(io.y.shape[:3])
    window = elements(io.ins[1].shape[1:])
    if is_pointwise(op, io):
        return matrix_windows(pixels, window, tile=tile, multiple=multiple, direct=direct)
    depth = _filled(window, multiple)
    joined = op.dilation[1] == 1
    shape = {
        **conv2d_shape(op, io),
        "RUN": io.x.shape[3] * (op.kernel(io)[1] if joined else 1),
        "SPAN_H": (op.kernel(io)[0] - 1) * op.dilation[0] + 1,
        "SPAN_W": (op.kernel(io)[1] - 1) * op.dilation[1] + 1,
        "WINDOW": window,
        "DEPTH": depth,
    }
    copies = _copies(op, io)
    flags = {
        "copies": copies,
        "listed": len(copies) <= MOST_COPIES,
        "fill": range(0, depth - window, VECTOR),
    }
    strip = _strip(shape, tile)
    if strip:
        constants = {"IMAGES": io.x.shape[0], **shape, **strip}
        size = strip["STRIP"] + strip["STRIP_H"] * strip["STRIP_W"] + VECTOR
        return Windows("strip", constants, flags, Scratch("patches", DType.INT8, size))
    block = _block(pixels, depth, tile)
    constants = {**shape, "PIXELS": pixels, "TILE": tile, "BLOCK": block}
    scratch = Scratch("patches", DType.INT8, block * depth + VECTOR)
    return Windows("general", constants, {**flags, "joined": joined}, scratch)


def matrix_windows(
    pixels: int, window: int, *, tile: int, multiple: int, direct: int | None = None
) -> Windows:
    """Return windows that lie in ``x`` one after the other, as ``conv2d_windows`` does."""
    depth = _filled(window, multiple)
    if window % (direct or multiple) == 0:
        block = _block(pixels, window, tile)
        constants = {"PIXELS": pixels, "TILE": tile, "BLOCK": block, "DEPTH": window}
        return Windows("direct", constants)
    block = _block(pixels, depth, tile)
    constants = {
        "PIXELS": pixels,
        "TILE": tile,
        "BLOCK": block,
        "WINDOW": window,
        "DEPTH": depth,
        # The first window from which no whole vector can be read.
        "SAFE": max(0, (pixels * window - VECTOR) // window + 1),
    }
    flags = {"fill": range(0, depth - window, VECTOR)}
    scratch = Scratch("patches", DType.INT8, block * depth + VECTOR)
    return Windows("rows", constants, flags, scratch)


def _filled(window: int, multiple: int) -> int:
    return -(-window // multiple) * multiple


def _block(pixels: int, depth: int, tile: int) -> int:
    """Return how many windows are at hand at a time, a multiple of ``tile`` unless all."""
    fit = min(max(SCRATCH_BYTES // depth, LEAST_PIXELS), MOST_PIXELS)
    return min(-(-fit // tile) * tile, pixels)


def _copies(op: Conv2D, io: Operands) -> tuple[tuple[int, int], ...]:
    """Return the row and column of the first tap of each run, from the window's corner."""
    height, width = op.kernel(io)
    columns = (0,) if op.dilation[1] == 1 else range(0, width * op.dilation[1], op.dilation[1])
    return tuple((ky * op.dilation[0], kx) for ky in range(height) for kx in columns)


def _strip(shape: Mapping[str, int], tile: int) -> dict[str, int]:
    """Return the sizes of a strip where runs are shorter than a vector, else nothing.

    A strip serves as many rows of the output as their windows fit the scratch memory; all
    blocks have the same number of rows, and the last may overlap the one before.
    """
    height, width, in_c = shape["OUT_H"], shape["OUT_W"], shape["IN_C"]
    columns = (width - 1) * shape["STRIDE_W"] + shape["SPAN_W"]
    narrow = shape["RUN"] < VECTOR and width <= MOST_PIXELS and height * width >= tile
    if not narrow or shape["PAD_LEFT"] >= columns:
        return {}
    fit = min(SCRATCH_BYTES // shape["DEPTH"], MOST_PIXELS) // width
    most = min(max(fit, -(-tile // width), 1), height)
    rows = -(-height // -(-height // most))
    rows = max(rows, -(-tile // width))
    return {
        "ROWS": rows,
        "BLOCK": rows * width,
        "TILE": tile,
        "LINE": min(shape["IN_W"], columns - shape["PAD_LEFT"]) * in_c,
        "STRIP_H": (rows - 1) * shape["STRIDE_H"] + shape["SPAN_H"],
        "STRIP_W": columns * in_c,
        "STRIP": _filled(rows * width * shape["DEPTH"] + VECTOR, VECTOR),
    }
