"""NEON sums of two arrays against the reference, 32 and 64 bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.kernels.neon import elementwise
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.kernels.neon.layers import EXTREMES, ROUNDINGS

TARGETS = ("aarch64", "armv7-neon")
LENGTHS = (16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100)
SCALES = ((0.0394, 0.1042, 0.0509), (0.05, 0.05, 0.04), (0.2, 0.1, 0.15), (0.01, 0.3, 0.35))
ALL = np.arange(-128, 128).astype(np.int8)


def add_case(
    count: int,
    zeros: tuple[int, int, int] = (-3, 4, 5),
    scales: tuple[float, float, float] = SCALES[0],
    numerics: str | Numerics = "gemmlowp",
    activation: Activation = Activation.NONE,
    kernel: str | None = "neon/add_s8",
) -> Case:
    """Return a sum; one of all pairs of codes has both codes in order."""
    tensors = {
        name: Tensor(name, (count,), DType.INT8, QuantParams.per_tensor(scale, zero))
        for name, scale, zero in zip(("a", "b", "y"), scales, zeros, strict=True)
    }
    op = Add(inputs=("a", "b"), outputs=("y",), activation=activation)
    if count == 1 << 16:
        runs = [[np.repeat(ALL, 256), np.tile(ALL, 256)]]
    else:
        rng = np.random.default_rng(count)
        runs = [[rng.integers(-128, 128, count, dtype=np.int8) for _ in "ab"] for _ in range(2)]
        runs += [[rng.choice(EXTREMES, count) for _ in "ab"]]
    return Case(op, tensors, runs, kernel, numerics)


def all_pairs(**options: object) -> Case:
    """Return a sum of every pair of codes."""
    return add_case(1 << 16, **options)  # type: ignore[arg-type]


def lowered(case: Case) -> tuple[Add, Operands]:
    """Return the operation with finished numbers."""
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    assert isinstance(op, Add)
    return op, io


@pytest.fixture
def rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums have no linear form."""
    monkeypatch.setattr(elementwise, "linear_sum", lambda op, io, schemes: None)


@pytest.mark.parametrize("target", TARGETS)
def test_lengths_round_the_vector(target: str) -> None:
    check_layers([add_case(count) for count in LENGTHS], target)


@pytest.mark.parametrize("target", TARGETS)
def test_roundings_and_scales_on_all_pairs(target: str) -> None:
    cases = [all_pairs(scales=s, numerics=r) for s in SCALES for r in ROUNDINGS]
    check_layers([replace(case, kernel=None) for case in cases], target)


@pytest.mark.parametrize("target", TARGETS)
def test_zero_points_and_clamps_on_all_pairs(target: str) -> None:
    ends = (-128, 127)
    zeros = [(a, b, y) for a in ends for b in ends for y in ends]
    clamps = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
    cases = [all_pairs(zeros=z) for z in zeros]
    check_layers([*cases, *(all_pairs(activation=a, zeros=(2, -9, -30)) for a in clamps)], target)


def test_digits_of_both_lengths() -> None:
    cases = [all_pairs(scales=s, zeros=(0, 0, 0)) for s in ((0.5, 0.5, 1.0), SCALES[0])]
    facts = [elementwise.add_facts(*lowered(case)) for case in cases]
    assert [fact.flags["digits"] for fact in facts] == [2, 3]
    assert all("proven" in fact.note for fact in facts)
    check_layers(cases, "aarch64")


@pytest.mark.parametrize("target", TARGETS)
def test_terms_rescaled_one_by_one(target: str, rounded: None) -> None:
    by_integers = [r for r in ROUNDINGS if r.name != "float32"]
    cases = [all_pairs(scales=s, numerics=r) for s in SCALES for r in by_integers]
    ends = [all_pairs(zeros=z) for z in ((-128, 127, 127), (127, -128, -128))]
    clamped = all_pairs(activation=Activation.RELU6)
    check_layers([*cases, *ends, clamped], target)


def test_what_it_does_not_take_is_portable(rounded: None) -> None:
    by_float = next(r for r in ROUNDINGS if r.name == "float32")
    short = add_case(15, kernel="portable/add_s8")
    check_layers([short, add_case(64, numerics=by_float, kernel="portable/add_s8")], "aarch64")
