"""Numerics profiles: each names a rounding for every operation."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import edgeq.ops.all  # noqa: F401  enters every operation
from edgeq.errors import EdgeqError
from edgeq.ir.profiles import PROFILES, Numerics, profile
from edgeq.ir.quant import Rounding
from edgeq.ops.base import REGISTRY
from edgeq.passes.pipeline import run_passes
from tests.small_networks import network
from tests.style.sources import ROOT


def test_names() -> None:
    assert set(PROFILES) >= {"gemmlowp", "tflite-ref", "tflm", "single"}
    for name, found in PROFILES.items():
        assert found.name == name
        assert profile(name) is found
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert found.summary


@pytest.mark.parametrize("name", PROFILES)
def test_exceptions_are_for_operations_that_exist(name: str) -> None:
    assert set(PROFILES[name].exceptions) <= set(REGISTRY)
    for kind in REGISTRY:
        rounding = PROFILES[name].rounding(kind)
        assert rounding is PROFILES[name].exceptions.get(kind, PROFILES[name].default)


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_described(name: str) -> None:
    assert f"`{name}`" in (ROOT / "runtime" / "NUMERICS.md").read_text(encoding="utf-8")


def test_exceptions_win() -> None:
    found = Numerics("n", "", Rounding.SINGLE, {"add": Rounding.HALF_UP})
    assert found.rounding("add") is Rounding.HALF_UP
    assert found.rounding("mul") is Rounding.SINGLE


@pytest.mark.parametrize("name", ["", "GEMMLOWP", "exact"])
def test_an_unknown_name_lists_the_known(name: str) -> None:
    with pytest.raises(EdgeqError, match="unknown numerics profile") as error:
        profile(name)
    for known in PROFILES:
        assert known in error.value.hint


@pytest.mark.parametrize("name", PROFILES)
def test_all_roundings_of_a_graph_are_its_profile_s(name: str) -> None:
    lowered = run_passes(replace(network(), numerics=name))
    for op in lowered.ops:
        requant = getattr(op.arithmetic, "requant", None) or op.arithmetic.total
        wanted = PROFILES[name].rounding(op.KIND)
        if PROFILES[name].integers and requant.rounding is not wanted:
            # An integer requantizer that has been proven equal to the float32 one.
            assert (wanted, requant.rounding) == (Rounding.FLOAT32, Rounding.SINGLE)
        else:
            assert requant.rounding is wanted
