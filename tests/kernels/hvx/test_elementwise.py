"""HVX sums, tables and changes of sign against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.kernels.hvx import elementwise
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.logistic import Logistic
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.targets import Target
from tests.kernel_harness import Case, check_layers
from tests.kernels.hvx.forms import check, each_form
from tests.kernels.layers import SCALES, add_case, all_pairs, on
from tests.kernels.neon.layers import ROUNDINGS

ONE = {"inputs": ("x",), "outputs": ("y",)}
LENGTHS = (127, 128, 129, 255, 256, 257, 383, 384, 511, 512, 513, 640)


@each_form
def test_every_sum_of_two_codes(form: Target) -> None:
    cases = [all_pairs(scales=s, numerics=n) for n in ROUNDINGS[:3] for s in SCALES]
    cases += [
        all_pairs(scales=SCALES[0], numerics=ROUNDINGS[3]),
        all_pairs(scales=SCALES[3], activation=Activation.RELU6),
        all_pairs(scales=SCALES[1], zeros=(-128, 127, -128)),
    ]
    check(on("hvx", cases), form)


@each_form
def test_sums_without_a_linear_form(form: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise, "linear_sum", lambda *_: None)
    cases = [all_pairs(scales=s, numerics=n) for n in ROUNDINGS[:3] for s in SCALES]
    cases += [
        all_pairs(scales=SCALES[3], activation=Activation.RELU6),
        all_pairs(scales=SCALES[1], zeros=(-128, 127, -128)),
        all_pairs(scales=(0.5, 0.4, 0.02), zeros=(127, -128, 0)),  # shifts to the left
    ]
    check(on("hvx", cases), form)


def one_code(op: Op, count: int, *types: DType, zeros: tuple[int, int] = (3, -128)) -> Case:
    """Return a function of one code."""
    scales = (0.05, 1 / 256)
    tensors = {
        name: Tensor(name, (count,), dtype, QuantParams.per_tensor(scale, zero))
        for name, dtype, scale, zero in zip("xy", types, scales, zeros, strict=True)
    }
    codes = np.resize(np.arange(256, dtype=np.uint8), count).view(types[0].numpy)
    return Case(op, tensors, [[codes]], "hvx/lookup_8" if count >= 128 else None)


@each_form
def test_tables_of_every_length(form: Target) -> None:
    cases = [one_code(Logistic(**ONE), count, DType.INT8, DType.INT8) for count in LENGTHS]
    cases += [
        one_code(HardSwish(**ONE), 300, DType.INT8, DType.INT8),
        one_code(Relu(**ONE), 300, DType.INT8, DType.INT8),
        one_code(Requantize(**ONE), 300, DType.UINT8, DType.INT8, zeros=(130, -7)),
        one_code(Requantize(**ONE), 300, DType.INT8, DType.UINT8, zeros=(-7, 130)),
    ]
    check(cases, form)


@each_form
def test_tables_share_a_function(form: Target) -> None:
    pair = (DType.INT8, DType.INT8)
    cases = [one_code(op(**ONE), 300, *pair) for op in (Logistic, HardSwish)]
    text = check_layers(tuple(cases), form, "equal").files["src/layers.c"]
    assert text.count("static void shared_lookup_8(") == 1


@each_form
def test_sums_of_every_length(form: Target) -> None:
    cases = [add_case(count, kernel="hvx/add_s8") for count in LENGTHS if count >= 128]
    check([*cases, add_case(100, kernel="portable/add_s8")], form)


@each_form
def test_sums_of_upper_halves(form: Target) -> None:
    # Either operand has the larger scale; no linear form holds.
    scales = ((0.05, 0.031, 0.05), (0.02, 0.031, 0.05))
    zeros = ((-3, 4, 5), (-128, 127, -128), (127, -128, 127))
    cases = [all_pairs(scales=s, zeros=z, kernel="hvx/add_s8") for s in scales for z in zeros]
    cases += [all_pairs(scales=s, activation=Activation.RELU6) for s in scales]
    text = check_layers(tuple(cases), form).files["src/layers.c"]
    assert text.count("const HVX_VectorPair a = edgeq_move_s8x128(") >= len(scales)


@each_form
def test_signs_are_flipped(form: Target) -> None:
    codes = np.resize(np.arange(256, dtype=np.uint8), 700)
    cases = []
    for types, zeros in (
        ((DType.UINT8, DType.INT8), (128, 0)),
        ((DType.INT8, DType.UINT8), (-5, 123)),
    ):
        tensors = {
            name: Tensor(name, (700,), dtype, QuantParams.per_tensor(0.05, zero))
            for name, dtype, zero in zip("xy", types, zeros, strict=True)
        }
        run = [codes.view(types[0].numpy)]
        cases.append(Case(Requantize(**ONE), tensors, [run], "hvx/flip_sign"))
    check(cases, form)
