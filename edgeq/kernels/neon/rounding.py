"""Roundings that give the same codes as another, for less."""

from __future__ import annotations

from dataclasses import replace

from edgeq.ir.quant import Requant, Rounding


def without_negatives(requant: Requant, low: int, zero: int) -> Requant:
    """Return an equal rescaling that need not round negative numbers as the model says.

    Where no code is below the zero point (after a ReLU), a negative sum becomes the least code
    whichever way it is rounded: half away from zero may be half up.
    """
    if requant.rounding is Rounding.GEMMLOWP and low >= zero:
        return replace(requant, rounding=Rounding.HALF_UP)
    return requant
