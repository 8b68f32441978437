"""Shape: extents as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.ops.shape import ShapeOf
from tests.ops.movement import litert, same, tensor

OP = ShapeOf(inputs=("x",), outputs=("y",))


@pytest.mark.parametrize("dtype", [DType.INT32, DType.INT64])
def test_equals_litert(dtype: DType) -> None:
    x = np.zeros((2, 1, 7), np.int8)
    y = tensor("y", (3,), dtype)
    io = Operands((tensor("x", x.shape),), (y,))
    expected = litert("SHAPE", [x], [y], [0], version=1, ShapeOptions={"out_type": dtype.name})
    OP.check(io)
    assert OP.shapes(io) == ((3,),)
    same(OP.evaluate(io, [x]), expected)
    same(OP.evaluate_float(io, [x]), expected)


def test_output_is_of_32_or_64_bits() -> None:
    with pytest.raises(ModelError, match="int16"):
        OP.check(Operands((tensor("x", (2,)),), (tensor("y", (1,), DType.INT16),)))
