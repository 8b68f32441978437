"""Train a network on CIFAR-10 in floats, fine-tune it under quantization, and deploy it.

    python examples/cifar10/train.py DATA OUT [--network mobilenet_v1] [--width 0.25] ...

DATA holds the two .npz files, OUT what is learned. A run that was killed goes on where its last
epoch ended. Under ``torchrun --nproc-per-node 2`` processes share every batch of the fine-tuning.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from cifar import TEST, TRAIN, Images, load, moved
from networks import NETWORKS, RECTIFIERS
from torch import distributed, nn

import edgeq
import edgeq.train

BATCH = 128
EXAMPLE = (torch.zeros(1, 3, 32, 32),)
Step = Callable[[int], None]


class Fitting:
    """A training that saves itself after every epoch and goes on from there."""

    def __init__(
        self,
        module: nn.Module,
        path: Path,
        epochs: int,
        rate: float,
        seed: int,
        bfloat16: bool = False,
    ) -> None:
        self.module, self.path, self.epochs, self.done = module, path, epochs, 0
        self.bfloat16 = bfloat16
        self.optimizer = torch.optim.SGD(
            module.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=1e-4
        )
        self.source = torch.Generator().manual_seed(seed)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, max(1, epochs))
        if path.exists():
            state = torch.load(path, weights_only=True)
            for part in ("module", "optimizer", "schedule"):
                getattr(self, part).load_state_dict(state[part])
            self.source.set_state(state["random"])
            self.done = state["done"]

    def run(self, images: Images, trained: nn.Module, after: Step) -> None:
        """Train the epochs that are left; ``trained`` may wrap the module."""
        for epoch in range(self.done, self.epochs):
            trained.train()
            for x, labels in self._batches(images, trained is not self.module):
                self.optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                    loss = nn.functional.cross_entropy(trained(x), labels)
                loss.backward()
                self.optimizer.step()
            self.schedule.step()
            self.done = epoch + 1
            if rank() == 0:
                self._save()
                after(epoch)

    def _batches(self, images: Images, share: bool) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.randperm(len(images), generator=self.source)
        mine = slice(rank(), None, ranks()) if share else slice(None)
        for start in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH][mine]
            yield moved(images.reals(chosen), self.source), images.labels[chosen]

    def _save(self) -> None:
        state = {
            part: getattr(self, part).state_dict() for part in ("module", "optimizer", "schedule")
        }
        stage = self.path.with_suffix(".part")
        torch.save({**state, "random": self.source.get_state(), "done": self.done}, stage)
        stage.replace(self.path)


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def ranks() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def accuracy(network: Callable[[torch.Tensor], torch.Tensor], images: Images) -> float:
    """Return the share of images that a network reads correctly."""
    good = 0
    with torch.no_grad():
        for start in range(0, len(images), 250):
            part = slice(start, start + 250)
            good += int((network(images.reals(part)).argmax(1) == images.labels[part]).sum())
    return good / len(images)


def float_network(args: argparse.Namespace, seen: Images, held_out: Images) -> nn.Module:
    """Return the network trained in floats."""
    torch.manual_seed(args.seed)
    network = NETWORKS[args.network](args.width, RECTIFIERS[args.rectifier])
    network = network.to(memory_format=torch.channels_last)
    path = args.out / f"{args.network}-{args.width:g}-{args.rectifier}-{args.seed}.pt"
    fitting = Fitting(network, path, args.epochs, args.rate, args.seed, args.bfloat16)
    history = edgeq.train.History(path.with_suffix(".jsonl"))
    began = time.monotonic()

    def after(epoch: int) -> None:
        nonlocal began
        good = accuracy(network.eval(), held_out)
        history.record(epoch, {"accuracy": good, "seconds": time.monotonic() - began})
        began = time.monotonic()
        print(f"float epoch {epoch + 1}: {good:.2%}", flush=True)

    fitting.run(seen, network, after)
    return network.eval()


def config_of(args: argparse.Namespace) -> edgeq.train.Config:
    return edgeq.train.Config(
        weight_bits=args.weight_bits,
        activation_bits=args.activation_bits,
        per_channel=not args.per_tensor,
        batch_norm=args.batch_norm,
        freeze=args.freeze,
        delay=args.delay,
        decay=0.99,
        stochastic=args.stochastic,
        learned_steps=args.learned_steps,
    )


def ready(network: nn.Module, config: edgeq.train.Config, seen: Images) -> edgeq.train.QuantModule:
    """Return the module to fine-tune, with ranges of its first batches."""
    module = edgeq.train.prepare(network, config, EXAMPLE)
    frozen = edgeq.train.prepare(
        network, edgeq.train.Config(batch_norm="frozen", decay=0.9), EXAMPLE
    )
    with torch.no_grad():
        for start in range(0, min(10 * BATCH, len(seen)), BATCH):
            frozen(seen.reals(slice(start, start + BATCH)))
    module.set_ranges(frozen.ranges.get())
    return module


def row_of(args: argparse.Namespace, seen: Images, held_out: Images) -> dict[str, object]:
    """Train, fine-tune and deploy; return the figures. Raise where C and PyTorch differ."""
    started, config = time.monotonic(), config_of(args)
    network = float_network(args, seen, held_out)
    module = ready(network, config, seen)
    before = accuracy(module.eval().eval_integer(), held_out)
    path = args.out / f"{module.fingerprint[:16]}-{args.width:g}-{args.seed}.pt"
    history = edgeq.train.History(path.with_suffix(".jsonl"))

    def after(epoch: int) -> None:
        history.record(epoch, {"accuracy": accuracy(module.eval(), held_out), **module.scalars()})
        print(f"quantized epoch {epoch + 1}: {history.rows[epoch]['accuracy']:.2%}", flush=True)

    fitting = Fitting(module, path, args.finetune, args.rate / 50, args.seed)
    shared = nn.parallel.DistributedDataParallel(module) if ranks() > 1 else module
    fitting.run(seen, shared, after)
    integer = module.eval().eval_integer()
    compiled = edgeq.compile(integer.graph)
    edgeq.train.assert_deployed_equal(integer, compiled, held_out.reals(slice(0, args.compared)))
    return {
        "network": f"{args.network} {args.width:g} {args.rectifier}",
        "bits": f"{config.weight_bits}/{config.activation_bits}",
        "scales": "per tensor" if args.per_tensor else "per channel",
        "float": accuracy(network, held_out),
        "post-training": before,
        "simulated": accuracy(module, held_out),
        "deployed": accuracy(integer, held_out),
        "equal in C": args.compared,
        "seconds": round(time.monotonic() - started),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--network", choices=NETWORKS, default="resnet8")
    parser.add_argument("--rectifier", choices=RECTIFIERS, default="relu")
    parser.add_argument(
        "--batch-norm", choices=("corrected", "batch", "frozen"), default="corrected"
    )
    for name, kind, default in (
        ("width", float, 1.0),
        ("epochs", int, 30),
        ("finetune", int, 3),
        ("rate", float, 0.05),
        ("weight-bits", int, 8),
        ("activation-bits", int, 8),
        ("freeze", int, None),
        ("delay", int, 0),
        ("images", int, None),
        ("compared", int, 1000),
        ("seed", int, 0),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default)
    for name in ("per-tensor", "stochastic", "learned-steps", "bfloat16", "only-float"):
        parser.add_argument(f"--{name}", action="store_true")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    if "LOCAL_RANK" in os.environ:
        distributed.init_process_group("gloo")
    seen, held_out = load(args.data, TRAIN, args.images), load(args.data, TEST, args.images)
    if args.only_float:
        float_network(args, seen, held_out)
        return
    row = row_of(args, seen, held_out)
    if rank() == 0:
        print(json.dumps(row, indent=1))
        with (args.out / "results.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
