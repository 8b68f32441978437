"""An integer network as ONNX, for engines that read no .tflite: the same codes, scales and weights.

Every tensor is wrapped into QuantizeLinear and DequantizeLinear, the form that quantizers write and
engines fuse into integer kernels. Activations are uint8 and NCHW, as these engines prefer them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.base import Op

OPSET = 17
Build = Callable[["Twin", Any, Operands], str]


class NoTwinError(Exception):
    """The network has an operation that is not translated here."""


@dataclass
class Twin:
    """The nodes and constants of an ONNX graph while it is made."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    reals: dict[str, str] = field(default_factory=dict)  # tensor of the network: its real values

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Append a node with one output; return the output's name."""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, array: np.ndarray) -> str:
        """Append a constant; return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def code(self, tensor: Tensor) -> tuple[str, str]:
        """Return the scale and zero point of an activation, as uint8 has it."""
        if tensor.dtype not in (DType.INT8, DType.UINT8):
            raise NoTwinError(f"'{tensor.name}' is {tensor.dtype.value}")
        moved = _quant(tensor).zero_point[0] + (128 if tensor.dtype is DType.INT8 else 0)
        scale = np.float32(_quant(tensor).scale[0])
        return self.constant(np.asarray(scale)), self.constant(np.asarray(moved, np.uint8))

    def weights(self, tensor: Tensor, array: np.ndarray, axis: int) -> str:
        """Return the real values of constant weights, whose output channels lie along ``axis``."""
        quant = _quant(tensor)
        scale = np.asarray(quant.scale, np.float32)
        zero = np.broadcast_to(np.asarray(quant.zero_point, tensor.dtype.numpy), scale.shape)
        if len(scale) == 1:
            scale, zero = scale[0], zero[0]
        names = [self.constant(np.asarray(each)) for each in (array, scale, zero)]
        more = {"axis": axis} if quant.per_channel else {}
        return self.add("DequantizeLinear", names, **more)

    def clamps(self, op: Any, io: Operands) -> bool:
        """Tell whether an activation clamps more than the codes of the output do."""
        return bool(op.activation.codes(io.y) != (io.y.dtype.min, io.y.dtype.max))

    def bias(self, io: Operands) -> list[str]:
        """Return the real values of the bias, in a list that is empty when there is none."""
        if len(io.ins) < 3:
            return []
        scales = np.asarray(_quant(io.ins[1]).scale, np.float32)
        scale = np.float32(_quant(io.x).scale[0]) * scales
        names = [self.constant(_data(io.ins[2]).reshape(-1).astype(np.int32))]
        names.append(self.constant(scale if len(scale) > 1 else np.asarray(scale[0])))
        return [self.add("DequantizeLinear", names, **({"axis": 0} if len(scale) > 1 else {}))]


def nchw(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a tensor has here."""
    return (shape[0], shape[3], shape[1], shape[2]) if len(shape) == 4 else tuple(shape)


def _quant(tensor: Tensor) -> QuantParams:
    if tensor.quant is None:
        raise NoTwinError(f"'{tensor.name}' has no codes")
    return tensor.quant


def _data(tensor: Tensor) -> np.ndarray:
    if tensor.data is None:
        raise NoTwinError(f"'{tensor.name}' is no constant")
    return tensor.data


def _pads(op: Any) -> list[int]:
    return [op.padding.top, op.padding.left, op.padding.bottom, op.padding.right]


def _activated(twin: Twin, op: Any, io: Operands, name: str) -> str:
    """Add the clamp of an activation where it is needed."""
    if not twin.clamps(op, io):
        return name
    low, high = op.activation.bounds
    if low == 0 and high is None:
        return twin.add("Relu", [name])
    low = np.asarray(-3e38 if low is None else low, np.float32)
    high = np.asarray(3e38 if high is None else high, np.float32)
    return twin.add("Clip", [name, twin.constant(low), twin.constant(high)])


def _conv2d(twin: Twin, op: Any, io: Operands) -> str:
    array, groups = _data(io.ins[1]).transpose(0, 3, 1, 2), op.groups(io)
    return _convolution(twin, op, io, array, groups)


def _depthwise(twin: Twin, op: Any, io: Operands) -> str:
    return _convolution(twin, op, io, _data(io.ins[1]).transpose(3, 0, 1, 2), io.x.shape[3])


def _convolution(twin: Twin, op: Any, io: Operands, array: np.ndarray, groups: int) -> str:
    weights = twin.weights(io.ins[1], array, 0)
    names = [twin.reals[io.x.name], weights, *twin.bias(io)]
    window = {"strides": op.stride, "dilations": op.dilation, "kernel_shape": array.shape[2:]}
    result = twin.add("Conv", names, group=groups, pads=_pads(op), **window)
    return _activated(twin, op, io, result)


def _fully_connected(twin: Twin, op: Any, io: Operands) -> str:
    x, depth = twin.reals[io.x.name], io.ins[1].shape[1]
    if len(io.x.shape) != 2:
        x = _reshaped(twin, x, io.x.shape, (io.x.elements // depth, depth))
    # As it lies: engines fuse this form of Gemm, and multiply the transposed weights once.
    weights = twin.weights(io.ins[1], _data(io.ins[1]), 0)
    result = twin.add("Gemm", [x, weights, *twin.bias(io)], transB=1)
    return _activated(twin, op, io, result)


def _add(twin: Twin, op: Any, io: Operands) -> str:
    return _activated(twin, op, io, twin.add("Add", [twin.reals[t.name] for t in io.ins]))


def _pool(kind: str, **more: int) -> Build:
    def build(twin: Twin, op: Any, io: Operands) -> str:
        window = {"kernel_shape": op.window, "strides": op.stride, "pads": _pads(op)}
        return _activated(twin, op, io, twin.add(kind, [twin.reals[io.x.name]], **window, **more))

    return build


def _mean(twin: Twin, op: Any, io: Operands) -> str:
    if sorted(op.axes) != [1, 2] or len(io.x.shape) != 4:
        raise NoTwinError(f"mean over {op.axes}")
    result = twin.add("GlobalAveragePool", [twin.reals[io.x.name]])
    if op.keep_dims:
        return result
    return _reshaped(twin, result, (io.x.shape[0], 1, 1, io.x.shape[3]), io.y.shape)


def _pad(twin: Twin, op: Any, io: Operands) -> str:
    order = (0, 3, 1, 2) if len(op.paddings) == 4 else range(len(op.paddings))
    pads = [op.paddings[axis][side] for side in (0, 1) for axis in order]
    return twin.add("Pad", [twin.reals[io.x.name], twin.constant(np.asarray(pads, np.int64))])


def _concat(twin: Twin, op: Any, io: Operands) -> str:
    axis = (0, 2, 3, 1)[op.axis] if len(io.y.shape) == 4 else op.axis
    return twin.add("Concat", [twin.reals[t.name] for t in io.ins], axis=axis)


def _softmax(twin: Twin, op: Any, io: Operands) -> str:
    return twin.add("Softmax", [twin.reals[io.x.name]], axis=1 if len(io.x.shape) == 4 else -1)


def _reshape(twin: Twin, op: Any, io: Operands) -> str:
    return _reshaped(twin, twin.reals[io.x.name], io.x.shape, io.y.shape)


def _reshaped(twin: Twin, x: str, old: tuple[int, ...], new: tuple[int, ...]) -> str:
    """Reshape values whose order is that of NHWC, whatever order they have here."""
    if len(old) == 4 and old[1:3] != (1, 1):
        x = twin.add("Transpose", [x], perm=(0, 2, 3, 1))
    x = twin.add("Reshape", [x, twin.constant(np.asarray(new, np.int64))])
    return twin.add("Transpose", [x], perm=(0, 3, 1, 2)) if len(new) == 4 else x


def _transpose(twin: Twin, op: Any, io: Operands) -> str:
    if len(op.perm) != 4:
        raise NoTwinError(f"transpose by {op.perm}")
    # From the order here to NHWC, the operation, and back: all in one.
    perm = [(0, 2, 3, 1)[op.perm[axis]] for axis in (0, 3, 1, 2)]
    return twin.add("Transpose", [twin.reals[io.x.name]], perm=perm)


def _same(twin: Twin, op: Op, io: Operands) -> str:
    return twin.reals[io.x.name]


BUILDERS: dict[str, Build] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise,
    "fully_connected": _fully_connected,
    "add": _add,
    "average_pool2d": _pool("AveragePool", count_include_pad=0),
    "max_pool2d": _pool("MaxPool"),
    "mean": _mean,
    "pad": _pad,
    "concat": _concat,
    "softmax": _softmax,
    "reshape": _reshape,
    "transpose": _transpose,
    "requantize": _same,
}


def onnx_twin(graph: Graph) -> bytes:
    """Return the network as an ONNX file; raise ``NoTwinError`` where it has no translation."""
    twin = Twin()
    quantized: dict[str, str] = {}
    ports = [_port(graph.tensors[name], name) for name in graph.inputs]
    for name in graph.inputs:
        code = twin.code(graph.tensors[name])
        twin.reals[name] = twin.add("DequantizeLinear", [name, *code])
    for op, io in graph.walk():
        if op.KIND not in BUILDERS:
            raise NoTwinError(op.KIND)
        code = twin.code(io.y)
        quantized[io.y.name] = twin.add("QuantizeLinear", [BUILDERS[op.KIND](twin, op, io), *code])
        twin.reals[io.y.name] = twin.add("DequantizeLinear", [quantized[io.y.name], *code])
    ends = [_port(graph.tensors[name], quantized[name]) for name in graph.outputs]
    body = helper.make_graph(twin.nodes, graph.name, ports, ends, twin.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def twin_codes(tensor: Tensor, array: np.ndarray) -> np.ndarray:
    """Return codes of the network as those of its twin: uint8, NCHW."""
    moved = array.astype(np.int16) + (128 if tensor.dtype is DType.INT8 else 0)
    layout = moved.transpose(0, 3, 1, 2) if array.ndim == 4 else moved
    return np.ascontiguousarray(layout.astype(np.uint8))


def _port(tensor: Tensor, name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.UINT8, nchw(tensor.shape))
