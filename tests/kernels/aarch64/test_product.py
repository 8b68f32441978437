"""ARMv8.0 convolution and fully connected layers against the reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.targets import target
from tests.kernel_harness import WARNINGS, check_layers
from tests.kernels.neon import product_cases as cases

AARCH64 = replace(target("aarch64"), cflags=("-O1", *WARNINGS))
INTRINSICS = replace(AARCH64, cflags=(*AARCH64.cflags, "-DEDGEQ_NO_ASM"))


@pytest.mark.parametrize(
    "build",
    [
        cases.size_cases,
        cases.depth_cases,
        cases.window_cases,
        cases.value_cases,
        cases.block_cases,
    ],
)
def test_convolution(build) -> None:
    check_layers(build("aarch64/conv2d_s8"), AARCH64)


def test_weights_whose_pairs_overflow() -> None:
    compiled = check_layers(cases.least_cases("aarch64/conv2d_s8"), AARCH64)
    source = compiled.files["src/layers.c"]
    assert source.count("edgeq_product_any_1x4_s8(") == len(compiled.program.calls)


def test_fully_connected() -> None:
    check_layers(cases.fully_connected_cases("aarch64/fully_connected_s8"), AARCH64)


def test_without_assembler() -> None:
    check_layers(cases.depth_cases("aarch64/conv2d_s8"), INTRINSICS)
