"""What all NEON rows share: the header, and rescaling factors in the form that vectors read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.quant import Requant, Rounding
from edgeq.kernels.product import filled_requant
from edgeq.plan.program import Data

HEADERS = ("edgeq_fixed_point_neon.h",)
LANES = 4  # 32-bit numbers in a vector
FRACTION_SCALE = 22  # see edgeq_*_q6_s16x8 of the header


@dataclass(frozen=True, slots=True)
class RequantFlag:
    """What ``neon/requant.j2`` needs: the rounding, the form, and where the factors are.

    ``form`` is ``q6``, the shorter one, where every channel is shifted right by 1 or more (by 0
    or more if rounded half up), and ``q0`` elsewhere.
    """

    rounding: str
    form: str
    per_channel: bool
    is_float: bool


@dataclass(frozen=True, slots=True, eq=False)
class RequantFacts:
    """``flag`` goes into ``Facts.flags`` as ``requant``; the rest joins constants and data."""

    flag: RequantFlag
    constants: dict[str, int]
    data: tuple[Data, ...]


def neon_requant(requant: Requant, length: int, prefix: str = "") -> RequantFacts:
    """Return the facts of one rescaling, with factors for ``length`` channels.

    ``prefix`` keeps several in one layer apart. Factors per channel are int32 arrays ``multiplier``
    and ``shift`` (``scale``, float32, for that rounding); else they are constants.
    """
    filled = filled_requant(requant, length)
    per_channel = filled.channels > 1
    if requant.rounding is Rounding.FLOAT32:
        scale = Data(f"{prefix}scale", np.asarray(filled.scale, np.float32), "output factors")
        return RequantFacts(RequantFlag("float32", "q0", per_channel, True), {}, (scale,))
    # Halves rounded up need no shift at all; rounded away, they need a form of their own without.
    unshifted = requant.rounding is Rounding.GEMMLOWP and max(requant.shift) == 0
    most = 0 if unshifted or requant.rounding is Rounding.HALF_UP else -1
    form = "q6" if max(requant.shift) <= most else "q0"
    offset = FRACTION_SCALE if form == "q6" else 0
    shifts = tuple(offset + s for s in filled.shift)
    rounding = requant.rounding.value + ("_unshifted" if unshifted else "")
    flag = RequantFlag(rounding, form, per_channel, False)
    if per_channel:
        data = (
            Data(f"{prefix}multiplier", np.asarray(filled.multiplier, np.int32), "multipliers"),
            Data(f"{prefix}shift", np.asarray(shifts, np.int32), "shifts to the left"),
        )
        return RequantFacts(flag, {}, data)
    upper = prefix.upper()
    constants = {f"{upper}MULTIPLIER": filled.multiplier[0], f"{upper}SHIFT": shifts[0]}
    return RequantFacts(flag, constants, ())
