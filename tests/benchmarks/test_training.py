"""The page on training: what its tables show is what is run, and a run goes on where it stopped."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import edgeq.train
from tests.style.sources import ROOT

OURS = ("rows", "tasks", "tables", "costs", "plots")
EXAMPLE = ("cifar", "networks", "train")


@pytest.fixture(scope="module")
def page() -> Iterator[SimpleNamespace]:
    """Return the modules of the page, which find each other as scripts in one folder do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        for name in EXAMPLE:
            # Another example has modules of these names.
            patch.delitem(sys.modules, name, raising=False)
        found = {name: importlib.import_module(f"training_{name}") for name in OURS}
        example = sys.modules["train"]
        patch.setattr(example, "BATCH", 16)
        yield SimpleNamespace(main=importlib.import_module("training"), train=example, **found)
    for name in EXAMPLE:
        sys.modules.pop(name, None)


class Asked(dict[Any, Any]):
    """Figures of nothing, which keeps what was looked for."""

    def __init__(self) -> None:
        super().__init__()
        self.keys_asked: set[Any] = set()

    def get(self, key: Any, default: Any = None) -> Any:
        self.keys_asked.add(key)
        return default


def test_what_is_run_is_what_is_shown(page: SimpleNamespace) -> None:
    found, costs = Asked(), Asked()
    page.tables.body(found, costs)
    run = page.rows.everything()
    assert len(set(run)) == len(run)
    assert found.keys_asked == set(run) - {page.rows.RANGES}
    assert costs.keys_asked == set(page.rows.COSTED)


def test_tables(page: SimpleNamespace) -> None:
    rows, tables = page.rows, page.tables
    network = rows.V1
    found = {
        rows.floats(network): {"accuracy": 0.75},
        rows.qat(weight_bits=5, activation_bits=7)(network): {"accuracy": 0.7375},
    }
    assert tables.crossed(found, (network,), rows.RECTIFIERS).splitlines() == [
        "|  | float32 | 8/8 | 8/6 | 8/4 |",
        "| --- | --- | --- | --- | --- |",
        "| v1 0.25 ReLU | 75.00 |  |  |  |",
    ]
    grid = tables.bits(found, rows.qat).splitlines()
    assert grid[2] == "| **8** |  |  |  |  |  |"
    assert grid[5] == "| **5** |  | 73.75 (-1.2) |  |  |  |"
    label, experiment = rows.NORMS[0]
    curve = {"losses": [9.0] * 100 + [1.5] * 100, "accuracies": [0.1, 0.4, 0.6, 0.6, 0.7, 0.8]}
    assert tables.norms({experiment: {"accuracy": 0.7, **curve}}).splitlines()[2] == (
        f"| {label} | 1.500 | 70.0 | 60.0 | 70.00 |"
    )
    known = {network: {"float_bytes": 400, "bytes": 100}}
    assert "| v1 0.25 ReLU | 75.00 |  |  |  |  | 4.00 |" in tables.claims(found, known).splitlines()


def bench(page: SimpleNamespace, folder: Path) -> Any:
    made = page.tasks.Bench(folder, images=24, compared=4)
    made.seen, made.held_out = images(page, 48, 0), images(page, 24, 1)
    return made


def images(page: SimpleNamespace, count: int, seed: int) -> Any:
    source = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 10, (count,), generator=source)
    noise = torch.randint(0, 100, (count, 3, 32, 32), generator=source)
    pixels = (noise + labels[:, None, None, None] * 15).to(torch.uint8)
    return page.train.Images(pixels, labels)


def experiments(page: SimpleNamespace) -> list[Any]:
    """Return one of each kind, on a network that is trained at once."""
    rows, config = page.rows, edgeq.train.Config
    network = rows.Network("mobilenet_v1", 0.125, "relu", epochs=1)
    short = {"steps": 2, "batch": 8}
    return [
        rows.Experiment(network, None),
        rows.Experiment(network, None, **short),
        rows.Experiment(network, config()),
        rows.Experiment(network, config(weight_bits=4), repairs=True),
        rows.Experiment(network, config(weight_bits=4, stochastic=True), **short),
        rows.Experiment(network, config(delay=1), **short, scratch=True, watched=1),
    ]


def unlike_seconds(found: Mapping[Any, Mapping[str, Any]]) -> dict[Any, Any]:
    times = ("seconds", "whole")
    return {e: {k: v for k, v in r.items() if k not in times} for e, r in found.items()}


def test_a_run_goes_on_where_it_stopped(
    page: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    chosen, kept, run = experiments(page), tmp_path / "kept.json", page.tasks.run
    made = bench(page, tmp_path)
    ran: list[Any] = []

    def killed(bench: Any, experiment: Any, history: Path) -> Any:
        if len(ran) == 3:
            raise KeyboardInterrupt
        ran.append(experiment)
        return run(bench, experiment, history)

    monkeypatch.setattr(page.main, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        page.main.measure(made, chosen, kept)
    assert len(page.main.measure(made, chosen, kept, only_kept=True)) == 3
    again = bench(page, tmp_path)  # another process: it reads the weights from their file
    monkeypatch.setattr(page.main, "run", run)
    found = page.main.measure(again, chosen, kept)
    assert list(found) == chosen
    assert {record["equal"] for e, record in found.items() if e.config is not None} == {4}
    assert len(found[chosen[-1]]["losses"]) == len(found[chosen[-1]]["accuracies"]) == 2
    last = chosen[-2:]
    whole = page.main.measure(bench(page, tmp_path), last, tmp_path / "other.json")
    assert unlike_seconds(whole) == {e: unlike_seconds(found)[e] for e in last}
    # Other weights, other figures.
    changed = page.main.key_of(again, chosen[2])
    again.path(chosen[0].network).write_bytes(again.path(chosen[0].network).read_bytes() + b"\0")
    assert page.main.key_of(again, chosen[2]) != changed
    torch.set_num_threads(threads)


def test_the_float_twin_is_the_same_network(page: SimpleNamespace) -> None:
    torch.manual_seed(0)
    for name, rectifier in (("resnet8", "relu"), ("mobilenet_v2", "relu6")):
        network = page.train.NETWORKS[name](0.25, page.train.RECTIFIERS[rectifier])
        module = edgeq.train.prepare(network.eval(), edgeq.train.Config(), page.train.EXAMPLE)
        graph = edgeq.train.float_graph(module)
        page.costs.float_call(graph)()
        made = page.costs.float_onnx(graph)
        x = np.ones((1, 32, 3, 32), np.float32)
        with pytest.raises(SystemExit, match="another network"):
            page.costs.onnxruntime_call(made, [x], [np.full((1, 10), 7.0, np.float32)], 1e-3)
