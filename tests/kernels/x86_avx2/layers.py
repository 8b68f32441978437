"""Layers for the AVX2 kernels, built as one network, and compared at odd addresses too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from edgeq.targets import target
from tests.kernel_harness import WARNINGS, Case, check_layers

TARGET = target("x86-avx2")
STRICT = replace(TARGET, cflags=("-O2", *WARNINGS))
needs_avx2 = pytest.mark.skipif(not TARGET.is_native, reason="the processor has no AVX2")


def check(cases: Iterable[Case]) -> None:
    """Compare the C of layers with the reference, and with itself on inputs without alignment."""
    found = tuple(cases)
    compiled = check_layers(found, STRICT)
    aligned = [array for case in found for array in case.runs[0]]
    expected = compiled(*aligned)
    # The arrays are read in place.
    for have, want in zip(_tuple(compiled(*map(moved, aligned))), _tuple(expected), strict=True):
        np.testing.assert_array_equal(have, want)


def moved(array: np.ndarray) -> np.ndarray:
    """Return a copy that begins one byte after an aligned address."""
    memory = np.zeros(array.nbytes + 1, np.int8)
    memory[1:] = array.reshape(-1)
    return memory[1:].reshape(array.shape)


def _tuple(outputs: np.ndarray | tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)
