"""What a caller needs to know of a tensor, as plain data."""

from __future__ import annotations

from typing import Any

from edgeq.ir.graph import Tensor

Facts = dict[str, Any]


def port(tensor: Tensor) -> Facts:
    """Return what a caller needs to know of an input or output."""
    codes = tensor.quant if tensor.dtype.is_quantized else None
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype.value,
        "scale": None if codes is None else codes.scale[0],
        "zero_point": None if codes is None else codes.zero_point[0],
    }
