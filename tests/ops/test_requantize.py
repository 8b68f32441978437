from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams, Rounding
from edgeq.ir.types import DType
from edgeq.ops.requantize import Requantize
from tests.kernel_harness import check_layer, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import (
    all_codes,
    by_name,
    coded,
    evaluate,
    scales,
    tflite,
    zeros,
)

TYPES = (DType.INT8, DType.UINT8, DType.INT16)
PAIRS = tuple(itertools.product(TYPES, TYPES))
# What LiteRT takes.
TAKEN = tuple(pair for pair in PAIRS if pair != (DType.INT16, DType.UINT8))
OP = Requantize(inputs=("x",), outputs=("y",))


@pytest.mark.parametrize(("source", "target"), TAKEN)
@given(st.data())
@settings(max_examples=25)
def test_equals_litert(source: DType, target: DType, data: st.DataObject) -> None:
    symmetric = source is target is DType.INT16
    codes = all_codes(source)
    pair = [
        coded(name, codes.shape, t, data.draw(scales()), 0 if symmetric else data.draw(zeros(t)))
        for name, t in (("x", source), ("y", target))
    ]
    expected = run_litert(tflite("QUANTIZE", pair, QuantizeOptions={}), [codes])[0]
    np.testing.assert_array_equal(evaluate(OP, pair, [codes]), expected)


def test_last_bits_equal_litert() -> None:
    """A factor formed in float32 would change a code at these scales."""
    x, y = coded("x", (256,), scale=0.48533332), coded("y", (256,), scale=0.37720206)
    codes = all_codes(DType.INT8)
    expected = run_litert(tflite("QUANTIZE", (x, y), QuantizeOptions={}), [codes])[0]
    np.testing.assert_array_equal(evaluate(OP, (x, y), [codes]), expected)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("factor", [1.0, 0.0031, 0.5, 1.7, 130.0])
def test_kernel(source: DType, target: DType, factor: float) -> None:
    codes = all_codes(source)
    x = coded("x", codes.shape, source, factor / 8, source.max - 5)
    y = coded("y", codes.shape, target, 1 / 8, target.min + 40)
    small = DType.INT16 not in (source, target)
    kernel = "offset_clamp" if factor == 1 else "lookup_s8" if small else "requantize"
    check_layer(OP, by_name(x, y), [[codes]], kernel=f"portable/{kernel}")


@pytest.mark.parametrize("factor", [1.0, 0.5, 0.0031, 1.7, 900.0])
def test_int16_to_int32(factor: float) -> None:
    codes = all_codes(DType.INT16)
    x = coded("x", codes.shape, DType.INT16, factor / 8, -32768)
    y = coded("y", codes.shape, DType.INT32, 1 / 8)
    expected = run_litert(tflite("QUANTIZE", (x, y), QuantizeOptions={}), [codes])[0]
    np.testing.assert_array_equal(evaluate(OP, (x, y), [codes]), expected)
    kernel = "offset_clamp" if factor == 1 else "requantize"
    check_layer(OP, by_name(x, y), [[codes]], kernel=f"portable/{kernel}")


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("factor", [1.0, 2**-9, 3.3])
def test_kernel_under_every_rounding(
    rounding: Rounding, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Numerics("chosen", "", rounding)
    monkeypatch.setattr("tests.kernel_harness.profile", lambda name: chosen)
    codes = all_codes(DType.INT16)
    x = coded("x", codes.shape, DType.INT16, factor / 8, -77)
    y = coded("y", codes.shape, DType.INT16, 1 / 8, 5)
    check_layer(OP, by_name(x, y), [[codes]])


@pytest.mark.parametrize("count", [1, 15, 16, 33])
@pytest.mark.parametrize(
    ("source", "target"), [(DType.UINT8, DType.INT8), (DType.INT8, DType.UINT8)]
)
def test_between_uint8_and_int8_one_bit_flips(source: DType, target: DType, count: int) -> None:
    zero = source.min + 100
    offset = -128 if source is DType.UINT8 else 128
    x = coded("x", (count,), source, 0.3, zero)
    y = coded("y", (count,), target, 0.3, zero + offset)
    codes = all_codes(source)
    runs = [np.resize(np.roll(codes, shift), count) for shift in range(0, 256, count)]
    compiled = check_layer(OP, by_name(x, y), [[r] for r in runs], kernel="portable/flip_sign")
    np.testing.assert_array_equal(compiled(runs[0]).view(np.uint8), runs[0].view(np.uint8) ^ 0x80)


@given(st.sampled_from(PAIRS), st.data())
def test_a_finer_scale_and_back_changes_nothing(
    pair: tuple[DType, DType], data: st.DataObject
) -> None:
    """16 times finer and no saturation: every code comes back."""
    source, _ = pair
    codes = np.arange(-100, 101) if source is DType.INT8 else np.arange(0, 201)
    x = coded("x", codes.shape, source, data.draw(scales()), int(codes[100]))
    y = coded("y", codes.shape, DType.INT16, x.scale / 16, data.draw(st.integers(-999, 999)))
    there = evaluate(OP, (x, y), [codes.astype(source.numpy)])
    back = Requantize(inputs=("y",), outputs=("x",))
    np.testing.assert_array_equal(evaluate(back, (y, x), [there]), codes)


def test_a_graph_that_is_not_lowered_goes_through_real_numbers() -> None:
    found = by_name(coded("x", (3,), DType.INT8, 0.5, 1), coded("y", (3,), DType.UINT8, 0.25, 9))
    io = Graph("g", found, (OP,), ("x",), ("y",)).operands(OP)
    (y,) = OP.evaluate_float(io, [np.array([-128, 1, 3], np.int8)])
    assert y.tolist() == [0, 9, 13]


def test_a_factor_that_leaves_32_bits() -> None:
    found = by_name(coded("x", (4,), DType.INT16, 1.0), coded("y", (4,), DType.INT8, 2**-20))
    with pytest.raises(QuantizationError, match="can leave 32 bits"):
        one_op_graph(OP, found)


def test_scales_per_channel_are_rejected() -> None:
    quant = QuantParams((1.0, 2.0, 3.0), (0, 0, 0), axis=1)
    x = Tensor("x", (2, 3), DType.INT8, quant, np.zeros((2, 3)))
    with pytest.raises(ModelError, match="'x' has a scale per channel"):
        OP.check(Operands((x,), (coded("y", (2, 3)),)))
