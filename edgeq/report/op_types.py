"""Which types each operation takes: what its own check, lowering and kernel table say to examples.

Nothing here says that a type is supported. An example only tells how operands of one small layer
are shaped; every type is then tried, and counts where a verified graph of it becomes C, or where
the float network it makes is one that can be run and quantized.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

import edgeq.ops.all  # noqa: F401  fills the registry
from edgeq import api
from edgeq.errors import EdgeqError
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ir.verify import verify
from edgeq.ops.base import REGISTRY
from edgeq.ops.compare import Relation
from edgeq.ops.integer import Calculation
from edgeq.plan.select import select_all

IMAGE = (1, 4, 4, 2)
NUMERICS = "tflite-ref"


@dataclass(frozen=True, slots=True)
class Example:
    """One layer: the shape of its data, what else it reads, its attributes, its outputs.

    ``more`` are further operands by what they hold, with their shapes: ``like`` the data,
    ``constant`` of the same type, ``weights``, ``bias``, ``choice`` (bool) or ``index``; ``first``
    says that they come before the data.
    """

    shape: Shape = IMAGE
    attributes: Mapping[str, Any] = field(default_factory=dict)
    more: tuple[tuple[str, Shape], ...] = ()
    outputs: int = 1
    first: bool = False


_PAIR = Example(more=(("like", IMAGE),))
_AXES = Example(attributes={"axes": (1, 2)})
_WINDOW = Example(attributes={"window": (2, 2)})
_SIZE = Example(attributes={"size": (8, 8)})


def _weighted(shape: Shape, count: int, data: Shape = IMAGE, **attributes: Any) -> Example:
    return Example(data, attributes, (("weights", shape), ("bias", (count,))))


# Operations that are not here take one array and have no attributes.
EXAMPLES: Mapping[str, Example] = {
    **dict.fromkeys(
        ("add", "div", "maximum", "minimum", "mul", "squared_difference", "sub"), _PAIR
    ),
    **dict.fromkeys(("qlinear_add", "qlinear_mul"), _PAIR),
    **dict.fromkeys(("mean", "qlinear_global_average_pool"), _AXES),
    **dict.fromkeys(("reduce_max", "reduce_min", "reduce_sum"), _AXES),
    **dict.fromkeys(("average_pool2d", "max_pool2d", "qlinear_average_pool2d"), _WINDOW),
    "table": Example(attributes={"codes": tuple(range(-128, 128))}),
    **dict.fromkeys(("resize_bilinear", "resize_nearest"), _SIZE),
    "arg_max": Example(attributes={"axis": 3}),
    "batch_matmul": Example((2, 3, 4), {}, (("like", (2, 4, 5)),)),
    "compare": replace(_PAIR, attributes={"relation": Relation.LESS}),
    "integer": replace(_PAIR, attributes={"calculation": Calculation.ADD}),
    "concat": replace(_PAIR, attributes={"axis": 3}),
    "conv2d": _weighted((3, 1, 1, 2), 3),
    "depthwise_conv2d": _weighted((1, 3, 3, 2), 2),
    "detection_postprocess": Example(
        (1, 6, 4),
        {
            "max_detections": 2,
            "max_classes_per_detection": 1,
            "num_classes": 2,
            "score_threshold": 0.5,
            "iou_threshold": 0.5,
            "scales": (1.0,) * 4,
        },
        (("like", (1, 6, 3)), ("constant", (6, 4))),
        outputs=4,
    ),
    "fully_connected": _weighted((3, 8), 3, (1, 8)),
    "gather": Example(attributes={"axis": 3}, more=(("index", (2,)),)),
    "leaky_relu": Example(attributes={"alpha": 0.1}),
    "pack": replace(_PAIR, attributes={"axis": 0}),
    "pad": Example(attributes={"paddings": ((0, 0), (1, 1), (1, 1), (0, 0))}),
    "prelu": Example(more=(("constant", (1, 1, 2)),)),
    "push": Example(attributes={"axis": 1}, more=(("like", (1, 2, 4, 2)),)),
    "reshape": Example(attributes={"shape": (1, 32)}),
    "select": Example(more=(("choice", IMAGE), ("like", IMAGE)), first=True),
    "slice": Example(attributes={"begin": (0,) * 4, "size": (1, 2, 2, 2)}),
    "split": Example(attributes={"axis": 3}, outputs=2),
    "tile": Example(attributes={"multiples": (1, 2, 1, 1)}),
    "top_k": Example(attributes={"count": 2}),
    "transpose": Example(attributes={"perm": (0, 2, 1, 3)}),
    "transpose_conv2d": _weighted((3, 2, 2, 2), 3, size=(5, 5)),
}

# Operations whose operands all have types of their own, which their classes describe.
MIXED = frozenset(("lstm", "lstm_cell", "svdf"))

_CODES = (DType.INT8, DType.UINT8, DType.INT16)
# The codes that some operation demands of its output, and one that any other takes.
_OUTPUT_CODES = {
    DType.INT8: ((0.5, 0), (1 / 256, -128), (1 / 128, 0), (1 / 16, 127)),
    DType.UINT8: ((0.5, 128), (1 / 256, 0), (1 / 128, 128)),
    DType.INT16: ((0.5, 0), (1 / 32768, 0), (1 / 65536, -32768)),
}
_WEIGHTS = {DType.UINT8: (DType.UINT8, 128), DType.FLOAT32: (DType.FLOAT32, None)}


@dataclass(frozen=True, slots=True)
class Types:
    """Types of the data, each with those of the output: what becomes C, and float networks."""

    compiled: Mapping[DType, tuple[DType, ...]]
    in_float: bool


@cache
def types_of(kind: str) -> Types:
    """Return the types that an operation takes."""
    compiled: dict[DType, tuple[DType, ...]] = {}
    for x in DType:
        found = tuple(y for y in DType if any(map(_compiles, _graphs(kind, x, y))))
        if found:
            compiled[x] = found
    floats = (graph for y in DType for graph in _graphs(kind, DType.FLOAT32, y))
    return Types(compiled, any(map(_verified, floats)))


def _graphs(kind: str, x: DType, y: DType) -> Iterator[Graph]:
    """Yield the example with data and output of these types, in every code there may be."""
    example = EXAMPLES.get(kind, Example())
    ins = _operands(example, x)
    for quant in _output_codes(x, y):
        names = tuple(f"y{index}" for index in range(example.outputs))
        blank = tuple(Tensor(name, (), y, quant) for name in names)
        order = tuple(ins) if not example.first else (ins[1], ins[0], *ins[2:])
        inputs = tuple(tensor.name for tensor in order)
        op = REGISTRY[kind](inputs=inputs, outputs=names, **example.attributes)
        try:
            op.check(Operands(order, blank))
            shapes = op.shapes(Operands(order, blank))
        except EdgeqError:
            continue
        outs = [replace(tensor, shape=shape) for tensor, shape in zip(blank, shapes, strict=True)]
        tensors = {tensor.name: tensor for tensor in (*ins, *outs)}
        ports = tuple(tensor.name for tensor in ins if not tensor.is_constant)
        yield Graph("example", tensors, (op,), ports, names, NUMERICS)


def _operands(example: Example, x: DType) -> list[Tensor]:
    middle = _middle(x)
    found = [Tensor("x", example.shape, x, middle)]
    for index, (role, shape) in enumerate(example.more):
        dtype, quant = {
            "like": (x, middle),
            "constant": (x, middle),
            "weights": _weights(x),
            "bias": (_bias(x), None),
            "choice": (DType.BOOL, None),
            "index": (DType.INT32, None),
        }[role]
        held = role in ("constant", "weights", "bias")
        data = np.ones(shape, dtype.numpy) if held else None
        if role == "constant" and quant is not None:
            data = np.full(shape, quant.zero_point[0] + 1, dtype.numpy)
        found.append(Tensor(f"{role}{index}", shape, dtype, quant, data))
    return found


def _middle(dtype: DType) -> QuantParams | None:
    """Return a code whose zero is in the middle of its type."""
    if dtype not in (*_CODES, DType.INT32):
        return None
    return QuantParams.per_tensor(0.5, 128 if dtype is DType.UINT8 else 0)


def _weights(x: DType) -> tuple[DType, QuantParams | None]:
    dtype, zero = _WEIGHTS.get(x, (DType.INT8, 0))
    return dtype, None if zero is None else QuantParams.per_tensor(0.25, zero)


def _bias(x: DType) -> DType:
    return {DType.FLOAT32: DType.FLOAT32, DType.INT16: DType.INT64}.get(x, DType.INT32)


def _output_codes(x: DType, y: DType) -> Iterator[QuantParams | None]:
    if y not in _OUTPUT_CODES:
        yield _middle(y) if x is y else None
        return
    for scale, zero in _OUTPUT_CODES[y]:
        yield QuantParams.per_tensor(scale, zero)


def _verified(graph: Graph) -> bool:
    try:
        return bool(verify(graph))
    except EdgeqError:
        return False


def _compiles(graph: Graph) -> bool:
    """Tell whether a graph is verified, lowered, and has kernels in C for any processor."""
    try:
        select_all(api.lower(verify(graph)), ("portable",))
    except EdgeqError:
        return False
    return True


def described(kind: str) -> list[str]:
    """Return the types of the data that become C, with those of the output where they differ.

    >>> described("add"), described("reshape")
    (['int8, uint8, int16'], ['any'])
    >>> described("quantize")
    ['float32 to int8, uint8, int16']
    """
    if kind in MIXED:
        return ["mixed"]
    groups: dict[tuple[DType, ...], list[DType]] = {}
    for x, ys in types_of(kind).compiled.items():
        groups.setdefault(() if ys == (x,) else ys, []).append(x)
    return [type_names(xs) + (f" to {type_names(ys)}" if ys else "") for ys, xs in groups.items()]


def type_names(dtypes: Collection[DType]) -> str:
    """Return the names of types, or that there is no other."""
    return "any" if len(dtypes) == len(DType) else ", ".join(dtype.value for dtype in dtypes)
