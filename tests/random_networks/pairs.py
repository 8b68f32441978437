"""Element by element on two arrays or more, which broadcast."""

from __future__ import annotations

import numpy as np

from edgeq.ir.types import DType, Shape
from edgeq.ops.compare import Relation
from tests.random_networks.draft import BYTES, MOST, Draft
from tests.random_networks.network import Value
from tests.random_networks.table import draws

RANKS = (1, 2, 3, 4)
BOOL = (DType.BOOL,)


def other_shape(net: Draft, x: Value) -> Shape:
    """Return a shape that broadcasts with that of ``x``, mostly to that of ``x``."""
    shape = x.shape
    if net.chance(0.45):
        return shape
    found = [extent if net.chance(0.6) else 1 for extent in shape]
    if net.chance(0.25):
        for axis, extent in enumerate(shape):
            if extent == 1 and x.elements * int(np.prod(found)) < MOST:
                found[axis] = net.draw.choice((1, 2, 3, 5))
    return tuple(found[net.draw.randint(0, len(found) - 1) if net.chance(0.3) else 0 :])


def partner(net: Draft, x: Value, *, same: bool = False) -> tuple[list[Value], Shape]:
    """Return ``x`` and another operand in any order, and their common shape."""
    y = net.peer(x, other_shape(net, x), x.quant if same else None)
    pair = [x, y] if net.chance(0.6) else [y, x]
    return pair, np.broadcast_shapes(x.shape, y.shape)


def whole(net: Draft, x: Value, code: str) -> None:
    """Add an operator of numbers without a code."""
    pair = [x, numbers(net, x)]
    shape = np.broadcast_shapes(*(value.shape for value in pair))
    options = (f"{code.capitalize()}Options", {})
    net.op(code, pair, shape, x.dtype, None, version=2, options=options)


@draws("ADD", "SUB", types=(*BYTES, DType.INT32), ranks=RANKS, weight=5)
def sums(net: Draft, x: Value, code: str) -> None:
    """Any codes, or numbers."""
    if x.quant is None:
        return whole(net, x, code)
    pair, shape = partner(net, x)
    near = max(value.scale for value in pair)
    options = (f"{code.capitalize()}Options", net.fused())
    quant = net.code(x.dtype, near)
    net.op(code, pair, shape, x.dtype, quant, version=2, options=options)


@draws("MUL", types=(*BYTES, DType.INT32), ranks=RANKS, weight=5)
def product(net: Draft, x: Value, code: str) -> None:
    """Any codes, or numbers."""
    if x.quant is None:
        return whole(net, x, code)
    pair, shape = partner(net, x)
    quant = net.code(x.dtype, pair[0].scale * pair[1].scale * 100)
    net.op(code, pair, shape, x.dtype, quant, version=2, options=("MulOptions", net.fused()))


@draws("DIV", ranks=RANKS, weight=3)
def quotient(net: Draft, x: Value, code: str) -> None:
    """Constant divisors none of which is 0: LiteRT ends the run there."""
    shape = other_shape(net, x)
    quant = net.code(x.dtype, x.scale)
    codes = net.codes(x.dtype, shape)
    away = np.where(codes == quant.zero_point[0], codes ^ 1, codes)
    pair = [x, net.const(away, quant)]
    shape = np.broadcast_shapes(x.shape, shape)
    options = ("DivOptions", net.fused())
    y = net.code(x.dtype, 1 / 32)
    net.op(code, pair, shape, x.dtype, y, version=2, options=options)


@draws("FLOOR_DIV", "FLOOR_MOD", types=(DType.INT32,), ranks=RANKS)
def floors(net: Draft, x: Value, code: str) -> None:
    """Constant divisors none of which is 0: LiteRT ends the run there."""
    shape = other_shape(net, x)
    rng = np.random.default_rng(net.draw.randrange(2**32))
    found = rng.integers(1, 9, shape) * rng.choice([-1, 1, 1000], shape)
    # The lowest number by -1 leaves 32 bits.
    pair = [x, net.const(np.where(found == -1, 1, found).astype(np.int32))]
    options = ("FloorDivOptions" if code == "FLOOR_DIV" else "FloorModOptions", {})
    net.op(code, pair, np.broadcast_shapes(x.shape, shape), x.dtype, None, options=options)


@draws("SQUARED_DIFFERENCE", types=(DType.INT8,), ranks=RANKS)
def squared_difference(net: Draft, x: Value, code: str) -> None:
    """Any codes."""
    pair, shape = partner(net, x)
    quant = net.code(x.dtype, max(value.scale for value in pair) ** 2 * 100)
    options = ("SquaredDifferenceOptions", {})
    net.op(code, pair, shape, x.dtype, quant, version=2, options=options)


@draws("MINIMUM", "MAXIMUM", types=(*BYTES, DType.INT32), ranks=RANKS)
def extremes(net: Draft, x: Value, code: str) -> None:
    """One code."""
    y = numbers(net, x) if x.quant is None else partner(net, x, same=True)[0]
    pair = y if isinstance(y, list) else [x, y]
    if any(value.quant != x.quant for value in pair):
        return
    shape = np.broadcast_shapes(*(value.shape for value in pair))
    options = ("MaximumMinimumOptions", {})
    net.op(code, pair, shape, x.dtype, x.quant, version=2, options=options)


def numbers(net: Draft, x: Value) -> Value:
    """Return another operand of numbers without a code, small where they are constant."""
    known = [v for v in net.computed if v.shape == x.shape and v.dtype is x.dtype and not v.quant]
    if net.chance(0.5):
        return net.draw.choice(known)
    rng = np.random.default_rng(net.draw.randrange(2**32))
    high = 1 if x.dtype is DType.BOOL else 5
    return net.const(
        rng.integers(0, high, other_shape(net, x), endpoint=True).astype(x.dtype.numpy)
    )


@draws(*(r.name for r in Relation), types=(*BYTES, DType.INT32, DType.INT64), ranks=RANKS, weight=1)
def comparisons(net: Draft, x: Value, code: str) -> None:
    """Codes of two scales or one, or numbers."""
    if x.quant is None:
        pair = [x, numbers(net, x)]
        shape = np.broadcast_shapes(pair[0].shape, pair[1].shape)
        net.op(code, pair, shape, DType.BOOL, None)
        return
    pair, shape = partner(net, x, same=net.chance(0.4))
    net.op(code, pair, shape, DType.BOOL, None, version=2)


@draws("LOGICAL_AND", "LOGICAL_OR", types=BOOL, ranks=RANKS)
def logic(net: Draft, x: Value, code: str) -> None:
    """Bools that broadcast."""
    pair = [x, numbers(net, x)]
    shape = np.broadcast_shapes(pair[0].shape, pair[1].shape)
    net.op(code, pair, shape, DType.BOOL, None)


@draws("LOGICAL_NOT", types=BOOL, ranks=RANKS)
def negation(net: Draft, x: Value, code: str) -> None:
    """One array."""
    net.op(code, [x], x.shape, DType.BOOL, None)


def condition(net: Draft, shape: Shape) -> Value:
    """Return an array of bools: a computed one, or an input."""

    def fits(value: Value) -> bool:
        return value.dtype is DType.BOOL and value.shape == shape

    return net.find(fits, lambda: net.input(shape, DType.BOOL))


@draws("SELECT_V2", types=(*BYTES, DType.INT32), ranks=RANKS)
def select(net: Draft, x: Value, code: str) -> None:
    """Three arrays that broadcast."""
    y = numbers(net, x) if x.quant is None else net.peer(x, other_shape(net, x), x.quant)
    shape = np.broadcast_shapes(x.shape, y.shape)
    some = tuple(net.draw.choice((1, extent)) for extent in shape)
    which = condition(net, some[net.draw.randint(0, len(some) - 1) :])
    net.op(code, [which, x, y], shape, x.dtype, x.quant, options=("SelectV2Options", {}))


@draws("SELECT", types=(*BYTES, DType.INT32), ranks=RANKS)
def old_select(net: Draft, x: Value, code: str) -> None:
    """Arrays of one shape; conditions may be a vector, one for each row."""
    y = x if x.quant is None else net.peer(x, x.shape, x.quant)
    which = condition(net, x.shape[:1] if net.chance(0.4) else x.shape)
    net.op(code, [which, x, y], x.shape, x.dtype, x.quant, options=("SelectOptions", {}))


@draws("PRELU", ranks=(2, 3, 4), weight=3)
def prelu(net: Draft, x: Value, code: str) -> None:
    """Slopes for the last dimensions, constant."""
    shape = [extent if net.chance(0.6) else 1 for extent in x.shape[1:]]
    slope = net.const(net.codes(x.dtype, tuple(shape)), net.code(x.dtype, 1 / 128))
    net.op(code, [x, slope], x.shape, x.dtype, net.code(x.dtype, x.scale))
