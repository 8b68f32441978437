"""Train a small PyTorch network on handwritten digits, quantize it, and run its C.

Needs the extras torch and examples: pip install -e '.[torch,examples]'
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import edgeq
from edgeq.quantize import Config, quantize

TRAINED = 1437  # of 1797 images of 8x8 pixels; the others are held out


def network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 16, 3, stride=2, padding=1, groups=16), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 10)),
    )


def trained(images: torch.Tensor, labels: torch.Tensor, epochs: int = 12) -> nn.Module:
    torch.manual_seed(0)
    module = network()
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(64):
            loss = nn.functional.cross_entropy(module(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return module.eval()


def main() -> tuple[float, float]:
    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    module = trained(images[:TRAINED], torch.tensor(labels[:TRAINED]))

    graph = edgeq.from_torch(module, [images[:1]], name="digits_net")
    samples = ((image[None].numpy(),) for image in images[:100])
    integer = quantize(graph, samples, Config(float_io=True))
    compiled = edgeq.compile(integer)

    with torch.no_grad():
        floats = module(images[TRAINED:]).argmax(1).numpy()
    integers = compiled(images[TRAINED:, None].numpy()).argmax(-1).ravel()
    scores = [float(np.mean(found == labels[TRAINED:])) for found in (floats, integers)]
    print(f"right of the held-out images: torch {scores[0]:.3f}, int8 in C {scores[1]:.3f}")
    return scores[0], scores[1]


if __name__ == "__main__":
    main()
