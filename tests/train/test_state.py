"""Checkpoints: a run that was killed and resumed ends with the bytes of one that was not."""

from __future__ import annotations

import copy
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from edgeq.errors import ModelError
from edgeq.frontends.npz import graph_bytes
from edgeq.train import Config, QuantModule, convert, prepare
from tests.quantize import float_nets
from tests.train.batches import batch_of

CONFIG = Config(stochastic=True, decay=0.9, delay=2, logits=True, seed=3)


class Run:
    """A training with everything that must outlive it."""

    def __init__(self, config: Config = CONFIG) -> None:
        self.module = prepare(float_nets.residual(), config)
        self.optimizer = torch.optim.Adam(self.module.parameters(), 0.01)

    def train(self, steps: range) -> None:
        for step in steps:
            x = batch_of(float_nets.residual(), 8, step)
            self.optimizer.zero_grad()
            labels = torch.arange(8) % 5
            torch.nn.functional.cross_entropy(self.module(x), labels).backward()
            self.optimizer.step()

    def save(self) -> bytes:
        stream = io.BytesIO()
        state = {"module": self.module.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(state, stream)
        return stream.getvalue()

    def load(self, data: bytes) -> None:
        state = torch.load(io.BytesIO(data), weights_only=True)
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])


@pytest.mark.parametrize("learned", [False, True])
def test_a_resumed_run_ends_with_the_same_bytes(learned: bool) -> None:
    config = replace(CONFIG, learned_steps=learned)
    whole, first, second = Run(config), Run(config), Run(config)
    whole.train(range(8))
    first.train(range(5))
    second.load(first.save())
    assert second.module.steps == 5
    second.train(range(5, 8))
    assert second.save() == whole.save()
    assert graph_bytes(convert(second.module)) == graph_bytes(convert(whole.module))


def equal_states(a: dict[str, Any], b: dict[str, Any]) -> bool:
    tensors = [name for name in a if isinstance(a[name], torch.Tensor)]
    return all(torch.equal(a[name], b[name]) for name in tensors)


@pytest.mark.parametrize(
    "other",
    [
        lambda: prepare(float_nets.residual(), replace(CONFIG, weight_bits=4)),
        lambda: prepare(float_nets.joined(), CONFIG),
        lambda: torch.nn.Linear(2, 2),
    ],
    ids=["config", "network", "foreign"],
)
def test_a_checkpoint_of_something_else_is_refused_and_changes_nothing(other: Any) -> None:
    module = prepare(float_nets.residual(), CONFIG)
    before = {k: v.clone() for k, v in module.state_dict().items() if isinstance(v, torch.Tensor)}
    with pytest.raises(ModelError, match=r"checkpoint of (another|a network)"):
        module.load_state_dict(other().state_dict())
    assert equal_states(before, module.state_dict())


def test_weights_are_no_part_of_what_a_checkpoint_belongs_to() -> None:
    source: QuantModule = prepare(float_nets.residual(1), CONFIG)
    target = prepare(float_nets.residual(2), CONFIG)
    target.load_state_dict(source.state_dict())
    assert equal_states(source.state_dict(), target.state_dict())
    x = batch_of(float_nets.residual(), 4, 0)
    np.testing.assert_array_equal(
        target.eval()(x).detach().numpy(), source.eval()(x).detach().numpy()
    )


def test_a_checkpoint_with_missing_parts_is_refused() -> None:
    module = prepare(float_nets.residual(), CONFIG)
    state = module.state_dict()
    del state["ranges.ends"]
    with pytest.raises(ModelError, match=r"does not fit: .*ranges\.ends"):
        module.load_state_dict(state)


def test_a_copy_trains_on_its_own() -> None:
    run = Run()
    run.train(range(4))
    twin = copy.deepcopy(run.module)
    x = batch_of(float_nets.residual(), 4, 0)
    before = twin.ranges.get()
    # The same random numbers from here on, in either.
    assert torch.equal(run.module(x * 2), twin(x * 2))
    run.module(x * 3)
    assert before != twin.ranges.get() != run.module.ranges.get()
    assert twin.steps == 5
    with torch.no_grad():
        run.module.constants["w0"].zero_()
    assert bool(twin.constants["w0"].any())
