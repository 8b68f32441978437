""".onnx to graph: the file is parsed and bounded first, then read node by node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.onnx.builder import Builder
from edgeq.frontends.onnx.converter import CONVERTERS
from edgeq.frontends.onnx.folding import FOLDS, fold
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.proto import array_of, input_shape, opset, parse, value_names
from edgeq.frontends.onnx.values import Value, identity
from edgeq.frontends.tflite.tensors import MAX_NAME_BYTES, limit, readable
from edgeq.ir.graph import Graph
from edgeq.ops.reshape import Reshape
from edgeq.passes._names import unused
from edgeq.passes.pipeline import FLOAT_PIPELINE, run_passes

_SHOWN_NODES = 3
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
    build = Builder(opset(model), value_names(model.graph))
    constants = _constants(model.graph)
    build.constants.update(constants)
    inputs = _inputs(model.graph, build)
    _convert(_nodes(model.graph, build), build)
    outputs = _outputs(model.graph, build, inputs)
    graph = Graph(name, build.tensors, (), inputs, outputs).with_ops(build.ops)
    return run_passes(_named(graph, model.graph, outputs), FLOAT_PIPELINE)


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


def _nodes(graph: Any, build: Builder) -> list[Node]:
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
        nodes.append(Node(code, index, proto.name, *ports, attributes, build))
    return nodes


def _outputs_of(proto: Any, read: set[str]) -> tuple[str, ...]:
    """Return the outputs of a node, without those for training where nothing reads them."""
    names = tuple(proto.output)
    unread = read.isdisjoint(names[1:]) and proto.op_type in _TRAINED
    return names[:1] if unread else names


def _convert(nodes: list[Node], build: Builder) -> None:
    """Convert all nodes, or raise one error that lists everything unsupported."""
    kinds: dict[str, list[str]] = {}
    missing: set[str] = set()
    for node in nodes:
        _check_names(node, missing)
        reason: str | None = None
        if node.code not in CONVERTERS and node.code not in FOLDS:
            reason = ""
        elif missing.isdisjoint(node.inputs):
            reason = _converted(node)
            if reason is None:
                continue
        missing.update(node.outputs)
        missing.discard("")
        if reason is not None:
            kinds.setdefault(f"{node.code} {reason}".strip(), []).append(node.place)
    if kinds:
        raise UnsupportedError(_listed(kinds), hint="supported: " + ", ".join(sorted(CONVERTERS)))


def _check_names(node: Node, missing: set[str]) -> None:
    """Raise unless the node reads what is known by now, and writes what is not."""
    known = (node.build.values, node.build.constants, missing)
    for name in node.inputs:
        if name and not any(name in names for names in known):
            raise node.error(f"reads '{readable(name)}', which nothing before it computes")
    for name in node.outputs:
        if any(name in names for names in known):
            raise node.error(f"writes '{readable(name)}', which already has a value")
    if not node.outputs or not node.outputs[0]:
        raise node.error("has no output")
    if len(set(node.outputs)) != len(node.outputs):
        raise node.error("writes one output twice")


def _converted(node: Node) -> str | None:
    """Convert a node; return ``None``, or why it is not supported."""
    try:
        if fold(node):
            return None
        if node.code not in CONVERTERS:
            return "of values that are computed at run time"
        CONVERTERS[node.code](node)
    except UnsupportedError as error:
        return error.what
    except ModelError as error:
        raise error if error.where else error.at(node.source) from None
    return None


def _outputs(graph: Any, build: Builder, inputs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tensors that hold the outputs in the order of ONNX, each one for itself."""
    found: list[str] = []
    for port in graph.output:
        source = f"onnx:output '{readable(port.name)}'"
        if port.name in build.constants:
            array = build.constants[port.name]
            tensor = build.constant(f"{port.name}:constant", array)
            value = Value(tensor, array.shape, identity(array.ndim))
        elif port.name in build.values:
            value = build.values[port.name]
        else:
            raise ModelError("is never computed", where=source)
        tensor = build.arranged(value, identity(len(value.seen)), source)
        if tensor in inputs or tensor in found or build.tensors[tensor].is_constant:
            shape = build.tensors[tensor].shape
            [tensor] = build.emit(Reshape, [tensor], port.name, shape=shape, source=source)
        found.append(tensor)
    return tuple(found)


def _named(graph: Graph, proto: Any, outputs: tuple[str, ...]) -> Graph:
    """Return the graph with its outputs under the names that the file gives them."""
    names: dict[str, str] = {}
    wanted = {tensor: port.name for tensor, port in zip(outputs, proto.output, strict=True)}
    for tensor, name in wanted.items():
        if tensor != name and name not in graph.inputs:
            names[tensor] = name
    taken = set(graph.tensors) | set(names.values())
    for name in tuple(names.values()):
        if name in graph.tensors and name not in names:
            names[name] = unused(f"{name}:stored", taken)
            taken.add(names[name])

    def renamed(found: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in found)

    ops = [replace(op, inputs=renamed(op.inputs), outputs=renamed(op.outputs)) for op in graph.ops]
    tensors = {
        names.get(name, name): replace(tensor, name=names.get(name, name))
        for name, tensor in graph.tensors.items()
    }
    return replace(graph, tensors=tensors, ops=tuple(ops), outputs=renamed(graph.outputs))


def _listed(kinds: dict[str, list[str]]) -> str:
    count = sum(len(places) for places in kinds.values())
    lines = [f"{count} operation{'s are' if count > 1 else ' is'} not supported:"]
    for kind, places in kinds.items():
        shown = ", ".join(places[:_SHOWN_NODES]) + (", ..." if len(places) > _SHOWN_NODES else "")
        lines.append(f"  {kind} x{len(places)}: {shown}")
    return "\n".join(lines) + "\n"
