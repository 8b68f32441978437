"""The VNNI kernels as this machine can run them: by its processor, and by the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from edgeq.targets import Target
from edgeq.targets.detect import has_avx2, has_avx512_vnni
from edgeq.targets.x86_vnni import vnni_target
from tests.kernel_harness import WARNINGS, Case, check_layers


def strict(target: Target, *cflags: str) -> Target:
    """Return a target whose builds accept no warning; ``cflags`` in place of its own."""
    return replace(target, cflags=(*(cflags or target.cflags), *WARNINGS))


MODEL = strict(vnni_target(avx2=True, vnni=False))
PROCESSOR = strict(vnni_target(avx2=True, vnni=True), "-O2")
FORMS = {"model": MODEL, **({"processor": PROCESSOR} if has_avx512_vnni() else {})}

needs_avx2 = pytest.mark.skipif(not has_avx2(), reason="the processor has no AVX2")
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def check(cases: Iterable[Case], form: Target) -> None:
    """Compare the C of layers, built as one network, with the reference."""
    check_layers(tuple(cases), form)
