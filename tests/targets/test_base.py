"""Declarations of targets are checked, and every target promises the same arithmetic."""

from __future__ import annotations

import dataclasses

import pytest

from edgeq.errors import TargetError
from edgeq.targets.base import COMMON_CFLAGS, NATIVE, CrossCompiler, Target

CROSS = CrossCompiler(("other-gcc",), (("-mfancy", ("-mcpu=fancy", "-O1")), ("-mhard", ())))
GOOD = Target("cortex-m4", "a processor", ("dsp", "portable"), 8, ("-O2",))


@pytest.mark.parametrize(
    ("changes", "message"),
    (
        ({"name": ""}, "name must be"),
        ({"name": "Cortex M4"}, "name must be"),
        ({"name": "../escape"}, "name must be"),
        ({"summary": ""}, "summary is empty"),
        ({"isas": ()}, "isas is empty"),
        ({"isas": ("portable", "portable")}, "repeats"),
        ({"alignment": 0}, "power of two"),
        ({"alignment": 4}, "power of two"),
        ({"alignment": 24}, "power of two"),
        ({"alignment": -8}, "power of two"),
        ({"cflags": ("-O2", "-ffast-math")}, "depend on the compiler"),
        ({"cflags": ("-Ofast",)}, "depend on the compiler"),
        ({"size_cflags": ("-Os", "-ffast-math")}, "depend on the compiler"),
        ({"cflags": ("-ffp-contract=fast",)}, "depend on the compiler"),
        ({"cflags": ("-std=gnu11",)}, "C standard"),
        ({"runner": "qemu-arm"}, "an emulator goes with compilers"),
        ({"runner": NATIVE, "compilers": (CROSS,)}, "an emulator goes with compilers"),
    ),
)
def test_a_bad_declaration_is_an_error_that_names_the_target(changes, message):
    with pytest.raises(TargetError, match=message) as caught:
        dataclasses.replace(GOOD, **changes)
    assert caught.value.where == f"target '{changes.get('name', GOOD.name)}'"


@pytest.mark.parametrize("name", ("host", "cortex-m4", "aarch64+i8mm", "hexagon-v66", "rv64"))
def test_names_of_processors_are_good_names(name):
    assert dataclasses.replace(GOOD, name=name).name == name


def test_common_flags_come_first():
    assert GOOD.flags == ("-std=c99", "-ffp-contract=off", "-O2")
    assert GOOD.flags[: len(COMMON_CFLAGS)] == COMMON_CFLAGS


def test_only_native_code_runs_here():
    assert not GOOD.is_native
    assert not GOOD.is_emulated
    emulated = dataclasses.replace(GOOD, runner="qemu-arm", compilers=(CROSS,))
    assert emulated.is_emulated
    assert not emulated.is_native
    native = dataclasses.replace(GOOD, runner=NATIVE)
    assert native.is_native
    assert not native.is_emulated


def test_a_cross_compiler_spells_flags_its_own_way():
    assert CROSS.spelled(("-O2", "-mfancy", "-mhard", "-g")) == ("-O2", "-mcpu=fancy", "-O1", "-g")
    assert CrossCompiler(("cc",)).spelled(("-O2", "-mfancy")) == ("-O2", "-mfancy")


def test_targets_are_values():
    assert dataclasses.replace(GOOD) == GOOD
    assert hash(dataclasses.replace(GOOD)) == hash(GOOD)
    with pytest.raises(dataclasses.FrozenInstanceError):
        GOOD.name = "other"


def test_small_code_has_flags_of_its_own():
    plain = Target("plain", "a processor", ("portable",), 8, ("-O3",))
    small = dataclasses.replace(plain, size_cflags=("-Os",))
    assert plain.optimized("speed") is plain
    assert plain.optimized("size").flags == plain.flags
    assert small.optimized("speed") is small
    assert small.optimized("size").cflags == ("-Os",)
    assert plain.optimized("size").small and small.optimized("size").small
    assert not plain.small
    with pytest.raises(TargetError, match="not optimized for 'smalness'"):
        small.optimized("smalness")
