""".tflite to graph: the file is verified first, then read table by table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.flatbuffer import verify_flatbuffer
from edgeq.frontends.schema import tflite_generated as schema
from edgeq.frontends.schema.layout import UNIONS
from edgeq.frontends.tflite.converter import CONVERTERS
from edgeq.frontends.tflite.node import Node
from edgeq.frontends.tflite.tensors import (
    Tensors,
    indices,
    operator_number,
    operators,
    read_tensors,
    readable,
)
from edgeq.frontends.tflite.variables import Variables
from edgeq.ir.graph import Graph
from edgeq.ops.base import Op

NUMERICS = "tflite-ref"
VERSION = 3

_OPERATOR_NAMES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
_SHOWN_NODES = 3


def read_tflite(data: bytes, name: str) -> Graph:
    """Return the graph of a .tflite file's main subgraph; it may be a float network.

    Raise ``ModelError`` when the file is malformed, ``UnsupportedError`` that lists every
    operation edgeq does not implement.
    """
    verify_flatbuffer(data)
    model = schema.Model.GetRootAs(data)
    if model.Version() != VERSION:
        raise ModelError(f"schema version {model.Version()}, expected {VERSION}")
    if model.SubgraphsLength() == 0:
        raise ModelError("the file holds no subgraph")
    subgraph = model.Subgraphs(0)
    tensors = read_tensors(data, model, subgraph)
    inputs, outputs = (
        tuple(tensors.at(index, f"the model's {kind}") for index in indices(ports()))
        for kind, ports in (
            ("inputs", subgraph.InputsAsNumpy),
            ("outputs", subgraph.OutputsAsNumpy),
        )
    )
    variables = Variables(dict(tensors.known), partial(_subgraph, data, model))
    nodes = _nodes(model, subgraph, tensors, variables)
    ops = _convert(nodes, _unusable_ports(tensors, (*inputs, *outputs)))
    states, last = variables.finish()
    graph = Graph(name, {}, (), inputs, outputs, NUMERICS, states=states)
    return graph.with_ops([*ops, *last], variables.tensors)


def tensor_names(data: bytes) -> tuple[str, ...]:
    """Return the names that the graph of a .tflite file gives to its tensors, by their index.

    Those that no operation can use have none: handles, for example.
    """
    verify_flatbuffer(data)
    model = schema.Model.GetRootAs(data)
    found = read_tensors(data, model, model.Subgraphs(0))
    return tuple(name if name in found.known else "" for name in found.names)


def _subgraph(data: bytes, model: schema.Model, index: int) -> list[Node]:
    """Return the operators of another subgraph than the main one."""
    if not 0 <= index < model.SubgraphsLength():
        raise ModelError(f"subgraph {index} of {model.SubgraphsLength()}")
    subgraph = model.Subgraphs(index)
    return _nodes(model, subgraph, read_tensors(data, model, subgraph), Variables())


def _nodes(
    model: schema.Model, subgraph: schema.SubGraph, tensors: Tensors, variables: Variables
) -> list[Node]:
    codes = [_operator_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    nodes = []
    for index, operator in enumerate(operators(subgraph)):
        if operator.OpcodeIndex() >= len(codes):
            raise ModelError(
                f"operator code {operator.OpcodeIndex()} of {len(codes)}", where=f"op[{index}]"
            )
        code = codes[operator.OpcodeIndex()]
        where = f"tflite:op[{index}] {code}"
        wanted = indices(operator.InputsAsNumpy())
        inputs = [tensors.at(i, where) if i != -1 else "" for i in wanted]
        outputs = [tensors.at(i, where) for i in indices(operator.OutputsAsNumpy())]
        ports = (tuple(inputs), tuple(outputs))
        options = _options(operator)
        known = (tensors.known, tensors.unusable)
        inside = indices(operator.IntermediatesAsNumpy())
        within = tuple(tensors.at(i, where) if i != -1 else "" for i in inside)
        custom = _custom_options(operator)
        node = Node(code, index, *ports, *options, *known, custom, {}, variables, within)
        nodes.append(node)
    return nodes


def _operator_name(code: schema.OperatorCode) -> str:
    number = operator_number(code)
    name = _OPERATOR_NAMES.get(number, f"BUILTIN_{number}")
    if name != "CUSTOM":
        return name
    return f"CUSTOM:{readable((code.CustomCode() or b'?').decode('utf-8', 'replace'))}"


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


def _custom_options(operator: schema.Operator) -> memoryview:
    """Return a view: many operators of a file may have the same large options."""
    raw = operator.CustomOptionsAsNumpy()
    return memoryview(b"" if isinstance(raw, int) else raw)


def _unusable_ports(tensors: Tensors, ports: Iterable[str]) -> list[tuple[str, str]]:
    """Return kind and place of each port of the model that no operation can use."""
    return [
        (f"a port with {tensors.unusable[port]}", f"'{readable(port)}'")
        for port in ports
        if port in tensors.unusable
    ]


def _convert(nodes: Sequence[Node], refused: Iterable[tuple[str, str]]) -> list[Op]:
    """Return the operations of all nodes, or one error that lists everything unsupported.

    ``refused`` is what is unsupported already: kind and place.
    """
    ops: list[Op] = []
    kinds: dict[str, list[str]] = {}
    for kind, place in refused:
        kinds.setdefault(kind, []).append(place)
    for node in nodes:
        reason = _refusal(node)
        if reason is None:
            try:
                ops += CONVERTERS[node.code].convert(node)
                node.variables.tensors.update(node.created)
                continue
            except UnsupportedError as error:
                reason = error.what
        kind = f"{node.code} {reason}".strip()
        kinds.setdefault(kind, []).append(node.place)
    if kinds:
        raise UnsupportedError(_listed(kinds), hint="supported: " + ", ".join(sorted(CONVERTERS)))
    return ops


def _refusal(node: Node) -> str | None:
    """Return why a node cannot be converted, "" when its name says it all, or ``None``."""
    converter = CONVERTERS.get(node.code)
    return "" if converter is None else converter.refusal(node) or None


def _listed(kinds: dict[str, list[str]]) -> str:
    count = sum(len(places) for places in kinds.values())
    lines = [f"{count} operation{'s are' if count > 1 else ' is'} not supported:"]
    for kind, places in kinds.items():
        shown = ", ".join(places[:_SHOWN_NODES]) + (", ..." if len(places) > _SHOWN_NODES else "")
        lines.append(f"  {kind} x{len(places)}: {shown}")
    return "\n".join(lines) + "\n"
