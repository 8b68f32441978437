"""Random networks: LiteRT, reference and generated C agree; ``run`` does as many as one likes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq import reference
from edgeq.frontends.tflite import CONVERTERS
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from tests.random_networks import batch, run
from tests.random_networks.batch import BATCH, Outcome, run_batch
from tests.random_networks.check import (
    Counts,
    DifferenceError,
    RefusedError,
    check_c,
    check_reference,
    minimised,
)
from tests.random_networks.deviating import deviating
from tests.random_networks.deviations import DEVIATIONS, Oracle, oracle
from tests.random_networks.draft import Draft
from tests.random_networks.engine import AbortedError, Engine, EngineError
from tests.random_networks.library import TARGETS
from tests.random_networks.network import Network, Value, sample_runs
from tests.random_networks.random_network import network_of, random_network
from tests.random_networks.table import DRAWS, NOT_DRAWN

# Of a run, so many networks at most may be refused: a generator of what is refused finds nothing.
REFUSED = 0.03


@pytest.fixture(scope="module")
def engine() -> object:
    with Engine() as found:
        yield found


@pytest.mark.parametrize(
    "turn", range(len(TARGETS)), ids=lambda turn: f"{turn}-{TARGETS[turn].isas[0]}"
)
def test_networks_agree(turn: int, tmp_path: Path) -> None:
    outcome = run_batch(0, range(turn * BATCH, (turn + 1) * BATCH), tmp_path, tmp_path / "failed")
    assert outcome.failures == {}
    assert outcome.refused.total() <= BATCH * REFUSED
    assert outcome.counts.networks == BATCH - outcome.refused.total()


@settings(max_examples=60, deadline=None)
@given(draw=st.randoms(use_true_random=False))
def test_networks_agree_or_shrink(
    draw: Random, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    network = random_network(draw)
    path = tmp_path_factory.getbasetemp() / "shrinking.tflite"
    try:
        checked = check_reference(network, 0, engine, path, Counts())
    except RefusedError:
        return
    if len(network.nodes) < 4:
        check_c([checked], TARGETS[0], Counts())


def test_every_operator_is_drawn() -> None:
    assert set(DRAWS) | set(NOT_DRAWN) == set(CONVERTERS)
    assert not set(DRAWS) & set(NOT_DRAWN)
    assert all(NOT_DRAWN.values())


@pytest.mark.parametrize("code", sorted(DRAWS))
def test_every_row_adds_its_operator(code: str) -> None:
    row = DRAWS[code]
    found = set()
    for seed in range(60):
        net = Draft(Random(seed))
        dtype = net.draw.choice(row.types)
        row.step(net, net.input(net.shape(row.ranks), dtype), code)
        found |= {(node.code, dtype) for node in net.nodes}
    assert found == {(code, dtype) for dtype in row.types}


def test_a_network_follows_from_its_number() -> None:
    files = [network_of(3, number).data() for number in range(30)]
    assert files == [network_of(3, number).data() for number in range(30)]
    assert len(set(files)) == 30


def test_networks_are_of_all_kinds() -> None:
    networks = [network_of(4, number) for number in range(300)]
    nodes = [node for network in networks for node in network.nodes]
    assert {node.code for node in nodes} == set(DRAWS)
    assert {len(network.nodes) for network in networks} >= {1, 2, 3, 4, 5, 6, 8, 10, 12}
    for several in (
        lambda n: len(n.inputs) > 1,
        lambda n: len(n.outputs) > 1,
        lambda n: any(value in node.reads for value in n.outputs for node in n.nodes),
        lambda n: any(len(set(node.reads)) < len(node.reads) for node in n.nodes),
    ):
        assert sum(map(several, networks)) > 10


def test_wrong_arithmetic_is_found_and_made_small(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = next(
        found
        for found in (network_of(5, number) for number in range(500))
        if len(found.nodes) > 4 and found.nodes[-1].code == "ADD"
    )
    right = Add.evaluate
    monkeypatch.setattr(Add, "evaluate", lambda *given: (right(*given)[0] ^ 1,))

    def fails(smaller: Network) -> bool:
        try:
            check_reference(smaller, 0, engine, tmp_path / "n.tflite", Counts())
        except DifferenceError as error:
            return error.cause.startswith("ADD of")
        return False

    assert fails(network)
    assert [node.code for node in minimised(network, fails).nodes] == ["ADD"]


def test_wrong_c_is_found(engine: Engine, tmp_path: Path) -> None:
    checked = check_reference(network_of(0, 0), 0, engine, tmp_path / "n.tflite", Counts())
    wrong = [tuple(np.asarray(array == 0) for array in arrays) for arrays in checked.outputs]
    with pytest.raises(DifferenceError, match="the C for portable differs"):
        check_c([replace(checked, outputs=wrong)], TARGETS[0], Counts())


@pytest.mark.parametrize("code", sorted({row.code for row in DEVIATIONS}))
def test_each_deviation_is_there(code: str, engine: Engine, tmp_path: Path) -> None:
    """A row that LiteRT has no need of any more would hide what is wrong."""
    node, arrays = deviating()[code]
    network = Network((node,), node.reads, node.outs)
    assert oracle(node) is not Oracle.REF
    try:
        seen = engine.run(network.data(), [tuple(arrays)], "ref")[0]["y"]
    except AbortedError:
        assert oracle(node) is Oracle.UNLESS_ABORTED
        return
    except EngineError as error:
        assert "Didn't find op" in str(error)
        return
    checked = check_reference(network, 0, engine, tmp_path / "n.tflite", Counts())
    assert not np.array_equal(reference.run(checked.lowered, arrays)[0], seen)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--out", str(tmp_path), "--seed", "6"]
    assert run.main([*common, "--networks", "2"]) == 0
    assert "2 networks equal, 0 failures" in capsys.readouterr().out
    assert run.main([*common, "--networks", "3", "--seconds", "1e-9"]) == 0
    assert "2 networks equal, 0 failures" in capsys.readouterr().out
    assert run.main([*common, "--networks", "3"]) == 0
    assert "3 networks equal, 0 failures" in capsys.readouterr().out
    lines = (tmp_path / "done-6.jsonl").read_text().splitlines()
    assert len(lines) == 2


def test_what_ends_a_process_costs_one_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def dies(seed: int, numbers: list[int], folder: Path, keep: Path) -> Outcome:
        if 2 in numbers:
            os._exit(9)
        return Outcome(Counts(len(numbers)))

    monkeypatch.setattr(run, "run_batch", dies)
    assert run.main(["--out", str(tmp_path), "--networks", "4"]) == 1
    text = capsys.readouterr().out
    assert "3 networks equal, 1 failures" in text
    assert "FAILED 2: the process ended with 9" in text


def test_failures_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*given: object) -> None:
        raise DifferenceError("the C differs")

    monkeypatch.setattr(batch, "check_c", wrong)
    outcome = run_batch(0, [1, 2], tmp_path, tmp_path / "kept")
    assert outcome.failures == {1: "the C differs", 2: "the C differs"}
    assert outcome.counts.networks == 0
    names = {path.name for path in (tmp_path / "kept").iterdir()}
    assert names == {f"0-{n}{end}" for n in (1, 2) for end in (".txt", ".tflite", "-small.tflite")}


def test_inputs_reach_the_ends() -> None:
    value = Value("x", (400,), DType.INT8, QuantParams.per_tensor(0.5, 3))
    index = Value("i", (400,), DType.INT32, most=6)
    runs = sample_runs((value, index), 0)
    assert {array.min() for array, _ in runs[:2]} == {-128}
    assert {int(array.max()) for _, array in runs[:2]} == {6}
    assert np.unique(runs[1][0]).tolist() == [-128, 127] and len(np.unique(runs[2][0])) == 1
