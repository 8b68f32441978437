"""Sums and means with Helium: on a board, and the C twin on this machine."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.kernels.dsp import elementwise
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, compile_layer, one_op_graph
from tests.kernels.dsp.test_elementwise import (
    channels,
    lengths,
    number_case,
    number_cases,
    pairs,
    products,
)
from tests.kernels.layers import SAME, WINDOWS, on, pool
from tests.kernels.mve.test_product import ALL_BUT_FLOAT, SANITIZED, TARGETS, TWIN, named
from tests.kernels.neon.layers import ROUNDINGS, runs_of


def add_case(
    count: int,
    scales: tuple[float, float],
    *,
    row: str | None = "mve/add_s8",
    zeros: tuple[int, int, int] = (3, -7, 5),
    out: float = 0.06,
    numerics=ROUNDINGS[0],
    activation: Activation = Activation.NONE,
) -> Case:
    """Return a sum of ``count`` codes; the inputs have ``scales``, the output ``out``."""
    numbers = zip(("a", "b", "y"), (*scales, out), zeros, strict=True)
    tensors = {
        name: Tensor(name, (count,), DType.INT8, QuantParams.per_tensor(scale, zero))
        for name, scale, zero in numbers
    }
    op = Add(inputs=("a", "b"), outputs=("y",), activation=activation)
    firsts = runs_of(np.random.default_rng(count), (count,))
    others = runs_of(np.random.default_rng(count + 1), (count,))
    runs = [[a[0], b[0]] for a, b in zip(firsts, others[1:] + others[:1], strict=True)]
    return Case(op, tensors, runs, row, numerics)


def mean_case(shape: tuple[int, ...], half_up: bool = False, row: str | None = None) -> Case:
    """Return the mean of whole images."""
    quant = QuantParams.per_tensor(0.5, -3)
    op = AveragePool2D(
        inputs=("x",), outputs=("y",), window=(shape[1], shape[2]), round_half_up=half_up
    )
    tensors = {
        "x": Tensor("x", shape, DType.INT8, quant),
        "y": Tensor("y", (shape[0], 1, 1, shape[3]), DType.INT8, quant),
    }
    return Case(op, tensors, runs_of(np.random.default_rng(5), shape), row)


def sums() -> list[Case]:
    """Return every tail, scales in both orders and equal ones, all roundings, extreme zeros."""
    cases = [add_case(count, (0.04, 0.03)) for count in (1, 3, 4, 5, 16, 17)]
    pairs = ((0.03, 0.04), (0.04, 0.04), (0.04, 0.01), (0.04, 0.02), (0.0300001, 0.03))
    cases += [add_case(300, pair, numerics=n) for pair in pairs for n in ALL_BUT_FLOAT]
    cases += [
        add_case(300, (0.04, 0.039), zeros=zeros, out=out)
        for zeros in ((-128, 127, -128), (127, -128, 127))
        for out in (0.02, 0.3)
    ]
    return cases


def means() -> list[Case]:
    """Return channels round a vector of eight, odd and even counts, and both roundings."""
    return [
        mean_case(shape, half_up, "mve/global_average_s8")
        for shape in ((1, 1, 1, 8), (2, 3, 3, 9), (1, 16, 16, 15), (1, 25, 5, 24), (3, 2, 1, 17))
        for half_up in (False, True)
    ]


def numbers() -> list[Case]:
    """Return float32 numbers that become codes."""
    return number_cases("mve/quantize_s8")


def on_helium(cases: list[Case]) -> list[Case]:
    """Return layers that must be given the rows of Helium in place of those of the extension."""
    names = {"dsp/add_s8": "mve/linear_sum_s8"}
    rows = [str(case.kernel) for case in cases]
    chosen = [names.get(row, row.replace("dsp/", "mve/")) for row in rows]
    return [replace(case, kernel=row) for case, row in zip(cases, chosen, strict=True)]


def largest() -> list[Case]:
    """Return maximum pools of channels round the vector."""
    cases = [
        pool(MaxPool2D, (2, 5, 6, channels), (3, 3), padding=padding)
        for channels in (16, 17, 31, 32, 33)
        for padding in (SAME, Padding())
    ]
    cases += [pool(MaxPool2D, x, w, **o) for x, w, o in WINDOWS if x[3] >= 16]
    return on("mve", cases)


ROWS = (
    *(partial(lambda make: on_helium(make()), make) for make in (lengths, pairs, channels)),
    means,
    numbers,
    largest,
)


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", ROWS)
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


@pytest.mark.parametrize("processor", TARGETS, ids=named)
def test_what_has_no_proven_form(processor: Target | str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise, "linear_sum", lambda op, io, schemes: None)
    monkeypatch.setattr(elementwise, "affine_form", lambda op, io, lowest: None)
    check_layers(sums(), processor)
    check_layers(on_helium(products()), processor)


def test_the_twin_has_no_undefined_behaviour(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = replace(TWIN, cflags=(*SANITIZED, *WARNINGS))
    for cases in ROWS:
        check_layers(cases(), twin)
    monkeypatch.setattr(elementwise, "linear_sum", lambda op, io, schemes: None)
    monkeypatch.setattr(elementwise, "affine_form", lambda op, io, lowest: None)
    check_layers(sums(), twin)
    check_layers(on_helium(products()), twin)


def test_nan_and_infinity() -> None:
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 3e38, -3e38, 0.0, -0.0], np.float32)
    case = number_case(8, 0.5, 27, "")
    for processor in TARGETS:
        compiled = compile_layer(one_op_graph(case.op, case.tensors), processor)
        assert np.asarray(compiled(special)).tolist() == [27, 27, 127, -128, 127, -128, 27, 27]


def test_what_it_does_not_take_is_left_to_others() -> None:
    cases = [
        add_case(8, (0.04, 0.03), row=None, numerics=ROUNDINGS[-1]),
        add_case(8, (0.04, 0.03), row=None, activation=Activation.RELU),
        mean_case((1, 2, 2, 7)),
        mean_case((1, 17, 16, 8)),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m55").isas)
        assert row is not None and row.id.split("/")[0] in ("dsp", "portable")
