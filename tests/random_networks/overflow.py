"""Operators whose numbers can leave 32 bits in LiteRT, where C leaves open what becomes of them."""

from __future__ import annotations

import math

import numpy as np

from edgeq.ir.types import DType
from tests.random_networks.network import Node, Value

LIMIT = 2.0**31 - 256


def reach(value: Value) -> int:
    """Return the largest distance of a code from its zero point."""
    return max(value.dtype.max - value.zero, value.zero - value.dtype.min)


def sums_overflow(node: Node) -> bool:
    """Tell whether a sum of a fully connected layer may leave 32 bits when it is rescaled."""
    x, w, *rest = node.ins
    assert x is not None and w is not None and w.data is not None and w.quant is not None
    sums = np.abs(w.data.astype(np.float64) - w.zero).sum(axis=1) * reach(x)
    for bias in rest:
        if bias is not None and bias.data is not None:
            sums = sums + np.abs(bias.data.astype(np.float64))
    factors = x.scale * np.asarray(w.quant.scale) / node.outs[0].scale
    return bool((sums * factors >= LIMIT).any())


def quotients_vanish(node: Node) -> bool:
    """Tell whether a quotient may be shifted right by more than 31 bits, to nothing."""
    x, divisor = node.ins
    assert x is not None and divisor is not None and divisor.data is not None
    largest = int(np.abs(divisor.data.astype(np.int64) - divisor.zero).max())
    _, shift = math.frexp(x.scale / (divisor.scale * node.outs[0].scale))
    return largest.bit_length() > shift


def codes_overflow(node: Node) -> bool:
    """Tell whether a uint8 concatenation may convert real numbers beyond 32 bits to integers."""
    parts = [value for value in node.ins if value is not None and value.dtype is DType.UINT8]
    return any(reach(part) * part.scale / node.outs[0].scale >= LIMIT for part in parts)
