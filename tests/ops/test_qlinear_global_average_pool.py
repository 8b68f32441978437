from __future__ import annotations

from edgeq.ops.qlinear_global_average_pool import QLinearGlobalAveragePool
from tests.ops.qlinear import check_one
from tests.ops.window_cases import NAMES


def test_c() -> None:
    check_one(QLinearGlobalAveragePool(**NAMES, axes=(1, 2)), "portable/mean_s8")
    check_one(QLinearGlobalAveragePool(**NAMES, axes=(1, 2), keep_dims=True), "portable/mean_s8")
