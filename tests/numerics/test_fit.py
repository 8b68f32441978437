"""Integer requantizers for float32 ones: equal for every sum, or none."""

from __future__ import annotations

import time

import numpy as np
import pytest

from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics import requant_from_scale, requantize
from edgeq.numerics.fit import in_integers

CODES = (-128, 127)


def floats(scale: np.ndarray) -> Requant:
    return requant_from_scale(scale.tolist(), Rounding.FLOAT32)


def reach(*largest: int) -> np.ndarray:
    return np.array(largest, np.int64)


def fits(requant: Requant) -> bool:
    return requant.rounding is Rounding.SINGLE


def clamped(requant: Requant, sums: np.ndarray, codes: tuple[int, int]) -> np.ndarray:
    return np.clip(requantize(sums[:, None], requant), *codes)


@pytest.mark.parametrize("codes", [CODES, (0, 255), (-3, 90), (5, 5)])
def test_every_sum_is_equal(codes: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    sums = np.arange(-150_000, 150_001, dtype=np.int32)
    found = 0
    for _ in range(12):
        wanted = floats(rng.uniform(0.0005, 0.02, 1).astype(np.float32))
        got = in_integers(wanted, codes, reach(150_000))
        if fits(got):
            found += 1
            assert np.array_equal(clamped(got, sums, codes), clamped(wanted, sums, codes))
    assert found >= 8


def test_where_none_is_found_none_is_equal() -> None:
    # Of ties that float32 makes, some go up and some down: every multiplier fails for one.
    rng = np.random.default_rng(1)
    sums = np.arange(-1_500_000, 1_500_001, dtype=np.int32)
    refused = 0
    for _ in range(3):
        wanted = floats(rng.uniform(0.0001, 0.00015, 1).astype(np.float32))
        if fits(in_integers(wanted, CODES, reach(1_500_000))):
            continue
        refused += 1
        near = requant_from_scale(wanted.scale, Rounding.SINGLE)
        for moved in (-32, 0, 32):
            other = Requant(Rounding.SINGLE, (near.multiplier[0] + moved,), near.shift)
            assert np.any(clamped(other, sums, CODES) != clamped(wanted, sums, CODES))
    assert refused >= 1


def test_ties_of_powers_of_two_are_left_to_floats() -> None:
    sixth = floats(np.array([2.0**-6], np.float32))
    assert in_integers(sixth, CODES, reach(10_000)) is sixth
    # Without a tie that goes down in reach there is nothing to differ in.
    assert fits(in_integers(sixth, CODES, reach(20)))


def test_channels_have_their_own_reach() -> None:
    scale = np.array([0.0041237, 0.0031731, 0.0123457], np.float32)
    found = in_integers(floats(scale), CODES, reach(100_000, 30_000, 9_000))
    assert fits(found) and found.channels == 3
    alone = in_integers(floats(scale[:1]), CODES, reach(100_000))
    assert fits(alone) and alone.multiplier == found.multiplier[:1]


def test_channels_that_are_switched_off() -> None:
    scale = np.array([0.0, 1e-42, 1e-12, 0.0041237], np.float32)
    found = in_integers(floats(scale), CODES, reach(0, 1000, 5_000_000, 40_000))
    assert fits(found)
    ends = np.array([-5_000_000, 5_000_000], np.int32)
    assert not requantize(np.stack([ends] * 4, axis=-1), found)[:, :3].any()


def test_sums_beyond_32_bits_are_left_to_floats() -> None:
    four = floats(np.array([4.0], np.float32))
    assert in_integers(four, CODES, reach(2**30)) is four


def test_stairs_of_16_bits_are_left_to_floats() -> None:
    wanted = floats(np.array([0.0041237], np.float32))
    assert in_integers(wanted, (-(2**15), 2**15 - 1), reach(100_000)) is wanted


def test_hundreds_of_channels_take_no_time() -> None:
    rng = np.random.default_rng(2)
    wanted = floats(rng.uniform(0.001, 0.01, 512).astype(np.float32))
    begin = time.process_time()
    in_integers(wanted, CODES, reach(*rng.integers(10_000, 2**24, 512).tolist()))
    assert time.process_time() - begin < 1
