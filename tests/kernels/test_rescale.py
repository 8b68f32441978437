"""When the short form of rescaling is chosen: each condition that it stands on."""

from __future__ import annotations

import pytest

from edgeq.ir.quant import Requant, Rounding
from edgeq.kernels.rescale import LARGEST_SUM, ROUNDED, rescale_facts

M = 3 << 29


def short(rounding: Rounding, shifts: tuple[int, ...], largest: int = 1000, zero: int = 5) -> bool:
    requant = Requant(rounding, (M,) * len(shifts), shifts)
    return rescale_facts(requant, largest, zero, -128, 127).flag.short


@pytest.mark.parametrize("rounding", [Rounding.GEMMLOWP, Rounding.HALF_UP, Rounding.SINGLE])
def test_conditions(rounding: Rounding) -> None:
    assert short(rounding, (-1,)) and short(rounding, (-8, -2, -22))
    assert not short(rounding, (-8, 1))
    assert not short(rounding, (-8,), LARGEST_SUM)
    assert short(rounding, (-8,), LARGEST_SUM - 1)
    # Half a unit and the zero point, moved to the left, leave room in 32 bits.
    assert short(rounding, (-29,), zero=0) and not short(rounding, (-31,), zero=0)
    assert short(rounding, (-22,), zero=-128) and not short(rounding, (-24,), zero=-128)


def test_a_layer_without_a_shift() -> None:
    assert not short(Rounding.GEMMLOWP, (0,))
    assert short(Rounding.HALF_UP, (0, -3))
    assert short(Rounding.SINGLE, (0, 0)) and not short(Rounding.SINGLE, (0, -3))


def test_float_scales_have_no_short_form() -> None:
    requant = Requant(Rounding.FLOAT32, (), (), (0.5,))
    facts = rescale_facts(requant, 10, 0, -128, 127)
    assert facts.flag.is_float and not facts.flag.short
    assert [data.name for data in facts.data] == ["scale"]


def test_ties_below_zero_matter_only_where_codes_do() -> None:
    requant = Requant(Rounding.GEMMLOWP, (M,), (-4,))
    assert rescale_facts(requant, 10, -128, -128, 127).flag.primitive == "edgeq_short_up_s32"
    assert rescale_facts(requant, 10, -127, -128, 127).flag.primitive == "edgeq_short_away_s32"


def test_constants() -> None:
    facts = rescale_facts(Requant(Rounding.GEMMLOWP, (M,), (-4,)), 10, 3, -128, 127)
    expected = {"MULTIPLIER": M, "OFFSET": 8 + 3 * 16, "SHIFT": 4, "NUDGE": ROUNDED}
    assert facts.constants == expected and not facts.flag.clamps
    several = rescale_facts(Requant(Rounding.SINGLE, (M, M), (-4, -5)), 10, 3, 3, 127)
    assert several.constants == {"NUDGE": 0} and several.flag.clamps
    assert [data.array.tolist() for data in several.data] == [[M, M], [56, 112], [4, 5]]
