from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.types import DType
from edgeq.ops.top_k import TopK
from tests.frontends.tflite.side_by_side import SideBySide
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, evaluate
from tests.ops.movement import layer, tensor, values

TYPES = (DType.INT8, DType.UINT8, DType.INT16, DType.INT32, DType.INT64)


def top_k(count: int, places: bool = False) -> TopK:
    return TopK(inputs=("x",), outputs=("y",), count=count, places=places)


def test_kernel_of_every_type() -> None:
    cases = []
    for number, dtype in enumerate(TYPES):
        for places in (False, True):
            shape = ((7,), (3, 17), (2, 3, 5))[number % 3]
            op = top_k((1, 4, 5, 2)[number % 4], places)
            tensors = layer(op, tensor("x", shape, dtype))
            if places:
                tensors["y"] = replace(tensors["y"], dtype=DType.INT32, quant=None)
            crowded = (values(dtype, shape) % 3).astype(dtype.numpy)
            ends = np.full(shape, dtype.min, dtype.numpy)
            cases.append(Case(op, tensors, [[values(dtype, shape)], [crowded]], "portable/top_k"))
            cases.append(Case(op, tensors, [[ends], [crowded]], "portable/top_k"))
    check_layers(cases, PORTABLE)


def _add(net: SideBySide, dtype: str, shape: tuple[int, ...], count: int, crowded: bool) -> None:
    """Add an operator, which has two outputs of two types."""
    x, found = net.x(shape, dtype), (*shape[:-1], count)
    if crowded:
        net.arrays[-1] = np.asarray(net.arrays[-1] % 3, net.arrays[-1].dtype)
    coded = {"scale": 0.5, "zero_point": 128 * (dtype == "uint8")}
    code: dict[str, Any] = {} if dtype in ("int32", "int64") else coded
    number = len(net.outs)
    outs = [
        net.builder.tensor(f"y{number}", found, dtype, **code),
        net.builder.tensor(f"y{number + 1}", found, "int32"),
    ]
    version = 3 if dtype == "int16" else 2
    net.builder.op("TOPK_V2", [x, net.const(np.array(count, np.int32))], outs, version=version)
    net.outs += outs


def test_every_type_equals_litert() -> None:
    net = SideBySide(1)
    for dtype in TYPES:
        _add(net, dtype.value, (7,), 7, crowded=False)
        _add(net, dtype.value, (2, 3, 40), 9, crowded=True)
    net.check()


def test_the_first_of_equal_ones_is_first() -> None:
    x = tensor("x", (6,))
    codes = np.array([3, 1, 3, 2, 3, -128], np.int8)
    for places, expected in ((False, [3, 3, 3, 2, 1, -128]), (True, [0, 2, 4, 3, 1, 5])):
        y = tensor("y", (6,), DType.INT32 if places else DType.INT8)
        assert evaluate(top_k(6, places), [x, y], [codes]).tolist() == expected


@pytest.mark.parametrize(
    ("x", "y", "count", "message"),
    [
        (DType.INT8, DType.INT8, 4, "4 of the 3 elements of a row"),
        (DType.INT8, DType.INT32, 2, "output is int32, expected int8"),
        (DType.BOOL, DType.BOOL, 2, "expected numbers"),
    ],
)
def test_refusals(x: DType, y: DType, count: int, message: str) -> None:
    found = by_name(tensor("x", (3,), x), tensor("y", (count,), y))
    with pytest.raises(ModelError, match=message):
        one_op_graph(top_k(count), found)
