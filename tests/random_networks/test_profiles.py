"""Draws of each operator against the engine that a profile is named after."""

from __future__ import annotations

import pytest

from tests.random_networks import run
from tests.random_networks.engine import Engine
from tests.random_networks.profiles import ENGINES, KNOWN, label, operator, probe
from tests.random_networks.table import DRAWS

# Those whose kernels LiteRT's engines have more than one of, and draws of them.
OPERATORS = (
    "ADD",
    "BATCH_MATMUL",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MEAN",
    "MUL",
    "SUB",
    "SUM",
    "TRANSPOSE_CONV",
)
DRAWN = range(8)


@pytest.mark.parametrize("profile", ["tflite", "xnnpack"])
def test_operators_equal_the_engine_of_the_profile(profile: str) -> None:
    with Engine() as engine:
        tallies = probe(3, DRAWN, profile, engine, OPERATORS)
    assert sum(tally.nodes for tally in tallies.values()) > 50
    assert {name: tally.line for name, tally in tallies.items() if tally.wrong_nodes} == {}


# Draws that showed what was not followed once.
@pytest.mark.parametrize(
    ("profile", "code", "number"),
    [
        ("tflite", "CONV_2D", 3),
        ("tflite", "CONV_2D", 121),
        ("tflite", "MUL", 18),
        ("tflite", "MUL", 199),
        ("tflite", "ADD", 65),
        ("xnnpack", "BATCH_MATMUL", 30),
        ("xnnpack", "FULLY_CONNECTED", 115),
        ("xnnpack", "MEAN", 5),
        ("xnnpack", "MEAN", 116),
        ("xnnpack", "TRANSPOSE_CONV", 12),
        ("xnnpack", "TRANSPOSE_CONV", 60),
    ],
)
def test_what_was_found_once(profile: str, code: str, number: int) -> None:
    with Engine() as engine:
        (tally,) = probe(1, [number], profile, engine, [code]).values()
    assert (tally.nodes, tally.wrong_values) == (1, 0)


def test_tflm_runs_operators() -> None:
    with Engine() as engine:
        tallies = probe(3, DRAWN, "tflm", engine, ["ADD", "MUL", "CONV_2D"])
    int8 = [tally for name, tally in tallies.items() if "uint8" not in name]
    assert sum(tally.values for tally in int8) > 1000
    assert sum(tally.wrong_values for tally in int8) == 0


def test_the_same_draw_is_the_same_file() -> None:
    first, second = (operator(3, 5, "MUL") for _ in range(2))
    assert first is not None and second is not None
    assert first.data() == second.data()
    assert label(first.nodes[0]).split()[0] == "MUL"


def test_known_differences_are_of_engines_and_operators() -> None:
    assert set(KNOWN) == set(ENGINES)
    names = {name.split()[0] for rows in KNOWN.values() for name in rows}
    assert names <= set(DRAWS)


def test_the_command_says_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    some = ["--networks", "3", "--operators", "SUM", "--seed", "2"]
    assert run.main(["--profile", "tflite-ref", *some]) == 0
    assert "gives -1 nearly everywhere" in capsys.readouterr().out
    assert run.main(["--profile", "tflite", *some]) == 0
    assert "differs" not in capsys.readouterr().out
