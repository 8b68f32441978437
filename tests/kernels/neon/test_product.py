"""32-bit NEON convolution and fully connected layers against the reference; packing of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.neon.widening import packed_weights, pairs_fit, panel_starts
from edgeq.targets import target
from tests.kernel_harness import WARNINGS, check_layers
from tests.kernels.neon import product_cases as cases

ARMV7 = replace(target("armv7-neon"), cflags=("-O1", *WARNINGS))
INTRINSICS = replace(ARMV7, cflags=(*ARMV7.cflags, "-DEDGEQ_NO_ASM"))


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
    check_layers(build("neon/conv2d_s8"), ARMV7)


def test_fully_connected() -> None:
    check_layers(cases.fully_connected_cases("neon/fully_connected_s8"), ARMV7)


def test_without_assembler() -> None:
    check_layers(cases.depth_cases("neon/conv2d_s8"), INTRINSICS)


sizes = st.integers(1, 70)


@given(channels=sizes, places=sizes, panel=st.sampled_from([4, 8]))
def test_every_weight_is_packed_at_its_place(channels: int, places: int, panel: int) -> None:
    w = np.random.default_rng(channels).integers(-128, 128, (channels, places), dtype=np.int8)
    depth = -(-places // 8) * 8
    packed = packed_weights(w, depth, panel).reshape(-1, panel * depth)
    starts = panel_starts(channels, panel)
    assert {c for s in starts for c in range(s, s + panel)} >= set(range(channels))
    for start, flat in zip(starts, packed, strict=True):
        rows = np.zeros((panel, depth), np.int8)
        given_rows = w[start : start + panel]
        rows[: len(given_rows), :places] = given_rows
        at = 0
        for place in range(0, depth, 16):
            block = rows[:, place : place + 16]
            np.testing.assert_array_equal(flat[at : at + block.size], block.ravel())
            at += block.size


@given(places=sizes, data=st.data())
def test_pairs_of_the_least_weight_are_found(places: int, data: st.DataObject) -> None:
    w = np.full((3, places), 127, np.int8)
    w[1, data.draw(st.integers(0, places - 1))] = -128
    assert pairs_fit(w)
    low = [p for p in range(places - 8) if p % 16 < 8]
    if low:
        place = data.draw(st.sampled_from(low))
        w[2, [place, place + 8]] = -128
        assert not pairs_fit(w)
