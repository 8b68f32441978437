from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as nnf

from edgeq.errors import UnsupportedError
from tests.frontends.torch.one_module import kinds, message, same_as_torch

IMAGE = (1, 4, 6, 5)
Tensors = tuple[torch.Tensor, ...]


def test_activations() -> None:
    def all_of(x: torch.Tensor) -> Tensors:
        y = x * 4
        return (
            nnf.relu(y),
            nnf.relu6(y),
            nnf.hardtanh(y),
            y.clamp(0, 6),
            y.clamp(min=0),
            y.clip(-1, 1),
            nnf.hardswish(y),
            nnf.hardsigmoid(y),
            nnf.sigmoid(y),
            nnf.tanh(y),
            nnf.silu(y),
            -y,
            nnf.softmax(y, 1),
            nnf.log_softmax(y, -1),
            nnf.softmax(y, 2),
        )

    found = kinds(same_as_torch(all_of, IMAGE))
    assert (found.count("relu"), found.count("hard_swish"), found.count("logistic")) == (6, 1, 2)


def test_arithmetic() -> None:
    def all_of(x: torch.Tensor, y: torch.Tensor) -> Tensors:
        channels = torch.tensor([1.0, 2.0, -3.0, 0.5])[:, None, None]
        return (
            x + y,
            x - y,
            x * y,
            x + 1,
            2 - x,
            3 * x,
            x / 3,
            (x - channels) / channels,
            channels - x,
            torch.rsub(x, y),
            x.mean(),
            x.mean((2, 3)),
            x.mean(1, keepdim=True),
        )

    found = kinds(same_as_torch(all_of, IMAGE, (1, 4, 1, 1)))
    assert found.count("mean") == 3 and "transpose" not in found


def test_a_gate_of_channels() -> None:
    def squeeze(x: torch.Tensor, conv: nn.Module, down: nn.Module, up: nn.Module) -> torch.Tensor:
        y = conv(x)
        gate = nnf.adaptive_avg_pool2d(y, 1)
        return y * nnf.hardsigmoid(up(nnf.relu(down(gate))))

    parts = [nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)]
    graph = same_as_torch(squeeze, IMAGE, parts=parts)
    assert kinds(graph).count("transpose") == 2


def test_normalisation() -> None:
    def all_of(x: torch.Tensor, *parts: nn.Module) -> Tensors:
        image, plain, row, line = parts
        flat = x.mean((2, 3))
        return image(x), plain(nnf.relu(x)), row(flat), line(x.flatten(2))

    parts = [nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False)]
    parts += [nn.BatchNorm1d(4), nn.BatchNorm1d(4, eps=0.1)]
    same_as_torch(all_of, IMAGE, parts=parts)


def test_what_is_not_supported() -> None:
    def all_of(x: torch.Tensor) -> Tensors:
        return (
            nnf.gelu(x),
            nnf.mish(x),
            x.clamp(0, 2),
            x.clamp(min=x),
            torch.add(x, x, alpha=2),
            torch.div(x, 2, rounding_mode="floor"),
            x / x,
            nnf.softmax(x, 1, dtype=torch.float64),
            x.mean(1, dtype=torch.float64),
            nnf.batch_norm(x, None, None, training=True),
            nnf.layer_norm(x, (6, 5)),
            nnf.dropout(x, training=True),
        )

    found = message(all_of, IMAGE, error=UnsupportedError)
    for reason in (
        "12 operations are not supported:\n",
        "gelu x1: node[0] 'gelu'",
        "mish x1",
        "clamp between 0.0 and 2.0 x1",
        "clamp by tensors x1",
        "add with alpha x1",
        "div with rounding_mode x1",
        "div with divisors that are computed at run time x1",
        "softmax to torch.float64 x1",
        "mean to torch.float64 x1",
        "batch_norm in training mode x1",
        "layer_norm x1",
        "dropout in training mode x1",
    ):
        assert reason in found
