"""Codes at the ports of a model: inputs have their scales from what reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgeq.errors import UnsupportedError
from edgeq.frontends.nchw.builder import Builder, Kind
from edgeq.frontends.onnx.codes import Code, Islands, code_of
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.tflite.tensors import readable
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.requantize import Requantize

# Which input of an operator holds codes, and which its scale; the zero point follows that.
_FIRST = ((0, 1),)
_PAIR = ((0, 1), (3, 4))
_MS = "com.microsoft::"
_PLACES = {
    "DequantizeLinear": _FIRST,
    "QLinearConv": _FIRST,
    "QLinearMatMul": _PAIR,
    f"{_MS}QGemm": _FIRST,
    f"{_MS}QLinearAdd": _PAIR,
    f"{_MS}QLinearMul": _PAIR,
    f"{_MS}QLinearAveragePool": _FIRST,
    f"{_MS}QLinearGlobalAveragePool": _FIRST,
    f"{_MS}QLinearLeakyRelu": _FIRST,
    f"{_MS}QLinearSigmoid": _FIRST,
    f"{_MS}QLinearSoftmax": _FIRST,
}
# Operators that give codes as they take them.
_MOVES = frozenset(
    {
        "Clip",
        "Dropout",
        "Flatten",
        "Identity",
        "MaxPool",
        "Pad",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)
_FARTHEST = 64


def entering(build: Builder, islands: Islands, name: str, shape: Shape, dtype: str) -> str:
    """Add an input in codes; return the tensor that holds it as int8."""
    code = next(_codes(islands, name), None)
    if code is None:
        raise UnsupportedError(
            f"of {dtype}, and nothing says with which scale", where=f"input '{readable(name)}'"
        )
    if dtype == "int8":
        return build.add(name, shape, None, code.kind)
    islands.unsigned.add(name)
    port = build.add(name, shape, None, _unsigned(code.scale, code.zero))
    source = f"onnx:input '{readable(name)}'"
    [made] = build.emit(Requantize, [port], f"{name}:int8", source=source, kind=code.kind)
    return made


def _codes(islands: Islands, name: str) -> Iterator[Code]:
    """Yield the codes under which the readers of a value read it."""
    waiting = [name]
    for _ in range(_FARTHEST):
        if not waiting:
            return
        found = waiting.pop()
        for node in islands.readers.get(found, []):
            for place, scale in _places(node):
                if node.inputs[place : place + 1] == (found,):
                    yield code_of(node, scale, scale + 1)
            if node.code in _MOVES and node.inputs[:1] == (found,):
                waiting += node.outputs


def _places(node: Node) -> Sequence[tuple[int, int]]:
    if node.code == f"{_MS}QLinearConcat":
        return [(place, place + 1) for place in range(2, len(node.inputs), 3)]
    return _PLACES.get(node.code, ())


def leaving(build: Builder, islands: Islands, name: str, tensor: str) -> str:
    """Return the tensor of an output as the file says: numbers, or codes of its type."""
    held = build.tensors[tensor]
    if held.dtype is not DType.INT8:
        return tensor
    source = f"onnx:output '{readable(name)}'"
    if name in islands.real:
        kind = Kind(DType.FLOAT32)
        [made] = build.emit(Dequantize, [tensor], name, source=source, kind=kind)
    elif name in islands.unsigned:
        kind = _unsigned(held.scale, held.zero_point)
        [made] = build.emit(Requantize, [tensor], name, source=source, kind=kind)
    else:
        return tensor
    return made


def _unsigned(scale: float, zero: int) -> Kind:
    return Kind(DType.UINT8, QuantParams.per_tensor(scale, zero + 128))
