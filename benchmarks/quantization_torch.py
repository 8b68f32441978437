"""Float networks in batches by PyTorch: the fast way to accuracy without integers.

Weights only, and activations rounded to codes as the integer network would, without its
arithmetic: what no kernel computes (a zero point per channel of the weights) is simulated so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch.nn import functional

from edgeq.ir.graph import Graph, Operands
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op

Value = torch.Tensor
BATCH = 16
torch.set_num_threads(1)
_CLAMPS = {Activation.RELU: (0.0, None), Activation.RELU6: (0.0, 6.0)}


def batch_run(
    graph: Graph, codes: Mapping[str, QuantParams] | None = None, dtype: DType = DType.INT8
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what runs a float graph on [N, *input of the graph], to [N, *output of the graph].

    ``codes`` round the tensors they name to 8 bits.
    """
    rounded = codes or {}
    constants = {
        name: torch.from_numpy(np.array(tensor.array))
        for name, tensor in graph.tensors.items()
        if tensor.is_constant
    }
    for op, io in graph.walk():
        if op.KIND == "dequantize":
            (weights,) = op.evaluate_float(io, [io.x.array])
            constants[op.outputs[0]] = torch.from_numpy(weights.copy())

    def code(name: str, x: Value) -> Value:
        quant = rounded.get(name)
        if quant is None:
            return x
        scale, zero = quant.scale[0], quant.zero_point[0]
        low, high = (dtype.min - zero) * scale, (dtype.max - zero) * scale
        return torch.clamp(torch.round(x / scale) * scale, low, high)

    def run(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            parts = [
                _run(graph, constants, code, x[i : i + BATCH]) for i in range(0, len(x), BATCH)
            ]
        return np.concatenate(parts)[:, np.newaxis]

    return run


def _run(
    graph: Graph,
    constants: Mapping[str, Value],
    code: Callable[[str, Value], Value],
    x: np.ndarray,
) -> np.ndarray:
    name = graph.inputs[0]
    first = torch.from_numpy(x.reshape(-1, *graph.tensors[name].shape[1:]).copy())
    values = {**constants, name: code(name, first)}
    last = {n: at for at, op in enumerate(graph.ops) for n in op.inputs}
    for at, (op, io) in enumerate(graph.walk()):
        y = op.outputs[0]
        if y in constants:
            continue
        values[y] = code(y, _clamped(op, _KINDS[op.KIND](op, io, [values[n] for n in op.inputs])))
        for n in op.inputs:
            if last[n] == at and n not in constants and n not in graph.outputs:
                values.pop(n, None)
    return values[graph.outputs[0]].numpy()


def _clamped(op: Op, y: Value) -> Value:
    bounds = _CLAMPS.get(getattr(op, "activation", Activation.NONE))
    return y if bounds is None else torch.clamp(y, *bounds)


def _image(op: Op, x: Value, fill: float = 0.0) -> Value:
    """Return an NHWC image padded as NCHW; its memory stays channels last."""
    pad = op.padding
    sides = (pad.left, pad.right, pad.top, pad.bottom)
    return functional.pad(x.permute(0, 3, 1, 2), sides, value=fill)


def _conv(op: Op, io: Operands, arrays: list[Value]) -> Value:
    x, w = arrays[0], arrays[1]
    bias = arrays[2] if len(arrays) > 2 else None
    depthwise = op.KIND == "depthwise_conv2d"
    kernel = w.permute(3, 0, 1, 2) if depthwise else w.permute(0, 3, 1, 2)
    groups = x.shape[3] // (1 if depthwise else w.shape[3])
    stride, dilation = op.stride, op.dilation
    y = functional.conv2d(_image(op, x), kernel, bias, stride, 0, dilation, groups)
    return y.permute(0, 2, 3, 1)


def _dense(op: Op, io: Operands, arrays: list[Value]) -> Value:
    x, w = arrays[0], arrays[1]
    y = functional.linear(x.reshape(len(x), -1), w, arrays[2] if len(arrays) > 2 else None)
    return y.reshape(-1, *io.y.shape[1:])


def _average(op: Op, io: Operands, arrays: list[Value]) -> Value:
    if op.padding.any:
        raise SystemExit("an average over padding is not simulated")
    y = functional.avg_pool2d(_image(op, arrays[0]), op.window, op.stride)
    return y.permute(0, 2, 3, 1)


def _pad(op: Op, io: Operands, arrays: list[Value]) -> Value:
    sides = [n for pair in reversed(op.paddings) for n in pair]
    return functional.pad(arrays[0], sides, value=op.value)


def _mean(op: Op, io: Operands, arrays: list[Value]) -> Value:
    return arrays[0].mean(dim=op.axes).reshape(-1, *io.y.shape[1:])


_KINDS: dict[str, Callable[[Op, Operands, list[Value]], Value]] = {
    "conv2d": _conv,
    "depthwise_conv2d": _conv,
    "fully_connected": _dense,
    "average_pool2d": _average,
    "mean": _mean,
    "pad": _pad,
    "add": lambda op, io, arrays: arrays[0] + arrays[1],
    "relu": lambda op, io, arrays: arrays[0],
    "reshape": lambda op, io, arrays: arrays[0].reshape(-1, *io.y.shape[1:]),
    "transpose": lambda op, io, arrays: arrays[0].permute(op.perm),
    "softmax": lambda op, io, arrays: torch.softmax(arrays[0] * op.beta, dim=-1),
}
