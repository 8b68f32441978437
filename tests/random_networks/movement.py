"""Operators that move elements: shapes, pieces, borders, blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.ir.types import DType, Shape, elements
from tests.random_networks.draft import BYTES, MOST, Draft
from tests.random_networks.network import Value
from tests.random_networks.table import draws

CODES = (*BYTES, DType.INT16)
MORE = (*CODES, DType.INT32, DType.FLOAT32)


def factored(net: Draft, count: int) -> Shape:
    """Return extents whose product is ``count``."""
    found: list[int] = []
    for _ in range(net.draw.randint(0, 3)):
        divisors = [d for d in range(1, min(count, 64) + 1) if count % d == 0]
        found.append(net.draw.choice(divisors))
        count //= found[-1]
    found.append(count)
    net.draw.shuffle(found)
    return tuple(found)


@draws("RESHAPE", types=(*MORE, DType.INT64, DType.BOOL), weight=4)
def reshape(net: Draft, x: Value, code: str) -> None:
    """To any shape, which an operand or the options hold."""
    shape = factored(net, x.elements)
    if net.chance(0.5):
        net.like(code, [x], shape, options=("ReshapeOptions", {"new_shape": list(shape)}))
        return
    given = list(shape)
    if net.chance(0.4):
        given[net.draw.randrange(len(given))] = -1
    net.like(code, [x, net.ints(*given)], shape)


@draws("SQUEEZE", types=(*CODES, DType.FLOAT32), ranks=(2, 3, 4, 5))
def squeeze(net: Draft, x: Value, code: str) -> None:
    """Some dimensions of one element, or all."""
    ones = [axis for axis, extent in enumerate(x.shape) if extent == 1]
    gone = [axis for axis in ones if net.chance(0.5)]
    shape = [extent for axis, extent in enumerate(x.shape) if axis not in (gone or ones)]
    if shape:
        net.like(code, [x], shape, options=("SqueezeOptions", {"squeeze_dims": gone}))


@draws("EXPAND_DIMS", types=MORE, ranks=(1, 2, 3, 4))
def expand_dims(net: Draft, x: Value, code: str) -> None:
    """One more dimension anywhere."""
    rank = len(x.shape)
    axis = net.draw.randint(0, rank)
    given = net.ints(axis - rank - 1 if net.chance(0.3) else axis)
    shape = (*x.shape[:axis], 1, *x.shape[axis:])
    net.like(code, [x, given], shape, options=("ExpandDimsOptions", {}))


@draws("CONCATENATION", types=(*BYTES, DType.INT32), weight=4)
def concatenation(net: Draft, x: Value, code: str) -> None:
    """Arrays of one code; uint8 ones of any."""
    axis = net.draw.randrange(len(x.shape))
    parts = [x]
    for _ in range(net.draw.randint(0, 3)):
        shape = list(x.shape)
        shape[axis] = net.draw.choice((1, 2, 3, shape[axis]))
        free = x.dtype is DType.UINT8 and net.chance(0.4)
        more = x if x.quant is None else net.peer(x, tuple(shape), None if free else x.quant)
        parts.insert(net.draw.randint(0, len(parts)), more)
    whole = sum(part.shape[axis] for part in parts)
    shape = (*x.shape[:axis], whole, *x.shape[axis + 1 :])
    mixed = any(part.quant != x.quant for part in parts)
    quant = net.code(x.dtype, x.scale) if mixed else x.quant
    given = axis - len(x.shape) if net.chance(0.3) else axis
    options = ("ConcatenationOptions", {"axis": given})
    if elements(shape) <= 2 * MOST:
        net.op(code, parts, shape, x.dtype, quant, version=2, options=options)


@draws("PACK", types=(*BYTES, DType.INT32), ranks=(1, 2, 3))
def pack(net: Draft, x: Value, code: str) -> None:
    """Arrays of one shape and code."""
    rank = len(x.shape)
    axis, count = net.draw.randint(0, rank), net.draw.randint(1, 4)
    parts = [x if x.quant is None else net.peer(x, x.shape, x.quant) for _ in range(count - 1)]
    given = axis - rank - 1 if net.chance(0.3) else axis
    options = ("PackOptions", {"values_count": count, "axis": given})
    shape = (*x.shape[:axis], count, *x.shape[axis:])
    net.like(code, [x, *parts], shape, version=2, options=options)


@draws("SPLIT", types=CODES)
def split(net: Draft, x: Value, code: str) -> None:
    """Equal pieces along any dimension."""
    axis = net.draw.randrange(len(x.shape))
    extent = x.shape[axis]
    count = net.draw.choice([n for n in (1, 2, 3, 4, 5, 7) if extent % n == 0])
    piece = (*x.shape[:axis], extent // count, *x.shape[axis + 1 :])
    at = net.const(np.array(axis - len(x.shape) if net.chance(0.3) else axis, np.int32))
    options = ("SplitOptions", {"num_splits": count})
    many = [piece] * count
    net.op(code, [at, x], (), x.dtype, x.quant, version=2, options=options, shapes=many)


@draws("SPLIT_V", types=CODES)
def split_v(net: Draft, x: Value, code: str) -> None:
    """Pieces of any sizes, one of which need not be said."""
    axis = net.draw.randrange(len(x.shape))
    left, sizes = x.shape[axis], []
    while left and len(sizes) < 4:
        sizes.append(net.draw.randint(1, left) if len(sizes) < 3 else left)
        left -= sizes[-1]
    given = list(sizes)
    if net.chance(0.4):
        given[net.draw.randrange(len(given))] = -1
    many = [(*x.shape[:axis], size, *x.shape[axis + 1 :]) for size in sizes]
    operands = [x, net.ints(*given), net.const(np.array(axis, np.int32))]
    options = ("SplitVOptions", {"num_splits": len(sizes)})
    net.op(code, operands, (), x.dtype, x.quant, version=2, options=options, shapes=many)


@draws("PAD", "PADV2", ranks=(1, 2, 3, 4, 5), weight=3)
def pad(net: Draft, x: Value, code: str) -> None:
    """Borders of zero points or of any code."""
    pairs = [(net.draw.choice((0, 0, 1, 3)), net.draw.choice((0, 0, 1, 2))) for _ in x.shape]
    shape = [e + a + b for e, (a, b) in zip(x.shape, pairs, strict=True)]
    if elements(shape) > 2 * MOST:
        return
    operands = [x, net.const(np.array(pairs, np.int32))]
    if code == "PADV2":
        operands.append(net.const(net.codes(x.dtype, (1,)), x.quant))
    net.like(code, operands, shape, version=2)


@draws("TRANSPOSE", types=(*CODES, DType.INT32, DType.FLOAT32), weight=3)
def transpose(net: Draft, x: Value, code: str) -> None:
    """Any order of dimensions."""
    perm = net.draw.sample(range(len(x.shape)), len(x.shape))
    shape = [x.shape[axis] for axis in perm]
    net.like(code, [x, net.ints(*perm)], shape, version=4, options=("TransposeOptions", {}))


@draws("SHAPE", types=(*MORE, DType.BOOL), weight=1)
def shape_of(net: Draft, x: Value, code: str) -> None:
    """What is known before the network runs."""
    kind = net.draw.choice((DType.INT32, DType.INT64))
    options = ("ShapeOptions", {"out_type": kind.value.upper()})
    net.op(code, [x], (len(x.shape),), kind, None, options=options)


def _block(net: Draft, x: Value, code: str, shape: Shape, size: int) -> None:
    kind = "".join(part.capitalize() for part in code.split("_")) + "Options"
    options = (kind, {"block_size": size})
    net.like(code, [x], shape, options=options, version=2 if x.dtype is DType.INT8 else 1)


@draws("DEPTH_TO_SPACE", ranks=(4,))
def depth_to_space(net: Draft, x: Value, code: str) -> None:
    """Blocks of channels become pixels."""
    n, h, w, c = x.shape
    size = net.draw.choice((1, 2, 2, 3))
    if c % size**2:
        x = net.input((n, min(h, 4), min(w, 4), size**2 * net.draw.randint(1, 3)), x.dtype)
        n, h, w, c = x.shape
    _block(net, x, code, (n, h * size, w * size, c // size**2), size)


@draws("SPACE_TO_DEPTH", ranks=(4,))
def space_to_depth(net: Draft, x: Value, code: str) -> None:
    """Blocks of pixels become channels."""
    n, h, w, c = x.shape
    size = net.draw.choice([s for s in (1, 2, 2, 3, 4) if h % s == 0 and w % s == 0])
    _block(net, x, code, (n, h // size, w // size, c * size**2), size)


def _pairs(net: Draft, count: int, most: int) -> list[tuple[int, int]]:
    return [(net.draw.randint(0, most), net.draw.randint(0, most)) for _ in range(count)]


@draws("SPACE_TO_BATCH_ND", ranks=(3, 4))
def space_to_batch(net: Draft, x: Value, code: str) -> None:
    """Padded to whole blocks, whose places become batches."""
    count = len(x.shape) - 2
    block = [net.draw.choice((1, 2, 2, 3)) for _ in range(count)]
    pads: list[tuple[int, int]] = []
    for extent, size in zip(x.shape[1:], block, strict=False):
        before = net.draw.randint(0, 2)
        pads.append((before, -(extent + before) % size + size * net.draw.choice((0, 0, 1))))
    whole = [e + a + b for e, (a, b) in zip(x.shape[1:], pads, strict=False)]
    outer = [e // size for e, size in zip(whole, block, strict=True)]
    shape = (x.shape[0] * int(np.prod(block)), *outer, x.shape[-1])
    if elements(shape) <= 2 * MOST:
        operands = [x, net.ints(*block), net.const(np.array(pads, np.int32))]
        net.like(code, operands, shape, version=2)


@draws("BATCH_TO_SPACE_ND", ranks=(3, 4))
def batch_to_space(net: Draft, x: Value, code: str) -> None:
    """Batches become places of blocks, whose borders are cut off."""
    count = len(x.shape) - 2
    block = [net.draw.choice((1, 2, 2, 3)) for _ in range(count)]
    if x.shape[0] % int(np.prod(block)):
        x = net.input((int(np.prod(block)), *(min(e, 5) for e in x.shape[1:])), x.dtype)
    whole = [e * size for e, size in zip(x.shape[1:], block, strict=False)]
    crops = _pairs(net, count, 1)
    size = [e - a - b for e, (a, b) in zip(whole, crops, strict=True)]
    if min(size) > 0:
        operands: list[Any] = [x, net.ints(*block), net.const(np.array(crops, np.int32))]
        shape = (x.shape[0] // int(np.prod(block)), *size, x.shape[-1])
        net.like(code, operands, shape, version=2)
