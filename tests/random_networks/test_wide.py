"""Random networks of int16 activations: LiteRT, reference and generated C agree."""

from __future__ import annotations

from pathlib import Path
from random import Random

from edgeq.ir.types import DType
from tests.random_networks.check import Counts, RefusedError, check_c, check_reference
from tests.random_networks.engine import Engine
from tests.random_networks.library import TARGETS
from tests.random_networks.random_network import WIDE_TURN, network_of
from tests.random_networks.wide import WIDE, wide_network

COUNT = 16
REFUSED = 2


def test_networks_agree(tmp_path: Path) -> None:
    checked, refused, counts = [], 0, Counts()
    with Engine() as engine:
        for number in range(COUNT):
            network = wide_network(Random(f"test {number}"))
            try:
                path = tmp_path / "n.tflite"
                checked.append(check_reference(network, number, engine, path, counts))
            except RefusedError:
                refused += 1
    check_c(checked, TARGETS[0], counts)
    assert counts.networks + refused == COUNT
    assert refused <= REFUSED


def test_every_operator_is_drawn() -> None:
    networks = [wide_network(Random(number)) for number in range(80)]
    nodes = [node for network in networks for node in network.nodes]
    assert {node.code for node in nodes} == set(WIDE)
    assert {value.dtype for node in nodes for value in node.outs} == {DType.INT16}


def test_a_run_has_them_too() -> None:
    (value,) = {v.dtype for v in network_of(0, WIDE_TURN - 1).nodes[0].outs}
    assert value is DType.INT16
