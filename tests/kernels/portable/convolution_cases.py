"""Convolution layers for kernel tests, many of them in one program to compile once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgeq import reference
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams, Rounding
from edgeq.ir.types import DType, Shape
from edgeq.ir.verify import verify
from edgeq.ops._spatial import Padding, Pair
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Call
from tests.kernel_harness import compile_layer

CONV = "portable/conv2d_s8"
GROUPED = "portable/conv2d_grouped_s8"
TAPS = "portable/depthwise_conv2d_taps_s8"
DEPTHWISE = "portable/depthwise_conv2d_s8"
FULLY = "portable/fully_connected_s8"
AXES = {Conv2D: 0, DepthwiseConv2D: 3, FullyConnected: 0}


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer and the row that must be chosen for it.

    ``factor`` is the rescaling of the first channel; with ``per_channel`` the others have up to
    four times as much. ``w`` are the codes, random ones for a shape.
    """

    op: type[Op]
    kernel: str
    x: Shape
    w: Shape | np.ndarray
    zeros: tuple[int, int, int] = (-3, 0, 5)
    per_channel: bool = True
    factor: float = 0.0
    bias: Sequence[int] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def conv(x: Shape, w: Shape | np.ndarray, *, kernel: str = CONV, **options: Any) -> Layer:
    """Return a convolution of an image [N,H,W,C] with weights [O,KH,KW,C/groups]."""
    return _layer(Conv2D, kernel, x, w, options)


def depthwise(x: Shape, w: Shape | np.ndarray, *, kernel: str = TAPS, **options: Any) -> Layer:
    """Return a depthwise convolution of an image with weights [1,KH,KW,C*multiplier]."""
    return _layer(DepthwiseConv2D, kernel, x, w, options)


def fully(x: Shape, w: Shape | np.ndarray, **options: Any) -> Layer:
    """Return a fully connected layer."""
    return _layer(FullyConnected, FULLY, x, w, options)


def _layer(op: type[Op], kernel: str, x: Shape, w: object, options: dict[str, Any]) -> Layer:
    own = {name: options.pop(name) for name in tuple(options) if name in Layer.__dataclass_fields__}
    return Layer(op, kernel, x, w, attributes=options, **own)


def geometry(stride: Pair = (1, 1), dilation: Pair = (1, 1), *pads: int) -> dict[str, Any]:
    """Return attributes; ``pads`` are top, bottom, left, right."""
    return {"stride": stride, "dilation": dilation, "padding": Padding(*pads)}


def _tensors(rng: np.random.Generator, layer: Layer, at: int) -> tuple[Op, dict[str, Tensor]]:
    """Return one operation and its tensors, with ``at`` in their names."""
    codes = layer.w
    if isinstance(codes, tuple):
        codes = rng.integers(-128, 128, codes)
    axis = AXES[layer.op]
    outs = codes.shape[axis]
    depth = codes.size // outs
    # Without a factor: sums of random products fill most of the output's codes.
    factor = layer.factor or 0.6 / (74.0 * np.sqrt(depth))
    spread = rng.uniform(1, 4, outs) if layer.per_channel else np.ones(1)
    scale = tuple(float(np.float32(factor * s)) for s in (1, *spread[1:]))
    zero = (layer.zeros[1],) * len(scale)
    reach = int(74 * 74 * np.sqrt(depth)) if layer.factor < 1 else 50
    bias = rng.integers(-reach, reach + 1, outs) if layer.bias is None else np.array(layer.bias)
    x_quant, y_quant = (QuantParams.per_tensor(1.0, layer.zeros[i]) for i in (0, 2))
    params = QuantParams(scale, zero, axis if layer.per_channel else None)
    names = tuple(f"{role}{at}" for role in "xwby")
    found = (
        Tensor(names[0], layer.x, DType.INT8, x_quant),
        Tensor(names[1], codes.shape, DType.INT8, params, codes),
        Tensor(names[2], (outs,), DType.INT32, None, bias),
        Tensor(names[3], (1,), DType.INT8, y_quant),
    )
    tensors = dict(zip(names, found, strict=True))
    op = layer.op(inputs=names[:3], outputs=names[3:], **layer.attributes)
    io = Graph("g", tensors, (op,), names[:1], names[3:]).operands(op)
    tensors[names[3]] = replace(found[3], shape=op.shapes(io)[0])
    return op, tensors


def program_of(layers: Sequence[Layer], rounding: Rounding, seed: int = 0) -> Graph:
    """Return a lowered graph of layers side by side, each with its own input and output."""
    rng = np.random.default_rng(seed)
    made = [_tensors(rng, layer, index) for index, layer in enumerate(layers)]
    ops = tuple(op for op, _ in made)
    tensors = {name: tensor for _, found in made for name, tensor in found.items()}
    ins, outs = tuple(op.inputs[0] for op in ops), tuple(op.outputs[0] for op in ops)
    graph = verify(Graph("layers", tensors, ops, ins, outs))
    numerics = Numerics("chosen", "", rounding)
    return graph.with_ops(op.lower(io, numerics) for op, io in graph.walk())


def inputs_of(graph: Graph) -> list[list[np.ndarray]]:
    """Return runs: random codes, only the least, only the largest, and both in turns."""
    rng = np.random.default_rng(1)
    shapes = [graph.tensors[name].shape for name in graph.inputs]
    ends = np.array([-128, 127])
    runs = (
        [rng.integers(-128, 128, shape) for shape in shapes],
        [np.full(shape, -128) for shape in shapes],
        [np.full(shape, 127) for shape in shapes],
        [rng.choice(ends, shape) for shape in shapes],
    )
    return [[array.astype(np.int8) for array in run] for run in runs]


def check_layers(
    layers: Sequence[Layer], rounding: Rounding = Rounding.GEMMLOWP, seed: int = 0
) -> list[Call]:
    """Fail unless each layer has its row, and its C gives the reference's bits.

    Return the calls in the order of ``layers``.
    """
    graph = program_of(layers, rounding, seed)
    compiled = compile_layer(graph)
    calls = {call.outputs[0]: call for call in compiled.program.calls}
    found = [calls[name] for name in graph.outputs]
    assert [call.kernel for call in found] == [layer.kernel for layer in layers]
    for arrays in inputs_of(graph):
        want, got = reference.run(graph, arrays), compiled(*arrays)
        results = got if isinstance(got, tuple) else (got,)
        for layer, one, other in zip(layers, want, results, strict=True):
            np.testing.assert_array_equal(other, one, err_msg=str(layer), strict=True)
    return found
