"""Random networks that remember: LiteRT, reference and generated C agree over sequences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq import api
from edgeq.frontends.tflite import read_tflite
from tests.random_networks.engine import Engine
from tests.random_networks.library import TARGETS
from tests.random_networks.memories import file_of
from tests.random_networks.sequences import Compared, check_c, check_litert, run

COUNT = 10


def test_networks_agree() -> None:
    found = run(0, range(COUNT), TARGETS[0])
    assert found.failures == {}
    assert found.networks + len(found.refused) == COUNT
    assert len(found.refused) <= 1
    assert found.updated >= COUNT / 2


def test_what_is_forgotten_is_found() -> None:
    with Engine() as engine:
        ready = check_litert(0, 1, engine, Compared())
    assert ready is not None
    # What the first run gives, at all times.
    forgetful = [ready.outputs[0]] * len(ready.outputs)
    compared = Compared()
    check_c([replace(ready, outputs=forgetful)], TARGETS[0], compared)
    assert list(compared.failures) == [1]
    assert any(
        not np.array_equal(first, later)
        for first, later in zip(ready.outputs[0], ready.outputs[1], strict=True)
    )


def test_every_layer_is_drawn() -> None:
    kinds: set[str] = set()
    states = 0
    for number in range(25):
        lowered = api.lower(read_tflite(file_of(1, number), "m"))
        kinds |= {op.KIND for op in lowered.ops}
        states = max(states, len(lowered.states))
    assert kinds >= {"push", "add", "svdf", "lstm", "fully_connected", "concat", "reshape"}
    assert states > 4
