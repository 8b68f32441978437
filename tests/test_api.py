"""The pipeline as a user meets it: the four lines of the README, and each step alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq import api, reference
from edgeq.errors import EdgeqError, TargetError, UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.ir.text import graph_text
from edgeq.passes.pipeline import PIPELINE
from edgeq.plan.program import Program
from tests.small_networks import float_network, network, pair


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a model file."""
    found = tmp_path / "small.npz"
    edgeq.save(network(), found)
    return found


def test_the_four_lines(path: Path) -> None:
    (x,) = reference.sample_inputs(network())
    model = edgeq.load(path)
    compiled = edgeq.compile(model, target="host")
    y = compiled(x)
    assert "l00_conv2d_s8" in str(compiled.profile(x))
    np.testing.assert_array_equal(y, reference.run(api.lower(model), [x])[0], strict=True)


def test_the_readme_shows_these_lines() -> None:
    shown = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for line in ("model = edgeq.load(path)", 'compiled = edgeq.compile(model, target="host")'):
        assert line in shown
        assert line in str(api.__doc__)


def test_saving_loses_nothing(path: Path) -> None:
    assert graph_text(edgeq.load(path)) == graph_text(network())
    assert api.model_hash(edgeq.load(str(path))) == api.model_hash(network())


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    assert api.model_hash(network(0)) != api.model_hash(network(1))
    other = tmp_path / "other_name.npz"
    edgeq.save(network(), other)
    assert api.model_hash(edgeq.load(other)) == api.model_hash(network())


def test_numerics_are_the_models_own_or_the_users() -> None:
    assert api.lower(network()).numerics == "gemmlowp"
    assert api.lower(network(), "single").numerics == "single"
    assert edgeq.compile(network(), numerics="single").program.numerics == "single"
    with pytest.raises(EdgeqError, match="unknown numerics profile 'nearly'"):
        edgeq.compile(network(), numerics="nearly")


def test_a_name_is_made_fit_for_c() -> None:
    assert edgeq.compile(network(), name="Net 2/3").program.name == "net_2_3"
    program, files = edgeq.generate(network(), name="int")
    assert program.name == "model_int"
    assert "include/model_int.h" in files


def test_targets_by_name_and_as_they_are() -> None:
    portable = edgeq.compile(network(), "portable").target
    assert edgeq.compile(network(), portable).target is portable
    with pytest.raises(TargetError, match="unknown target 'toaster'"):
        edgeq.generate(network(), "toaster")


@pytest.mark.parametrize("threads", [1, 3])
def test_code_optimized_for_size_gives_the_same_bits(threads: int) -> None:
    graph = network()
    arrays = reference.sample_inputs(graph)
    compiled = edgeq.compile(graph, "portable", threads=threads, optimize="size")
    assert compiled.program.optimize == "size"
    found = compiled.tensors(*arrays)
    for name, want in reference.run_tensors(api.lower(graph), arrays).items():
        np.testing.assert_array_equal(found.get(name, want), want, err_msg=name)
    assert len(compiled.profile(*arrays, repeats=1).rows) == len(compiled.program.calls)


def test_code_is_optimized_for_what_exists() -> None:
    with pytest.raises(EdgeqError, match="cannot optimize for 'beauty'"):
        edgeq.compile(network(), optimize="beauty")


def test_everything_between_can_be_observed() -> None:
    seen: list[tuple[str, object]] = []
    program, _ = edgeq.generate(network(), observe=lambda name, what: seen.append((name, what)))
    assert [name for name, _ in seen] == [*(step.__name__ for step in PIPELINE), "program"]
    assert all(isinstance(what, Graph) for _, what in seen[:-1])
    assert isinstance(seen[-1][1], Program)
    assert seen[-1][1] is program


def test_vectors_hold_one_run() -> None:
    lowered = api.lower(pair())
    arrays = reference.sample_inputs(lowered)
    (found,) = api.vectors(lowered)
    for want, have in zip(reference.run(lowered, arrays), found.outputs, strict=True):
        np.testing.assert_array_equal(have, want)
    assert set(found.tensors) == set(lowered.tensors)


def test_float_networks_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="float"):
        edgeq.compile(float_network())


def test_public_names() -> None:
    assert set(edgeq.__all__) >= {"load", "save", "compile", "generate", "EdgeqError"}
    for name in edgeq.__all__:
        assert getattr(edgeq, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = edgeq.missing
