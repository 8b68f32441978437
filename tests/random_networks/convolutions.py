"""Convolutions, fully connected layers, matrix products and pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape, elements
from edgeq.ops._spatial import output_size, same_padding
from tests.random_networks.draft import Draft
from tests.random_networks.network import Value
from tests.random_networks.table import draws

IMAGE = (4,)
OUTS = (1, 2, 3, 4, 5, 8, 13, 16, 17, 33)

Window = tuple[dict[str, Any], Shape]


def weights(net: Draft, x: Value, shape: Shape, axis: int, *, zero: bool = False) -> Value:
    """Return constant weights, per channel along ``axis`` or not; int8 ones are symmetric.

    ``zero`` says that int8 weights of one scale may have a zero point all the same.
    """
    near = net.scale(1 / 64)
    codes = net.codes(x.dtype, shape)
    if x.dtype is DType.INT8 and net.chance(0.6):
        scales = tuple(net.scale(near) for _ in range(shape[axis]))
        # One scale is one of the tensor; LiteRT knows no axis then.
        if len(scales) > 1:
            return net.const(codes, QuantParams(scales, (0,) * len(scales), axis))
    point = net.zero(x.dtype) if x.dtype is DType.UINT8 or (zero and net.chance(0.3)) else 0
    return net.const(codes, QuantParams.per_tensor(near, point))


def bias(net: Draft, x: Value, w: Value, count: int, *without: list[Value | None]) -> list[Any]:
    """Return a bias, or one of the ways ``without``."""
    if without and net.chance(0.25):
        return net.draw.choice(without)
    assert w.quant is not None
    most = net.draw.choice((100, 3000, 30_000, 1 << 22))
    rng = np.random.default_rng(net.draw.randrange(2**32))
    scales = tuple(float(np.float32(x.scale) * np.float32(s)) for s in w.quant.scale)
    axis = None if len(scales) == 1 else 0
    code = QuantParams(scales, (0,) * len(scales), axis)
    return [net.const(rng.integers(-most, most, count).astype(np.int32), code)]


def result(net: Draft, x: Value, w: Value, depth: int) -> QuantParams:
    """Return a code that sums of ``depth`` products mostly fill."""
    scales = (1.0,) if w.quant is None else w.quant.scale
    return net.code(x.dtype, x.scale * float(np.median(scales)) * 70 * math.sqrt(depth))


def window(net: Draft, x: Value, *, dilated: bool, most: int = 5) -> Window:
    """Return the fields of an option table but the kernel's, and (kernel, output size)."""
    draw, image = net.draw, x.shape[1:3]
    kernel = (draw.randint(1, most), draw.randint(1, most))
    stride = (draw.randint(1, 3), draw.randint(1, 3))
    dilation = (1, 1)
    if dilated and net.chance(0.3):
        dilation = (draw.randint(1, 4), draw.randint(1, 4))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    fits = all(a <= b for a, b in zip(reach, image, strict=True))
    valid = fits and net.chance(0.5)
    fields = {"padding": "VALID" if valid else "SAME", "stride_h": stride[0], "stride_w": stride[1]}
    if dilated:
        fields |= {"dilation_h_factor": dilation[0], "dilation_w_factor": dilation[1]}
    if valid:
        size = tuple(-(-(a - b + 1) // s) for a, b, s in zip(image, reach, stride, strict=True))
    else:
        padding = same_padding(image, kernel, stride, dilation)
        size = output_size(image, kernel, stride, dilation, padding)
    return {**fields, **net.fused()}, (*kernel, *size)


def conv_2d(net: Draft, x: Value, code: str, found: Window) -> Value:
    """Add a convolution of any groups; return its output."""
    fields, (kh, kw, oh, ow) = found
    depth = x.shape[3]
    groups = net.draw.choice([g for g in (1, 1, 1, 2, 3, 4, depth) if depth % g == 0])
    outs = groups * net.draw.choice(OUTS if groups < 4 else (1, 2))
    w = weights(net, x, (outs, kh, kw, depth // groups), 0)
    operands = [x, w, *bias(net, x, w, outs)]
    shape, options = (x.shape[0], oh, ow, outs), ("Conv2DOptions", fields)
    quant = result(net, x, w, kh * kw * depth // groups)
    (y,) = net.op(code, operands, shape, x.dtype, quant, version=3, options=options)
    return y


def depthwise_conv_2d(net: Draft, x: Value, code: str, found: Window) -> Value:
    """Add one output for each input channel, or several; return the output."""
    fields, (kh, kw, oh, ow) = found
    times = net.draw.choice((1, 1, 1, 2, 3))
    outs = x.shape[3] * times
    w = weights(net, x, (1, kh, kw, outs), 3)
    operands = [x, w, *bias(net, x, w, outs, [])]
    options = ("DepthwiseConv2DOptions", {**fields, "depth_multiplier": times})
    quant = result(net, x, w, kh * kw)
    shape = (x.shape[0], oh, ow, outs)
    (y,) = net.op(code, operands, shape, x.dtype, quant, version=3, options=options)
    return y


CONVOLUTIONS = {"CONV_2D": conv_2d, "DEPTHWISE_CONV_2D": depthwise_conv_2d}


@draws(*CONVOLUTIONS, ranks=IMAGE, weight=7)
def convolution(net: Draft, x: Value, code: str) -> None:
    """Any window and dilation."""
    CONVOLUTIONS[code](net, x, code, window(net, x, dilated=True))


@draws("TRANSPOSE_CONV", ranks=IMAGE, weight=4)
def transpose_conv(net: Draft, x: Value, code: str) -> None:
    """Any window; VALID may leave pixels behind the last window."""
    fields, (kh, kw, _, _) = window(net, x, dilated=False)
    image, strides = x.shape[1:3], (fields["stride_h"], fields["stride_w"])
    same = net.chance(0.5)
    pairs = zip(image, strides, (kh, kw), strict=True)
    size = [n * s if same else (n - 1) * s + k for n, s, k in pairs]
    if same and net.chance(0.4):
        size = [max(1, n - net.draw.randrange(s)) for n, s in zip(size, strides, strict=True)]
    if not same and net.chance(0.3):
        size = [n + net.draw.randrange(s) for n, s in zip(size, strides, strict=True)]
    outs = net.draw.choice((1, 2, 3, 5, 8))
    shape = (x.shape[0], *size, outs)
    if elements(shape) > 6000:
        return
    w = weights(net, x, (outs, kh, kw, x.shape[3]), 0)
    fields["padding"] = "SAME" if same else "VALID"
    operands = [net.ints(*shape), w, x, *bias(net, x, w, outs, [])]
    options = ("TransposeConvOptions", fields)
    quant = result(net, x, w, x.shape[3] * max(1, kh * kw // 2))
    version = 4 if fields["fused_activation_function"] != "NONE" else 3
    net.op(code, operands, shape, x.dtype, quant, version=version, options=options)


@draws("FULLY_CONNECTED", ranks=(2, 3, 4), weight=6)
def fully_connected(net: Draft, x: Value, code: str) -> None:
    """Rows of the last dimension, or of all elements."""
    depth = net.draw.choice((x.shape[-1], x.elements))
    keep = depth == x.shape[-1] and net.chance(0.5)
    outs = net.draw.choice(OUTS)
    w = weights(net, x, (outs, depth), 0, zero=True)
    rows = x.elements // depth
    shape = (*x.shape[:-1], outs) if keep else (rows, outs)
    operands = [x, w, *bias(net, x, w, outs, [], [None])]
    options = ("FullyConnectedOptions", {"keep_num_dims": keep, **net.fused()})
    quant = result(net, x, w, depth)
    net.op(code, operands, shape, x.dtype, quant, version=5, options=options)


@draws("BATCH_MATMUL", types=(DType.INT8,), ranks=(2, 3, 4), weight=4)
def batch_matmul(net: Draft, x: Value, code: str) -> None:
    """Both sides computed or one constant; batches broadcast."""
    adj_x, adj_y = net.chance(0.4), net.chance(0.4)
    depth, columns = x.shape[-2 if adj_x else -1], net.draw.choice(OUTS)
    batch = tuple(net.draw.choice((1, extent)) for extent in x.shape[:-2])
    matrix = (columns, depth) if adj_y else (depth, columns)
    y = net.peer(x, (*batch[net.draw.randint(0, len(batch)) :], *matrix))
    rows = x.shape[-1 if adj_x else -2]
    options = ("BatchMatMulOptions", {"adj_x": adj_x, "adj_y": adj_y})
    shape = (*x.shape[:-2], rows, columns)
    quant = result(net, x, y, depth)
    net.op(code, [x, y], shape, x.dtype, quant, version=2, options=options)


@draws("MAX_POOL_2D", "AVERAGE_POOL_2D", ranks=IMAGE, weight=4)
def pool(net: Draft, x: Value, code: str) -> None:
    """Any window; the code stays."""
    fields, (kh, kw, oh, ow) = window(net, x, dilated=False)
    options = ("Pool2DOptions", {**fields, "filter_height": kh, "filter_width": kw})
    net.like(code, [x], (x.shape[0], oh, ow, x.shape[3]), version=2, options=options)
