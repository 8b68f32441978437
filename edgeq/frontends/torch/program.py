"""The nodes, the constants and the ports of an exported program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.nchw.builder import Builder
from edgeq.frontends.nchw.values import Value, identity
from edgeq.frontends.tflite.tensors import readable
from edgeq.frontends.torch.calls import torch_errors
from edgeq.frontends.torch.node import Node
from edgeq.ir.types import Shape

# Operators whose other outputs nobody reads once trained: indices, and running statistics.
_FIRST = frozenset(
    """max_pool1d_with_indices max_pool2d_with_indices adaptive_max_pool1d adaptive_max_pool2d
    _native_batch_norm_legit_no_training""".split()
)
_PLAIN = frozenset(("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"))


def constants_of(program: Any) -> dict[str, np.ndarray]:
    """Return parameters, buffers and other constants by the names that nodes read them under."""
    found = {}
    for spec in program.graph_signature.input_specs:
        if spec.kind.name == "USER_INPUT":
            continue
        held = {**program.constants, **program.state_dict}.get(spec.target)
        if held is None:
            raise UnsupportedError(f"'{readable(str(spec.target))}' is no tensor")
        found[spec.arg.name] = array_of(held, str(spec.target))
    return found


def array_of(tensor: Any, name: str) -> np.ndarray:
    """Return a tensor as an array; raise ``UnsupportedError`` for types NumPy does not have."""
    kind = str(tensor.dtype).removeprefix("torch.")
    if kind not in _PLAIN:
        raise UnsupportedError(f"'{readable(name)}' is {kind}", hint="module.float()")
    array: np.ndarray = tensor.detach().cpu().contiguous().numpy()
    return array


def input_shapes(program: Any) -> dict[str, tuple[Any, ...]]:
    """Return the shapes of the inputs, whose extents may be symbols; raise unless float32."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    found = {}
    for spec in program.graph_signature.input_specs:
        if spec.kind.name != "USER_INPUT" or type(spec.arg).__name__ == "ConstantArgument":
            continue
        value = values[spec.arg.name]
        kind = str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.")
        if kind != "float32":
            where = f"input '{readable(spec.arg.name)}'"
            raise UnsupportedError(f"of {kind}, not float32", where=where)
        found[spec.arg.name] = tuple(value.shape)
    return found


def add_inputs(program: Any, build: Builder) -> tuple[str, ...]:
    """Add the inputs of a program, whose extents are numbers; return their names."""
    names = []
    for name, shape in input_shapes(program).items():
        build.values[name] = Value(build.add(name, shape), shape, identity(len(shape)))
        names.append(name)
    return tuple(names)


def check_outputs(program: Any) -> None:
    """Raise unless all outputs are tensors, and nothing is remembered between runs."""
    for index, spec in enumerate(program.graph_signature.output_specs):
        if spec.kind.name != "USER_OUTPUT":
            what = f"'{readable(str(spec.target))}' changes at run time"
            trains = spec.kind.name == "BUFFER_MUTATION"
            raise UnsupportedError(what, hint="module.eval() before the export" if trains else "")
        if type(spec.arg).__name__ != "TensorArgument":
            raise UnsupportedError(f"output {index} is no tensor")


def outputs_of(program: Any, build: Builder) -> list[str]:
    """Return the names of the outputs, each one once."""
    names: list[str] = []
    for spec in program.graph_signature.output_specs:
        name = spec.arg.name
        if name in names:
            again = build.fresh(f"{name}:{len(names)}")
            if name in build.values:
                build.values[again] = build.values[name]
            else:
                build.constants[again] = build.constants[name]
            name = again
        names.append(name)
    return names


def names_of(program: Any) -> set[str]:
    """Return the names of all values."""
    return {name for node in program.graph.nodes for name in (node.name, *_outputs(node))}


def codes_of(program: Any) -> set[str]:
    """Return the operators that a program uses."""
    return {_code(node) for node in program.graph.nodes if _matters(node)}


def nodes_of(program: Any, build: Builder) -> Iterable[Node]:
    """Yield the nodes in order, without checks that torch left in the program."""
    index = 0
    for node in program.graph.nodes:
        if _matters(node):
            yield _node(node, index, build)
            index += 1


def _matters(node: Any) -> bool:
    """Tell whether a node computes something, not only checks what torch knew at export."""
    return node.op == "call_function" and (bool(node.users) or "assert" not in _code(node))


def _code(node: Any) -> str:
    """Return the name of a node's operator, without its overload."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return str(getattr(node.target, "__name__", node.target))
    space, _, name = schema.name.partition("::")
    return name if space == "aten" else f"{space}::{name}"


def _values(node: Any) -> list[Any]:
    found = node.meta.get("val")
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _outputs(node: Any) -> tuple[str, ...]:
    """Return the names of a node's outputs, one where nothing reads the others."""
    if not isinstance(node.meta.get("val"), (list, tuple)):
        return (node.name,)
    names = tuple(f"{node.name}:{index}" for index in range(len(_values(node))))
    unread = all(user.args[1] == 0 for user in node.users if _code(user) == "getitem")
    return names[:1] if unread and _code(node) in _FIRST else names


def _node(node: Any, index: int, build: Builder) -> Node:
    code = _code(node)
    shapes = tuple(_shape(value) for value in _values(node))
    if code == "getitem":
        source, at = node.args
        inputs: tuple[str, ...] = (f"{source.name}:{at}",)
        arguments: dict[str, Any] = {}
    else:
        inputs, arguments = _operands(node, build)
    ports = (inputs, _outputs(node))
    return Node(code, index, _label(node), *ports, build, arguments, shapes, _call(node))


def _shape(value: Any) -> Shape:
    extents = getattr(value, "shape", ())
    if not all(isinstance(extent, int) for extent in extents):
        raise UnsupportedError("an extent is known at run time only")
    return tuple(extents)


def _operands(node: Any, build: Builder) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of the tensors in the order of the schema, and the other arguments."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return tuple(source.name for source in node.all_input_nodes), {}
    inputs: list[str] = []
    arguments: dict[str, Any] = {}
    for place, argument in enumerate(schema.arguments):
        given = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name)
        if given is None and argument.has_default_value():
            given = argument.default_value
        if "Tensor" not in str(argument.type):
            arguments[argument.name] = given
        elif isinstance(given, (list, tuple)):
            inputs.extend("" if held is None else held.name for held in given)
        elif isinstance(given, (int, float)):
            arguments[argument.name] = given  # a number in place of a tensor
        else:
            inputs.append("" if given is None else given.name)
    return tuple(inputs), arguments


def _label(node: Any) -> str:
    """Return the path of the module that a node is of, and the node where there are others."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1][:2] if stack else ("", "")
    named = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    if path and named.startswith("torch.nn.modules."):
        return str(path)
    return f"{path}.{node.name}" if path else str(node.name)


def _call(node: Any) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Return what computes a node of constants, which torch gives as tensors of its own."""

    def call(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        import torch
        from torch.fx.node import map_arg

        def held(source: Any) -> Any:
            return torch.from_numpy(arrays[source.name].copy())

        with torch_errors("its constants do not fit it", ModelError):
            args, kwargs = map_arg(node.args, held), map_arg(node.kwargs, held)
            return array_of(node.target(*args, **kwargs), node.name)

    return call
