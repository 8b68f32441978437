"""Graphs of all registered operations with any attributes: well-formed, but no sane networks."""

from __future__ import annotations

import enum
import types
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from hypothesis import strategies as st

import edgeq.ops.all  # noqa: F401  (fills the registry)
from edgeq.ir.attributes import NOT_ATTRIBUTES
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.profiles import PROFILES
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, elements
from edgeq.ops.base import REGISTRY, Op

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = TEXT.filter(bool)
INTEGERS = st.integers(-(2**31), 2**31)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALES = st.floats(2.0**-126, 2.0**127)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of an attribute's type."""
    args, origin = get_args(hint), get_origin(hint)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values, args))
    if origin is tuple:
        if args[1:] == (Ellipsis,):
            return st.lists(values(args[0]), max_size=4).map(tuple)
        return st.tuples(*map(values, args))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{f.name: values(hints[f.name]) for f in fields(hint)})
    return {
        int: INTEGERS,
        float: FLOATS,
        bool: st.booleans(),
        str: TEXT,
        type(None): st.none(),
    }[hint]


def operations(cls: type[Op]) -> st.SearchStrategy[Op]:
    """Return operations of one class with any attributes and operands."""
    hints = get_type_hints(cls)
    names = [f.name for f in fields(cls) if f.name not in NOT_ATTRIBUTES]
    ports = st.lists(NAMES, max_size=3).map(tuple)
    attributes = {name: values(hints[name]) for name in names}
    return st.builds(cls, inputs=ports, outputs=ports, source=TEXT, **attributes)


@st.composite
def tensors(draw: st.DrawFn, name: str) -> Tensor:
    dtype = draw(st.sampled_from(DType))
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    scales = tuple(draw(st.lists(SCALES, min_size=1, max_size=3)))
    zeros = tuple(draw(st.lists(INTEGERS, min_size=len(scales), max_size=len(scales))))
    quant = draw(st.none() | st.builds(QuantParams, st.just(scales), st.just(zeros), AXES))
    data = None
    if draw(st.booleans()):
        size = elements(shape)
        raw = draw(st.binary(min_size=size * dtype.bytes, max_size=size * dtype.bytes))
        array = np.frombuffer(raw, np.uint8)
        data = (array & 1).astype(bool) if dtype is DType.BOOL else array.view(dtype.numpy)
        data = data.reshape(shape)
    return Tensor(name, shape, dtype, quant, data)


AXES = st.none() | st.integers(0, 7)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Return a graph whose parts need not fit together."""
    names = draw(st.lists(NAMES, unique=True, max_size=4))
    classes = draw(st.lists(st.sampled_from(sorted(REGISTRY)), max_size=3))
    return Graph(
        draw(TEXT),
        {name: draw(tensors(name)) for name in names},
        tuple(draw(operations(REGISTRY[kind])) for kind in classes),
        tuple(draw(st.lists(NAMES, max_size=3))),
        tuple(draw(st.lists(NAMES, max_size=3))),
        draw(st.sampled_from(sorted(PROFILES))),
    )


def parts(graph: Graph) -> list[Any]:
    """Return everything a graph says, in plain values that compare exactly."""
    ports = [graph.name, graph.numerics, graph.inputs, graph.outputs]
    ops = [
        (type(op), [(f.name, repr(getattr(op, f.name))) for f in fields(op)]) for op in graph.ops
    ]
    return [*ports, ops, [(key, _tensor(tensor)) for key, tensor in graph.tensors.items()]]


def _tensor(tensor: Tensor) -> tuple[Any, ...]:
    data = None if tensor.data is None else (tensor.data.dtype.str, tensor.data.tobytes())
    return tensor.name, tensor.shape, tensor.dtype, repr(tensor.quant), data
