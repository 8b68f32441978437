from __future__ import annotations

from edgeq.ops.reduce_max import ReduceMax
from tests.ops.extremes import check_kernels, check_litert, check_refusals


def test_kernel_of_every_type() -> None:
    check_kernels(ReduceMax)


def test_every_type_equals_litert() -> None:
    check_litert("REDUCE_MAX", "REDUCE_ANY")


def test_refusals() -> None:
    check_refusals(ReduceMax)
