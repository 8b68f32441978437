"""The HVX kernels as this machine can run them: by an emulated processor, and by the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from edgeq.targets import Target
from edgeq.targets.hexagon import HEXAGON_HVX, modelled
from tests.kernel_harness import WARNINGS, Case, check_layers

# Signed overflow and misaligned access stop a program; it needs no library for that.
TRAPS = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")


def strict(target: Target, *cflags: str) -> Target:
    """Return a target whose builds accept no warning; ``cflags`` beside its own."""
    return replace(target, cflags=(*target.cflags, *cflags, *WARNINGS))


MODEL = strict(modelled(), *TRAPS)
FORMS = {"qemu": strict(HEXAGON_HVX), "model": MODEL}

each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def check(cases: Iterable[Case], form: Target) -> None:
    """Compare the C of layers, built as one network, with the reference."""
    check_layers(tuple(cases), form)
