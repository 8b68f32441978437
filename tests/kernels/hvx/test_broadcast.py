"""HVX products, and sums and products with constants of channels, against the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.kernels.hvx import broadcast
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul
from edgeq.targets import Target
from tests.kernel_harness import Case
from tests.kernels.hvx.forms import check, each_form
from tests.kernels.layers import FACTORS, SCALES, add_case, all_pairs, channels_case
from tests.kernels.neon.layers import EXTREMES, ROUNDINGS

LENGTHS = (128, 129, 255, 256, 257, 511, 640)


@each_form
def test_every_product_of_two_codes(form: Target) -> None:
    row = {"cls": Mul, "kernel": "hvx/mul_s8"}
    cases = [all_pairs(scales=s, numerics=n, **row) for n in ROUNDINGS[:3] for s in FACTORS]
    cases += [
        all_pairs(scales=FACTORS[0], zeros=(-128, 127, -128), **row),
        all_pairs(scales=FACTORS[1], zeros=(127, -128, 127), activation=Activation.RELU6, **row),
        all_pairs(scales=FACTORS[0], numerics=ROUNDINGS[3], cls=Mul, kernel="portable/mul_s8"),
    ]
    check(cases, form)


@each_form
def test_products_of_every_length(form: Target) -> None:
    cases = [add_case(n, scales=FACTORS[0], cls=Mul, kernel="hvx/mul_s8") for n in LENGTHS]
    check([*cases, add_case(127, scales=FACTORS[0], cls=Mul, kernel="portable/mul_s8")], form)


def turning(second: tuple[int, ...], shape: tuple[int, ...], row: str) -> Case:
    """Return a product whose second operand is not constant and repeats."""
    rng = np.random.default_rng(len(second))
    tensors = {
        name: Tensor(name, size, DType.INT8, QuantParams.per_tensor(scale, zero))
        for name, size, scale, zero in (
            ("a", shape, 0.05, -3),
            ("b", second, 0.04, 4),
            ("y", shape, 0.3, 5),
        )
    }
    op = Mul(inputs=("a", "b"), outputs=("y",))
    runs = [[rng.choice(EXTREMES, size) for size in (shape, second)] for _ in range(2)]
    return Case(op, tensors, runs, row)


@each_form
def test_products_that_repeat(form: Target) -> None:
    row = "hvx/mul_turns_s8"
    cases = [
        turning((1, 1, 1, c), (1, 3, 43, c), row) for c in (1, 3, 64, 100, 127, 128, 129, 200, 256)
    ]
    cases += [
        turning((4, 50), (3, 4, 50), row),
        turning((1, 3, 43, 1), (1, 3, 43, 8), "portable/mul_broadcast_s8"),
    ]
    check(cases, form)


CHANNELS = (
    [(Add, SCALES[0], c, 20) for c in (7, 31, 64, 96, 127, 128, 129, 200, 256, 1000)]
    + [(Mul, FACTORS[0], c, 9) for c in (16, 33, 64, 128, 384)]
    + [(Mul, FACTORS[0], 130, 2)]
)


def of_channels(row: str) -> list[Case]:
    """Return layers with constants of channels, of as many runs each."""
    sizes = [found for found in CHANNELS if found[2] * found[3] >= 128]
    cases = [channels_case(cls, c, rows, scales=scales) for cls, scales, c, rows in sizes]
    cases += [
        channels_case(cls, 64, scales=scales, numerics=numerics)
        for cls, scales in ((Add, SCALES[2]), (Mul, FACTORS[1]))
        for numerics in ROUNDINGS[:3]
    ]
    cases += [channels_case(Mul, 40, zeros=(-128, 127, -128), scales=FACTORS[0])]
    cases += [channels_case(Add, 40, activation=Activation.RELU6)]
    return [replace(case, kernel=row) for case in cases]


@each_form
def test_constants_of_channels(form: Target) -> None:
    check(of_channels("hvx/affine_s8"), form)


@each_form
def test_a_constant_of_all_codes_is_a_table(form: Target) -> None:
    cases = [channels_case(cls, 1, 200, scales=SCALES[0]) for cls in (Add, Mul)]
    check([replace(case, kernel="hvx/lookup_8") for case in cases], form)


@each_form
def test_products_without_an_affine_form(form: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "affine_form", lambda *_: None)
    cases = [case for case in of_channels("hvx/mul_turns_s8") if isinstance(case.op, Mul)]
    check(cases, form)
