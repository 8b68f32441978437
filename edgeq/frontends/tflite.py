""".tflite to graph, without TensorFlow: the file is verified first, then read table by table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.flatbuffer import verify_flatbuffer
from edgeq.frontends.schema import tflite_generated as schema
from edgeq.frontends.schema.layout import UNIONS
from edgeq.frontends.tflite_node import Node
from edgeq.frontends.tflite_ops import CONVERTERS
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, elements
from edgeq.ops.base import Op

NUMERICS = "tflite-ref"

_DTYPES = {
    schema.TensorType.FLOAT32: DType.FLOAT32,
    schema.TensorType.INT8: DType.INT8,
    schema.TensorType.UINT8: DType.UINT8,
    schema.TensorType.INT16: DType.INT16,
    schema.TensorType.INT32: DType.INT32,
    schema.TensorType.INT64: DType.INT64,
    schema.TensorType.BOOL: DType.BOOL,
}
_TYPE_NAMES = {v: k for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
_OPERATOR_NAMES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}


def read_tflite(data: bytes, name: str) -> Graph:
    """Return the graph of a .tflite file's main subgraph.

    Raise ``ModelError`` when the file is malformed, ``UnsupportedError`` that lists every
    operation edgeq does not implement, or when the network computes in floating point.
    """
    verify_flatbuffer(data)
    model = schema.Model.GetRootAs(data)
    if model.Version() != 3:
        raise ModelError(f"schema version {model.Version()}, expected 3")
    if model.SubgraphsLength() == 0:
        raise ModelError("the file holds no subgraph")
    subgraph = model.Subgraphs(0)
    names = _tensor_names(subgraph)
    tensors = _tensors(model, subgraph, names)
    nodes = _nodes(model, subgraph, names, tensors)
    ops = _convert(nodes)
    inputs, outputs = (
        tuple(_at(names, index, "the model's ports") for index in _indices(ports()))
        for ports in (subgraph.InputsAsNumpy, subgraph.OutputsAsNumpy)
    )
    known = {tensor.name: tensor for tensor in tensors if tensor is not None}
    for node in nodes:
        known.update(node.created)
    missing = [port for port in (*inputs, *outputs) if port not in known]
    if missing:
        raise UnsupportedError(f"tensor '{missing[0]}' has a type that edgeq does not know")
    return Graph(name, known, (), inputs, outputs, NUMERICS).with_ops(ops, known)


def _indices(vector: np.ndarray | int) -> list[int]:
    # The generated accessor returns 0 for an absent vector.
    return [] if isinstance(vector, int) else [int(index) for index in vector]


def _at(names: Sequence[str], index: int, where: str) -> str:
    if not 0 <= index < len(names):
        raise ModelError(f"tensor index {index} of {len(names)}", where=where)
    return names[index]


def _tensor_names(subgraph: schema.SubGraph) -> list[str]:
    """Return one unique name for each tensor; files may repeat or omit names."""
    names: list[str] = []
    seen: set[str] = set()
    for index in range(subgraph.TensorsLength()):
        raw = subgraph.Tensors(index).Name() or b""
        name = raw.decode("utf-8", "replace") or f"tensor{index}"
        if name in seen:
            name = f"{name}#{index}"
        seen.add(name)
        names.append(name)
    return names


def _tensors(
    model: schema.Model, subgraph: schema.SubGraph, names: Sequence[str]
) -> list[Tensor | None]:
    """Return the tensors; ``None`` for element types that no operation here can use."""
    produced = {
        index
        for number in range(subgraph.OperatorsLength())
        for index in _indices(subgraph.Operators(number).OutputsAsNumpy())
    }
    tensors: list[Tensor | None] = []
    for index, name in enumerate(names):
        table = subgraph.Tensors(index)
        dtype = _DTYPES.get(table.Type())
        if dtype is None:
            tensors.append(None)
            continue
        try:
            shape = tuple(_indices(table.ShapeAsNumpy()))
            data = None if index in produced else _data(model, table, dtype, shape)
            tensors.append(Tensor(name, shape, dtype, _quantization(table, dtype), data))
        except ModelError as error:
            raise error.at(f"tensor {index} '{name}'") from None
    return tensors


def _data(
    model: schema.Model, table: schema.Tensor, dtype: DType, shape: tuple[int, ...]
) -> np.ndarray | None:
    if table.ExternalBuffer() != 0:
        raise ModelError("the data is in another file, which is not supported")
    if not 0 <= table.Buffer() < model.BuffersLength():
        raise ModelError(f"buffer {table.Buffer()} of {model.BuffersLength()}")
    buffer = model.Buffers(table.Buffer())
    raw = buffer.DataAsNumpy()
    if isinstance(raw, int) or raw.size == 0:
        return None
    if any(extent < 0 for extent in shape) or raw.size != elements(shape) * dtype.bytes:
        raise ModelError(f"{raw.size} bytes of data for {dtype.value} {shape}")
    return np.frombuffer(raw.tobytes(), dtype.numpy.newbyteorder("<")).reshape(shape)


def _quantization(table: schema.Tensor, dtype: DType) -> QuantParams | None:
    """Return scale and zero point; only codes have them (a bias's scale follows from others)."""
    params = table.Quantization()
    if params is None or not dtype.is_quantized or params.ScaleLength() == 0:
        return None
    scales = tuple(float(s) for s in params.ScaleAsNumpy())
    zeros = tuple(_indices(params.ZeroPointAsNumpy())) or (0,) * len(scales)
    if len(scales) == 1:
        return QuantParams(scales, zeros)
    return QuantParams(scales, zeros, params.QuantizedDimension())


def _nodes(
    model: schema.Model,
    subgraph: schema.SubGraph,
    names: Sequence[str],
    tensors: Sequence[Tensor | None],
) -> list[Node]:
    codes = [_operator_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    by_name = {tensor.name: tensor for tensor in tensors if tensor is not None}
    kinds = {name: _TYPE_NAMES.get(subgraph.Tensors(i).Type(), "?") for i, name in enumerate(names)}
    nodes = []
    for index in range(subgraph.OperatorsLength()):
        operator = subgraph.Operators(index)
        if not 0 <= operator.OpcodeIndex() < len(codes):
            raise ModelError(f"operator code {operator.OpcodeIndex()}", where=f"op {index}")
        where = f"op {index} {codes[operator.OpcodeIndex()]}"
        wanted = _indices(operator.InputsAsNumpy())
        inputs = [_at(names, i, where) if i != -1 else "" for i in wanted]
        outputs = [_at(names, i, where) for i in _indices(operator.OutputsAsNumpy())]
        label = f" '{outputs[0]}'" if outputs else ""
        nodes.append(
            Node(
                codes[operator.OpcodeIndex()],
                tuple(inputs),
                tuple(outputs),
                f"tflite:op[{index}] {codes[operator.OpcodeIndex()]}{label}",
                *_options(operator),
                by_name,
                kinds,
            )
        )
    return nodes


def _operator_name(code: schema.OperatorCode) -> str:
    # Old files hold the code in a byte, new ones in both fields.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _OPERATOR_NAMES.get(number, f"BUILTIN_{number}")
    if name != "CUSTOM":
        return name
    custom = (code.CustomCode() or b"?").decode("utf-8", "replace")
    return f"CUSTOM:{custom}"


def _options(operator: schema.Operator) -> tuple[str, object]:
    """Return the name and accessor of the node's option table; ("", None) when it has none."""
    code = operator.BuiltinOptionsType()
    members = UNIONS["BuiltinOptions"]
    table = operator.BuiltinOptions() if 0 < code < len(members) else None
    if table is None:
        return "", None
    options = getattr(schema, members[code])()
    options.Init(table.Bytes, table.Pos)
    return members[code], options


def _convert(nodes: Sequence[Node]) -> list[Op]:
    """Return the operations of all nodes, or one error that lists everything unsupported."""
    unsupported = [node.why_unsupported(CONVERTERS) for node in nodes]
    reasons = [reason for reason in unsupported if reason]
    if reasons:
        shown = "\n  ".join(dict.fromkeys(reasons))
        raise UnsupportedError(
            f"{len(reasons)} operations are not supported:\n  {shown}\n",
            hint="supported: " + ", ".join(sorted(CONVERTERS)),
        )
    return [op for node in nodes for op in CONVERTERS[node.code](node)]
