"""Weights as training sees them: the codes that conversion gives, and gradients that pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgeq.ir.types import DType
from edgeq.quantize.weights import code_weights
from edgeq.quantize.weights import least_scales as least_of
from edgeq.train import Config
from edgeq.train.weights import first_steps, least_scales, simulated_weights, stepped_weights

SHAPES = {0: (6, 3, 3, 2), 3: (1, 3, 3, 6)}


def random(shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    w = rng.normal(size=shape).astype(np.float32)
    w[..., 0] = 0  # a channel that training has switched off, along the last axis
    # Codes that are exactly halfway: scales of powers of two.
    w.flat[1:4] = (127 / 64, 0.5 / 64, -1.5 / 64)
    return w


@pytest.mark.parametrize("bits", [2, 4, 5, 8])
@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize(("axis", "symmetric"), [(0, True), (3, True), (None, True), (None, False)])
def test_simulated_weights_are_those_of_the_codes(
    bits: int, dtype: DType, axis: int | None, symmetric: bool
) -> None:
    config = Config(
        dtype=dtype, per_channel=axis is not None, symmetric_weights=symmetric, weight_bits=bits
    )
    w = random(SHAPES[axis or 0], bits)
    bias = np.random.default_rng(0).normal(size=6).astype(np.float32) * 1e7
    for least in (None, least_of(bias, 0.1, axis, DType.INT32)):
        lower = 0.0 if least is None else least
        expected = code_weights(w, axis, config.post_training, lower).reals
        bound = None
        if least is not None:
            bound = least_scales(torch.tensor(bias), 0.1, axis, DType.INT32)
        found = simulated_weights(torch.tensor(w), axis, config, bound)
        np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("axis", [0, 3, None])
def test_weights_at_learned_steps_are_those_of_the_codes(axis: int | None) -> None:
    config, w = Config(weight_bits=4, learned_steps=True), random(SHAPES[axis or 0], 5)
    steps = first_steps(torch.tensor(w), axis, config) * 1.1
    expected = code_weights(w, axis, config.post_training, steps=steps.numpy()).reals
    found = stepped_weights(torch.tensor(w), axis, config, steps)
    np.testing.assert_array_equal(found.numpy(), expected)


def test_learned_steps_see_what_they_round_and_what_they_clamp() -> None:
    config = Config(weight_bits=4, learned_steps=True)
    w = torch.tensor([[0.3, -2.6, 9.0, -8.0], [0.5, 14.2, 1.0, -1.0]], requires_grad=True)
    steps = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    y = stepped_weights(w, 0, config, steps)
    assert y.tolist() == [[0, -3, 7, -7], [0, 14, 2, -2]]
    y.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [[1, 1, 0, 0], [1, 0, 1, 1]]
    first, second = -0.3 - 0.4 + 7 - 7, -0.25 + 7 + 0.5 - 0.5
    assert steps.grad is not None
    expected = np.array([first, second]) / np.sqrt(4 * 7)
    np.testing.assert_allclose(steps.grad.numpy(), expected, rtol=1e-6)  # weights are float32


def test_gradients_of_weights_pass() -> None:
    w = torch.tensor(random((6, 3, 3, 2), 0), requires_grad=True)
    slope = torch.randn(w.shape, generator=torch.Generator().manual_seed(0))
    (simulated_weights(w, 0, Config(weight_bits=2)) * slope).sum().backward()
    assert w.grad is not None
    assert torch.equal(w.grad, slope)


def test_noise_moves_codes_by_one_at_most_and_on_average_not_at_all() -> None:
    w = torch.tensor(random((6, 3, 3, 2), 1))
    config, source = Config(weight_bits=4), torch.Generator().manual_seed(0)
    plain = simulated_weights(w, 0, config)
    scale = w.abs().amax((1, 2, 3), keepdim=True) / 7

    def noise(like: torch.Tensor) -> torch.Tensor:
        return torch.rand(like.shape, generator=source, dtype=like.dtype) - 0.5

    many = torch.stack([simulated_weights(w, 0, config, None, noise) for _ in range(2000)])
    assert ((many - plain) / scale).abs().max() < 1.001
    # The deviation of the mean of 2000 numbers within one step, five times over.
    assert ((many.mean(0) - w) / scale).abs().max() < 5 * 0.5 / 2000**0.5
