"""An operator for each row of the table of deviations, with inputs that show why it is there."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from tests.random_networks.deviations import DEVIATIONS
from tests.random_networks.network import Node, Value

Example = tuple[Node, list[np.ndarray]]
RAMP = np.array([[1, 2, 3, 4]], np.int8)


def _coded(
    name: str, shape: Shape, scale: float, zero: int = 0, dtype: DType = DType.INT8
) -> Value:
    return Value(name, shape, dtype, QuantParams.per_tensor(scale, zero))


def _const(array: Any, scale: float | None = None) -> Value:
    data = np.asarray(array)
    quant = None if scale is None else QuantParams.per_tensor(scale)
    return Value("c", data.shape, DType.of(data.dtype), quant, data)


def _elu() -> Example:
    return Node("ELU", (_coded("x", (1, 4), 0.5),), (_coded("y", (1, 4), 0.5),)), [RAMP]


def _depth_to_space() -> Example:
    ins, outs = (_coded("x", (1, 1, 1, 4), 0.5),), (_coded("y", (1, 2, 2, 1), 0.5),)
    options = ("DepthToSpaceOptions", {"block_size": 2})
    return Node("DEPTH_TO_SPACE", ins, outs, 2, options), [RAMP.reshape(1, 1, 1, 4)]


def _sum() -> Example:
    ins = (_coded("x", (3, 40), 0.5, 3), _const(np.array([1], np.int32)))
    codes = np.arange(120, dtype=np.int8).reshape(3, 40)
    return Node("SUM", ins, (_coded("y", (3,), 5.0),), 2), [codes]


def _softmax() -> Example:
    ins, outs = (_coded("x", (1, 512), 0.1),), (_coded("y", (1, 512), 1 / 256, -128),)
    options = ("SoftmaxOptions", {"beta": 1.0})
    return Node("SOFTMAX", ins, outs, 2, options), [np.zeros((1, 512), np.int8)]


def _fully_connected() -> Example:
    ins = (_coded("x", (4, 1), 1.0), _const(np.array([[127]], np.int8), 1.0))
    codes = np.array([[-128], [-127], [-126], [-125]], np.int8)
    return Node("FULLY_CONNECTED", ins, (_coded("y", (4, 1), 2e-7),), 5), [codes]


def _concatenation() -> Example:
    ins = tuple(_coded(n, (1, 2), s, 0, DType.UINT8) for n, s in (("x", 500.0), ("z", 1.0)))
    outs = (_coded("y", (1, 4), 2.0**-24, 0, DType.UINT8),)
    options = ("ConcatenationOptions", {"axis": 1})
    arrays = [np.array([[200, 255]], np.uint8), np.array([[1, 2]], np.uint8)]
    return Node("CONCATENATION", ins, outs, 2, options), arrays


def _div() -> Example:
    ins = _coded("x", (1, 4), 0.1), _const(np.array([[127]], np.int8), 1.0)
    return Node("DIV", ins, (_coded("y", (1, 4), 1.0),), 2, ("DivOptions", {})), [RAMP]


def _comparison(code: str) -> Example:
    # 1 and 2 in steps of 2.0 are 5 and 10 in steps of 0.4; the others are not alike.
    ins = _coded("x", (1, 4), 2.0), _coded("z", (1, 4), 0.4)
    values = [np.array([[1, 2, 1, 2]], np.int8), np.array([[5, 10, 4, 127]], np.int8)]
    return Node(code, ins, (Value("y", (1, 4), DType.BOOL),), 2), values


def deviating() -> dict[str, Example]:
    """Return the examples by operator."""
    made = (_elu, _depth_to_space, _sum, _softmax, _fully_connected, _concatenation, _div)
    found = {node.code: (node, arrays) for node, arrays in (make() for make in made)}
    others = {row.code for row in DEVIATIONS} - set(found)
    return found | {code: _comparison(code) for code in others}
