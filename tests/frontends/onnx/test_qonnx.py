"""Fewer bits than eight: QONNX's Quant, and QuantizeLinear with a Clip behind it (QCDQ)."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq import reference
from edgeq.errors import UnsupportedError
from tests.frontends.onnx.one_quantized import Net, check, codes, kinds, lowered_of
from tests.frontends.onnx.quantized_files import quantized_files


def quant(x, step, bits, *, signed=True, narrow=False, zero=0.0):
    """Return what QONNX defines, in float32."""
    low = -(2 ** (bits - 1)) + narrow if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
    coded = np.clip(np.rint(x / np.float32(step) + np.float32(zero)), low, high)
    return ((coded - np.float32(zero)) * np.float32(step)).astype(np.float32)


@pytest.mark.parametrize("bits", [2, 3, 4, 7, 8])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("narrow", [False, True])
def test_quant(bits, signed, narrow):
    net = Net()
    held = [net.hold("s", np.float32(0.25)), net.hold("z", np.float32(0))]
    held.append(net.hold("n", np.float32(bits)))
    fields = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": "ROUND"}
    net.node("qonnx.custom_op.general::Quant", ["x", *held], "y", **fields)
    x = np.linspace(-70, 70, 1121, dtype=np.float32)[None]
    graph = lowered_of(net.file({"x": x}, {"y": np.float32}))
    [got] = reference.run(graph, [x])
    np.testing.assert_array_equal(got, quant(x, 0.25, bits, signed=signed, narrow=narrow))


def test_layer_of_four_bits():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 2, 3, 3)).astype(np.float32)
    graph = lowered_of(list(quantized_files())[2])
    assert kinds(graph).count("conv2d") == 1
    [weights] = [t.array for t in graph.tensors.values() if t.is_constant]
    assert weights.dtype == np.int8 and weights.min() >= -8 and weights.max() <= 7
    [got] = reference.run(graph, [x])
    real = np.einsum(
        "oi,nihw->nohw", weights.reshape(3, 2) * np.float64(0.2), quant(x, 0.3, 4).astype(float)
    )
    # In float64: no sum here is near a tie.
    wanted = np.clip(np.rint(np.maximum(real, 0) / 0.25), 0, 15) * np.float32(0.25)
    np.testing.assert_array_equal(got, wanted.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_clipped_codes(dtype):
    rng = np.random.default_rng(1)
    net = Net()
    zero = dtype(0)
    low, high = (-8, 7) if dtype is np.int8 else (0, 15)
    bounds = [net.hold("low", dtype(low)), net.hold("high", dtype(high))]
    x, w = rng.normal(size=(1, 2, 5, 5)).astype(np.float32), rng.normal(size=(4, 2, 3, 3))
    net.q("x", "xq", 0.2, zero)
    net.node("Clip", ["xq", *bounds], "xc")
    net.dq("xc", "xf", 0.2, zero)
    net.q(net.hold("w", w.astype(np.float32)), "wq", 0.3, np.int8(0))
    net.node("Clip", ["wq", net.hold("wl", np.int8(-7)), net.hold("wh", np.int8(7))], "wc")
    net.dq("wc", "wf", 0.3, np.int8(0))
    net.node("Conv", ["xf", "wf"], "c")
    net.q("c", "cq", 0.5, zero)
    net.node("Clip", ["cq", *bounds], "cc")
    net.dq("cc", "y", 0.5, zero)
    graph = lowered_of(net.file({"x": x}, {"y": np.float32}))
    weights = next(t for t in graph.tensors.values() if t.is_constant and t.elements == 72)
    assert np.abs(weights.array).max() <= 7
    [got] = reference.run(graph, [x])
    assert set(np.unique(np.rint(got / 0.5))) <= set(range(low, high + 1))


def test_refused():
    for code, inputs, says in (
        ("qonnx.custom_op.general::BipolarQuant", ["x", "s"], "BipolarQuant"),
        ("qonnx.custom_op.general::Quant", ["x", "s", "z", "n16"], "of 16 bits"),
        ("qonnx.custom_op.general::Quant", ["x", "s", "nan", "n8"], "with a zero point of nan"),
        ("qonnx.custom_op.general::Quant", ["x", "s", "z", "two"], "with 2 widths"),
    ):
        net = Net()
        for name, value in (("s", 0.5), ("z", 0), ("nan", np.nan), ("n8", 8), ("n16", 16)):
            net.hold(name, np.float32(value))
        net.hold("two", np.float32([8, 8]))
        net.node(code, inputs, "y")
        with pytest.raises(UnsupportedError, match=says):
            lowered_of(net.file({"x": np.zeros((1, 2), np.float32)}, {"y": np.float32}))


def test_files_that_are_mutated_are_sound():
    rng = np.random.default_rng(2)
    operators, pairs, _ = quantized_files()
    check(operators, {"x": codes(rng, np.uint8, 1, 2, 4, 4)})
    check(pairs, {"x": rng.normal(size=(1, 2, 4, 4)).astype(np.float32)})
