from __future__ import annotations

import numpy as np
import pytest

from edgeq import reference
from edgeq.errors import QuantizationError
from edgeq.ir.types import DType
from edgeq.ops.qlinear_softmax import QLinearSoftmax
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import coded
from tests.ops.qlinear import check_one
from tests.ops.window_cases import NAMES, result

OP = QLinearSoftmax(**NAMES)


def test_c() -> None:
    check_one(OP, "portable/qlinear_softmax_s8")


def test_certainty_saturates() -> None:
    x = coded("x", (1, 2), scale=1.0)
    y = result(OP, x, DType.INT8, 1 / 256, -128)
    graph = one_op_graph(OP, {"x": x, "y": y}, "onnx")
    assert reference.run(graph, [np.array([[127, -128]], np.int8)])[0].tolist() == [[127, -128]]


def test_steps_that_leave_float32_are_refused() -> None:
    x = coded("x", (1, 2), scale=1.0)
    with pytest.raises(QuantizationError, match="leaves float32"):
        one_op_graph(OP, {"x": x, "y": result(OP, x, DType.INT8, 1e-12, 0)}, "onnx")
