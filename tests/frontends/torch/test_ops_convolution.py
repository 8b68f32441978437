from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as nnf

from edgeq.errors import UnsupportedError
from tests.frontends.torch.one_module import kinds, message, same_as_torch

IMAGE = (1, 4, 9, 8)


def test_convolutions_of_images() -> None:
    convolutions = [
        nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), bias=False),
        nn.Conv2d(4, 6, 3, padding="same", dilation=(1, 2)),
        nn.Conv2d(4, 6, 2, padding="same"),
        nn.Conv2d(4, 6, 3, padding="valid"),
        nn.Conv2d(4, 6, 3, groups=2),
        nn.Conv2d(4, 4, 3, groups=4),
        nn.Conv2d(4, 8, 3, groups=4, stride=2, padding=1, bias=False),
    ]
    graph = same_as_torch(
        lambda x, *parts: tuple(part(x) for part in parts), IMAGE, parts=convolutions
    )
    assert kinds(graph)[:9] == ["transpose", *["conv2d"] * 6, *["depthwise_conv2d"] * 2]
    one = same_as_torch(lambda x, conv: conv(x), (1, 1, 5, 5), parts=[nn.Conv2d(1, 3, 3)])
    assert "depthwise_conv2d" not in kinds(one)


def test_an_image_net_moves_nothing_between_its_layers() -> None:
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, groups=8, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8, affine=False),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout2d(),
        nn.Flatten(),
        nn.Linear(8 * 2 * 2, 5),
    )
    graph = same_as_torch(layers, (1, 3, 8, 8))
    assert kinds(graph) == [
        *("transpose", "conv2d", "depthwise_conv2d", "max_pool2d", "reshape", "fully_connected")
    ]


def test_a_line_net_folds_its_normalisation() -> None:
    layers = nn.Sequential(
        nn.Conv1d(4, 6, 3, padding="same", dilation=2, bias=False),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.ConstantPad1d((2, 0), 0.0),
        nn.Conv1d(6, 6, 3, groups=6),
        nn.Hardtanh(),
        nn.AvgPool1d(3, stride=2),
        nn.Flatten(),
        nn.Linear(24, 3),
    )
    graph = same_as_torch(layers, (1, 4, 20))
    computing = [kind for kind in kinds(graph) if kind not in ("reshape", "transpose")]
    assert computing == [
        *("conv2d", "max_pool2d", "depthwise_conv2d", "average_pool2d", "fully_connected")
    ]


def test_pools() -> None:
    def pools(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            nnf.max_pool2d(x, 3),
            nnf.max_pool2d(x, (2, 3), stride=(1, 2), padding=(1, 1), ceil_mode=True),
            nnf.avg_pool2d(x, 3, 2, 1),
            nnf.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
            nnf.avg_pool2d(x, 2, ceil_mode=True),
            nnf.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
            nnf.avg_pool2d(x, (2, 3), divisor_override=6),
            nnf.adaptive_avg_pool2d(x, 1),
            nnf.adaptive_avg_pool2d(x, (3, 2)),
            nnf.adaptive_max_pool2d(x, 1),
            nnf.adaptive_max_pool2d(x, (1, 4)),
            nnf.adaptive_avg_pool1d(x.flatten(2), 1),
        )

    graph = same_as_torch(pools, IMAGE)
    assert kinds(graph).count("pad") == 1
    assert kinds(graph).count("mean") == 2


def test_layers_of_rows() -> None:
    def layers(x: torch.Tensor, first: nn.Linear, last: nn.Linear) -> tuple[torch.Tensor, ...]:
        rows = x.flatten(2)[0]
        return (
            first(x),
            last(rows),
            rows @ torch.ones(72, 3),
            torch.addmm(torch.arange(3.0), rows, torch.ones(72, 3)),
            rows @ last.weight.T,
        )

    parts = [nn.Linear(8, 3), nn.Linear(72, 5, bias=False)]
    assert kinds(same_as_torch(layers, IMAGE, parts=parts)).count("fully_connected") == 5


def test_what_is_not_supported() -> None:
    def layers(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            nnf.conv2d(x[0], torch.ones(2, 4, 3, 3)),
            nnf.conv_transpose2d(x, torch.ones(4, 2, 3, 3)),
            nnf.conv2d(x, x),
            nnf.max_pool2d(x, 2, dilation=2),
            nnf.max_pool2d(x, 2, return_indices=True)[1].float(),
            nnf.avg_pool2d(x, 2, divisor_override=3),
            nnf.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
            nnf.adaptive_avg_pool2d(x, 2),
            x @ x.transpose(2, 3),
            torch.addmm(torch.ones(3), x[0, 0], torch.ones(8, 3), alpha=2),
        )

    found = message(layers, IMAGE, error=UnsupportedError)
    for reason in (
        "10 operations are not supported:\n",
        "conv2d of an input with 3 dimensions: the batch is missing x1: node[2] 'conv2d'",
        "conv_transpose2d x1",
        "conv2d with weights that are computed at run time x1",
        "max_pool2d with dilations x1",
        "with indices as a second output x1",
        "avg_pool2d with divisor_override 3 x1",
        "avg_pool2d with ceil_mode and count_include_pad x1",
        "adaptive_avg_pool2d from (9, 8) to (2, 2): pieces of several sizes x1",
        "matmul with weights that are computed at run time x1",
        "addmm with alpha or beta x1",
        "supported: adaptive_avg_pool1d, ",
    ):
        assert reason in found
