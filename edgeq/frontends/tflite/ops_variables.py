"""Resource variables: handles, reading and assigning, and the subgraph that initialises them."""

from __future__ import annotations

from dataclasses import replace

from edgeq.frontends.tflite.converter import converts
from edgeq.frontends.tflite.node import Node
from edgeq.frontends.tflite.variables import MAX_SUBGRAPHS, Key
from edgeq.ir.graph import Tensor
from edgeq.ops.base import Op
from edgeq.ops.reshape import Reshape


@converts("VAR_HANDLE", handles=True)
def var_handle(node: Node) -> list[Op]:
    """No array, and the name of a variable; the output is a handle of it."""
    node.expect(0)
    node.variables.handles[node.outputs[0]] = _key(node)
    return []


@converts("READ_VARIABLE", handles=True)
def read_variable(node: Node) -> list[Op]:
    """One handle."""
    node.expect(1)
    value, y = node.variables.read(node, _variable(node)), node.output()
    if (value.shape, value.dtype) != (y.shape, y.dtype):
        raise node.error(f"reads {y.dtype.value} {y.shape}, the variable is {_form(value)}")
    return [Reshape(**{**node.ports, "inputs": (value.name,)}, shape=y.shape)]


@converts("ASSIGN_VARIABLE", handles=True)
def assign_variable(node: Node) -> list[Op]:
    """One handle, and the array that the variable is from here on."""
    node.expect(2, 0)
    key, value = _variable(node), node.tensor(1)
    before = node.variables.values.get(key, node.variables.initial.get(key, value))
    if (before.shape, before.dtype) != (value.shape, value.dtype):
        raise node.error(f"assigns {_form(value)}, the variable is {_form(before)}")
    node.variables.values[key] = value
    return []


@converts("CALL_ONCE", handles=True)
def call_once(node: Node) -> list[Op]:
    """No array: a subgraph that runs before the first run and assigns constants to variables."""
    node.expect(0, 0)
    index = node.required("CallOnceOptions", "InitSubgraphIndex")
    variables = node.variables
    if index in variables.subgraphs:
        return []
    variables.subgraphs.add(index)
    if len(variables.subgraphs) > MAX_SUBGRAPHS:
        raise node.unsupported(f"of more than {MAX_SUBGRAPHS} subgraphs")
    if variables.values:
        raise node.unsupported("after an operator that reads or assigns a variable")
    handles: dict[str, Key] = {}
    for inner in variables.subgraph(index):
        _initialise(node, replace(inner, variables=replace(variables, handles=handles)))
    return []


def _initialise(node: Node, inner: Node) -> None:
    """Enter what an operator of an initialising subgraph does."""
    if inner.code == "VAR_HANDLE":
        var_handle(inner)
        return
    if inner.code != "ASSIGN_VARIABLE":
        raise node.unsupported(f"with {inner.code} in its subgraph")
    inner.expect(2, 0)
    value = inner.tensors.get(inner.inputs[1])
    if value is None or not value.is_constant:
        raise node.unsupported("with a value that is no constant")
    node.variables.initial[_variable(inner)] = value


def _key(node: Node) -> Key:
    names = (
        node.option("VarHandleOptions", name, None) or b"" for name in ("Container", "SharedName")
    )
    return ("resource", *(name.decode("utf-8", "replace") for name in names))


def _variable(node: Node) -> Key:
    key = node.variables.handles.get(node.inputs[0])
    if key is None:
        raise node.unsupported("of a handle that no VAR_HANDLE gives")
    return key


def _form(tensor: Tensor) -> str:
    return f"{tensor.dtype.value} {tensor.shape}"
