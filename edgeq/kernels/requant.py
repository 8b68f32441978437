"""How a layer's rescaling reaches its template: constants, arrays, and the primitive's name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics.requant import reduced_multipliers
from edgeq.plan.program import Data


@dataclass(frozen=True, slots=True, eq=False)
class RequantFacts:
    """``flag`` goes into ``Facts.flags`` as ``requant``; the rest joins constants and data."""

    flag: RequantFlag
    constants: dict[str, int]
    data: tuple[Data, ...]


@dataclass(frozen=True, slots=True)
class RequantFlag:
    """What ``shared/requant.j2`` needs: the primitive, and where its factors are."""

    primitive: str
    per_channel: bool
    is_float: bool
    tail: str = ""  # the primitive of what is behind the first BODY values of a row


def requant_facts(requant: Requant, prefix: str = "", row: int = 0) -> RequantFacts:
    """Return the facts of one rescaling; ``prefix`` keeps several in one layer apart.

    ``row`` is the length of rows, where kernels take requantizers with a tail. Layers whose shifts
    all go right use the shorter primitive.
    """
    per_channel = requant.channels > 1
    name = requant.rounding.value
    if requant.rounding is Rounding.FLOAT32:
        scale = Data(f"{prefix}scale", np.asarray(requant.scale, np.float32), "output factors")
        flag = RequantFlag(f"edgeq_requant_{name}_s32", per_channel, True)
        return RequantFacts(flag, {}, (scale,))
    if requant.rounding is Rounding.WIDE:
        return _reduced(requant, prefix)
    right = max(requant.shift) <= 0
    shifts = tuple(-s for s in requant.shift) if right else requant.shift
    primitive = f"edgeq_requant_{name}{'_right' if right else ''}_s32"
    away = primitive.replace(Rounding.HALF_UP.value, Rounding.GEMMLOWP.value)
    flag = RequantFlag(primitive, per_channel, False, away if requant.tail else "")
    body = {"BODY": row - requant.tail} if requant.tail else {}
    if per_channel:
        data = (
            Data(f"{prefix}multiplier", np.asarray(requant.multiplier, np.int32), "multipliers"),
            Data(f"{prefix}shift", np.asarray(shifts, np.int8), "shifts"),
        )
        return RequantFacts(flag, body, data)
    upper = prefix.upper()
    constants = {f"{upper}MULTIPLIER": requant.multiplier[0], f"{upper}SHIFT": shifts[0]}
    return RequantFacts(flag, {**constants, **body}, ())


def _reduced(requant: Requant, prefix: str) -> RequantFacts:
    """Return the facts of one rescaling of int64 sums, by multipliers of 16 bits."""
    multipliers, rights = reduced_multipliers(requant)
    flag = RequantFlag("edgeq_requant_reduced_s64", requant.channels > 1, False)
    if flag.per_channel:
        data = (
            Data(f"{prefix}multiplier", multipliers.astype(np.int16), "multipliers"),
            Data(f"{prefix}shift", rights.astype(np.int8), "shifts"),
        )
        return RequantFacts(flag, {}, data)
    upper = prefix.upper()
    constants = {f"{upper}MULTIPLIER": int(multipliers[0]), f"{upper}SHIFT": int(rights[0])}
    return RequantFacts(flag, constants, ())
