"""Declarations of targets are checked, and every target promises the same arithmetic."""

from __future__ import annotations

import dataclasses

import pytest

from edgeq.errors import TargetError
from edgeq.targets.base import COMMON_CFLAGS, NATIVE, Target

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
        ({"cflags": ("-ffp-contract=fast",)}, "depend on the compiler"),
        ({"cflags": ("-std=gnu11",)}, "C standard"),
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
    assert not dataclasses.replace(GOOD, runner="qemu-arm").is_native
    assert dataclasses.replace(GOOD, runner=NATIVE).is_native


def test_targets_are_values():
    assert dataclasses.replace(GOOD) == GOOD
    assert hash(dataclasses.replace(GOOD)) == hash(GOOD)
    with pytest.raises(dataclasses.FrozenInstanceError):
        GOOD.name = "other"
