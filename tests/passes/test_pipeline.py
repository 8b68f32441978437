"""The passes run in order, each result is verified, and all can be watched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify
from edgeq.ops.relu import Relu
from edgeq.passes.pipeline import PIPELINE, run_passes
from tests.passes.nets import Net


def _graph() -> Graph:
    net = Net()
    return net.graph(net.op(Relu, net.input((4,))))


def test_every_pass_is_observed_in_order() -> None:
    seen: list[tuple[str, Graph]] = []
    last = run_passes(_graph(), observe=lambda name, graph: seen.append((name, graph)))
    assert [name for name, _ in seen] == [step.__name__ for step in PIPELINE]
    assert seen[-1][1] is last
    for _, graph in seen:
        verify(graph)


def test_what_a_pass_breaks_is_noticed() -> None:
    with pytest.raises(ModelError, match="never computed"):
        run_passes(_graph(), (lambda graph: replace(graph, ops=()),))


def test_what_is_broken_before_is_not_passed_on() -> None:
    with pytest.raises(ModelError, match="has no outputs"):
        run_passes(replace(_graph(), outputs=()), ())
