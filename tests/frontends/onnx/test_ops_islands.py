from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edgeq.errors import UnsupportedError
from tests.frontends.onnx.one_quantized import FULL, Net, check, codes, kinds, lowered_of, scale

DTYPES = (np.int8, np.uint8)


def reals(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def between(net, x, code, y_scale, y_zero, *, x_scale=0.03, x_zero=None, inputs=(), **attributes):
    """Add codes, a float operation of their numbers, and codes; return the last name."""
    dtype = type(y_zero)
    zero = dtype(FULL[np.dtype(dtype)][0] + 120) if x_zero is None else x_zero
    net.q(x, f"{x}_codes", x_scale, zero)
    net.dq(f"{x}_codes", f"{x}_real", x_scale, zero)
    net.node(code, [f"{x}_real", *inputs], f"{x}_done", **attributes)
    net.q(f"{x}_done", f"{x}_out", y_scale, y_zero)
    return net.dq(f"{x}_out", "y", y_scale, y_zero)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [None, "Relu", "Clip"])
def test_conv(dtype, activation):
    rng = np.random.default_rng(0)
    for channels in (False, True):
        net = Net()
        x, w = reals(rng, 1, 3, 8, 8), codes(rng, np.int8, 6, 3, 3, 3)
        low = FULL[np.dtype(dtype)][0]
        x_zero = dtype(low + 100)
        net.q("x", "xq", 0.03, x_zero)
        net.dq("xq", "xf", 0.03, x_zero)
        steps = np.array([scale(rng, 0.01) for _ in range(6 if channels else 1)], np.float32)
        steps = steps if channels else steps.reshape(())
        zeros = np.zeros(steps.shape, np.int8)
        net.hold("w", w)
        net.dq("w", "wf", steps, zeros, **({"axis": 0} if channels else {}))
        net.hold("b", rng.integers(-9000, 9000, 6).astype(np.int32))
        held = np.broadcast_to(np.float32(0.03) * steps, (6,) if channels else ())
        net.dq("b", "bf", held, np.zeros(held.shape, np.int32), **({"axis": 0} if channels else {}))
        net.node("Conv", ["xf", "wf", "bf"], "c", pads=[1, 1, 1, 1])
        made, y_zero = "c", dtype(low + 128)
        if activation == "Relu":
            made, y_zero = net.node("Relu", ["c"], "r"), dtype(low)
        if activation == "Clip":
            bounds = [net.hold("lo", np.float32(0)), net.hold("hi", np.float32(6))]
            made, y_zero = net.node("Clip", ["c", *bounds], "r"), dtype(low)
        y_scale = 6 / 255 if activation == "Clip" else 0.4
        net.q(made, "yq", y_scale, y_zero)
        net.dq("yq", "y", y_scale, y_zero)
        graph = check(net.file({"x": x}, {"y": np.float32}), {"x": x})
        assert kinds(graph).count("conv2d") == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gemm", [False, True])
def test_matrix(dtype, gemm):
    rng = np.random.default_rng(1)
    net = Net()
    zero = dtype(FULL[np.dtype(dtype)][0] + 70)
    x, w = reals(rng, 3, 20), codes(rng, np.int8, 20, 7)
    net.hold("w", w.T if gemm else w)
    net.dq("w", "wf", 0.01, np.int8(0))
    inputs = ["wf"]
    if gemm:
        net.hold("b", rng.integers(-9000, 9000, 7).astype(np.int32))
        inputs.append(net.dq("b", "bf", np.float32(0.03) * np.float32(0.01), np.int32(0)))
    fields = {"transB": 1} if gemm else {}
    between(net, "x", "Gemm" if gemm else "MatMul", 0.1, zero, inputs=inputs, **fields)
    graph = check(net.file({"x": x}, {"y": np.float32}), {"x": x})
    assert kinds(graph) == ["quantize", "fully_connected", "dequantize"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [None, "before", "behind"])
@pytest.mark.parametrize("rows", [(4,), (2, 3)])
def test_linear_as_pytorch_writes_it(dtype, bias, rows):
    # Weights [O,I] are turned between their conversion and the product; what is added follows.
    rng = np.random.default_rng(11)
    net = Net()
    x, zero = reals(rng, *rows, 24), dtype(FULL[np.dtype(dtype)][0] + 99)
    net.dq(net.q("x", "xq", 0.03, zero), "xf", 0.03, zero)
    steps, zeros = rng.uniform(0.01, 0.03, 7).astype(np.float32), np.zeros(7, np.int8)
    net.dq(net.q(net.hold("w", reals(rng, 7, 24)), "wq", steps, zeros, axis=0), "wf", steps, zeros)
    net.nodes[-1].attribute.append(helper.make_attribute("axis", 0))
    net.node("Transpose", ["wf"], "wt", perm=[1, 0])
    made = net.node("MatMul", ["xf", "wt"], "m")
    if bias is not None:
        names = [net.hold("b", reals(rng, 7)), made]
        made = net.node("Add", names if bias == "before" else names[::-1], "a")
    net.node("Relu", [made], "r")
    net.dq(net.q("r", "rq", 0.05, zero), "y", 0.05, zero)
    graph = check(net.file({"x": x}, {"y": np.float32}), {"x": x})
    assert kinds(graph)[:2] == ["quantize", "fully_connected"]
    assert "qlinear_add" not in kinds(graph)


def test_a_product_with_a_sum_of_three_is_refused():
    rng = np.random.default_rng(12)
    net = Net()
    x, zero = reals(rng, 4, 24), np.uint8(99)
    net.dq(net.q("x", "xq", 0.03, zero), "xf", 0.03, zero)
    net.dq(net.hold("w", codes(rng, np.int8, 24, 7)), "wf", 0.02, np.int8(0))
    made = net.node("MatMul", ["xf", "wf"], "m")
    made = net.node("Add", [made, net.hold("b", reals(rng, 7)), net.hold("c", reals(rng, 7))], "a")
    net.dq(net.q(made, "rq", 0.05, zero), "y", 0.05, zero)
    with pytest.raises(UnsupportedError, match="MatMul in floating point"):
        lowered_of(net.file({"x": x}, {"y": np.float32}))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("code", ["Add", "Mul"])
def test_every_pair_of_codes(code, dtype):
    rng = np.random.default_rng(12)
    low, high = FULL[np.dtype(dtype)]
    line = np.arange(low, high).astype(np.float32)
    for run in range(8):
        net, arrays = Net(), {}
        steps = (scale(rng), scale(rng)) if run % 2 else (np.float32(0.03), np.float32(0.05))
        for name, step in zip("ab", steps, strict=True):
            zero = dtype(rng.integers(low, high))
            every = line.repeat(256) if name == "a" else np.tile(line, 256)
            arrays[name] = (every.reshape(256, 256) - np.float32(zero)) * step
            net.dq(net.q(name, f"{name}q", step, zero), f"{name}f", step, zero)
        net.node(code, ["af", "bf"], "s")
        base = max(steps) if code == "Add" else steps[0] * steps[1] * 90
        made, zero = np.float32(2 * base), dtype(rng.integers(low, high))
        net.dq(net.q("s", "sq", made, zero), "y", made, zero)
        check(net.file(arrays, {"y": np.float32}), arrays)


# Functions that ONNX Runtime leaves between the conversions, in float32.
FLOATS = {
    "Abs": {},
    "Ceil": {},
    "Celu": {"alpha": 0.7},
    "Cos": {},
    "Elu": {"alpha": 0.7},
    "Erf": {},
    "Exp": {},
    "Floor": {},
    "Gelu": {},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.4},
    "HardSwish": {},
    "LeakyRelu": {"alpha": 0.2},
    "Log": {},
    "Mish": {},
    "Neg": {},
    "Reciprocal": {},
    "Relu": {},
    "Round": {},
    "Selu": {},
    "Sigmoid": {},
    "Sign": {},
    "Sin": {},
    "Softplus": {},
    "Softsign": {},
    "Sqrt": {},
    "Tanh": {},
    "ThresholdedRelu": {"alpha": 0.5},
}


@pytest.mark.parametrize("code", FLOATS)
def test_function_of_every_code(code):
    rng = np.random.default_rng(3)
    for dtype in DTYPES:
        low, high = FULL[np.dtype(dtype)]
        step = scale(rng)
        zero = dtype(low if code in ("Log", "Sqrt") else low + 113)
        x = (np.arange(low, high).astype(np.float32) - np.float32(zero)) * step
        net = Net(20)
        y_zero = dtype(low + 100)
        between(net, "x", code, scale(rng, 0.01), y_zero, x_scale=step, x_zero=zero, **FLOATS[code])
        graph = check(net.file({"x": x}, {"y": np.float32}), {"x": x})
        assert kinds(graph)[1:-1] in (["table"], ["table", "table"])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("GlobalAveragePool", {}),
        ("MaxPool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("Softmax", {"axis": 1}),
        ("Transpose", {"perm": [0, 2, 3, 1]}),
        ("Flatten", {}),
        ("SpaceToDepth", {"blocksize": 2}),
    ],
)
def test_others(code, fields, dtype):
    rng = np.random.default_rng(4)
    low = FULL[np.dtype(dtype)][0]
    for y_scale, y_zero in (
        (0.03, dtype(low + 120)),
        (1 / 256, dtype(low)),
        (0.05, dtype(low + 9)),
    ):
        net = Net()
        x = reals(rng, 2, 3, 6, 6)
        between(net, "x", code, y_scale, y_zero, **fields)
        check(net.file({"x": x}, {"y": np.float32}), {"x": x})


def test_movement_between_islands_is_free():
    rng = np.random.default_rng(5)
    net = Net()
    x = reals(rng, 1, 3, 6, 6)
    zero = np.int8(-3)
    net.dq(net.q("x", "xq", 0.03, zero), "xf", 0.03, zero)
    net.node("MaxPool", ["xf"], "p", kernel_shape=[2, 2], strides=[2, 2])
    net.node("Transpose", ["p"], "t", perm=[0, 2, 3, 1])
    net.node("Reshape", ["t", net.hold("shape", np.array([1, -1]))], "f")
    net.hold("w", codes(rng, np.int8, 27, 4))
    net.dq("w", "wf", 0.01, np.int8(0))
    net.dq(net.q("f", "fq", 0.03, zero), "ff", 0.03, zero)
    net.node("MatMul", ["ff", "wf"], "m")
    net.dq(net.q("m", "mq", 0.1, zero), "y", 0.1, zero)
    graph = check(net.file({"x": x}, {"y": np.float32}), {"x": x})
    # The file takes [N,C,H,W]; nothing else moves.
    assert kinds(graph).count("transpose") == 1


def test_concat_of_several_codes():
    rng = np.random.default_rng(6)
    net = Net()
    for name, step in (("a", 0.02), ("b", 0.03)):
        net.dq(net.q(name, f"{name}q", step, np.int8(4)), f"{name}f", step, np.int8(4))
    net.node("Concat", ["af", "bf"], "c", axis=1)
    net.dq(net.q("c", "cq", 0.03, np.int8(4)), "y", 0.03, np.int8(4))
    arrays = {"a": reals(rng, 1, 2, 3, 3), "b": reals(rng, 1, 4, 3, 3)}
    check(net.file(arrays, {"y": np.float32}), arrays)


def test_pad_with_zeros():
    rng = np.random.default_rng(7)
    net = Net()
    x = reals(rng, 1, 2, 3, 3)
    pads = net.hold("pads", np.array([0, 0, 1, 2, 0, 0, 0, 1]))
    between(net, "x", "Pad", 0.03, np.int8(-8), inputs=[pads])
    check(net.file({"x": x}, {"y": np.float32}), {"x": x})


@pytest.mark.parametrize("dtype", DTYPES)
def test_resize(dtype):
    rng = np.random.default_rng(7)
    x, low = reals(rng, 1, 3, 5, 4), FULL[np.dtype(dtype)][0]
    for step in (0.03, 0.05):
        net = Net()
        by = net.hold("by", np.array([1, 1, 2, 2], np.float32))
        between(net, "x", "Resize", step, dtype(low + 120), inputs=["", by], mode="nearest")
        graph = check(net.file({"x": x}, {"y": np.float32}), {"x": x})
        assert kinds(graph).count("resize_nearest") == 1


def test_float_bias():
    rng = np.random.default_rng(8)
    net = Net()
    x = reals(rng, 1, 3, 6, 6)
    net.hold("w", codes(rng, np.int8, 4, 3, 3, 3))
    net.dq("w", "wf", 0.01, np.int8(0))
    bias = net.hold("b", reals(rng, 4))
    between(net, "x", "Conv", 0.2, np.int8(7), inputs=["wf", bias])
    check(net.file({"x": x}, {"y": np.float32}), {"x": x})


def test_what_stays_in_float_is_refused_by_name():
    rng = np.random.default_rng(9)
    x = reals(rng, 1, 3, 6, 6)
    net = Net()
    net.dq(net.q("x", "xq", 0.03, np.int8(0)), "xf", 0.03, np.int8(0))
    net.node("Softmax", ["xf"], "y")
    with pytest.raises(UnsupportedError, match=r"Softmax in floating point.*'y'"):
        lowered_of(net.file({"x": x}, {"y": np.float32}))
    net = Net()
    between(net, "x", "ReduceMean", 0.03, np.int8(0), axes=[2, 3])
    with pytest.raises(UnsupportedError, match="ReduceMean of what DequantizeLinear gives"):
        lowered_of(net.file({"x": x}, {"y": np.float32}))
    net = Net()
    by = net.hold("by", np.array([1, 1, 2, 2], np.float32))
    between(net, "x", "Resize", 0.03, np.int8(0), inputs=["", by], mode="linear")
    with pytest.raises(UnsupportedError, match="Resize with interpolation, in floating point"):
        lowered_of(net.file({"x": x}, {"y": np.float32}))
    net = Net()
    net.hold("w", reals(rng, 4, 3, 3, 3))
    between(net, "x", "Conv", 0.03, np.int8(0), inputs=["w"])
    with pytest.raises(UnsupportedError, match="Conv with weights that are not constant codes"):
        lowered_of(net.file({"x": x}, {"y": np.float32}))
