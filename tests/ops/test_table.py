from __future__ import annotations

import pytest

from edgeq.errors import ModelError
from edgeq.ops.table import Table
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import coded
from tests.ops.qlinear import check_one
from tests.ops.window_cases import NAMES, result


def test_c() -> None:
    check_one(Table(**NAMES, codes=tuple(range(127, -129, -1))), "portable/lookup_s8")


@pytest.mark.parametrize(
    ("codes", "says"), [((0,) * 255, "255 codes"), ((0,) * 255 + (128,), "outside int8")]
)
def test_refused(codes: tuple[int, ...], says: str) -> None:
    x = coded("x", (1, 2), scale=1.0)
    table = Table(**NAMES, codes=codes)
    with pytest.raises(ModelError, match=says):
        one_op_graph(table, {"x": x, "y": result(table, x)}, "onnx")
