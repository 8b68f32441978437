"""LSTM with the DSP extension: on a board, and the C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.kernels.dsp.fully_connected import DEEPEST
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers
from tests.kernels.dsp.test_product import SANITIZED, TARGETS, TWIN, named
from tests.ops.elementwise_cases import random_codes
from tests.ops.recurrent_cases import lowered
from tests.ops.recurrent_files import Lstm

ROW = "dsp/lstm_s8"
SIZES = (
    Lstm(),
    Lstm(batch=2, steps=3, depth=8, cells=1, zeros=(127, -128)),
    Lstm(batch=3, steps=2, depth=1, cells=9, time_major=True, clip=2.0, zeros=(-128, 127)),
    Lstm(depth=257, cells=8, cell_bits=4, loud=0.1),
)


def case(layer: Lstm, numerics: str = "tflite-ref") -> Case:
    graph = lowered(layer.file(), numerics)
    (op,) = (op for op in graph.ops if op.KIND == "lstm")
    tensors = {name: graph.tensors[name] for name in (*op.inputs, *op.outputs)}
    rng = np.random.default_rng(5)
    inputs = [tensors[name] for name in op.inputs if not tensors[name].is_constant]
    runs = [[random_codes(rng, tensor) for tensor in inputs] for _ in range(2)]
    runs += [[np.full_like(a, np.iinfo(a.dtype).min) for a in runs[0]]]
    return Case(op, tensors, runs, ROW, numerics)


def cases() -> list[Case]:
    return [case(layer, numerics) for layer in SIZES for numerics in ("tflite-ref", "tflm")]


@pytest.mark.parametrize("processor", TARGETS, ids=named)
def test_layers(processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    check_layers(cases(), replace(TWIN, cflags=(*SANITIZED, *WARNINGS)))


def test_both_widths_of_sums_are_taken() -> None:
    found = set()
    for layer in (SIZES[0], Lstm(depth=1200, loud=0.01)):
        graph = lowered(layer.file())
        op, io = next(graph.walk())
        row = select(op, io, target("cortex-m4").isas)
        assert row is not None
        found.update(row.facts(op, io).flags["functions"])
    assert found == {"narrow_sums", "wide_sums"}


def test_rows_that_are_too_deep_are_portable() -> None:
    graph = lowered(Lstm(depth=DEEPEST, cells=1, loud=0.001).file())
    op, io = next(graph.walk())
    row = select(op, io, target("cortex-m4").isas)
    assert row is not None
    assert row.id == "portable/lstm_s8"
