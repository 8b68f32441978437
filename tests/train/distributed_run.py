"""One process of a training over two: each sees half of every batch; rank 0 writes the result.

torchrun --nproc-per-node 2 distributed_run.py OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import distributed

from edgeq.train import Config, QuantModule, prepare
from edgeq.train.batch_norm import BatchNorm
from tests.quantize import float_nets
from tests.train.batches import batch_of

STEPS, SIZE = 4, 8
CONFIG = Config(decay=0.9, delay=1, logits=True)


def module() -> QuantModule:
    """Return a small network with a batch normalization behind its first layer."""
    norm = BatchNorm(*(torch.full((8,), value).numpy() for value in (1.0, 0.0, 0.0, 1.0)))
    return prepare(float_nets.residual(), CONFIG, batch_norms={"w0": norm})


def train(trained: torch.nn.Module, rank: int, ranks: int) -> None:
    """Train on this process's share of each batch."""
    optimizer = torch.optim.SGD(trained.parameters(), 0.05)
    for step in range(STEPS):
        x, labels = batch_of(float_nets.residual(), SIZE, step), torch.arange(SIZE) % 5
        optimizer.zero_grad()
        answers = trained(x[rank::ranks])
        torch.nn.functional.cross_entropy(answers, labels[rank::ranks]).backward()
        optimizer.step()


def main() -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    rank, ranks = distributed.get_rank(), distributed.get_world_size()
    single = module()
    train(torch.nn.parallel.DistributedDataParallel(single), rank, ranks)
    torch.save(single.state_dict(), Path(sys.argv[1]) / f"rank{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
