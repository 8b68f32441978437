"""Operators that take elements from chosen places: slices, repetitions, mirrors, indices."""

from __future__ import annotations

import numpy as np

from edgeq.ir.types import DType, elements
from tests.frontends.tflite.strided_slices import described
from tests.random_networks.draft import BYTES, MOST, Draft
from tests.random_networks.network import Value
from tests.random_networks.table import draws

CODES = (*BYTES, DType.INT16)
MORE = (*CODES, DType.INT32, DType.FLOAT32)


@draws("SLICE", types=MORE)
def slice_(net: Draft, x: Value, code: str) -> None:
    """A box; a size may be all that is left."""
    begin = [net.draw.randrange(extent) for extent in x.shape]
    size = [net.draw.randint(1, e - b) for e, b in zip(x.shape, begin, strict=True)]
    rows = zip(x.shape, begin, size, strict=True)
    given = [-1 if b + s == e and net.chance(0.5) else s for e, b, s in rows]
    net.like(code, [x, net.ints(*begin), net.ints(*given)], size, version=2)


def _index(net: Draft, extent: int) -> object:
    """Return what may stand for one dimension: a place, or a slice that is not empty."""
    draw = net.draw
    if net.chance(0.25):
        return draw.randint(-extent, extent - 1)
    step = draw.choice((1, 1, 1, 2, 3, -1, -2))
    begin = None if net.chance(0.4) else draw.randint(-extent - 1, extent)
    end = None if net.chance(0.4) else draw.randint(-extent - 1, extent + 1)
    found = slice(begin, end, step)
    return found if len(range(extent)[found]) else slice(None, None, step)


@draws("STRIDED_SLICE", types=(*CODES, DType.INT32, DType.FLOAT32), ranks=(1, 2, 3, 4), weight=4)
def strided_slice(net: Draft, x: Value, code: str) -> None:
    """Whatever NumPy's basic slices say."""
    index = [_index(net, extent) for extent in x.shape]
    if net.chance(0.3):
        at = net.draw.randrange(len(index))
        del index[at : at + net.draw.randint(1, len(index))]
        index.insert(at, Ellipsis)
    elif net.chance(0.3):
        del index[net.draw.randint(1, len(index)) :]
    if len(x.shape) < 4 and net.chance(0.2):
        index.insert(net.draw.randint(0, len(index)), None)
    shape = np.empty(x.shape, bool)[tuple(index)].shape  # type: ignore[index]
    if not shape or len(index) > 4:
        return
    columns, masks = described(index)
    operands = [x, *(net.ints(*column) for column in columns)]
    net.like(code, operands, shape, version=2, options=("StridedSliceOptions", masks))


@draws("REVERSE_V2", types=(*CODES, DType.INT32), ranks=(1, 2, 3, 4))
def reverse(net: Draft, x: Value, code: str) -> None:
    """One dimension backwards, counted from the end or not."""
    axis = net.draw.randint(-len(x.shape), len(x.shape) - 1)
    options = ("ReverseV2Options", {})
    net.like(code, [x, net.ints(axis)], x.shape, version=2, options=options)


@draws("TILE", types=(*CODES, DType.INT32))
def tile(net: Draft, x: Value, code: str) -> None:
    """Each dimension several times."""
    times = [net.draw.choice((1, 1, 2, 3)) for _ in x.shape]
    shape = [a * b for a, b in zip(x.shape, times, strict=True)]
    if elements(shape) <= 2 * MOST:
        net.like(code, [x, net.ints(*times)], shape, version=2, options=("TileOptions", {}))


@draws("BROADCAST_TO", types=(*CODES, DType.INT32), ranks=(1, 2, 3, 4))
def broadcast_to(net: Draft, x: Value, code: str) -> None:
    """Dimensions of one element become more, and new ones come in front."""
    shape = [net.draw.choice((1, 2, 3, 5)) if extent == 1 else extent for extent in x.shape]
    if net.chance(0.4):
        shape.insert(0, net.draw.choice((1, 2, 3)))
    if elements(shape) <= 2 * MOST:
        net.like(code, [x, net.ints(*shape)], shape, version=3)


@draws("MIRROR_PAD", types=BYTES, ranks=(1, 2, 3, 4))
def mirror_pad(net: Draft, x: Value, code: str) -> None:
    """Borders of mirror images, with the edge or without."""
    mode = net.draw.choice(("REFLECT", "SYMMETRIC"))
    most = [min(extent - (mode == "REFLECT"), 3) for extent in x.shape]
    pairs = [(net.draw.randint(0, m), net.draw.randint(0, m)) for m in most]
    shape = [e + a + b for e, (a, b) in zip(x.shape, pairs, strict=True)]
    if elements(shape) <= 2 * MOST:
        operands = [x, net.const(np.array(pairs, np.int32))]
        net.like(code, operands, shape, version=2, options=("MirrorPadOptions", {"mode": mode}))


@draws(
    "GATHER", types=(*CODES, DType.INT32, DType.BOOL, DType.FLOAT32), ranks=(1, 2, 3, 4), weight=3
)
def gather(net: Draft, x: Value, code: str) -> None:
    """Indices of any shape, constant or given at run time."""
    rank = len(x.shape)
    axis = net.draw.randrange(rank)
    extent, places = x.shape[axis], net.draw.choice(((), (1,), (3,), (2, 2), (5,)))
    if net.chance(0.5):
        kind = net.draw.choice((np.int32, np.int32, np.int64))
        rng = np.random.default_rng(net.draw.randrange(2**32))
        indices = net.const(np.asarray(rng.integers(0, extent, places), kind))
    else:
        indices = net.find(
            lambda v: v.most is not None and v.most < extent and v.shape == places,
            lambda: net.input(places, DType.INT32, extent - 1),
        )
        if indices.most is None or indices.most >= extent:
            return
    shape = (*x.shape[:axis], *places, *x.shape[axis + 1 :])
    given = axis - rank if net.chance(0.3) else axis
    if elements(shape) <= 2 * MOST:
        net.like(code, [x, indices], shape, version=3, options=("GatherOptions", {"axis": given}))


@draws("UNPACK", types=(*CODES, DType.INT32), ranks=(2, 3, 4, 5))
def unpack(net: Draft, x: Value, code: str) -> None:
    """One output for each index of a dimension that is not too long."""
    short = [axis for axis, extent in enumerate(x.shape) if extent <= 8]
    if not short:
        return
    axis = net.draw.choice(short)
    count = x.shape[axis]
    piece = (*x.shape[:axis], *x.shape[axis + 1 :])
    options = ("UnpackOptions", {"num": count, "axis": axis})
    many = [piece] * count
    net.op(code, [x], (), x.dtype, x.quant, version=2, options=options, shapes=many)


@draws("GATHER_ND", types=(*CODES, DType.INT32, DType.FLOAT32), ranks=(1, 2, 3, 4))
def gather_nd(net: Draft, x: Value, code: str) -> None:
    """Constant coordinates of some of the first dimensions."""
    count = net.draw.randint(1, len(x.shape))
    places = net.draw.choice(((), (1,), (3,), (2, 2)))
    rng = np.random.default_rng(net.draw.randrange(2**32))
    found = [rng.integers(0, extent, places) for extent in x.shape[:count]]
    shape = (*places, *x.shape[count:])
    if elements(shape) <= 2 * MOST:
        where = net.const(np.stack(found, axis=-1).astype(np.int32))
        net.like(code, [x, where], shape, version=3 if x.dtype is DType.INT16 else 2)


@draws("EMBEDDING_LOOKUP", types=BYTES, ranks=(2, 3))
def rows(net: Draft, x: Value, code: str) -> None:
    """Rows of the data, by indices that are given at run time."""
    extent, count = x.shape[0], net.draw.choice((1, 3, 5))
    places = net.input((count,), DType.INT32, extent - 1)
    shape = (count, *x.shape[1:])
    net.op(code, [places, x], shape, x.dtype, x.quant)


@draws("FILL", types=(*CODES, DType.INT32), ranks=(1, 2, 3))
def fill(net: Draft, x: Value, code: str) -> None:
    """As many elements as the data has, of an input of one."""
    value = net.input((), x.dtype)
    net.op(code, [net.ints(*x.shape), value], x.shape, x.dtype, value.quant, version=3)


@draws("RANK", types=(*BYTES, DType.INT32))
def rank(net: Draft, x: Value, code: str) -> None:
    """One number."""
    net.op(code, [x], (), DType.INT32, None)


@draws("ZEROS_LIKE", types=(DType.INT32, DType.INT64))
def zeros(net: Draft, x: Value, code: str) -> None:
    """Zeros."""
    net.op(code, [x], x.shape, x.dtype, None)


@draws("ONE_HOT", types=(DType.INT32,), ranks=(1, 2, 3))
def one_hot(net: Draft, x: Value, code: str) -> None:
    """Numbers of which few are indices."""
    depth, axis = net.draw.choice((1, 3, 7)), net.draw.randint(-1, len(x.shape))
    at = len(x.shape) if axis == -1 else axis
    shape = (*x.shape[:at], depth, *x.shape[at:])
    if elements(shape) <= 2 * MOST:
        quant = net.code(net.dtype)
        constants = [net.const(np.array(depth, np.int32))]
        constants += [net.const(net.codes(net.dtype, ()), quant) for _ in range(2)]
        options = ("OneHotOptions", {"axis": axis})
        net.op(code, [x, *constants], shape, net.dtype, quant, options=options)
