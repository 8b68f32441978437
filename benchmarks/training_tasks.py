"""One experiment of ``training.py``: a float network, its fine-tuning, and what the C then says."""

from __future__ import annotations

import argparse
import copy
import hashlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from common import CHECKOUT, SHARED
from torch import nn
from training_rows import Experiment, Network

import edgeq
import edgeq.train
from edgeq.ir.graph import Graph
from edgeq.quantize import Config, quantize
from edgeq.train.integer import IntegerModule

sys.path.insert(0, str(CHECKOUT / "examples" / "cifar10"))
import cifar
import train

RATE = 0.05  # of the training in floats
WATCHED = 1000  # images that each accuracy along a curve is of
EVERY = 10  # steps between two records of ranges
Record = dict[str, Any]
After = Callable[[int, float], None]


@dataclass(eq=False)
class Bench:
    """The data, read once, and float networks, trained once and kept in ``folder``."""

    folder: Path
    data: Path = SHARED / "data"
    images: int = 10000
    compared: int = 200
    _known: dict[Network, nn.Module] = field(default_factory=dict)

    @cached_property
    def seen(self) -> cifar.Images:
        """Return what networks are trained on."""
        return cifar.load(self.data, cifar.TRAIN)

    @cached_property
    def held_out(self) -> cifar.Images:
        """Return what accuracies are of."""
        return cifar.load(self.data, cifar.TEST, self.images)

    def load(self) -> None:
        """Read all images now, before a clock runs."""
        self.seen, self.held_out  # noqa: B018

    @cached_property
    def watched(self) -> cifar.Images:
        """Return the images of accuracies along a curve."""
        return cifar.Images(self.held_out.pixels[:WATCHED], self.held_out.labels[:WATCHED])

    def path(self, network: Network) -> Path:
        """Return the checkpoint of a float network."""
        return self.folder / f"{network.key}-0.pt"

    def network(self, network: Network) -> nn.Module:
        """Return a float network, trained to its end."""
        if network not in self._known:
            self.folder.mkdir(parents=True, exist_ok=True)
            wishes = argparse.Namespace(
                network=network.name,
                width=network.width,
                rectifier=network.rectifier,
                epochs=network.epochs,
                bfloat16=network.bfloat16,
                out=self.folder,
                rate=RATE,
                seed=0,
            )
            self._known[network] = train.float_network(wishes, self.seen, self.held_out)
        return self._known[network]

    def weights(self, network: Network) -> str:
        """Return what tells the weights of a float network from others."""
        self.network(network)
        return hashlib.sha256(self.path(network).read_bytes()).hexdigest()


def run(bench: Bench, experiment: Experiment, history: Path) -> Record:
    """Return the figures of an experiment. Raise where the C and PyTorch differ."""
    bench.load()
    if experiment.config is None:
        return in_floats(bench, experiment)
    begin = time.process_time()
    graph, curve = integers(bench, experiment, history)
    seconds = time.process_time() - begin
    integer = IntegerModule(graph)
    x = bench.held_out.reals(slice(0, bench.compared))
    edgeq.train.assert_deployed_equal(integer, edgeq.compile(graph), x)
    accuracy = train.accuracy(integer, bench.held_out)
    return {**scored(bench, accuracy, seconds), "equal": len(x), **curve}


def in_floats(bench: Bench, experiment: Experiment) -> Record:
    """Return the figures of a float network, as it is or trained on."""
    network = bench.network(experiment.network)
    if not experiment.steps:
        history = edgeq.train.History(bench.path(experiment.network).with_suffix(".jsonl"))
        seconds = sum(history.series("seconds")[1])
        return scored(bench, train.accuracy(network, bench.held_out), seconds)
    begin, twin = time.process_time(), copy.deepcopy(network)
    fit(bench, twin, experiment, lambda step, loss: None)
    seconds = time.process_time() - begin
    return scored(bench, train.accuracy(twin.eval(), bench.held_out), seconds)


def scored(bench: Bench, accuracy: float, seconds: float) -> Record:
    """Return the figures that every experiment has."""
    return {"accuracy": accuracy, "images": len(bench.held_out), "seconds": round(seconds, 1)}


def integers(bench: Bench, experiment: Experiment, history: Path) -> tuple[Graph, Record]:
    """Return the integer network of an experiment, and its curve if that is watched."""
    if experiment.repairs:
        return repaired(bench, experiment), {}
    module = prepared(bench, experiment)
    losses: list[float] = []
    accuracies: list[float] = []
    kept = edgeq.train.History(history) if experiment.watched else None

    def after(step: int, loss: float) -> None:
        losses.append(round(loss, 4))
        if kept is not None and step % EVERY == 0:
            kept.record(step, {"loss": loss, **module.scalars()})
        if kept is not None and step % experiment.watched == 0:
            now = module.eval().eval_integer()
            accuracies.append(train.accuracy(now, bench.watched))
            module.train()

    fit(bench, module, experiment, after)
    curve = {"losses": losses, "accuracies": accuracies} if kept is not None else {}
    return edgeq.train.convert(module.eval()), curve


def prepared(bench: Bench, experiment: Experiment) -> edgeq.train.QuantModule:
    """Return the module to tune: of trained weights, with ranges of some batches, or of none."""
    network, config = experiment.network, experiment.config
    if not experiment.scratch:
        return train.ready(bench.network(network), config, bench.seen)
    torch.manual_seed(experiment.seed)
    fresh = train.NETWORKS[network.name](network.width, train.RECTIFIERS[network.rectifier])
    return edgeq.train.prepare(fresh, config, train.EXAMPLE)


def repaired(bench: Bench, experiment: Experiment) -> Graph:
    """Return the network after post-training quantization with its repairs of rounding."""
    module = prepared(bench, experiment)
    wishes = experiment.config
    samples = bench.seen.reals(slice(0, 200)).numpy()
    config = Config(
        weight_bits=wishes.weight_bits,
        per_channel=wishes.per_channel,
        adaround=True,
        bias_correction=True,
    )
    return quantize(edgeq.train.float_graph(module), ((x[None],) for x in samples), config)


def fit(bench: Bench, module: nn.Module, experiment: Experiment, after: After) -> None:
    """Train for the experiment's steps: batches, moves and rates come from its seed alone."""
    source = torch.Generator().manual_seed(experiment.seed)
    optimizer = torch.optim.SGD(
        module.parameters(), experiment.rate, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, experiment.steps))
    order = torch.empty(0, dtype=torch.long)
    module.train()
    for step in range(1, experiment.steps + 1):
        if len(order) < experiment.batch:
            order = torch.randperm(len(bench.seen), generator=source)
        chosen, order = order[: experiment.batch], order[experiment.batch :]
        x = cifar.moved(bench.seen.reals(chosen), source)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(x), bench.seen.labels[chosen])
        loss.backward()
        optimizer.step()
        schedule.step()
        after(step, float(loss.detach()))
