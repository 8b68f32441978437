from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as nnf

from edgeq.errors import UnsupportedError
from tests.frontends.torch.one_module import kinds, message, same_as_torch

IMAGE = (1, 4, 6, 5)
Tensors = tuple[torch.Tensor, ...]


def test_movements() -> None:
    def all_of(x: torch.Tensor) -> Tensors:
        y = x * 2
        return (
            y[:, 1:3],
            y[:, :, ::2, -1],
            y[:, :, -2:],
            torch.narrow(y, 2, -4, 3),
            y.permute(0, 2, 3, 1),
            y.transpose(1, -1),
            y.unsqueeze(1),
            y.squeeze(),
            y.squeeze(1),
            torch.stack([y, x], 1),
            *y.split([1, 3], 1),
            *y.chunk(3, 2),
            *y.unbind(-1),
            y.unflatten(1, (2, 2)),
            y.reshape(2, -1, 3),
            y.expand(1, 4, 6, 5),
            torch.cat([x, y, x[:, :1]], 1),
            y[0, 0].t(),
            y.contiguous().clone().detach().to(torch.float32),
        )

    same_as_torch(all_of, IMAGE)


def test_pads() -> None:
    def all_of(x: torch.Tensor, conv: nn.Module) -> Tensors:
        return (
            conv(nnf.pad(x, (1, 2, 3, 0))),
            nnf.pad(x, (1, 1), value=2.5),
            nnf.pad(x, (0, 0, 0, 0, 1, 2)),
        )

    graph = same_as_torch(all_of, IMAGE, parts=[nn.Conv2d(4, 2, 3)])
    assert kinds(graph).count("pad") == 2


def test_branches_join_without_a_move() -> None:
    def branches(x: torch.Tensor, first: nn.Module, second: nn.Module) -> torch.Tensor:
        left, right = first(x).chunk(2, 1)
        joined = torch.cat([left, second(right)], 1)
        return nnf.max_pool2d(joined[:, 1:], 2)

    parts = [nn.Conv2d(4, 6, 1), nn.Conv2d(3, 3, 3, padding=1)]
    graph = same_as_torch(branches, IMAGE, parts=parts)
    # The image comes and goes with its channels first; between, nothing is moved.
    assert kinds(graph)[0] == kinds(graph)[-1] == "transpose"
    assert kinds(graph).count("transpose") == 2


def test_shuffles_are_taken_apart() -> None:
    def shuffles(x: torch.Tensor, conv: nn.Module) -> Tensors:
        y = conv(x)
        return (
            nnf.pixel_shuffle(y, 2),
            nnf.channel_shuffle(y, 2),
            nnf.pixel_unshuffle(y[:, :, :4, :2], 2),
        )

    same_as_torch(shuffles, IMAGE, parts=[nn.Conv2d(4, 8, 1)])


def test_operations_in_place() -> None:
    def plain(x: torch.Tensor, conv: nn.Module) -> torch.Tensor:
        y = conv(x)
        nnf.relu_(y)
        y.add_(1)
        return y * 2

    same_as_torch(plain, IMAGE, parts=[nn.Conv2d(4, 2, 3)])

    def a_part(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y[:, 0].mul_(3)
        return y

    assert "select_scatter x1" in message(a_part, IMAGE, error=UnsupportedError)
    assert message(nnf.relu_, IMAGE) == "'inputs_0' changes at run time"


def test_what_is_not_supported() -> None:
    def all_of(x: torch.Tensor) -> Tensors:
        return (
            x.expand(2, 4, 6, 5),
            nnf.pad(x, (1, 1, 1, 1), mode="reflect"),
            nnf.pad(x, (-1, 1)),
            x.flip(1),
            x.to(torch.float64),
        )

    found = message(all_of, IMAGE, error=UnsupportedError)
    for reason in (
        "5 operations are not supported:\n",
        "expand from (1, 4, 6, 5) to (2, 4, 6, 5) x1",
        "pad in mode reflect x1",
        "pad with negative paddings x1",
        "flip x1",
        "to torch.float64 x1",
    ):
        assert reason in found
