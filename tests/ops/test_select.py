from __future__ import annotations

import pytest

from edgeq.errors import ModelError
from edgeq.ir.types import DType
from edgeq.ops.select import Select
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name
from tests.ops.movement import DTYPES, evaluate, quant, tensor, values

OP = Select(inputs=("c", "x", "z"), outputs=("y",))


def _case(dtype: DType, count: int) -> Case:
    names = ("x", "z", "y")
    params = quant() if dtype.is_quantized else None
    tensors = by_name(
        tensor("c", (count,), DType.BOOL), *(tensor(n, (count,), dtype, params) for n in names)
    )
    runs = [
        [values(DType.BOOL, (count,), s), *(values(dtype, (count,), s + i) for i in (1, 2))]
        for s in range(2)
    ]
    return Case(OP, tensors, runs, "portable/select")


def test_kernel_of_every_type() -> None:
    check_layers([_case(dtype, count) for dtype in DTYPES for count in (1, 33)], PORTABLE)


def test_choices() -> None:
    case = _case(DType.INT32, 33)
    c, x, z = case.runs[0]
    (y,) = evaluate(OP, dict(case.tensors), case.runs[0])
    assert y.tolist() == [a if which else b for which, a, b in zip(c, x, z, strict=True)]


@pytest.mark.parametrize(
    ("which", "dtype", "count", "message"),
    [
        (DType.INT8, DType.INT8, 3, "condition is int8, expected bool"),
        (DType.BOOL, DType.INT16, 3, "choices and output are int16 and int8"),
        (DType.BOOL, DType.INT8, 2, "differ in shape"),
    ],
)
def test_refusals(which: DType, dtype: DType, count: int, message: str) -> None:
    found = [tensor("x", (3,)), tensor("z", (count,), dtype), tensor("y", (3,))]
    with pytest.raises(ModelError, match=message):
        one_op_graph(OP, by_name(tensor("c", (3,), which), *found))
