from __future__ import annotations

import pytest
import torch
from torch import nn

from edgeq.errors import ModelError
from tests.frontends.torch.one_module import Of, kinds, message, same_as_torch, saved


def test_what_is_computed_of_constants_alone() -> None:
    def scaled(x: torch.Tensor, conv: nn.Conv2d) -> torch.Tensor:
        # Weight standardisation, as some networks have it, and a table of positions.
        w = conv.weight
        w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.pow(2).mean() + 1e-3).sqrt()
        places = torch.arange(8.0).reshape(1, 1, 1, -1).expand(1, 4, 8, 8)
        return nn.functional.conv2d(x + places / 8, w, torch.zeros(3))

    graph = same_as_torch(scaled, (1, 4, 8, 8), parts=[nn.Conv2d(4, 3, 3)])
    assert kinds(graph) == ["add", "transpose", "conv2d", "transpose"]


def test_a_fold_of_what_is_not_constant_is_named() -> None:
    assert "pow of values that are computed at run time x1" in message(lambda x: x**2, (1, 4))


def test_constants_that_a_program_makes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Of(lambda x: x + torch.ones(1 << 11, 1 << 11)[:1, :4])
    assert "computes a constant of shape (2048, 2048)" in message(module, (1, 4), error=ModelError)
    monkeypatch.setattr("edgeq.frontends.nchw.builder.MAX_FOLDED", 16)
    module = Of(lambda x: x + torch.ones(1 << 4))
    assert "constants that the program computes exceed" in message(module, (1, 16))
    assert saved(module, (1, 16))
