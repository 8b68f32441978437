"""Comparing two ways of running a model: any different bit is found, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq import api, reference
from edgeq.errors import ModelError
from edgeq.host.compiled import Compiled
from edgeq.verify import compare, verify_model, verify_models
from tests.small_networks import pair

GRAPH = pair()
LOWERED = api.lower(GRAPH)
RUNS = tuple(reference.sample_inputs(LOWERED, seed) for seed in range(3))
GOLDEN = tuple(reference.run(LOWERED, run) for run in RUNS)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """Return the generated C of a small network."""
    return api.compile(GRAPH)


def differ(expected: np.ndarray, actual: np.ndarray) -> int:
    found = compare(0, "", "", "", expected, actual)
    return found.differing if found else 0


@settings(max_examples=30)
@given(st.data())
def test_every_changed_element_is_counted_and_the_first_is_named(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 5)))
    expected = np.arange(np.prod(shape)).reshape(shape)
    changed = data.draw(st.sets(st.integers(0, expected.size - 1)))
    actual = expected.copy()
    actual.reshape(-1)[list(changed)] += 1
    found = compare(7, "a and b", "layer", "t", expected, actual)
    if not changed:
        assert found is None
        return
    assert found is not None
    first = min(changed)
    assert (found.run, found.differing, found.elements) == (7, len(changed), expected.size)
    assert found.index == np.unravel_index(first, shape)
    assert (found.expected, found.actual) == (first, first + 1)


def test_large_integers_are_told_apart() -> None:
    found = compare(0, "a and b", "layer 3", "t", np.array([2**60 + 1]), np.array([2**60]))
    assert found is not None
    assert "expected 1152921504606846977, got 1152921504606846976" in str(found)


def test_reals_are_compared_by_their_bits() -> None:
    nan = np.float32("nan")
    assert differ(np.float32([0.0, 1, nan]), np.float32([0.0, 1, -nan])) == 0
    assert differ(np.float32([0.0, 1, nan]), np.float32([-0.0, 1, 3])) == 2
    assert differ(np.float32(0.0), np.float32(-0.0)) == 1


def test_equal_runs_pass(compiled: Compiled) -> None:
    verdict = verify_model(LOWERED, compiled, RUNS, GOLDEN)
    assert verdict.passed
    assert (verdict.runs, verdict.tensors, verdict.values) == (3, 2, 3 * 7)
    assert (verdict.golden_values, verdict.differing_golden_values) == (21, 0)
    assert verdict.facts()["passed"] is True


def test_all_different_goldens_are_counted_and_the_first_named(compiled: Compiled) -> None:
    spoiled = [tuple(array.copy() for array in run) for run in GOLDEN]
    spoiled[1][1][0, 2] ^= 1
    spoiled[2][0][0, :2] ^= 1
    verdict = verify_model(LOWERED, compiled, RUNS, spoiled)
    assert verdict.differing_golden_values == 3
    assert verdict.difference is not None
    assert (verdict.difference.run, verdict.difference.tensor) == (1, "s")
    assert verdict.difference.between == "golden and C"


def test_an_output_that_differs_from_its_own_layers_is_found(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = Compiled.trace

    def spoiled(self: Compiled, runs: Any) -> Iterator[Any]:
        for tensors, (first, second) in trace(self, runs):
            yield tensors, (first, second + 1)

    monkeypatch.setattr(Compiled, "trace", spoiled)
    verdict = verify_model(LOWERED, compiled, RUNS, GOLDEN)
    assert verdict.difference is not None
    assert verdict.difference.between == "reference and C"
    assert verdict.difference.layer == "output 1"
    assert verdict.differing_golden_values == 12


def test_several_programs_get_a_verdict_each(compiled: Compiled) -> None:
    verdicts = verify_models(LOWERED, (compiled, api.compile(GRAPH, "portable")), RUNS)
    assert [verdict.target for verdict in verdicts] == ["host", "portable"]
    assert all(verdict.passed and verdict.golden_values == 0 for verdict in verdicts)


@pytest.mark.parametrize(("runs", "golden"), [(3, 2), (2, 3)])
def test_each_run_has_its_golden(compiled: Compiled, runs: int, golden: int) -> None:
    with pytest.raises(ModelError, match=f"{golden} golden runs"):
        verify_model(LOWERED, compiled, RUNS[:runs], GOLDEN[:golden])
