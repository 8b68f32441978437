"""The HVX kernels as this machine can run them: by an emulated processor, and by the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from edgeq import reference
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph
from edgeq.ir.profiles import profile
from edgeq.ir.verify import verify
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.targets import Target
from edgeq.targets.hexagon import HEXAGON_HVX, modelled
from tests.kernel_harness import WARNINGS, Case, check_layers, compile_layer

# Signed overflow and misaligned access stop a program; it needs no library for that.
TRAPS = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")


def strict(target: Target, *cflags: str) -> Target:
    """Return a target whose builds accept no warning; ``cflags`` beside its own."""
    return replace(target, cflags=(*target.cflags, *cflags, *WARNINGS))


MODEL = strict(modelled(), *TRAPS)
FORMS = {"qemu": strict(HEXAGON_HVX), "model": MODEL}

each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def check(cases: Iterable[Case], form: Target) -> None:
    """Compare the C of layers, built as one network, with the reference."""
    check_layers(tuple(cases), form)


def inside(case: Case) -> Graph:
    """Return a layer between two copies: its memory is the arena's, aligned for vectors."""
    tensors = dict(case.tensors)
    for name in "xy":
        tensors[f"port_{name}"] = replace(tensors[name], name=f"port_{name}")
    first = MaxPool2D(inputs=("port_x",), outputs=("x",), window=(1, 1))
    last = MaxPool2D(inputs=("y",), outputs=("port_y",), window=(1, 1))
    ops = (first, case.op, last)
    graph = verify(Graph("layer", tensors, ops, ("port_x",), ("port_y",), "gemmlowp"))
    chosen = profile(case.numerics) if isinstance(case.numerics, str) else case.numerics
    return graph.with_ops([op.lower(io, chosen) for op, io in graph.walk()])


def check_inside(case: Case, form: Target) -> Compiled:
    """Compare the C of a layer in the arena with the reference."""
    graph = inside(case)
    compiled = compile_layer(graph, form)
    assert [call.kernel for call in compiled.program.calls][1] == case.kernel
    for arrays in case.runs:
        np.testing.assert_array_equal(compiled(*arrays), reference.run(graph, arrays)[0])
    return compiled
