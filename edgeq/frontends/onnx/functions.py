"""Functions of one float32 number, of which tables of codes are made.

Sigmoid, Tanh, Erf and Gelu have the bits of ONNX Runtime's own approximations. What else is not
plain float32 arithmetic is computed in float64 and rounded once: ONNX Runtime's answers can differ
in the last bit, codes then where that decides a tie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from edgeq.frontends.onnx.node import Node
from edgeq.numerics import mlas

Function = Callable[[np.ndarray], np.ndarray]

_ONE, _HALF = np.float32(1), np.float32(0.5)


def _wide(function: Function) -> Function:
    """Return ``function`` of float64, its results rounded to float32."""
    return lambda real: function(real.astype(np.float64)).astype(np.float32)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "Abs": np.abs,
        "Ceil": np.ceil,
        "Cos": _wide(np.cos),
        "Erf": mlas.erf,
        "Exp": _wide(np.exp),
        "Floor": np.floor,
        "Log": _wide(np.log),
        "Mish": _wide(lambda real: real * np.tanh(np.logaddexp(0, real))),
        "Neg": np.negative,
        "Reciprocal": lambda real: _ONE / real,
        "Round": np.rint,
        "Sigmoid": mlas.logistic,
        "Sign": np.sign,
        "Sin": _wide(np.sin),
        "Softplus": _wide(lambda real: np.logaddexp(0, real)),
        "Softsign": lambda real: real / (_ONE + np.abs(real)),
        "Sqrt": np.sqrt,
        "Tanh": mlas.tanh,
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
    root = np.float32(math.sqrt(0.5))
    return lambda real: _HALF * real * (_ONE + mlas.erf(real * root))


def hard_sigmoid(node: Node) -> Function:
    """Return ``clip(alpha * x + beta, 0, 1)``."""
    alpha, beta = np.float32(node.real("alpha", 0.2)), np.float32(node.real("beta", 0.5))
    return lambda real: np.clip(real * alpha + beta, np.float32(0), _ONE)


def hard_swish(node: Node) -> Function:
    """Return ``x * clip(x / 6 + 1/2, 0, 1)``."""
    sixth = np.float32(1 / 6)
    return lambda real: real * np.clip(real * sixth + _HALF, np.float32(0), _ONE)


def celu(node: Node) -> Function:
    """Return x, below zero ``alpha * (e^(x / alpha) - 1)``."""
    alpha = node.real("alpha", 1.0)
    if alpha == 0:
        raise node.error("alpha is 0")
    return _wide(lambda real: np.where(real >= 0, real, alpha * np.expm1(real / alpha)))


def selu(node: Node) -> Function:
    """Return ``gamma * x``, below zero ``gamma * alpha * (e^x - 1)``."""
    alpha = node.real("alpha", 1.67326319217681884765625)
    gamma = node.real("gamma", 1.05070102214813232421875)
    return _wide(lambda real: gamma * np.where(real >= 0, real, alpha * np.expm1(real)))


def thresholded_relu(node: Node) -> Function:
    """Return x, up to ``alpha`` 0."""
    alpha = np.float32(node.real("alpha", 1.0))
    return lambda real: np.where(real > alpha, real, np.float32(0))


# Those whose attributes count.
WITH_ATTRIBUTES: Mapping[str, Callable[[Node], Function]] = MappingProxyType(
    {
        "Celu": celu,
        "Elu": elu,
        "Gelu": gelu,
        "HardSigmoid": hard_sigmoid,
        "HardSwish": hard_swish,
        "LeakyRelu": leaky_relu,
        "Selu": selu,
        "ThresholdedRelu": thresholded_relu,
    }
)


def _power(base: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Return ``base ** exponent``: squares and cubes are products, as in ONNX Runtime."""
    if exponent.ndim == 0 and exponent in (2, 3):
        square = base * base
        return square if exponent == 2 else square * base
    power: np.ndarray = np.power(base.astype(np.float64), exponent.astype(np.float64))
    return power.astype(np.float32)


BINARY: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "Add": np.add,
        "Div": np.divide,
        "Max": np.maximum,
        "Min": np.minimum,
        "Mul": np.multiply,
        "Pow": _power,
        "Sub": np.subtract,
    }
)
