"""Functions of float32 numbers as the kernels of ONNX Runtime approximate them, bit for bit.

Rational and polynomial approximations whose products and sums are fused, as on x86-64 with FMA3;
coefficients as in ``core/mlas/lib`` of ONNX Runtime 1.31.1 (``logistic.cpp``, ``tanh.cpp``, which
have them from Eigen; ``erf.cpp``). Arrays and numbers are float32 throughout; NaN stays NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LOGISTIC = (
    *(4.37031012579801e-11, 1.15627324459942e-07, 6.08574864600143e-05, 8.51377133304701e-03),
    2.48287947061529e-01,
)
_LOGISTIC_UNDER = (
    *(6.10247389755681e-13, 5.76102136993427e-09, 6.29106785017040e-06, 1.70198817374094e-03),
    *(1.16817656904453e-01, 9.93151921023180e-01),
)
_TANH = (
    *(-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08),
    *(1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03),
)
_TANH_UNDER = (
    1.19825839466702e-06,
    1.18534705686654e-04,
    2.26843463243900e-03,
    4.89352518554385e-03,
)
_ERF_NEAR = (
    *(-5.99104969e-4, 4.99339588e-3, -2.67667342e-2, 1.12818025e-1, -3.76124859e-1),
    1.28379151e-1,
)
_ERF_FAR = (
    *(1.72948930e-5, -3.83208680e-4, 3.88393435e-3, -2.42545605e-2, 1.06777847e-1),
    *(6.34846687e-1, 1.28717512e-1),
)
_ERF_SPLIT, _ERF_END = np.float32(0.921875), np.float32(3.925)
_EXP = (1.38319808e-3, 8.37550033e-3, 4.16689515e-2, 1.66664466e-1, 4.99999851e-1, 1.0, 1.0)
_LOG2_E, _LN_2 = np.float32(1.44269504), (-6.93145752e-1, -1.42860677e-6)


def fused(a: np.ndarray, b: np.ndarray, c: np.ndarray | np.float32) -> np.ndarray:
    """Return ``a * b + c``, rounded once."""
    # The product is exact in float64. A sum that is not gets its last bit odd, so that rounding it
    # again decides as the exact sum would.
    product = a.astype(np.float64) * b.astype(np.float64)
    wide = np.broadcast_to(np.asarray(c, np.float64), product.shape)
    total = np.asarray(product + wide)
    back = total - product
    lost = (product - (total - back)) + (wide - back)
    is_even = (total.view(np.int64) & 1) == 0
    nearer = np.nextafter(total, np.where(lost > 0, np.inf, -np.inf))
    return np.where((lost != 0) & is_even, nearer, total).astype(np.float32)


def _polynomial(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    found = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        found = fused(found, x, np.float32(coefficient))
    return found


def _ratio(over: Sequence[float], under: Sequence[float], x: np.ndarray) -> np.ndarray:
    square = x * x
    ratio: np.ndarray = _polynomial(over, square) * x / _polynomial(under, square)
    return ratio


def logistic(x: np.ndarray) -> np.ndarray:
    """Return ``1 / (1 + e^-x)``."""
    ratio = _ratio(_LOGISTIC, _LOGISTIC_UNDER, np.clip(x, np.float32(-18), np.float32(18)))
    return np.clip(ratio + np.float32(0.5), np.float32(0), np.float32(1))


def tanh(x: np.ndarray) -> np.ndarray:
    """Return the hyperbolic tangent."""
    return _ratio(_TANH, _TANH_UNDER, np.clip(x, np.float32(-9), np.float32(9)))


def erf(x: np.ndarray) -> np.ndarray:
    """Return the error function."""
    size = np.minimum(np.abs(x), _ERF_END)
    near = fused(_polynomial(_ERF_NEAR, size * size), size, size)
    far = np.float32(1) - _power(-fused(_polynomial(_ERF_FAR, size), size, size))
    return np.copysign(np.where(size > _ERF_SPLIT, far, near), x)


def _power(x: np.ndarray) -> np.ndarray:
    """Return ``e^x`` of numbers not above 0."""
    whole = np.rint(x * _LOG2_E)
    rest = x
    for part in _LN_2:
        rest = fused(whole, np.full_like(x, part), rest)
    power: np.ndarray = np.ldexp(_polynomial(_EXP, rest), whole.astype(np.int32))
    return power
