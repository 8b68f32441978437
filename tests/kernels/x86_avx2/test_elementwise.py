"""AVX2 sums and products against the reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.ir.graph import Operands
from edgeq.kernels import affine
from edgeq.kernels.linear import linear_sum
from edgeq.kernels.x86_avx2 import elementwise
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.kernels.layers import FACTORS, SCALES, UNEVEN, add_case, all_pairs, channels_case, on
from tests.kernels.neon.layers import ROUNDINGS
from tests.kernels.x86_avx2.layers import TARGET, needs_avx2

LENGTHS = (32, 33, 63, 64, 65, 95, 96, 97, 200)
ROW = "x86_avx2/add_s8"
ENDS = ((-128, 127, 127), (127, 127, -128), (-128, -128, 0))


def lowered(case: Case) -> tuple[Add, Operands]:
    """Return the operation with finished numbers."""
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    assert isinstance(op, Add)
    return op, io


@needs_avx2
def test_lengths_round_the_vector() -> None:
    check_layers([add_case(count, kernel=ROW) for count in LENGTHS], TARGET)


@needs_avx2
def test_roundings_and_scales_on_all_pairs() -> None:
    check_layers([all_pairs(scales=s, numerics=r) for s in SCALES for r in ROUNDINGS], TARGET)


@needs_avx2
def test_zero_points_and_clamps_on_all_pairs() -> None:
    ends = (-128, 127)
    zeros = [(a, b, y) for a in ends for b in ends for y in ends]
    # The sum of two codes that are never positive, if its zero point is the least, is that.
    cases = [all_pairs(zeros=z) for z in zeros if z != (127, 127, -128)]
    clamps = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
    cases += [all_pairs(activation=a, zeros=(2, -9, -30)) for a in clamps]
    check_layers(on("x86_avx2", cases), TARGET)


@needs_avx2
@pytest.mark.parametrize("digits", [2, 3, 4])
def test_digits_of_every_length(monkeypatch: pytest.MonkeyPatch, digits: int) -> None:
    case = all_pairs(scales=(0.5, 0.5, 1.0), zeros=(0, 0, 0))
    schemes = elementwise.SCHEMES[digits - 2 : digits - 1]
    form = linear_sum(*lowered(case), schemes)
    assert form is not None and len(form.digits) == digits
    monkeypatch.setattr(elementwise, "SCHEMES", schemes)
    check_layers(on("x86_avx2", [case]), TARGET)


@needs_avx2
def test_products() -> None:
    lengths = [add_case(count, cls=Mul, scales=FACTORS[0]) for count in (16, 17, 31, *LENGTHS)]
    check_layers(on("x86_avx2", lengths), TARGET)
    cases = [all_pairs(cls=Mul, scales=s, numerics=r) for s in FACTORS for r in ROUNDINGS]
    cases += [all_pairs(cls=Mul, scales=FACTORS[0], zeros=z) for z in ENDS]
    cases += [all_pairs(cls=Mul, scales=FACTORS[0], activation=Activation.RELU6)]
    check_layers(on("x86_avx2", cases), TARGET)


@needs_avx2
def test_constants_for_channels() -> None:
    sums = [channels_case(Add, 64, scales=s, numerics=r) for s in UNEVEN for r in ROUNDINGS]
    sums += [channels_case(Add, 32, zeros=z) for z in ENDS]
    sums += [channels_case(Add, 96, rows, activation=Activation.RELU6) for rows in (2, 3)]
    products = [channels_case(Mul, 32, scales=s, numerics=r) for s in FACTORS for r in ROUNDINGS]
    products += [channels_case(Mul, 16, zeros=z, scales=FACTORS[0]) for z in ENDS]
    products += [channels_case(Mul, c, rows) for c in (16, 48) for rows in (2, 3)]
    named = [(sums, "x86_avx2/affine_s8"), (products, "x86_avx2/mul_channels_s8")]
    check_layers([replace(case, kernel=row) for cases, row in named for case in cases], TARGET)


@needs_avx2
def test_channels_of_three_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affine, "DIGITS", (3,))
    cases = [channels_case(Add, 32, scales=s) for s in UNEVEN]
    check_layers([replace(case, kernel="x86_avx2/affine_s8") for case in cases], TARGET)


def test_what_it_does_not_take_is_portable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise, "linear_sum", lambda op, io, schemes: None)
    check_layers(on("portable", [add_case(31), add_case(64), add_case(15, cls=Mul)]), TARGET)
    named: dict[type[Add] | type[Mul], str] = {
        Add: "portable/add_broadcast_s8",
        Mul: "portable/mul_broadcast_s8",
    }
    channels = [replace(channels_case(cls, 24), kernel=row) for cls, row in named.items()]
    check_layers(channels, TARGET)
