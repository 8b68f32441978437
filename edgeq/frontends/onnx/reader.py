""".onnx to graph: the file is parsed and bounded first, then read node by node."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from edgeq.errors import ModelError
from edgeq.frontends.nchw.builder import Builder
from edgeq.frontends.nchw.reading import finished, read_nodes
from edgeq.frontends.nchw.values import Value, identity
from edgeq.frontends.onnx.codes import Islands, is_coded
from edgeq.frontends.onnx.converter import CODES, CONVERTERS, ISLANDS
from edgeq.frontends.onnx.folding import FOLDS, fold
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.ports import entering, leaving
from edgeq.frontends.onnx.proto import array_of, input_shape, opset, parse, value_names
from edgeq.frontends.tflite.tensors import MAX_NAME_BYTES, limit, readable
from edgeq.ir.graph import Graph

_STANDARD = ("", "ai.onnx")
# Operators of other domains that are the standard ones.
_SAME = {f"com.microsoft::{code}": code for code in ("QuantizeLinear", "DequantizeLinear")}
# Operators whose other outputs, running means, masks and indices, training alone needs.
_TRAINED = frozenset({"BatchNormalization", "Dropout", "MaxPool"})


def read_onnx(data: bytes, name: str) -> Graph:
    """Return the graph of an .onnx file, images stored channels last.

    Inputs and outputs keep their names and shapes. Of a float network, batch normalization, pads
    and activations are folded where that costs nothing; of a quantized one, operations between
    DequantizeLinear and QuantizeLinear become ones on codes. Raise ``ModelError`` when the file is
    malformed, ``UnsupportedError`` that lists every operation edgeq does not implement.
    """
    model = parse(data)
    build = Builder(value_names(model.graph))
    build.constants.update(_constants(model.graph))
    nodes = _nodes(model.graph, build, opset(model))
    hint = "supported: " + ", ".join(sorted({*CONVERTERS, *CODES, *ISLANDS}))
    # Inputs in codes have their scales from what reads them, which may be constant nodes.
    read_nodes([node for node in nodes if node.code == "Constant"], _knows, _convert, hint)
    inputs = _inputs(model.graph, build, nodes)
    read_nodes([node for node in nodes if node.code != "Constant"], _knows, _convert, hint)
    outputs = [port.name for port in model.graph.output]
    leave = partial(leaving, build, nodes[0].islands)
    return finished(name, build, inputs, outputs, "onnx", leave)


def _constants(graph: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    length = 0
    for tensor in graph.initializer:
        where = f"initializer '{readable(tensor.name)}'"
        length += len(tensor.name)
        limit(length, MAX_NAME_BYTES, "bytes of names")
        if not tensor.name or tensor.name in found:
            raise ModelError("has no name of its own", where=where)
        found[tensor.name] = array_of(tensor, where)
    return found


def _inputs(graph: Any, build: Builder, nodes: Sequence[Node]) -> tuple[str, ...]:
    """Add the inputs of the model; old files list constants among them."""
    names = []
    for value in graph.input:
        if value.name in build.constants:
            continue
        if not value.name or value.name in build.values:
            raise ModelError("has no name of its own", where=f"input '{readable(value.name)}'")
        shape, dtype = input_shape(value)
        if dtype == "float32":
            tensor = build.add(value.name, shape)
        else:
            tensor = entering(build, nodes[0].islands, value.name, shape, dtype)
        build.values[value.name] = Value(tensor, shape, identity(len(shape)))
        names.append(value.name)
    return tuple(names)


def _nodes(graph: Any, build: Builder, version: int) -> list[Node]:
    nodes = []
    length = 0
    read = {name for proto in graph.node for name in proto.input}
    outputs = frozenset(port.name for port in graph.output)
    read |= outputs
    readers: dict[str, list[Node]] = {}
    islands = Islands(outputs, readers)
    for index, proto in enumerate(graph.node):
        standard = proto.domain in _STANDARD
        code = readable(proto.op_type if standard else f"{proto.domain}::{proto.op_type}")
        code = _SAME.get(code, code)
        length += sum(map(len, proto.output)) + len(proto.name)
        limit(length, MAX_NAME_BYTES, "bytes of names")
        attributes = {attribute.name: attribute for attribute in proto.attribute}
        ports = (tuple(proto.input), _outputs_of(proto, read))
        node = Node(code, index, proto.name, *ports, build, attributes, version, islands)
        nodes.append(node)
        for name in dict.fromkeys(proto.input):
            readers.setdefault(name, []).append(node)
    return nodes


def _outputs_of(proto: Any, read: set[str]) -> tuple[str, ...]:
    """Return the outputs of a node, without those for training where nothing reads them."""
    names = tuple(proto.output)
    unread = read.isdisjoint(names[1:]) and proto.op_type in _TRAINED
    return names[:1] if unread else names


def _knows(node: Node) -> bool:
    return any(node.code in table for table in (CONVERTERS, FOLDS, CODES, ISLANDS))


def _convert(node: Node) -> None:
    if fold(node):
        return
    coded = [name for name in node.inputs if name and is_coded(node, name)]
    if not coded and node.code in CODES and node.code not in CONVERTERS:
        raise node.error("reads no codes")
    if not coded and node.code in ISLANDS and node.code not in CONVERTERS:
        raise node.unsupported("of float values that are no codes")
    if not coded and node.code not in CONVERTERS:
        raise node.unsupported("of values that are computed at run time")
    if not coded:
        CONVERTERS[node.code](node)
        return
    real = [name in node.islands.real for name in coded]
    if len(coded) < len(node.inputs) and node.inputs[0] not in coded and node.code == "Concat":
        raise node.unsupported("of codes and float values together")
    table = ISLANDS if all(real) else CODES
    if any(real) != all(real) or node.code not in table:
        raise node.unsupported("of what DequantizeLinear gives" if any(real) else "of codes")
    table[node.code](node)
