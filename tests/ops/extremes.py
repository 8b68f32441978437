"""The largest and the smallest element along axes: kernels, LiteRT, refusals."""

from __future__ import annotations

import pytest

from edgeq.errors import ModelError
from edgeq.ir.types import DType, Shape
from edgeq.ops._largest import ExtremeElement
from tests.frontends.tflite.side_by_side import SideBySide
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name
from tests.ops.movement import layer, quant, tensor, values

AXES: tuple[tuple[Shape, Shape], ...] = (
    ((7,), (0,)),
    ((2, 3), (1,)),
    ((4, 5), (0,)),
    ((1, 6, 5, 8), (1, 2)),
    ((2, 3, 4, 5), (0, 2)),
    ((2, 3, 4, 5), (1, 3)),
    ((2, 3, 2, 2), (0, 1, 2, 3)),
)


def check_kernels(cls: type[ExtremeElement]) -> None:
    """Fail unless the C equals the reference on every type and set of axes."""
    cases = []
    for number, dtype in enumerate(DType):
        for shape, axes in (*AXES[number % 3 :: 3], AXES[4]):
            op = cls(inputs=("x",), outputs=("y",), axes=axes, keep_dims=bool(number % 2))
            params = quant() if dtype in (DType.INT8, DType.INT16) else None
            tensors = layer(op, tensor("x", shape, dtype, params), params=params)
            runs = [[values(dtype, shape, seed)] for seed in range(2)]
            cases.append(Case(op, tensors, runs, "portable/reduce_extreme"))
    check_layers(cases, PORTABLE)


def check_litert(code: str, of_bools: str) -> None:
    """Fail unless LiteRT, the reference and the C agree; ``of_bools`` is the operator of bools."""
    net = SideBySide(4)
    for dtype in ("int8", "uint8", "int16", "int32", "int64", "bool"):
        for number, (shape, axes) in enumerate(AXES):
            keep = bool(number % 2)
            pairs = enumerate(shape)
            result = [1 if i in axes else extent for i, extent in pairs if keep or i not in axes]
            given = [axis - len(shape) * (axis % 2) for axis in axes]
            options = ("ReducerOptions", {"keep_dims": keep})
            operands = [net.x(shape, dtype), net.ints(*given)]
            name = of_bools if dtype == "bool" else code
            version = {"bool": 1, "int16": 3}.get(dtype, 2)
            net.op(name, operands, result, dtype, version=version, options=options)
    net.check()
    net.check("builtin", "tflite")


def check_refusals(cls: type[ExtremeElement]) -> None:
    """Fail unless what has no meaning is refused."""
    x = tensor("x", (2, 3), DType.INT8, quant())
    op = cls(inputs=("x",), outputs=("y",), axes=(2,))
    with pytest.raises(ModelError, match=r"axes \(2,\) of 2 dimensions"):
        one_op_graph(op, by_name(x, tensor("y", (2,), DType.INT8, quant())))
    op = cls(inputs=("x",), outputs=("y",), axes=(1,))
    with pytest.raises(ModelError, match="scale or zero point of 'x' is not that of the output"):
        one_op_graph(op, by_name(x, tensor("y", (2,), DType.INT8, quant(0.25))))
