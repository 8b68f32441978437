"""The types of the table of operations are what checks, lowering and kernels say to examples."""

from __future__ import annotations

import pytest

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.base import REGISTRY, require
from edgeq.report import op_types
from edgeq.report.op_types import EXAMPLES, MIXED, described, type_names, types_of


def test_examples_are_of_operations_that_exist() -> None:
    assert set(EXAMPLES) <= set(REGISTRY)


@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_every_operation_has_an_example_that_becomes_c(kind: str) -> None:
    found = types_of(kind)
    assert bool(found.compiled) != (kind in MIXED)
    assert all(found.compiled.values()) and described(kind)


def test_types_in_c_are_those_of_kernels() -> None:
    assert types_of("conv2d").compiled[DType.UINT8] == (DType.UINT8,)
    assert DType.FLOAT32 not in types_of("conv2d").compiled and types_of("conv2d").in_float
    assert types_of("log_softmax").compiled[DType.FLOAT32] == (DType.FLOAT32,)
    assert types_of("dequantize").compiled[DType.INT32] == (DType.FLOAT32,)
    assert not types_of("dequantize").in_float
    assert DType.INT16 in types_of("softmax").compiled[DType.INT8]


def test_what_a_check_refuses_is_not_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Add.check

    def check(op: Add, io: Operands) -> None:
        original(op, io)
        require(op, io.x.dtype is DType.INT8, "no")

    monkeypatch.setattr(Add, "check", check)
    assert set(types_of.__wrapped__("add").compiled) == {DType.INT8}
    assert not types_of.__wrapped__("add").in_float


def test_what_has_no_kernel_is_not_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        op_types, "select_all", lambda graph, isas: require(graph.ops[0], False, "")
    )
    found = types_of.__wrapped__("add")
    assert not found.compiled and found.in_float


def test_names_of_types() -> None:
    assert type_names((DType.INT8, DType.BOOL)) == "int8, bool"
    assert type_names(tuple(DType)) == "any"
