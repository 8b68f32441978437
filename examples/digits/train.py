"""Train the example network in NumPy, quantize it, and write ``digits.npz``.

    python examples/digits/train.py [OUT.npz]

Seeded: the same NumPy on the same machine writes the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from dataset import Digits, split
from network import Network, build, run
from quantize import Range, quantize
from rich.console import Console
from rich.progress import track

import edgeq
from edgeq import api, reference
from edgeq.ir.graph import Graph

MODEL = Path(__file__).with_name("digits.npz")
SEED, EPOCHS, BATCH = 0, 60, 32
RATE = 5e-3  # falls to 0 along a half cosine
SHIFTED = 0.5  # the share of batches that are moved by up to a pixel
SMOOTHING = 0.99  # of the moving averages over batches (Jacob et al. 2017, section 3)


class Adam:
    """Gradient descent with momentum, each parameter's step divided by its usual gradient."""

    def __init__(self) -> None:
        self.step = 0
        self.means: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}

    def update(self, network: Network, rate: float) -> None:
        self.step += 1
        rate *= np.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step)
        for name, layer in network.items():
            for key, slope in layer.gradients.items():
                first, second = self.means.get((name, key), (0 * slope, 0 * slope))
                first = 0.9 * first + 0.1 * slope
                second = 0.999 * second + 0.001 * slope**2
                self.means[name, key] = first, second
                step = rate * first / (np.sqrt(second) + 1e-8)
                layer.parameters[key] -= step.astype(np.float32)


def train(digits: Digits, epochs: int = EPOCHS) -> Network:
    """Return the network trained on all of ``digits``."""
    network, adam = build(SEED), Adam()
    rng = np.random.default_rng(SEED)
    progress = Console(stderr=True)
    hidden = not progress.is_terminal
    steps = track(range(epochs), "training", console=progress, transient=True, disable=hidden)
    for epoch in steps:
        rate = RATE * (1 + np.cos(np.pi * epoch / epochs)) / 2
        for chosen in _batches(rng, len(digits.labels)):
            logits = run(network, _shifted(rng, digits.reals[chosen]))["logits"]
            slope = _cross_entropy_slope(logits, digits.labels[chosen])
            for layer in reversed(network.values()):
                slope = layer.backward(slope)
            adam.update(network, rate)
    return network


def observe(network: Network, digits: Digits) -> dict[str, Range]:
    """Return the range of each layer's answers: moving averages of each batch's extremes."""
    ranges: dict[str, Range] = {}
    for chosen in _batches(np.random.default_rng(SEED), len(digits.labels)):
        for name, answer in run(network, digits.reals[chosen]).items():
            seen = float(answer.min()), float(answer.max())
            old = ranges.get(name, seen)
            ranges[name] = tuple(
                SMOOTHING * o + (1 - SMOOTHING) * s for o, s in zip(old, seen, strict=True)
            )
    return ranges


def accuracy(network: Network, digits: Digits) -> float:
    """Return the share of images that the float network reads correctly."""
    return float((run(network, digits.reals)["logits"].argmax(axis=1) == digits.labels).mean())


def integer_accuracy(graph: Graph, digits: Digits) -> float:
    """Return the share of images that the integer graph reads correctly, by the reference."""
    lowered = api.lower(graph)
    answers = [reference.run(lowered, [image[np.newaxis]])[0].argmax() for image in digits.images]
    return float((np.array(answers) == digits.labels).mean())


def _batches(rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    order = rng.permutation(count)
    for start in range(0, count - BATCH + 1, BATCH):
        yield order[start : start + BATCH]


def _shifted(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    y, x = rng.integers(0, 3, 2)
    if rng.random() >= SHIFTED:
        return images
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return wide[:, y : y + 8, x : x + 8]


def _cross_entropy_slope(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return (probabilities - np.eye(10, dtype=np.float32)[labels]) / len(labels)


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else MODEL
    seen, held_out = split()
    network = train(seen)
    graph = quantize(network, observe(network, seen))
    edgeq.save(graph, out)
    console = Console(highlight=False)
    console.print(f"{len(seen.labels)} images to train on, {len(held_out.labels)} held out")
    console.print(f"float accuracy, held out   {accuracy(network, held_out):7.2%}")
    console.print(f"uint8 accuracy, held out   {integer_accuracy(graph, held_out):7.2%}")
    console.print(f"{out.stat().st_size:,} bytes in {out}", soft_wrap=True)


if __name__ == "__main__":
    main()
