""".onnx to graph: the file is parsed and bounded first, then read node by node."""

from __future__ import annotations

from typing import Any

from edgeq.errors import ModelError
from edgeq.frontends.nchw.builder import Builder
from edgeq.frontends.nchw.reading import finished, read_nodes
from edgeq.frontends.nchw.values import Value, identity
from edgeq.frontends.onnx.converter import CONVERTERS
from edgeq.frontends.onnx.folding import FOLDS, fold
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.proto import array_of, input_shape, opset, parse, value_names
from edgeq.frontends.tflite.tensors import MAX_NAME_BYTES, limit, readable
from edgeq.ir.graph import Graph

_STANDARD = ("", "ai.onnx")
# Operators whose other outputs, running means, masks and indices, training alone needs.
_TRAINED = frozenset({"BatchNormalization", "Dropout", "MaxPool"})


def read_onnx(data: bytes, name: str) -> Graph:
    """Return the float graph of an .onnx file, images stored channels last.

    Inputs and outputs keep their names and shapes. Batch normalization, pads and activations are
    folded where that costs nothing. Raise ``ModelError`` when the file is malformed,
    ``UnsupportedError`` that lists every operation edgeq does not implement.
    """
    model = parse(data)
    build = Builder(value_names(model.graph))
    build.constants.update(_constants(model.graph))
    inputs = _inputs(model.graph, build)
    nodes = _nodes(model.graph, build, opset(model))
    read_nodes(nodes, _knows, _convert, "supported: " + ", ".join(sorted(CONVERTERS)))
    return finished(name, build, inputs, [port.name for port in model.graph.output], "onnx")


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


def _inputs(graph: Any, build: Builder) -> tuple[str, ...]:
    """Add the inputs of the model; old files list constants among them."""
    names = []
    for value in graph.input:
        if value.name in build.constants:
            continue
        if not value.name or value.name in build.values:
            raise ModelError("has no name of its own", where=f"input '{readable(value.name)}'")
        shape = input_shape(value)
        build.values[value.name] = Value(build.add(value.name, shape), shape, identity(len(shape)))
        names.append(value.name)
    return tuple(names)


def _nodes(graph: Any, build: Builder, version: int) -> list[Node]:
    nodes = []
    length = 0
    read = {name for proto in graph.node for name in proto.input}
    read.update(port.name for port in graph.output)
    for index, proto in enumerate(graph.node):
        standard = proto.domain in _STANDARD
        code = readable(proto.op_type if standard else f"{proto.domain}::{proto.op_type}")
        length += sum(map(len, proto.output)) + len(proto.name)
        limit(length, MAX_NAME_BYTES, "bytes of names")
        attributes = {attribute.name: attribute for attribute in proto.attribute}
        ports = (tuple(proto.input), _outputs_of(proto, read))
        nodes.append(Node(code, index, proto.name, *ports, build, attributes, version))
    return nodes


def _outputs_of(proto: Any, read: set[str]) -> tuple[str, ...]:
    """Return the outputs of a node, without those for training where nothing reads them."""
    names = tuple(proto.output)
    unread = read.isdisjoint(names[1:]) and proto.op_type in _TRAINED
    return names[:1] if unread else names


def _knows(node: Node) -> bool:
    return node.code in CONVERTERS or node.code in FOLDS


def _convert(node: Node) -> None:
    if fold(node):
        return
    if node.code not in CONVERTERS:
        raise node.unsupported("of values that are computed at run time")
    CONVERTERS[node.code](node)
