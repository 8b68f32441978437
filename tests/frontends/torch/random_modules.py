"""Random modules of convolutions, pools, branches and upsampling, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import strategies as st
from torch import nn

from tests.frontends.torch.one_module import seeded

Shape = tuple[int, ...]
Draw = Callable[..., object]

ACTIVATIONS = (nn.Identity, nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.Sigmoid, nn.SiLU)


class Residual(nn.Module):
    """What a branch gives, added to what it takes."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(x + self.branch(x))


class Join(nn.Module):
    """Two branches side by side, of which one halves the channels first."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = x.chunk(2, 1)
        return torch.cat([self.second(right), left, self.first(x)], 1)


class Gate(nn.Module):
    """Channels scaled by what a layer makes of their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dense = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * nn.functional.hardsigmoid(self.dense(x.mean((2, 3), keepdim=True)))


def convolution(draw: Draw, channels: int, outs: int | None = None) -> list[nn.Module]:
    """Return a convolution that keeps height and width, a normalisation, an activation."""
    size = draw(st.sampled_from((1, 3)))
    dilation = draw(st.sampled_from((1, 2))) if size == 3 else 1
    depthwise = outs is None and channels > 1 and draw(st.booleans())
    outs = outs or (channels if depthwise else draw(st.sampled_from((2, 3, 4, 8))))
    halves = not (channels % 2 or outs % 2) and draw(st.booleans())
    normal = draw(st.booleans())
    layers: list[nn.Module] = [
        nn.Conv2d(
            channels,
            outs,
            size,
            padding=dilation * (size // 2),
            dilation=dilation,
            groups=channels if depthwise else 2 if halves else 1,
            bias=not normal,
        )
    ]
    if normal:
        layers.append(nn.BatchNorm2d(outs))
    return [*layers, draw(st.sampled_from(ACTIVATIONS))()]


def block(draw: Draw, channels: int) -> nn.Module:
    kind = draw(st.sampled_from(("plain", "plain", "residual", "join", "gate", "pool", "grow")))
    if kind == "residual":
        return Residual(nn.Sequential(*convolution(draw, channels, channels)))
    if kind == "join" and channels % 2 == 0:
        first = nn.Sequential(*convolution(draw, channels, 3))
        return Join(first, nn.Sequential(*convolution(draw, channels // 2, 3)))
    if kind == "gate":
        return Gate(channels)
    if kind == "pool":
        average = nn.AvgPool2d(3, 2, padding=1, count_include_pad=draw(st.booleans()))
        ceiled = nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)
        return draw(st.sampled_from((nn.MaxPool2d(2, 1), ceiled, average)))
    if kind == "grow":
        mode = draw(st.sampled_from(("nearest", "bilinear")))
        return nn.Upsample(scale_factor=2, mode=mode)
    return nn.Sequential(*convolution(draw, channels))


@st.composite
def modules(draw: Draw) -> tuple[nn.Module, Shape]:
    """Draw a module and the shape of its input."""
    channels = draw(st.sampled_from((1, 2, 3, 4)))
    shape = (1, channels, draw(st.integers(4, 9)), draw(st.integers(4, 9)))
    layers: list[nn.Module] = [*convolution(draw, channels, draw(st.sampled_from((2, 4, 6))))]
    for _ in range(draw(st.integers(1, 4))):
        image = _shape(layers, shape)
        layers.append(block(draw, image[1]))
    image = _shape(layers, shape)
    head = draw(st.sampled_from(("image", "flat", "mean")))
    if head == "flat":
        layers += [nn.Flatten(), nn.Linear(image[1] * image[2] * image[3], 5)]
    elif head == "mean":
        pool = nn.AdaptiveAvgPool2d(1)
        layers += [pool, nn.Flatten(), nn.Linear(image[1], 3), nn.Softmax(-1)]
    return seeded(nn.Sequential(*layers), draw(st.integers(0, 99))), shape


def _shape(layers: list[nn.Module], shape: Shape) -> Shape:
    with torch.no_grad():
        return tuple(nn.Sequential(*layers).eval()(torch.zeros(shape)).shape)
