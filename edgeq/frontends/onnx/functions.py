"""Functions of one float32 number, of which tables of codes are made.

What is not plain float32 arithmetic is computed in float64 and rounded once: ONNX Runtime's
approximations in float32 can differ in the last bit, codes then where that decides a tie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from edgeq.frontends.onnx.node import Node

Function = Callable[[np.ndarray], np.ndarray]

_ONE = np.float32(1)


def _wide(function: Function) -> Function:
    """Return ``function`` of float64, its results rounded to float32."""
    return lambda real: function(real.astype(np.float64)).astype(np.float32)


_erf = np.vectorize(math.erf, otypes=[np.float64])


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "Abs": np.abs,
        "Ceil": np.ceil,
        "Erf": _wide(_erf),
        "Exp": _wide(np.exp),
        "Floor": np.floor,
        "Neg": np.negative,
        "Reciprocal": lambda real: _ONE / real,
        "Round": np.rint,
        "Sigmoid": _wide(lambda real: 1 / (1 + np.exp(-real))),
        "Sign": np.sign,
        "Softplus": _wide(lambda real: np.logaddexp(0, real)),
        "Softsign": lambda real: real / (_ONE + np.abs(real)),
        "Sqrt": np.sqrt,
        "Tanh": _wide(np.tanh),
    }
)


def leaky_relu(node: Node) -> Function:
    """Return x, below zero times ``alpha``."""
    alpha = np.float32(node.real("alpha", 0.01))
    return lambda real: np.where(real >= 0, real, real * alpha)


def elu(node: Node) -> Function:
    """Return x, below zero ``alpha * (e^x - 1)``."""
    alpha = node.real("alpha", 1.0)
    return _wide(lambda real: np.where(real >= 0, real, alpha * np.expm1(real)))


def gelu(node: Node) -> Function:
    """Return ``x * P(X <= x)`` of a normal X, or its approximation by tanh."""
    if node.text("approximate", "none") == "tanh":
        factor = math.sqrt(2 / math.pi)
        return _wide(lambda real: 0.5 * real * (1 + np.tanh(factor * (real + 0.044715 * real**3))))
    return _wide(lambda real: 0.5 * real * (1 + _erf(real * math.sqrt(0.5))))


def hard_sigmoid(node: Node) -> Function:
    """Return ``clip(alpha * x + beta, 0, 1)``."""
    alpha, beta = np.float32(node.real("alpha", 0.2)), np.float32(node.real("beta", 0.5))
    return lambda real: np.clip(real * alpha + beta, np.float32(0), _ONE)


def hard_swish(node: Node) -> Function:
    """Return ``x * clip(x / 6 + 1/2, 0, 1)``."""
    sixth, half = np.float32(1 / 6), np.float32(0.5)
    return lambda real: real * np.clip(real * sixth + half, np.float32(0), _ONE)


# Those whose attributes count.
WITH_ATTRIBUTES: Mapping[str, Callable[[Node], Function]] = MappingProxyType(
    {
        "Elu": elu,
        "Gelu": gelu,
        "HardSigmoid": hard_sigmoid,
        "HardSwish": hard_swish,
        "LeakyRelu": leaky_relu,
    }
)

BINARY: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = MappingProxyType(
    {"Add": np.add, "Div": np.divide, "Mul": np.multiply, "Sub": np.subtract}
)
