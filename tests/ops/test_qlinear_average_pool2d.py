from __future__ import annotations

import pytest

from edgeq.ops._spatial import Padding
from edgeq.ops.qlinear_average_pool2d import QLinearAveragePool2D
from tests.ops.qlinear import check_one
from tests.ops.window_cases import NAMES

PADDED = Padding(1, 1, 0, 1)


@pytest.mark.parametrize(
    "op",
    [
        QLinearAveragePool2D(**NAMES, window=(2, 2), stride=(2, 2)),
        QLinearAveragePool2D(**NAMES, window=(3, 2), stride=(2, 1), padding=PADDED, origin=128),
        QLinearAveragePool2D(**NAMES, window=(2, 2), padding=PADDED, count_padding=True),
    ],
)
def test_c(op: QLinearAveragePool2D) -> None:
    check_one(op, "portable/qlinear_average_pool2d_s8")
