"""Rescaling on PyTorch tensors: the bits of NumPy, under every rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics import requantize
from edgeq.train.requant import requantizer

EDGES = [0, 1, -1, 2, -2, 2**30, -(2**30), 2**31 - 1, -(2**31), 2**24 + 1]


def requant_of(rounding: Rounding, rng: np.random.Generator, channels: int) -> Requant:
    if rounding is Rounding.FLOAT32:
        scale = (2.0 ** rng.uniform(-20, 3, channels)).astype(np.float32)
        return Requant(rounding, scale=tuple(scale.tolist()))
    multipliers = rng.integers(2**30, 2**31, channels)
    multipliers[0] = 2**30  # powers of two: the ties
    return Requant(rounding, tuple(multipliers.tolist()), tuple(rng.integers(-31, 4, channels)))


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("channels", [1, 32])
def test_rescaling_is_that_of_numpy(rounding: Rounding, channels: int) -> None:
    rng = np.random.default_rng(channels)
    for _ in range(20):
        requant = requant_of(rounding, rng, channels)
        spread = 2.0 ** rng.uniform(0, 31, (50, channels))
        acc = (spread * rng.uniform(-1, 1, spread.shape)).astype(np.int64)
        acc[: len(EDGES)] = np.array(EDGES)[:, None]
        acc = acc.clip(-(2**31), 2**31 - 1).astype(np.int32)
        before = torch.from_numpy(acc.copy())
        found = requantizer(requant, torch.device("cpu"))(before)
        np.testing.assert_array_equal(found.numpy(), requantize(acc, requant))
        np.testing.assert_array_equal(before.numpy(), acc)
