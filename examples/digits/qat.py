"""Train the digits network with quantization in the loop, compile it, and compare every logit.

    python examples/digits/qat.py

A float network (``train.py``) is fine-tuned in PyTorch under simulated quantization (Jacob et al.
2017, section 3). Then three things read all held-out images: that network in floats, the integer
network in PyTorch, and the C that edgeq generates; the last two must give the same bits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from dataset import Digits, split
from network import Network
from quantize import OPS, attributes
from rich.console import Console
from rich.table import Table
from train import accuracy, train

import edgeq
import edgeq.train
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.ops.base import Op

SEED, EPOCHS, BATCH = 0, 12, 32
RATE = 1e-3  # falls to 0 along a half cosine
CONFIGS = {
    "int8": edgeq.train.Config(decay=0.99, delay=BATCH),
    "int8, 4-bit weights": edgeq.train.Config(decay=0.99, delay=BATCH, weight_bits=4),
    "4-bit weights and activations": edgeq.train.Config(
        decay=0.99, delay=BATCH, weight_bits=4, activation_bits=4
    ),
}


def float_graph(network: Network) -> Graph:
    """Return the float network as edgeq has it, up to the logits."""
    x = Tensor("image", (1, 8, 8, 1), DType.FLOAT32)
    tensors, ops = [x], []
    for name, layer in network.items():
        constants = [
            Tensor(f"{name}_{key}", value.shape, DType.FLOAT32, None, value)
            for key, value in layer.parameters.items()
        ]
        inputs = (x, *constants)
        op: Op = OPS[type(layer)](
            inputs=tuple(t.name for t in inputs),
            outputs=(name,),
            source=name,
            **attributes(layer),
        )
        (shape,) = op.shapes(Operands(inputs, ()))
        x = Tensor(name, shape, DType.FLOAT32)
        tensors += [*constants, x]
        ops.append(op)
    return verify(Graph("digits", {t.name: t for t in tensors}, tuple(ops), ("image",), (x.name,)))


def fine_tune(module: edgeq.train.QuantModule, digits: Digits) -> None:
    """Train as any PyTorch module is trained."""
    optimizer = torch.optim.Adam(module.parameters(), RATE)
    steps = EPOCHS * (len(digits.labels) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    module.train()
    for images, labels in batches(digits):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(images), labels).backward()
        optimizer.step()
        schedule.step()


def batches(digits: Digits) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    images, labels = torch.from_numpy(digits.reals), torch.from_numpy(digits.labels)
    rng = np.random.default_rng(SEED)
    for _ in range(EPOCHS):
        order = torch.from_numpy(rng.permutation(len(labels)))
        for start in range(0, len(labels) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            yield images[chosen], labels[chosen]


def share(network: Callable[[torch.Tensor], torch.Tensor], digits: Digits) -> float:
    """Return the share of images that a network reads correctly."""
    with torch.no_grad():
        answers = network(torch.from_numpy(digits.reals)).argmax(1).numpy()
    return float((answers == digits.labels).mean())


def row(name: str, network: Network, config: edgeq.train.Config) -> tuple[str, ...]:
    """Fine-tune, compile and compare one configuration; raise ``VerifyError`` at a difference."""
    seen, held_out = split()
    module = edgeq.train.prepare(float_graph(network), config)
    fine_tune(module, seen)
    integer = module.eval().eval_integer()
    compiled = edgeq.compile(integer.graph)
    images = torch.from_numpy(held_out.reals)
    edgeq.train.assert_deployed_equal(integer, compiled, images)
    figures = (share(module, held_out), share(integer, held_out))
    return (name, *(f"{figure:.2%}" for figure in figures), f"{integer.codes(images).numel():,}")


def main() -> int:
    torch.set_num_threads(1)  # so small a network loses more by sharing than it gains
    torch.manual_seed(SEED)
    console, started = Console(highlight=False), time.monotonic()
    seen, held_out = split()
    network = train(seen)
    table = Table("network", "simulated", "deployed", "logits equal in C", box=None)
    table.add_row("float", f"{accuracy(network, held_out):.2%}", "", "")
    try:
        for name, config in CONFIGS.items():
            table.add_row(*row(name, network, config))
    except edgeq.VerifyError as error:
        console.print(f"[red]{error}[/red]")
        return 1
    console.print(table)
    console.print(f"{time.monotonic() - started:.0f} s, training included")
    return 0


if __name__ == "__main__":
    sys.exit(main())
