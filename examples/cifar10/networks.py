"""ResNet-8, and MobileNet v1 and v2 scaled to 32x32 pixels; every layer has a normalization."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

Rectifier = Callable[[], nn.Module]

# Output channels at width 1, and stride, of the separable layers of MobileNet v1.
V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1))
# Expansion, output channels, repetitions and first stride of the stages of MobileNet v2.
V2 = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 3, 2), (6, 96, 2, 1), (6, 160, 2, 2))


def layer(
    inputs: int,
    outputs: int,
    size: int,
    rectifier: Rectifier | None,
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Return a convolution, its normalization, and a rectifier unless there is none."""
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([rectifier()] if rectifier else []))


def scaled(channels: int, width: float) -> int:
    """Return a multiple of 8 channels."""
    return max(8, int(channels * width + 4) // 8 * 8)


class Block(nn.Module):
    """Layers with a way around them; ``bypass`` is what lies on it."""

    def __init__(self, layers: nn.Module, bypass: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.layers, self.bypass, self.last = layers, bypass, last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.last(self.bypass(x) + self.layers(x))
        return y


class Network(nn.Module):
    """Layers, the mean over the image, and a linear layer."""

    def __init__(self, layers: list[nn.Module], channels: int) -> None:
        super().__init__()
        self.layers, self.dense = nn.Sequential(*layers), nn.Linear(channels, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.dense(self.layers(x).mean((2, 3)))
        return y


def resnet8(width: float, rectifier: Rectifier) -> Network:
    """Return three residual blocks (MLPerf Tiny's network for this task)."""
    channels = scaled(16, width)
    layers: list[nn.Module] = [layer(3, channels, 3, rectifier)]
    for stage in range(3):
        outputs, stride = scaled(16 << stage, width), 1 if stage == 0 else 2
        body = nn.Sequential(
            layer(channels, outputs, 3, rectifier, stride), layer(outputs, outputs, 3, None)
        )
        around = nn.Identity() if stage == 0 else layer(channels, outputs, 1, None, stride)
        layers.append(Block(body, around, rectifier()))
        channels = outputs
    return Network(layers, channels)


def mobilenet_v1(width: float, rectifier: Rectifier) -> Network:
    """Return depthwise and pointwise layers in turn (Howard et al. 2017)."""
    channels = scaled(32, width)
    layers: list[nn.Module] = [layer(3, channels, 3, rectifier)]
    for outputs, stride in V1:
        layers.append(layer(channels, channels, 3, rectifier, stride, channels))
        layers.append(layer(channels, scaled(outputs, width), 1, rectifier))
        channels = scaled(outputs, width)
    return Network(layers, channels)


def mobilenet_v2(width: float, rectifier: Rectifier) -> Network:
    """Return inverted residuals with linear bottlenecks (Sandler et al. 2018)."""
    channels = scaled(32, width)
    layers: list[nn.Module] = [layer(3, channels, 3, rectifier)]
    for expansion, outputs, count, first in V2:
        for stride in (first, *[1] * (count - 1)):
            wide, narrow = channels * expansion, scaled(outputs, width)
            widened = [] if expansion == 1 else [layer(channels, wide, 1, rectifier)]
            depthwise = layer(wide, wide, 3, rectifier, stride, wide)
            body = nn.Sequential(*widened, depthwise, layer(wide, narrow, 1, None))
            plain = stride != 1 or channels != narrow
            layers.append(body if plain else Block(body, nn.Identity(), nn.Identity()))
            channels = narrow
    return Network(layers, channels)


NETWORKS = {"resnet8": resnet8, "mobilenet_v1": mobilenet_v1, "mobilenet_v2": mobilenet_v2}
RECTIFIERS: dict[str, Rectifier] = {"relu": nn.ReLU, "relu6": nn.ReLU6}
