"""Random networks of every operation that has a kernel, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ops._spatial import Padding, output_size, same_padding
from edgeq.ops.add import Add
from edgeq.ops.arg_max import ArgMax
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.log_softmax import LogSoftmax
from edgeq.ops.logistic import Logistic
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from edgeq.ops.mul import Mul
from edgeq.ops.pack import Pack
from edgeq.ops.pad import Pad
from edgeq.ops.quantize import Quantize
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.reshape import Reshape
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.ops.resize_nearest import ResizeNearest
from edgeq.ops.slice import Slice
from edgeq.ops.softmax import Softmax
from edgeq.ops.split import Split
from edgeq.ops.tanh import Tanh
from edgeq.ops.transpose import Transpose
from tests.passes.nets import Net
from tests.random_draws import CLAMPS, any_activation, any_code, any_codes, any_scale, peers_of
from tests.random_moves import MOVES

MOST = 600
PROFILES = ("gemmlowp", "tflite-ref", "tflm", "single")


def random_graph(seed: int, most: int = 14) -> Graph:
    """Return a verified graph of up to ``most`` operations on int8 or uint8 codes."""
    draw = Random(seed)
    net = Net(draw.choice((DType.INT8, DType.INT8, DType.UINT8)))
    net.params = any_code(draw, net.dtype)
    for _ in range(draw.randint(1, 2)):
        net.input(_image(draw), params=any_code(draw, net.dtype))
    if draw.random() < 0.2:
        real = net.input(_image(draw), dtype=DType.FLOAT32, params=None)
        net.op(Quantize, real, dtype=net.dtype, params=any_code(draw, net.dtype))
    for _ in range(draw.randint(1, most)):
        _grow(draw, net)
    return net.graph(*_ports(draw, net), numerics=draw.choice(PROFILES))


def _grow(draw: Random, net: Net) -> None:
    takes, step = draw.choice(_STEPS)
    tensors = [net.tensors[name] for name in net.computed]
    known = [tensor.name for tensor in tensors if tensor.dtype is net.dtype and takes(tensor)]
    if known:
        # Mostly what was computed last, so that networks get deep.
        near = min(int(draw.expovariate(0.5)), len(known) - 1)
        step(draw, net, known[len(known) - 1 - near])


def _ports(draw: Random, net: Net) -> list[str]:
    written = [name for op in net.ops for name in op.outputs]
    read = {name for op in net.ops for name in op.inputs}
    ports = [name for name in written if name not in read]
    ports += [name for name in written if name in read and draw.random() < 0.1]
    ports += [name for name in net.inputs if draw.random() < 0.05]
    draw.shuffle(ports)
    return ports or [net.inputs[0]]


def _image(draw: Random) -> Shape:
    size = draw.randint(1, 6), draw.randint(1, 6)
    return (draw.choice((1, 1, 1, 2)), *size, draw.choice((1, 2, 3, 4, 6, 8)))


def _weighted(
    draw: Random,
    net: Net,
    cls: type[Op],
    x: str,
    shape: Shape,
    axis: int,
    **fields: object,
) -> None:
    """Add an operation with weights and, mostly, a bias."""
    dtype, outs = net.dtype, shape[axis]
    params = QuantParams.per_tensor(
        any_scale(draw, 0.002, 0.02), draw.choice((0, dtype.max, dtype.min))
    )
    if dtype is DType.INT8 and draw.random() < 0.6:
        scales = tuple(any_scale(draw, 0.002, 0.02) for _ in range(outs))
        params = QuantParams(scales, (0,) * outs, axis)
    operands = [x, net.const(any_codes(draw, dtype, shape), params)]
    if draw.random() < 0.8:
        bias = np.array([draw.randint(-3000, 3000) for _ in range(outs)], np.int32)
        operands.append(net.const(bias))
    net.op(cls, *operands, params=any_code(draw, dtype), activation=any_activation(draw), **fields)


def _window(draw: Random, x: Tensor, most: int = 3) -> dict[str, tuple[int, int]]:
    """Return a kernel, stride, dilation and padding that fit; dilation 1 where strided."""
    image = x.shape[1:3]
    kernel = tuple(draw.randint(1, most) for _ in range(2))
    stride = tuple(draw.randint(1, 3) for _ in range(2))
    dilation = (1, 1) if stride != (1, 1) else (draw.randint(1, 2), draw.randint(1, 2))
    padding = same_padding(image, kernel, stride, dilation)
    loose = Padding(*(draw.randint(0, 2) for _ in range(4)))
    for other in (Padding(), loose):
        if min(output_size(image, kernel, stride, dilation, other)) > 0 and draw.random() < 0.4:
            padding = other
    return {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}


def _conv(draw: Random, net: Net, x: str) -> None:
    depth, found = net.tensors[x].shape[3], _window(draw, net.tensors[x])
    groups = draw.choice([g for g in (1, 1, 1, 2, 3, 4) if depth % g == 0])
    shape = (groups * draw.randint(1, 5), *found.pop("kernel"), depth // groups)
    _weighted(draw, net, Conv2D, x, shape, 0, **found)


def _depthwise(draw: Random, net: Net, x: str) -> None:
    depth, found = net.tensors[x].shape[3], _window(draw, net.tensors[x])
    shape = (1, *found.pop("kernel"), depth * draw.choice((1, 1, 1, 2)))
    _weighted(draw, net, DepthwiseConv2D, x, shape, 3, **found)


def _fully_connected(draw: Random, net: Net, x: str) -> None:
    tensor = net.tensors[x]
    depth = draw.choice((tensor.elements, tensor.shape[-1]))
    keep = draw.random() < 0.5 and depth == tensor.shape[-1]
    _weighted(draw, net, FullyConnected, x, (draw.randint(1, 9), depth), 0, keep_dims=keep)


def _pool(draw: Random, net: Net, x: str) -> None:
    cls = draw.choice((AveragePool2D, MaxPool2D))
    found = _window(draw, net.tensors[x])
    window, stride = found["kernel"], found["stride"]
    # Every window must hold a pixel.
    padding = same_padding(net.tensors[x].shape[1:3], window, stride)
    net.op(cls, x, window=window, stride=stride, padding=padding, activation=any_activation(draw))


def _binary(draw: Random, net: Net, x: str) -> None:
    cls, shape = draw.choice((Add, Mul)), net.tensors[x].shape
    peers = peers_of(net, shape)
    other = draw.choice(peers)
    if draw.random() < 0.4:
        small = tuple(draw.choice((1, extent)) for extent in shape[draw.randint(0, len(shape)) :])
        other = net.const(any_codes(draw, net.dtype, small), any_code(draw, net.dtype))
    pair = (x, other) if draw.random() < 0.7 else (other, x)
    shape_of = np.broadcast_shapes(net.tensors[x].shape, net.tensors[other].shape)
    if shape_of == shape or len(shape_of) < 5:
        net.op(cls, *pair, params=any_code(draw, net.dtype), activation=any_activation(draw))


def _unary(draw: Random, net: Net, x: str) -> None:
    unit, middle = net.dtype.min, net.dtype.min + 128
    kinds = (
        (Relu, net.tensors[x].quant, {"activation": draw.choice(CLAMPS)}),
        (Relu, any_code(draw, net.dtype), {"activation": draw.choice(CLAMPS)}),
        (Logistic, QuantParams.per_tensor(1 / 256, unit), {}),
        (Tanh, QuantParams.per_tensor(1 / 128, middle), {}),
        (HardSwish, any_code(draw, net.dtype), {}),
        (Softmax, QuantParams.per_tensor(1 / 256, unit), {"beta": draw.choice((1.0, 0.5))}),
    )
    cls, code, fields = draw.choice(kinds)
    net.op(cls, x, params=code, **fields)


def _move(draw: Random, net: Net, x: str) -> None:
    shape = net.tensors[x].shape
    cuts = [(begin := draw.randrange(extent), draw.randint(1, extent - begin)) for extent in shape]
    paddings = tuple((draw.choice((0, 0, 1)), draw.choice((0, 0, 2))) for _ in shape)
    axis = draw.randrange(len(shape))
    moves: tuple[Callable[[], object], ...] = (
        lambda: net.op(Transpose, x, perm=tuple(draw.sample(range(len(shape)), len(shape)))),
        lambda: net.op(Slice, x, begin=tuple(c[0] for c in cuts), size=tuple(c[1] for c in cuts)),
        lambda: net.op(Pad, x, paddings=paddings, value=net.tensors[x].zero_point),
        lambda: net.op(Split, x, outs=shape[axis], axis=axis),
        lambda: net.op(Reshape, x, shape=draw.choice(_shapes(shape))),
        lambda: net.op(Reshape, x, shape=draw.choice(_shapes(shape))),
    )
    draw.choice(moves)()


def _shapes(shape: Shape) -> tuple[Shape, ...]:
    count = int(np.prod(shape))
    return ((count,), (1, count), (1, 1, count // shape[-1], shape[-1]), (1, count, 1, 1))


def _join(draw: Random, net: Net, x: str) -> None:
    shape = net.tensors[x].shape
    peers = peers_of(net, shape)
    alike = [n for n in peers if net.tensors[n].quant == net.tensors[x].quant]
    parts = [x, *draw.choices(alike, k=draw.randint(1, 2))]
    if draw.random() < 0.2:
        parts.append(net.const(any_codes(draw, net.dtype, shape), net.tensors[x].quant))
    if net.dtype is DType.UINT8 and draw.random() < 0.3:
        parts = [x, draw.choice(peers)]
    one_code = {net.tensors[p].quant for p in parts} == {net.tensors[x].quant}
    if len(shape) < 4 and draw.random() < 0.5 and one_code:
        net.op(Pack, *parts, axis=draw.randint(0, len(shape)))
    else:
        net.op(Concat, *parts, axis=draw.randrange(len(shape)))


def _resize(draw: Random, net: Net, x: str) -> None:
    cls = draw.choice((ResizeNearest, ResizeBilinear))
    mode = draw.choice(({}, {"align_corners": True}, {"half_pixel_centers": True}))
    net.op(cls, x, size=(draw.randint(1, 7), draw.randint(1, 7)), **mode)


def _mean(draw: Random, net: Net, x: str) -> None:
    rank = len(net.tensors[x].shape)
    axes = tuple(sorted(draw.sample(range(rank), draw.randint(1, rank))))
    axes = (1, 2) if rank == 4 and draw.random() < 0.5 else axes
    net.op(Mean, x, axes=axes, keep_dims=draw.random() < 0.5, params=any_code(draw, net.dtype))


def _convert(draw: Random, net: Net, x: str) -> None:
    """Change scale; or type, and back."""
    other = draw.choice((DType.INT8, DType.UINT8, DType.INT16))
    code = any_code(draw, other)
    if draw.random() < 0.4 and other is not DType.INT16:
        moved = net.tensors[x].zero_point + other.min - net.dtype.min
        code = QuantParams.per_tensor(net.tensors[x].scale, moved)
    y = net.op(Requantize, x, dtype=other, params=code)
    if other is not net.dtype and draw.random() < 0.7:
        net.op(
            Requantize,
            y,
            dtype=net.dtype,
            params=draw.choice((net.tensors[x].quant, any_code(draw, net.dtype))),
        )


def _end(draw: Random, net: Net, x: str) -> None:
    reals = net.op(Dequantize, x, dtype=DType.FLOAT32, params=None)
    if draw.random() < 0.3:
        net.op(LogSoftmax, reals)
    if draw.random() < 0.3:
        axis = draw.randrange(len(net.tensors[x].shape))
        net.op(ArgMax, x, axis=axis, dtype=draw.choice((DType.INT32, DType.INT64)), params=None)


def _small(x: Tensor) -> bool:
    return 1 <= len(x.shape) <= 4 and x.elements <= MOST


def _is_image(x: Tensor) -> bool:
    return len(x.shape) == 4 and x.elements <= MOST


_STEPS: tuple[tuple[Callable[[Tensor], bool], Callable[[Random, Net, str], None]], ...] = (
    *((_is_image, _conv), (_is_image, _conv), (_is_image, _depthwise), (_is_image, _pool)),
    *((_is_image, _resize), (_small, _fully_connected), (_small, _mean), (_small, _unary)),
    *((_small, _unary), (_small, _binary), (_small, _binary), (_small, _move), (_small, _move)),
    *((_small, _join), (_small, _join), (_small, _convert), (_small, _end)),
    *((_small, move) for move in MOVES),
)
