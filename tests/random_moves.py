"""Steps of random networks: more movement, pairs of arrays, functions, products."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.abs import Abs
from edgeq.ops.batch_matmul import BatchMatmul
from edgeq.ops.cast import Cast
from edgeq.ops.compare import Compare, Relation
from edgeq.ops.elu import Elu
from edgeq.ops.gather import Gather
from edgeq.ops.gelu import Gelu
from edgeq.ops.l2_normalization import L2Normalization
from edgeq.ops.leaky_relu import LeakyRelu
from edgeq.ops.maximum import Maximum
from edgeq.ops.minimum import Minimum
from edgeq.ops.prelu import Prelu
from edgeq.ops.reduce_sum import ReduceSum
from edgeq.ops.select import Select
from edgeq.ops.slice import Slice
from edgeq.ops.squared_difference import SquaredDifference
from edgeq.ops.sub import Sub
from edgeq.ops.tile import Tile
from edgeq.ops.transpose_conv2d import TransposeConv2D
from tests.passes.nets import Net
from tests.random_draws import any_activation, any_code, any_codes, any_scale, peers_of

MOST = 600

Step = Callable[[Random, Net, str], None]


def _repeat(draw: Random, net: Net, x: str) -> None:
    shape = net.tensors[x].shape
    times = tuple(draw.choice((1, 1, 2, 3)) for _ in shape)
    if np.prod(times) * net.tensors[x].elements <= MOST:
        net.op(Tile, x, multiples=times)


def _reverse(draw: Random, net: Net, x: str) -> None:
    shape = net.tensors[x].shape
    cuts = []
    for extent in shape:
        step = draw.choice((1, 2, -1, -1, -2))
        first = draw.randrange(extent)
        room = extent - 1 - first if step > 0 else first
        cuts.append((first, draw.randint(1, room // abs(step) + 1), step))
    begin, size, strides = zip(*cuts, strict=True)
    net.op(Slice, x, begin=begin, size=size, strides=strides)


def _gather(draw: Random, net: Net, x: str) -> None:
    shape = net.tensors[x].shape
    axis = draw.randrange(len(shape))
    places = [draw.randrange(shape[axis]) for _ in range(draw.randint(1, shape[axis] + 1))]
    net.op(Gather, x, net.const(np.array(places, np.int32)), axis=axis)


def _cast(draw: Random, net: Net, x: str) -> None:
    dtype = draw.choice((DType.INT16, DType.INT32, DType.FLOAT32, DType.BOOL))
    net.op(Cast, x, dtype=dtype, params=any_code(draw, dtype) if dtype.is_quantized else None)


def _other(draw: Random, net: Net, x: str) -> str:
    """Return a tensor of the same shape, or a constant that broadcasts to it."""
    shape = net.tensors[x].shape
    if draw.random() < 0.5:
        return draw.choice(peers_of(net, shape))
    small = tuple(draw.choice((1, extent)) for extent in shape)
    return net.const(any_codes(draw, net.dtype, small), any_code(draw, net.dtype))


def _pair(draw: Random, net: Net, x: str) -> None:
    cls = draw.choice((Sub, Minimum, Maximum, Prelu, SquaredDifference))
    operands = [x, _other(draw, net, x)]
    if cls is not Prelu and draw.random() < 0.3:
        operands.reverse()
    params = any_code(draw, net.dtype)
    if cls is SquaredDifference:
        params = QuantParams.per_tensor(any_scale(draw, 1.0, 9.0), params.zero_point[0])
    fields = {"activation": any_activation(draw)} if cls is Sub else {}
    net.op(cls, *operands, params=params, **fields)


def _choose(draw: Random, net: Net, x: str) -> None:
    relation = draw.choice(list(Relation))
    which = net.op(
        Compare, x, _other(draw, net, x), dtype=DType.BOOL, params=None, relation=relation
    )
    same = draw.choice(peers_of(net, net.tensors[x].shape))
    if draw.random() < 0.7:
        dtype, params = net.dtype, net.tensors[x].quant
        net.op(Select, which, x, same, dtype=dtype, params=params)


def _function(draw: Random, net: Net, x: str) -> None:
    middle = net.dtype.min + 128
    kinds = (
        (LeakyRelu, any_code(draw, net.dtype), {"alpha": draw.choice((0.1, 0.3, -0.5))}),
        (Abs, any_code(draw, net.dtype), {}),
        (Elu, any_code(draw, net.dtype), {}),
        (Gelu, any_code(draw, net.dtype), {"approximate": draw.random() < 0.5}),
        (L2Normalization, QuantParams.per_tensor(1 / 128, middle), {}),
    )
    cls, params, fields = draw.choice(kinds)
    net.op(cls, x, params=params, **fields)


def _sum(draw: Random, net: Net, x: str) -> None:
    rank = len(net.tensors[x].shape)
    axes = tuple(sorted(draw.sample(range(rank), min(rank, draw.randint(1, 2)))))
    params = QuantParams.per_tensor(
        any_scale(draw, 0.5, 3.0), any_code(draw, net.dtype).zero_point[0]
    )
    net.op(ReduceSum, x, axes=axes, keep_dims=draw.random() < 0.5, params=params)


def _product(draw: Random, net: Net, x: str) -> None:
    shape = net.tensors[x].shape
    if len(shape) < 2:
        return
    first, second = draw.random() < 0.3, draw.random() < 0.3
    depth, n = shape[-2] if first else shape[-1], draw.randint(1, 5)
    other = (n, depth) if second else (depth, n)
    y = net.const(any_codes(draw, net.dtype, other), any_code(draw, net.dtype))
    params = QuantParams.per_tensor(
        any_scale(draw, 0.5, 3.0), any_code(draw, net.dtype).zero_point[0]
    )
    net.op(BatchMatmul, x, y, params=params, transpose_a=first, transpose_b=second)


def _upsample(draw: Random, net: Net, x: str) -> None:
    shape = net.tensors[x].shape
    if len(shape) != 4:
        return
    kernel = (draw.randint(1, 3), draw.randint(1, 3))
    stride = (draw.randint(1, 2), draw.randint(1, 2))
    crop = tuple(draw.randrange(k) for k in kernel)
    spread = [(n - 1) * s + k for n, s, k in zip(shape[1:3], stride, kernel, strict=True)]
    size = tuple(max(1, n - c) for n, c in zip(spread, crop, strict=True))
    outs = draw.randint(1, 4)
    zero = 128 if net.dtype is DType.UINT8 else 0
    params = QuantParams.per_tensor(any_scale(draw, 0.002, 0.02), zero)
    w = net.const(any_codes(draw, net.dtype, (outs, *kernel, shape[3])), params)
    fields = {"size": size, "stride": stride, "crop": crop, "activation": any_activation(draw)}
    if shape[0] * np.prod(size) * outs <= 2 * MOST:
        net.op(TransposeConv2D, x, w, params=any_code(draw, net.dtype), **fields)


MOVES: tuple[Step, ...] = (
    *(_repeat, _reverse, _gather, _cast, _pair, _pair, _choose),
    *(_function, _sum, _product, _upsample),
)
