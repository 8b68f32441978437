"""Operators of places and counts: elements by their coordinates, rows of a table, fills, ranges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.frontends.tflite.chain import Step, chain, numbers
from edgeq.frontends.tflite.converter import ANY, converts
from edgeq.frontends.tflite.node import Node
from edgeq.ir.graph import Tensor
from edgeq.ir.types import DType, Shape, elements
from edgeq.ops.base import Op
from edgeq.ops.cast import Cast
from edgeq.ops.compare import Compare, Relation
from edgeq.ops.gather import Gather
from edgeq.ops.reshape import Reshape
from edgeq.ops.tile import Tile
from edgeq.ops.top_k import TopK

# Constant results, and constant coordinates.
MAX_NUMBERS = 1 << 16


@converts("GATHER_ND", types=ANY)
def gather_nd(node: Node) -> list[Op]:
    """One array, and constant coordinates of its first dimensions."""
    node.expect(2)
    x, places = node.tensor(0).shape, node.tensor(1).shape
    count = places[-1] if places else 0
    if not 0 < count <= len(x):
        raise node.error(f"coordinates of shape {places} in {len(x)} dimensions")
    given = node.integers(1, "coordinates", MAX_NUMBERS)
    found = np.array(given, np.int64).reshape(-1, count)
    if ((found < 0) | (found >= np.array(x[:count]))).any():
        raise node.error(f"coordinates outside {x[:count]}")
    flat = np.atleast_1d(np.ravel_multi_index(tuple(found.T), x[:count]))
    steps: list[Step] = [
        (Reshape, {"shape": (elements(x[:count]), *x[count:])}),
        (Gather, {"axis": 0, "more": (numbers(node, flat.tolist(), "places"),)}),
        (Reshape, {"shape": (*places[:-1], *x[count:])}),
    ]
    return chain(node, steps)


@converts("TOPK_V2", types=tuple(dtype for dtype in ANY if dtype is not DType.BOOL))
def top_k(node: Node) -> list[Op]:
    """One array, and how many of each row; what nothing reads of the two outputs is left out."""
    node.expect(2, 2)
    count = node.integers(1, "counts")
    if len(count) != 1 or node.output(1).dtype is not DType.INT32:
        raise node.unsupported(f"with {len(count)} counts and {node.output(1).dtype.value} indices")
    return [
        TopK(**{**node.data_ports, "outputs": (y,)}, count=count[0], places=bool(place))
        for place, y in enumerate(node.outputs)
    ]


@converts("EMBEDDING_LOOKUP", types=ANY, data=1)
def embedding_lookup(node: Node) -> list[Op]:
    """Two arrays: indices of rows, and a table."""
    node.expect(2)
    if node.output().dtype is not node.tensor(1).dtype:
        raise node.unsupported(f"of {node.tensor(1).dtype.value} rows that become real numbers")
    return [Gather(**{**node.ports, "inputs": node.inputs[::-1]}, axis=0)]


@converts("FILL", types=ANY, data=1)
def fill(node: Node) -> list[Op]:
    """Extents, and the one element of which there are so many."""
    node.expect(2)
    shape = node.integers(0, "extents")
    if node.tensor(1).elements != 1:
        raise node.error(f"{node.tensor(1).elements} values, expected 1")
    ones = (1,) * len(shape)
    steps: list[Step] = [(Reshape, {"shape": ones}), (Tile, {"multiples": shape})]
    return chain(node, steps, node.tensor(1))


def _constant(node: Node, array: np.ndarray) -> list[Op]:
    """Return the view that makes a constant of the reader's the result."""
    y = node.output()
    known = array.astype(y.dtype.numpy)
    name = _created(node, Tensor("known", array.shape, y.dtype, y.quant, known))
    ports = {**node.ports, "inputs": (name,)}
    return [Reshape(**ports, shape=array.shape)]


@converts("RANK", types=ANY)
def rank(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return _constant(node, np.array(len(node.tensor(0).shape)))


@converts("ZEROS_LIKE", types=(DType.INT32, DType.INT64, DType.FLOAT32))
def zeros_like(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return _constant(node, np.zeros(node.tensor(0).shape))


@converts("RANGE", types=(DType.INT32, DType.INT64))
def range_(node: Node) -> list[Op]:
    """Three constants: the first number, the one that ends the row, and the step."""
    node.expect(3)
    bounds = [node.integers(place, "numbers") for place in range(3)]
    if any(len(each) != 1 for each in bounds) or bounds[2] == (0,):
        raise node.error("the numbers of a range are not one each, or its step is 0")
    (first,), (end,), (step,) = bounds
    count = max(math.ceil((end - first) / step), 0)
    if not 0 < count <= MAX_NUMBERS:
        raise node.unsupported(f"with {count} numbers, expected 1 to {MAX_NUMBERS}")
    return _constant(node, first + step * np.arange(count))


@converts("ONE_HOT", types=(DType.INT32, DType.INT64))
def one_hot(node: Node) -> list[Op]:
    """One array of indices, a constant depth, and what stands at an index and elsewhere."""
    node.expect(4)
    x, y = node.tensor(0), node.output()
    depth = node.integers(1, "depths")
    axis = node.axis(int(node.option("OneHotOptions", "Axis", -1)), len(x.shape) + 1)
    if len(depth) != 1 or not 0 < depth[0] <= MAX_NUMBERS:
        raise node.error(f"depths {depth}")
    values = [node.values(place, "values") for place in (3, 2)]
    if any(value.size != 1 or value.dtype != y.dtype.numpy for value in values):
        raise node.error(f"values are not one {y.dtype.value} each")
    row = (*depth, *(1,) * (len(x.shape) - axis))
    spread = (*x.shape[:axis], 1, *x.shape[axis:])
    names = {
        "spread": _created(node, Tensor("spread", spread, x.dtype)),
        "row": _created(node, Tensor("row", row, x.dtype, None, _counted(row, x.dtype))),
        "equal": _created(node, Tensor("equal", y.shape, DType.BOOL)),
        "place": _created(node, Tensor("place", y.shape, DType.INT32)),
        "table": _created(node, Tensor("table", (2,), y.dtype, y.quant, np.concatenate(values))),
    }
    return _looked_up(node, spread, names)


def _counted(shape: Shape, dtype: DType) -> np.ndarray:
    return np.arange(elements(shape)).astype(dtype.numpy).reshape(shape)


def _created(node: Node, tensor: Tensor) -> str:
    """Add a tensor that is like none of the node's; return its name."""
    name = node.create(tensor, tensor.shape, tensor.name)
    node.created[name] = replace(tensor, name=name)
    return name


def _looked_up(node: Node, spread: Shape, names: Mapping[str, str]) -> list[Op]:
    """Return what compares indices with a row of numbers, and takes a value for each answer."""

    def ports(ins: Iterable[str], out: str) -> dict[str, Any]:
        return {"inputs": tuple(ins), "outputs": (out,), "source": node.source}

    pair = (names["spread"], names["row"])
    return [
        Reshape(**ports(node.inputs[:1], names["spread"]), shape=spread),
        Compare(**ports(pair, names["equal"]), relation=Relation.EQUAL),
        Cast(**ports((names["equal"],), names["place"])),
        Gather(**ports((names["table"], names["place"]), node.outputs[0]), axis=0),
    ]
