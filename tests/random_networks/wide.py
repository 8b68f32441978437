"""Networks of int16 activations beside int8 weights, as converters write them for 16x8."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from tests.random_networks import choosing, movement  # noqa: F401  enter their rows
from tests.random_networks.convolutions import OUTS, pool, result, window
from tests.random_networks.draft import Draft
from tests.random_networks.network import Network, Value
from tests.random_networks.pairs import partner
from tests.random_networks.table import DRAWS

LARGEST = 1.0
SIZES = (1, 1, 2, 3, 4, 6)
_UNIT = QuantParams.per_tensor(2.0**-15, 0)


def _weights(net: Draft, shape: Shape, axis: int) -> Value:
    near = net.scale(1 / 64)
    codes = np.maximum(net.codes(DType.INT8, shape), -127)
    scales = tuple(net.scale(near) for _ in range(shape[axis]))
    one = len(scales) == 1 or net.chance(0.2)
    code = QuantParams.per_tensor(near, 0) if one else QuantParams(scales, (0,) * len(scales), axis)
    return net.const(codes, code)


def _bias(
    net: Draft, count: int, bits: tuple[int, ...], code: QuantParams | None = None
) -> list[Value]:
    """Return a bias of 64 bits that takes some."""
    most = 1 << net.draw.choice(bits)
    rng = np.random.default_rng(net.draw.randrange(2**32))
    return [net.const(rng.integers(-most, most, count, np.int64), code)]


def _sum_code(net: Draft, x: Value, w: Value, depth: int) -> QuantParams:
    """Return a code that the sums mostly fill, of no zero point."""
    scale = result(net, x, w, depth).scale[0]
    return QuantParams.per_tensor(scale, 0)


def _convolution(net: Draft, x: Value, code: str) -> None:
    """Any window and dilation; every channel by itself, or all together."""
    fields, (kh, kw, oh, ow) = window(net, x, dilated=True)
    depth = x.shape[3]
    deep = code == "DEPTHWISE_CONV_2D"
    outs = depth * net.draw.choice((1, 1, 2)) if deep else net.draw.choice(OUTS)
    shape, axis = ((1, kh, kw, outs), 3) if deep else ((outs, kh, kw, depth), 0)
    w = _weights(net, shape, axis)
    times = {"depth_multiplier": outs // depth} if deep else {}
    table = "DepthwiseConv2DOptions" if deep else "Conv2DOptions"
    quant = _sum_code(net, x, w, kh * kw * (1 if deep else depth))
    operands = [x, w, *_bias(net, outs, (6, 12, 20, 31, 36))]
    size = (x.shape[0], oh, ow, outs)
    net.op(code, operands, size, x.dtype, quant, version=4, options=(table, {**fields, **times}))


def _fully_connected(net: Draft, x: Value, code: str) -> None:
    """Rows of the last dimension."""
    outs, depth = net.draw.choice(OUTS), x.shape[-1]
    w = _weights(net, (outs, depth), 0)
    options = ("FullyConnectedOptions", {"keep_num_dims": True, **net.fused()})
    # LiteRT compares this scale with that of sums where the weights have one.
    code_of_sums = QuantParams.per_tensor(float(np.float32(x.scale * w.quant.scale[0])), 0)
    # Sums are of 32 bits.
    bias = [] if net.chance(0.2) else _bias(net, outs, (6, 12, 20, 28), code_of_sums)
    operands, shape = [x, w, *bias], (*x.shape[:-1], outs)
    net.op(code, operands, shape, x.dtype, _sum_code(net, x, w, depth), version=7, options=options)


def _pair(net: Draft, x: Value, code: str) -> None:
    """Element by element; two operands that broadcast."""
    pair, shape = partner(net, x)
    scales = [value.scale for value in pair]
    near = scales[0] * scales[1] * 1e4 if code == "MUL" else max(scales)
    fields: dict[str, Any] = {} if code == "MUL" else {"pot_scale_int16": False}
    options = (f"{code.capitalize()}Options", {**net.fused(), **fields})
    quant = net.code(x.dtype, near)
    net.op(code, pair, shape, x.dtype, quant, version=4 if code == "MUL" else 3, options=options)


def _rescaling(net: Draft, x: Value, code: str) -> None:
    options = ("LeakyReluOptions", {"alpha": net.draw.choice((0.01, 0.3, 1.5))})
    more = {"options": options} if code == "LEAKY_RELU" else {}
    net.op(code, [x], x.shape, x.dtype, net.code(x.dtype, x.scale), version=2, **more)  # type: ignore[arg-type]


def _function(net: Draft, x: Value, code: str) -> None:
    """Of scales that the format can mean: beyond, no code is but an end of the function."""
    if x.scale > LARGEST:
        return
    more: dict[str, Any] = {}
    if code == "SOFTMAX":
        more["options"] = ("SoftmaxOptions", {"beta": net.draw.choice((1.0, 0.3))})
    net.op(code, [x], x.shape, x.dtype, _UNIT, version=3, **more)


def _moving(net: Draft, x: Value, code: str) -> None:
    DRAWS[code].step(net, x, code)


Step = Callable[[Draft, Value, str], None]
ANY = (1, 2, 3, 4)
# How an operator is added, and the ranks that it takes.
WIDE: dict[str, tuple[Step, tuple[int, ...]]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), (_convolution, (4,))),
    "FULLY_CONNECTED": (_fully_connected, (2, 3)),
    **dict.fromkeys(("ADD", "SUB", "MUL"), (_pair, ANY)),
    **dict.fromkeys(("RELU", "RELU6", "LEAKY_RELU"), (_rescaling, ANY)),
    **dict.fromkeys(("LOGISTIC", "TANH"), (_function, ANY)),
    "SOFTMAX": (_function, (2, 3, 4)),
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), (pool, (4,))),
    **dict.fromkeys(("RESHAPE", "SLICE", "STRIDED_SLICE", "CONCATENATION"), (_moving, ANY)),
}


def wide_network(draw: Random) -> Network:
    """Return a network of 1 to about 6 operators."""
    net = Draft(draw)
    net.dtype = DType.INT16
    net.input(net.shape((2, 3, 4, 4, 4)), net.dtype)
    size, tries = draw.choice(SIZES), 0
    while len(net.nodes) < size and tries < 40:
        tries += 1
        code = draw.choice(sorted(WIDE))
        step, ranks = WIDE[code]
        known = [v for v in net.computed if v.dtype is net.dtype and len(v.shape) in ranks]
        if known:
            step(net, known[-1] if net.chance(0.7) else draw.choice(known), code)
    if not net.nodes:
        _rescaling(net, net.computed[0], "RELU")
    return net.network()
