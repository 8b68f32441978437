"""Files of one operator, and what reading them gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import EdgeqError
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify
from edgeq.ops.base import Op
from tests.frontends.tflite_builder import ModelBuilder

CONV = {"padding": "SAME", "stride_w": 1, "stride_h": 1}


class OneOp:
    """A file in the making: operands are added in order, then the operator."""

    def __init__(self) -> None:
        self.builder = ModelBuilder()
        self.ins: list[int | None] = []
        self.outs: list[int] = []

    def x(self, *shape: int, dtype: str = "int8", **options: Any) -> OneOp:
        """Add an input of the model."""
        options = {"scale": 0.5, **options} if dtype in ("int8", "uint8", "int16") else options
        self.ins.append(self.builder.input(f"x{len(self.ins)}", shape, dtype, **options))
        return self

    def const(self, array: object, **options: Any) -> OneOp:
        """Add a constant input."""
        self.ins.append(self.builder.const(f"c{len(self.ins)}", np.asarray(array), **options))
        return self

    def none(self) -> OneOp:
        """Leave an input out."""
        self.ins.append(None)
        return self

    def y(self, *shape: int, dtype: str = "int8", **options: Any) -> OneOp:
        """Add an output."""
        options = {"scale": 0.5, **options} if dtype in ("int8", "uint8", "int16") else options
        self.outs.append(self.builder.tensor(f"y{len(self.outs)}", shape, dtype, **options))
        return self

    def data(self, code: str, **options: Any) -> bytes:
        """Return the file."""
        self.builder.op(code, self.ins, self.outs, **options)
        return self.builder.finish(self.outs)

    def graph(self, code: str, **options: Any) -> Graph:
        """Return the verified graph."""
        return verify(read_tflite(self.data(code, **options), "m"))

    def op(self, code: str, **options: Any) -> Op:
        """Return the one operation of the graph."""
        (op,) = self.graph(code, **options).ops
        return op

    def refusal(self, code: str, **options: Any) -> EdgeqError:
        """Return why the file is refused."""
        with pytest.raises(EdgeqError) as error:
            self.graph(code, **options)
        return error.value


def conv(dtype: str = "int8", **weights: Any) -> OneOp:
    """Return a convolution of two channels."""
    options = {"scale": 0.25, **weights}
    array = np.ones((2, 3, 3, 1), np.dtype(dtype))
    return OneOp().x(1, 4, 4, 1, dtype=dtype).const(array, **options).y(1, 4, 4, 2, dtype=dtype)


def ints(*values: int) -> np.ndarray:
    """Return an int32 vector."""
    return np.array(values, np.int32)
