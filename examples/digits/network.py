"""The float network and its gradients in plain NumPy: images are NHWC, weights as edgeq has them.

Each layer's ``forward`` keeps what its ``backward`` needs; ``backward`` leaves the gradient of
each parameter in ``gradients`` and returns that of the layer's input.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Layer:
    """What all layers have: parameters by name, and gradients under the same names."""

    relu = False

    def __init__(self, **parameters: np.ndarray) -> None:
        self.parameters = {name: p.astype(np.float32) for name, p in parameters.items()}
        self.gradients: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray) -> np.ndarray:
        y = self.compute(x)
        if self.relu:
            self.alive = y > 0
            y = y * self.alive
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return self.differentiate(dy * self.alive if self.relu else dy)


class Windowed(Layer):
    """A square kernel that slides over a zero-padded image, then ReLU."""

    relu = True
    outputs: int  # the dimension of the weights along which the output channels lie

    def __init__(self, weights: np.ndarray, stride: int = 1) -> None:
        self.size, self.stride, self.pad = weights.shape[1], stride, weights.shape[1] // 2
        super().__init__(weights=weights, bias=np.zeros(weights.shape[self.outputs]))

    def views(self, padded: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield, for each tap of the kernel, the pixels [N,OH,OW,C] that it meets."""
        rows = (padded.shape[1] - self.size) // self.stride + 1
        columns = (padded.shape[2] - self.size) // self.stride + 1
        for ky, kx in np.ndindex(self.size, self.size):
            below, right = ky + rows * self.stride, kx + columns * self.stride
            yield ky, kx, padded[:, ky : below : self.stride, kx : right : self.stride]

    def padded(self, x: np.ndarray) -> np.ndarray:
        edge = (self.pad, self.pad)
        return np.pad(x, ((0, 0), edge, edge, (0, 0)))

    def inside(self, padded: np.ndarray) -> np.ndarray:
        """Return the image without its padding."""
        last = -self.pad or None
        return padded[:, self.pad : last, self.pad : last]


class Conv(Windowed):
    """Every output channel sees every input channel; weights [O,K,K,C]."""

    outputs = 0

    def compute(self, x: np.ndarray) -> np.ndarray:
        self.x = self.padded(x)
        weights = self.parameters["weights"]
        return self.parameters["bias"] + sum(
            view @ weights[:, ky, kx].T for ky, kx, view in self.views(self.x)
        )

    def differentiate(self, dy: np.ndarray) -> np.ndarray:
        weights, dx = self.parameters["weights"], np.zeros_like(self.x)
        slopes = np.empty_like(weights)
        rows = dy.reshape(-1, len(weights))
        for (ky, kx, view), (_, _, part) in zip(self.views(self.x), self.views(dx), strict=True):
            slopes[:, ky, kx] = rows.T @ view.reshape(len(rows), -1)
            part += dy @ weights[:, ky, kx]
        self.gradients = {"weights": slopes, "bias": rows.sum(axis=0)}
        return self.inside(dx)


class Depthwise(Windowed):
    """Every channel sees itself alone; weights [1,K,K,C]."""

    outputs = 3

    def compute(self, x: np.ndarray) -> np.ndarray:
        self.x = self.padded(x)
        weights = self.parameters["weights"][0]
        return self.parameters["bias"] + sum(
            view * weights[ky, kx] for ky, kx, view in self.views(self.x)
        )

    def differentiate(self, dy: np.ndarray) -> np.ndarray:
        weights, dx = self.parameters["weights"], np.zeros_like(self.x)
        slopes = np.empty_like(weights)
        for (ky, kx, view), (_, _, part) in zip(self.views(self.x), self.views(dx), strict=True):
            slopes[0, ky, kx] = (view * dy).sum(axis=(0, 1, 2))
            part += dy * weights[0, ky, kx]
        self.gradients = {"weights": slopes, "bias": dy.sum(axis=(0, 1, 2))}
        return self.inside(dx)


class MaxPool(Layer):
    """The largest of each 2x2 square."""

    def compute(self, x: np.ndarray) -> np.ndarray:
        n, height, width, channels = x.shape
        self.squares = x.reshape(n, height // 2, 2, width // 2, 2, channels)
        self.largest = self.squares.max(axis=(2, 4), keepdims=True)
        return self.largest[:, :, 0, :, 0]

    def differentiate(self, dy: np.ndarray) -> np.ndarray:
        slopes = (self.squares == self.largest) * dy[:, :, None, :, None]
        n, rows, _, columns, _, channels = slopes.shape
        return slopes.reshape(n, 2 * rows, 2 * columns, channels)


class Dense(Layer):
    """Every output sees everything; weights [O,I]."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__(weights=weights, bias=np.zeros(len(weights)))

    def compute(self, x: np.ndarray) -> np.ndarray:
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        return self.x @ self.parameters["weights"].T + self.parameters["bias"]

    def differentiate(self, dy: np.ndarray) -> np.ndarray:
        self.gradients = {"weights": dy.T @ self.x, "bias": dy.sum(axis=0)}
        return (dy @ self.parameters["weights"]).reshape(self.shape)


Network = dict[str, Layer]


def build(seed: int) -> Network:
    """Return the untrained network, [N,8,8,1] to 10 logits: a MobileNet in miniature."""
    rng = np.random.default_rng(seed)

    def random(*shape: int, fan_in: int) -> np.ndarray:
        return rng.normal(0, np.sqrt(2 / fan_in), shape)

    return {
        "conv": Conv(random(16, 3, 3, 1, fan_in=9)),
        "depthwise": Depthwise(random(1, 3, 3, 16, fan_in=9), stride=2),
        "pointwise": Conv(random(32, 1, 1, 16, fan_in=16)),
        "pool": MaxPool(),
        "logits": Dense(random(10, 128, fan_in=128)),
    }


def run(network: Network, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return what every layer answers to float images, by the layer's name."""
    answers, x = {}, images
    for name, layer in network.items():
        x = answers[name] = layer.forward(x)
    return answers
