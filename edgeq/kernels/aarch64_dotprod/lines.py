"""Windows that are read where they are: in rows of the image, copied with their padding."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.aarch64_dotprod.tiles import STEP, Blocks, Window, panels_cost, panels_of
from edgeq.kernels.neon.windows import SCRATCH_BYTES, Windows
from edgeq.kernels.portable.convolution import conv2d_shape, is_pointwise
from edgeq.ops.conv2d import Conv2D
from edgeq.plan.program import Scratch

MOST_PIXELS = 512  # of a row of the output, for each of which a sum may be kept
COPY = 14  # instructions round the copy of a row or of a window


def line_window(op: Conv2D, io: Operands) -> Window:
    """Return what a window reads from rows of the image: a run of codes from each."""
    height, width = op.kernel(io)
    return Window(height, width * io.x.shape[3])


def conv2d_lines(op: Conv2D, io: Operands) -> Windows | None:
    """Return windows that are not copied one by one, or nothing where that is not possible.

    A strip of rows serves as many rows of the output as fit the scratch memory; the last strip
    may overlap the one before.
    """
    shape = conv2d_shape(op, io)
    height, width, in_c = shape["OUT_H"], shape["OUT_W"], shape["IN_C"]
    window = line_window(op, io)
    columns = (width - 1) * shape["STRIDE_W"] + shape["KERNEL_W"]
    span = (window.runs - 1) * shape["DILATION_H"] + 1
    most = SCRATCH_BYTES // (columns * in_c)
    unfit = op.dilation[1] > 1 or width > MOST_PIXELS or shape["PAD_LEFT"] >= columns
    if is_pointwise(op, io) or unfit or most < span:
        return None
    rows = min((most - span) // shape["STRIDE_H"] + 1, height)
    rows = -(-height // -(-height // rows))
    strip = (rows - 1) * shape["STRIDE_H"] + span
    constants = {
        "IMAGES": io.x.shape[0],
        **shape,
        "ROWS": rows,
        "BLOCK": width,
        "LINE": min(shape["IN_W"], columns - shape["PAD_LEFT"]) * in_c,
        "STRIP_H": strip,
        "STRIP_W": columns * in_c,
        "STEP": shape["STRIDE_W"] * in_c,
        "NEXT": shape["DILATION_H"] * columns * in_c,
    }
    scratch = Scratch("patches", DType.INT8, strip * columns * in_c + STEP)
    return Windows("lines", constants, {}, scratch)


def line_blocks(found: Windows) -> Blocks:
    """Return the blocks of pixels: the rows of the output."""
    size = found.constants
    return ((size["IMAGES"] * -(-size["OUT_H"] // size["ROWS"]) * size["ROWS"], size["BLOCK"]),)


def lines_cost(op: Conv2D, io: Operands, found: Windows) -> float:
    """Return about how many instructions it takes to read windows where they are."""
    size, blocks, window = found.constants, line_blocks(found), line_window(op, io)
    copied = blocks[0][0] // size["ROWS"] * size["STRIP_H"] * (size["STRIP_W"] / STEP + COPY)
    return copied + panels_cost(panels_of(blocks, io.y.shape[3], window), blocks, window)


def copied_cost(io: Operands, blocks: Blocks, window: Window) -> float:
    """Return about how many instructions it takes to copy windows one by one first."""
    pixels = sum(count * size for count, size in blocks)
    copies = pixels * (2 * window.loads + COPY)
    return copies + panels_cost(panels_of(blocks, io.y.shape[3], window), blocks, window)
