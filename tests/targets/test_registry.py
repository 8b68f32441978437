"""The targets there are."""

from __future__ import annotations

import pytest

from edgeq.errors import TargetError
from edgeq.host.build import build_shared
from edgeq.host.toolchain import find_compilers
from edgeq.targets import TARGETS, target


@pytest.mark.parametrize("name", TARGETS)
def test_each_is_found_by_its_name(name):
    assert target(name) is TARGETS[name]
    assert target(name).name == name


@pytest.mark.parametrize("name", TARGETS)
def test_each_ends_in_code_for_any_processor(name):
    assert target(name).isas[-1] == "portable"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(TargetError) as caught:
        target("portabel")
    assert caught.value.what == "unknown target 'portabel'"
    assert "did you mean 'portable'?" in caught.value.hint
    for name in TARGETS:
        assert name in caught.value.hint
    with pytest.raises(TargetError) as caught:
        target("zzz")
    assert "did you mean" not in caught.value.hint


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TARGETS["mine"] = TARGETS["host"]


# Under contraction the product of 1 + 2**-12 with itself would keep its last bit: a fused multiply
# and add gives 2**-24, two roundings give 0.
CONTRACTION = """
float fused(float a, float b, float c);
float fused(float a, float b, float c) { return a * b + c; }
"""


@pytest.mark.parametrize("compiler", find_compilers(), ids=lambda found: found.name)
@pytest.mark.parametrize("name", [t.name for t in TARGETS.values() if t.is_native])
def test_no_compiler_fuses_a_multiply_and_an_add(name, compiler):
    import ctypes

    flags = target(name).flags
    with build_shared({"src/a.c": CONTRACTION}, "a", compiler=compiler, flags=flags) as build:
        fused = ctypes.CDLL(str(build.library)).fused
    fused.restype, fused.argtypes = ctypes.c_float, [ctypes.c_float] * 3
    a = 1 + 2.0**-12
    assert fused(a, a, -(1 + 2.0**-11)) == 0
