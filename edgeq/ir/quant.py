"""How numbers are represented (scale, zero point) and rescaled (multiplier, shift, rounding)."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Rounding(enum.Enum):
    """Where a rescaled accumulator is rounded; normative text in ``runtime/NUMERICS.md``."""

    GEMMLOWP = "gemmlowp"  # doubling high multiply, then a shift that rounds half away from zero
    HALF_UP = "half_up"  # doubling high multiply, then a shift that rounds half up
    SINGLE = "single"  # one 64-bit product, rounded half up once
    FLOAT32 = "float32"  # float32 product, rounded half to even
    WIDE = "wide"  # int64 accumulator times a multiplier of 16 bits, rounded half up once


ROUNDINGS = tuple(rounding for rounding in Rounding if rounding is not Rounding.WIDE)
"""Those of int32 accumulators."""


@dataclass(frozen=True, slots=True)
class QuantParams:
    """Affine code: ``real = scale * (code - zero_point)`` (Jacob et al. 2017, section 2.1).

    One entry per tensor, or one per slice along ``axis``.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None

    @property
    def per_channel(self) -> bool:
        """Tell whether there is more than one scale."""
        return self.axis is not None

    @staticmethod
    def per_tensor(scale: float, zero_point: int = 0) -> QuantParams:
        """Return parameters shared by the whole tensor."""
        return QuantParams((float(scale),), (int(zero_point),))


@dataclass(frozen=True, slots=True)
class Requant:
    """Rescale accumulators: ``multiplier * 2**(shift - 31)``, one entry or one per channel.

    ``shift`` is positive for a left shift. Accumulators are int32, under ``Rounding.WIDE`` int64.
    Under ``Rounding.FLOAT32`` the pair is unused and
    ``scale`` holds the float32 factors instead; otherwise ``scale`` is empty. The last ``tail``
    values of a row round as ``GEMMLOWP`` under ``HALF_UP``: vector code leaves them to scalar code.
    """

    rounding: Rounding
    multiplier: tuple[int, ...] = ()
    shift: tuple[int, ...] = ()
    scale: tuple[float, ...] = ()
    tail: int = 0

    @property
    def channels(self) -> int:
        """Return the number of entries; 1 means one for all channels."""
        return len(self.scale or self.multiplier)
