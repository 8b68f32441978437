"""PyTorch modules: exported with their batch normalizations kept apart, trained and deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import edgeq
from edgeq.errors import EdgeqError, ModelError
from edgeq.train import Config, assert_deployed_equal, convert, prepare

EXAMPLE = (torch.zeros(1, 3, 8, 8),)


def layer(inputs: int, outputs: int, size: int, **fields: Any) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, **fields)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, momentum=0.3), nn.ReLU6())


class Residual(nn.Module):
    """Convolutions of every kind, each with a normalization; one is bypassed."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layer(3, 8, 3, bias=False)
        self.depthwise = layer(8, 8, 3, groups=8, stride=2)
        self.bypassed = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
        self.dense = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.depthwise(self.first(x))
        x = torch.relu(x + self.bypassed(x))
        y: torch.Tensor = self.dense(x.mean((2, 3)))
        return y


class Peeking(nn.Module):
    """A convolution whose output is read both before and behind its normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, eps=5.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        z: torch.Tensor = self.norm(y) + y
        return z


def settled(module: nn.Module) -> nn.Module:
    """Return the module after some batches have moved its averages."""
    module.train()
    for step in range(8):
        module(batch(step))
    return module


def batch(seed: int, count: int = 16) -> torch.Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 + 1


def residual() -> nn.Module:
    torch.manual_seed(0)
    return settled(Residual())


def test_normalizations_are_folded_while_they_train() -> None:
    model = residual()
    module = prepare(model, Config(), EXAMPLE)
    assert len(module.norms) == 3
    assert model.training
    expected = model.eval()(batch(9)).detach()
    found = module.eval()(batch(9)).detach()
    # Weights are rounded to 8 bits, activations are not yet.
    assert float((found - expected).abs().max()) < 0.03 * float(expected.abs().max())


def test_a_trained_module_is_what_is_deployed() -> None:
    module = prepare(residual(), Config(decay=0.5, freeze=12), EXAMPLE)
    optimizer, labels = torch.optim.Adam(module.parameters(), 0.01), torch.arange(16) % 5
    losses = []
    for step in range(16):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(batch(step % 2)), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert_deployed_equal(module, edgeq.compile(convert(module)), batch(5))


def test_a_layer_that_is_read_twice_is_refused() -> None:
    torch.manual_seed(0)
    with pytest.raises(ModelError, match="gives other numbers than the module"):
        prepare(settled(Peeking()), Config(), EXAMPLE)


class Raising(nn.Module):
    """What does not run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError("no such thing")


class Branching(nn.Module):
    """What depends on the numbers themselves."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize("make", [Raising, Branching])
def test_modules_that_cannot_be_exported_give_one_error(make: Callable[[], nn.Module]) -> None:
    with pytest.raises(EdgeqError) as caught:
        prepare(make(), Config(), EXAMPLE)
    assert str(caught.value)
