"""AVX2 sums of two arrays against the reference."""

from __future__ import annotations

import pytest

from edgeq.ir.graph import Operands
from edgeq.kernels.linear import linear_sum
from edgeq.kernels.x86_avx2 import elementwise
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.kernels.layers import SCALES, add_case, all_pairs, on
from tests.kernels.x86_avx2.layers import ROUNDINGS, TARGET, needs_avx2

LENGTHS = (32, 33, 63, 64, 65, 95, 96, 97, 200)
ROW = "x86_avx2/add_s8"


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


def test_what_it_does_not_take_is_portable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise, "linear_sum", lambda op, io, schemes: None)
    check_layers(on("portable", [add_case(31), add_case(64)]), TARGET)
