"""RAM of every real model: the arena against bounds counted here anew, the stack as compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeq
from edgeq import api
from edgeq.host.sizes import stack_bytes
from edgeq.targets import TARGETS, Target, target
from tests.models.arena import check_arena
from tests.models.catalogue import COMPILED, SMALL, Model, parameters
from tests.models.projects import INCLUDE, WARNINGS, Project, build

# test_exact and test_targets plan these to run them, and look at the arena then.
ELSEWHERE = {"host": COMPILED, "portable": SMALL, "hexagon": SMALL, "hexagon-hvx": SMALL}


def looked_at(each: Target) -> tuple[Model, ...]:
    """Return the models whose arena on a target is checked where they run."""
    if each.runner is None:
        return ()
    return SMALL if each.stream else ELSEWHERE.get(each.name, COMPILED)


# The search for stages takes seconds for networks that no microcontroller holds.
PLANNED = [
    pytest.param(model, each, id=f"{model.stem}-{name}")
    for name, each in TARGETS.items()
    for model in (SMALL if each.stream else COMPILED)
    if model not in looked_at(each)
]


@pytest.mark.parametrize(("model", "target"), PLANNED)
def test_the_arena_is_the_bytes_that_are_needed_at_once(model: Model, target: Target) -> None:
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    check_arena(lowered, api.program_of(graph, lowered, target), target)


@parameters(COMPILED)
def test_code_has_no_warnings_and_keeps_its_stack_bound(generated: Project, tmp_path: Path) -> None:
    header = (generated.root / "include" / f"{generated.name}.h").read_text(encoding="utf-8")
    assert f"_STACK_BYTES {target('portable').stack}\n" in header
    # Optimised, GCC warns of more: its flow analysis sees values through calls.
    flags = (*WARNINGS, *INCLUDE, "-O2", "-ffp-contract=off", "-fstack-usage")
    layers = f"src/{generated.name}.c"
    build("gcc", generated.root, *flags, "-c", layers, "-o", str(tmp_path / "layers.o"))
    assert 0 < stack_bytes([tmp_path / "layers.su"]) <= target("portable").stack
