"""RAM of every real model: the arena against bounds counted here anew, the stack as compiled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq import api
from edgeq.emit.project import STACK_BYTES
from edgeq.host.sizes import stack_bytes
from edgeq.ir.graph import Graph
from edgeq.plan.program import Place, Program
from edgeq.targets import TARGETS, Target
from tests.models.catalogue import COMPILED, Model, parameters
from tests.models.projects import INCLUDE, WARNINGS, Project, build


def planned(model: Model, target: Target) -> tuple[Graph, Program]:
    """Return the lowered graph, which the plan reorders, and its program."""
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    return lowered, api.program_of(graph, lowered, target)


def lifetimes(graph: Graph, program: Program) -> dict[str, tuple[int, int]]:
    """Return the first and last call in which each computed tensor must exist.

    An operation without a call (a view, a split into slices of the whole) hands its memory on:
    what it reads lives as long as what it writes, and the other way round.
    """
    end = len(program.calls) - 1
    first = dict.fromkeys(graph.inputs, 0)
    last = dict.fromkeys(graph.outputs, end)
    for call in program.calls:
        first.update(dict.fromkeys(call.outputs, call.index))
        for name in (*call.inputs, *call.outputs):
            last[name] = max(last.get(name, 0), call.index)
    silent = [op for op in graph.ops if op.outputs[0] not in first]
    for op in silent:
        computed = [name for name in op.inputs if name in program.places]
        first.update(dict.fromkeys(op.outputs, max(first[name] for name in computed)))
    for op in reversed(silent):
        until = max(last.get(name, 0) for name in op.outputs)
        for name in op.inputs:
            last[name] = max(last.get(name, 0), until)
    return {name: (begin, max(begin, last.get(name, 0))) for name, begin in first.items()}
