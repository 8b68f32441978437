"""HVX rows between float32 numbers and codes against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.types import DType
from edgeq.kernels.hvx.quantize import division
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.quantize import Quantize
from edgeq.targets import Target
from tests.kernel_harness import Case, compile_layer, one_op_graph
from tests.kernels.hvx.forms import check, each_form
from tests.kernels.neon.layers import ROUNDINGS
from tests.ops.elementwise_cases import by_name, coded
from tests.ops.test_quantize import SPECIAL

ROW = "hvx/quantize_s8"
SCALES = (1 / 255, 0.0078125, 0.1, 0.05, 1.0, 0.7, 37.5, 1e-9, 3e5)
MENDED = tuple(0.0123 * 1.013**n for n in range(40))


def thresholds(scale: float, zero: int) -> np.ndarray:
    """Return the numbers round which codes change, of either sign, and any others."""
    codes = np.arange(0, 260) + np.float32(0.5)
    near = (codes * np.float32(scale)).astype(np.float32).view(np.int32)
    around = (near[:, None] + np.arange(-2, 3)).ravel().astype(np.int32).view(np.float32)
    rng = np.random.default_rng(abs(zero))
    anything = rng.integers(0, 1 << 32, 500, dtype=np.uint32).view(np.float32)
    numbers = np.concatenate([around, -around, anything])
    return numbers[np.isfinite(numbers)]


def quantized(scale: float, zero: int, count: int = 0, row: str = ROW, **changes: object) -> Case:
    numbers = thresholds(scale, zero)
    numbers = np.resize(numbers, count) if count else numbers
    x = coded("x", numbers.shape, DType.FLOAT32)
    y = coded("y", numbers.shape, DType.INT8, scale, zero)
    op = Quantize(inputs=("x",), outputs=("y",))
    return Case(op, by_name(x, y), [[numbers]], row, **changes)  # type: ignore[arg-type]


@each_form
def test_every_threshold(form: Target) -> None:
    cases = [quantized(s, z) for s in SCALES for z in (-128, 127, -5)]
    mended = [s for s in MENDED if (found := division(float(np.float32(s)), 255)) and found.mends]
    assert mended
    cases += [quantized(s, -128) for s in mended[:3]]
    cases += [quantized(0.1, 3, count) for count in (128, 129, 255, 256, 257)]
    cases += [quantized(0.1, 3, numerics=rounding) for rounding in ROUNDINGS[:3]]
    cases += [
        quantized(0.1, 3, 127, row="portable/quantize"),
        quantized(0.1, 3, row="portable/quantize", numerics=ROUNDINGS[3]),
    ]
    check(cases, form)


@each_form
def test_nan_and_infinity(form: Target) -> None:
    numbers = np.resize(SPECIAL, 130)
    case = quantized(0.5, 27, 130)
    graph = one_op_graph(case.op, case.tensors)
    op = graph.ops[0]
    want = op.evaluate(graph.operands(op), [numbers])[0]
    assert want[:4].tolist() == [27, 27, 127, -128]
    np.testing.assert_array_equal(compile_layer(graph, form)(numbers), want)


@pytest.mark.parametrize("scale", SCALES)
def test_codes_of_all_numbers_of_some_exponents(scale: float) -> None:
    found = division(float(np.float32(scale)), 255)
    assert found is not None
    near = int(np.float32(scale * 3).view(np.int32)) & ~0x7FFFFF
    bits = np.arange(near, near + (1 << 23), 7)
    quotient = bits.astype(np.int32).view(np.float32) / np.float32(scale)
    whole = np.trunc(quotient)
    want = whole + (quotient - whole >= 0.5)
    mends = dict(found.mends)
    have = found.codes(bits) + np.array([mends.get(int(b), 0) // 2 for b in bits] if mends else 0)
    inside = want <= 255
    np.testing.assert_array_equal(have[inside], want[inside])


@pytest.mark.parametrize("scale", [1e-38, 1e38])
def test_scales_at_the_ends_of_float32_have_no_form(scale: float) -> None:
    assert division(scale, 255) is None


def reals(scale: float, zero: int, count: int, row: str = "hvx/dequantize_s8") -> Case:
    codes = np.resize(np.arange(256, dtype=np.uint8).view(np.int8), count)
    x = coded("x", (count,), DType.INT8, scale, zero)
    y = coded("y", (count,), DType.FLOAT32)
    return Case(Dequantize(inputs=("x",), outputs=("y",)), by_name(x, y), [[codes]], row)


@each_form
def test_numbers_of_codes(form: Target) -> None:
    cases = [reals(s, z, 256) for s in (0.1, 37.5, 1e-9) for z in (-128, 127, -5)]
    cases += [reals(0.3, 4, count) for count in (128, 129, 255, 257, 640)]
    check([*cases, reals(0.3, 4, 127, "portable/dequantize")], form)
