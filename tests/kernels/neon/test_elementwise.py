"""NEON sums and products against the reference, 32 and 64 bit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.ir.graph import Operands
from edgeq.kernels import affine
from edgeq.kernels.neon import elementwise
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.kernels.layers import FACTORS, SCALES, UNEVEN, add_case, all_pairs, channels_case, on
from tests.kernels.neon.layers import ROUNDINGS

TARGETS = ("aarch64", "armv7-neon")
LENGTHS = (16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100)
ROW = "neon/add_s8"
CLAMP = Activation.RELU6


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
    check_layers([add_case(count, kernel=ROW) for count in LENGTHS], target)


@pytest.mark.parametrize("target", TARGETS)
def test_roundings_and_scales_on_all_pairs(target: str) -> None:
    check_layers([all_pairs(scales=s, numerics=r) for s in SCALES for r in ROUNDINGS], target)


@pytest.mark.parametrize("target", TARGETS)
def test_zero_points_and_clamps_on_all_pairs(target: str) -> None:
    ends = (-128, 127)
    cases = [all_pairs(zeros=(a, b, y)) for a in ends for b in ends for y in ends]
    clamps = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
    cases += [all_pairs(activation=a, zeros=(2, -9, -30)) for a in clamps]
    check_layers(on("neon", cases), target)


def test_digits_of_both_lengths() -> None:
    cases = [all_pairs(scales=s, zeros=(0, 0, 0)) for s in ((0.5, 0.5, 1.0), SCALES[0])]
    facts = [elementwise.add_facts(*lowered(case)) for case in cases]
    assert [fact.flags["digits"] for fact in facts] == [2, 3]
    assert all("proven" in fact.note for fact in facts)
    check_layers(on("neon", cases), "aarch64")


@pytest.mark.parametrize("target", TARGETS)
def test_terms_rescaled_one_by_one(target: str, rounded: None) -> None:
    by_integers = [r for r in ROUNDINGS if r.name != "float32"]
    cases = [all_pairs(scales=s, numerics=r) for s in SCALES for r in by_integers]
    cases += [all_pairs(zeros=z) for z in ((-128, 127, 127), (127, -128, -128))]
    cases += [all_pairs(activation=Activation.RELU6)]
    check_layers(on("neon", cases), target)


@pytest.mark.parametrize("target", TARGETS)
def test_products(target: str) -> None:
    lengths = [add_case(count, cls=Mul, scales=FACTORS[0]) for count in LENGTHS]
    check_layers(on("neon", lengths), target)
    cases = [all_pairs(cls=Mul, scales=s, numerics=r) for s in FACTORS for r in ROUNDINGS]
    ends = ((-128, 127, 127), (127, 127, -128), (-128, -128, 0))
    cases += [all_pairs(cls=Mul, scales=FACTORS[0], zeros=z) for z in ends]
    cases += [all_pairs(cls=Mul, scales=FACTORS[0], activation=Activation.RELU6)]
    check_layers(on("neon", cases), target)


@pytest.mark.parametrize("target", TARGETS)
def test_constants_for_channels(target: str) -> None:
    ends = ((-128, 127, 127), (127, 127, -128), (-128, -128, 0))
    sums = [channels_case(Add, 32, scales=s, numerics=r) for s in UNEVEN for r in ROUNDINGS]
    sums += [channels_case(Add, 16, zeros=z) for z in ends]
    sums += [channels_case(Add, c, rows, activation=CLAMP) for c in (16, 48) for rows in (2, 3, 5)]
    products = [channels_case(Mul, 32, scales=s, numerics=r) for s in FACTORS for r in ROUNDINGS]
    products += [channels_case(Mul, 16, zeros=z, scales=FACTORS[0]) for z in ends]
    products += [channels_case(Mul, c, rows) for c in (16, 48) for rows in (2, 3, 5)]
    named = [(sums, "neon/affine_s8"), (products, "neon/mul_channels_s8")]
    check_layers([replace(case, kernel=row) for cases, row in named for case in cases], target)


def test_channels_of_three_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affine, "DIGITS", (3,))
    cases = [channels_case(Add, 32, scales=s) for s in UNEVEN]
    check_layers([replace(case, kernel="neon/affine_s8") for case in cases], "aarch64")


def test_what_it_does_not_take_is_portable(rounded: None) -> None:
    by_float = next(r for r in ROUNDINGS if r.name == "float32")
    cases = [add_case(15), add_case(64, numerics=by_float), add_case(15, cls=Mul)]
    check_layers(on("portable", cases), "aarch64")
    named: dict[type[Add] | type[Mul], str] = {
        Add: "portable/add_broadcast_s8",
        Mul: "portable/mul_broadcast_s8",
    }
    channels = [replace(channels_case(cls, 24), kernel=row) for cls, row in named.items()]
    check_layers(channels, "aarch64")
