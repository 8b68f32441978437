"""Real factors as integers: ``M ~ multiplier * 2**(shift - 31)`` (``runtime/NUMERICS.md``, 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.quant import Requant, Rounding

MAX_SHIFT = 30


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Return ``(multiplier, shift)`` of a factor; ``shift > 0`` is a left shift.

    The multiplier is 0 or in ``2**30 .. 2**31 - 1``, rounded half away from zero; factors too
    small to move any int32 give ``(0, 0)``. Raise ``QuantizationError`` for a factor that is
    negative, not finite, or 2**30 and above. Jacob et al. 2017, section 2.2.

    >>> quantize_multiplier(1.0), quantize_multiplier(0.0003)
    ((1073741824, 1), (1319413953, -11))
    """
    real = float(real)
    if not math.isfinite(real) or real < 0.0:
        raise QuantizationError(f"a rescaling factor of {real!r} is not a number >= 0")
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    # The product is below 2^31: adding one half is exact in float64.
    multiplier = math.floor(fraction * 2.0**31 + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = 1 << 30, shift + 1
    if shift < -31:
        return 0, 0
    if shift > MAX_SHIFT:
        raise QuantizationError(
            f"a rescaling factor of {real!r} is too large", hint="it must be below 2**30"
        )
    return multiplier, shift


def requant_from_scale(real: Sequence[float], rounding: Rounding) -> Requant:
    """Return the requantizer of one factor per channel, or of one for all.

    Under ``Rounding.FLOAT32`` the factors themselves are kept, as float32. Raise
    ``QuantizationError`` for factors that cannot be represented.

    >>> numbers = requant_from_scale([0.5], Rounding.SINGLE)
    >>> numbers.multiplier, numbers.shift
    ((1073741824,), (0,))
    """
    if rounding is not Rounding.FLOAT32:
        pairs = [quantize_multiplier(factor) for factor in real]
        return Requant(rounding, tuple(m for m, _ in pairs), tuple(s for _, s in pairs))
    with np.errstate(over="ignore"):
        scale = tuple(float(np.float32(factor)) for factor in real)
    for factor in scale:
        if not math.isfinite(factor) or factor < 0.0:
            raise QuantizationError(f"a rescaling factor of {factor!r} is not a float32 >= 0")
    return Requant(rounding, scale=scale)
