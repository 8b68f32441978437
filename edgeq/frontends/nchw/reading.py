"""What front ends do with the nodes and the ports of a file, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.nchw.builder import Builder
from edgeq.frontends.nchw.node import Node
from edgeq.frontends.nchw.values import Value, identity
from edgeq.frontends.tflite.tensors import readable
from edgeq.ir.graph import Graph
from edgeq.ops.reshape import Reshape
from edgeq.passes._names import unused
from edgeq.passes.fold_constants import fold_constants
from edgeq.passes.pipeline import FLOAT_PIPELINE, run_passes
from edgeq.passes.remove_dead import remove_dead

_SHOWN_NODES = 3

N = TypeVar("N", bound=Node)


def read_nodes(
    nodes: Iterable[N], knows: Callable[[N], bool], read: Callable[[N], None], hint: str
) -> None:
    """Read all nodes, or raise one error that lists everything unsupported.

    Of a node that reads what an unsupported one computes, only ``knows`` is asked.
    """
    kinds: dict[str, list[str]] = {}
    missing: set[str] = set()
    for node in nodes:
        _check_names(node, missing)
        reason: str | None = None
        if not knows(node):
            reason = ""
        elif missing.isdisjoint(node.inputs):
            reason = _read(node, read)
            if reason is None:
                continue
        missing.update(node.outputs)
        missing.discard("")
        if reason is not None:
            kinds.setdefault(f"{node.code} {reason}".strip(), []).append(node.place)
    if kinds:
        raise UnsupportedError(_listed(kinds), hint=hint)


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


def _read(node: N, read: Callable[[N], None]) -> str | None:
    """Read a node; return ``None``, or why it is not supported."""
    try:
        read(node)
    except UnsupportedError as error:
        return error.what
    except ModelError as error:
        raise error if error.where else error.at(node.source) from None
    return None


def _listed(kinds: dict[str, list[str]]) -> str:
    count = sum(len(places) for places in kinds.values())
    lines = [f"{count} operation{'s are' if count > 1 else ' is'} not supported:"]
    for kind, places in kinds.items():
        shown = ", ".join(places[:_SHOWN_NODES]) + (", ..." if len(places) > _SHOWN_NODES else "")
        lines.append(f"  {kind} x{len(places)}: {shown}")
    return "\n".join(lines) + "\n"


# Of the name of an output and its tensor: the tensor that leaves, and adds what that takes.
Leave = Callable[[str, str], str]


def finished(
    name: str,
    build: Builder,
    inputs: Sequence[str],
    outputs: Sequence[str],
    form: str,
    leave: Leave | None = None,
) -> Graph:
    """Return the graph that was built, a float one made plain for what quantizes it.

    ``inputs`` are its tensors, ``outputs`` names of the file. Values leave it in the order of the
    file, under these names, and through ``leave``.
    """
    ports = _outputs(build, tuple(inputs), outputs, form, leave or (lambda _, tensor: tensor))
    graph = Graph(name, build.tensors, (), tuple(inputs), ports).with_ops(build.ops)
    if any(tensor.quant is not None for tensor in graph.tensors.values()):
        graph = replace(_named(graph, outputs), numerics=form)
        return run_passes(graph, (fold_constants, remove_dead))
    # Shapes that nothing reads after all would hide that a layer has one reader.
    return run_passes(_named(graph, outputs), (remove_dead, *FLOAT_PIPELINE))


def _outputs(
    build: Builder, inputs: Sequence[str], outputs: Sequence[str], form: str, leave: Leave
) -> tuple[str, ...]:
    """Return the tensors that hold the outputs in the order of the file, each one for itself."""
    found: list[str] = []
    for name in outputs:
        source = f"{form}:output '{readable(name)}'"
        if name in build.constants:
            array = build.constants[name]
            tensor = build.constant(f"{name}:constant", array)
            value = Value(tensor, array.shape, identity(array.ndim))
        elif name in build.values:
            value = build.values[name]
        else:
            raise ModelError("is never computed", where=source)
        tensor = leave(name, build.arranged(value, identity(len(value.seen)), source))
        if tensor in inputs or tensor in found or build.tensors[tensor].is_constant:
            shape = build.tensors[tensor].shape
            [tensor] = build.emit(Reshape, [tensor], name, shape=shape, source=source)
        found.append(tensor)
    return tuple(found)


def _named(graph: Graph, outputs: Sequence[str]) -> Graph:
    """Return the graph with its outputs under the names that the file gives them."""
    names: dict[str, str] = {}
    for tensor, name in zip(graph.outputs, outputs, strict=True):
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
