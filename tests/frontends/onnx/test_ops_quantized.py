from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.frontends.onnx.one_quantized import FULL, Net, check, codes, kinds, scale

DTYPES = (np.int8, np.uint8)
PAIRS = ((np.int8, np.int8), (np.uint8, np.int8), (np.uint8, np.uint8))


def some_zero(rng, dtype):
    return dtype(rng.integers(*FULL[np.dtype(dtype)]))


def conv_net(rng, dtype, wtype, x, w, *, channels, w_zero, bias, **attributes):
    net = Net()
    outs = w.shape[0]
    steps = np.array([scale(rng, 0.01) for _ in range(outs if channels else 1)], np.float32)
    zeros = np.full(steps.shape, w_zero, wtype)
    if not channels:
        steps, zeros = steps.reshape(()), zeros.reshape(())
    reach = 0.01 * 0.05 * 74 * 74 * np.sqrt(w[0].size)
    inputs = ["x", *net.code("x", scale(rng), some_zero(rng, dtype))]
    inputs += [net.hold("w", w), *net.code("w", steps, zeros)]
    inputs += net.code("y", scale(rng, reach / 60), some_zero(rng, dtype))
    if bias:
        inputs.append(net.hold("b", rng.integers(-20000, 20000, outs).astype(np.int32)))
    net.node("QLinearConv", inputs, "y", **attributes)
    return net.file({"x": x}, {"y": dtype})


CONVS = {
    "plain": ((2, 3, 7, 6), (5, 3, 3, 3), {}),
    "padded": ((1, 4, 6, 9), (7, 4, 3, 2), {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
    "dilated": ((1, 2, 9, 9), (3, 2, 3, 3), {"dilations": [2, 3]}),
    "grouped": ((1, 6, 5, 5), (9, 2, 3, 3), {"group": 3}),
    "depthwise": ((1, 5, 6, 6), (10, 1, 3, 3), {"group": 5, "pads": [1, 1, 1, 1]}),
    "line": ((2, 3, 11), (4, 3, 4), {"auto_pad": "SAME_UPPER"}),
    "one pixel": ((1, 33, 1, 1), (17, 33, 1, 1), {}),
    "many taps": ((1, 64, 5, 5), (4, 64, 5, 5), {}),
}


@pytest.mark.parametrize("name", CONVS)
@pytest.mark.parametrize(("dtype", "wtype"), PAIRS)
def test_conv(name, dtype, wtype):
    shape, filters, attributes = CONVS[name]
    rng = np.random.default_rng(len(name))
    for channels, asymmetric in itertools.product((False, True), repeat=2):
        x, w = codes(rng, dtype, *shape), codes(rng, wtype, *filters)
        middle = 128 if wtype is np.uint8 else 0
        w_zero = middle
        if asymmetric:
            w_zero = middle + 9
            if channels:
                # Kept inside int8 when the zero point is taken off.
                w = (w.astype(int) // 2 + middle // 2).astype(wtype)
        data = conv_net(
            rng, dtype, wtype, x, w, channels=channels, w_zero=w_zero, bias=asymmetric, **attributes
        )
        check(data, {"x": x})


@pytest.mark.parametrize(("dtype", "wtype"), PAIRS)
@pytest.mark.parametrize("gemm", [False, True])
def test_matrix(dtype, wtype, gemm):
    rng = np.random.default_rng(3)
    for rows, depth, outs in ((1, 480, 32), (5, 17, 9), (3, 1, 1)):
        for channels, bias in itertools.product((False, True), repeat=2):
            x, w = codes(rng, dtype, rows, depth), codes(rng, wtype, depth, outs)
            net = Net()
            steps = np.array([scale(rng, 0.01) for _ in range(outs)], np.float32)
            zeros = np.full(outs, 128 if wtype is np.uint8 else 0, wtype)
            if not channels:
                steps, zeros = steps[0], wtype(zeros[0] + 3)
            inputs = ["x", *net.code("x", scale(rng), some_zero(rng, dtype))]
            inputs += [net.hold("w", w.T if gemm else w), *net.code("w", steps, zeros)]
            result = net.code("y", scale(rng, 0.04 * np.sqrt(depth)), some_zero(rng, dtype))
            if gemm:
                held = rng.integers(-9000, 9000, outs).astype(np.int32)
                inputs.append(net.hold("b", held) if bias else "")
                net.node("com.microsoft::QGemm", [*inputs, *result], "y", transB=1)
            else:
                net.node("QLinearMatMul", [*inputs, *result], "y")
            check(net.file({"x": x}, {"y": dtype}), {"x": x})


@pytest.mark.parametrize("dtype", DTYPES)
def test_product_of_two_inputs(dtype):
    rng = np.random.default_rng(4)
    for a, b in (((2, 3, 5), (2, 5, 4)), ((7, 6), (6, 3)), ((2, 1, 4, 8), (3, 8, 2))):
        net = Net()
        inputs = ["a", *net.code("a", scale(rng), some_zero(rng, dtype))]
        inputs += ["b", *net.code("b", scale(rng), some_zero(rng, dtype))]
        inputs += net.code("y", scale(rng, 0.5), some_zero(rng, dtype))
        net.node("QLinearMatMul", inputs, "y")
        arrays = {"a": codes(rng, dtype, *a), "b": codes(rng, dtype, *b)}
        check(net.file(arrays, {"y": dtype}), arrays)


def pairs(dtype):
    """Return every pair of codes, as two arrays."""
    low, high = FULL[np.dtype(dtype)]
    line = np.arange(low, high).astype(dtype)
    return line.repeat(256).reshape(256, 256), np.tile(line, 256).reshape(256, 256)


def two(rng, code, dtype, scales, arrays, constant=()):
    net = Net()
    inputs: list[str] = []
    for name, step in zip("ab", scales[:2], strict=True):
        if name in constant:
            net.hold(name, arrays[name])
        inputs += [name, *net.code(name, step, some_zero(rng, dtype))]
    inputs += net.code("y", scales[2], some_zero(rng, dtype))
    net.node(f"com.microsoft::{code}", inputs, "y")
    fed = {name: array for name, array in arrays.items() if name not in constant}
    return net.file(fed, {"y": dtype}), fed


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("code", ["QLinearAdd", "QLinearMul"])
def test_every_pair_of_codes(code, dtype):
    rng = np.random.default_rng(5)
    a, b = pairs(dtype)
    for run in range(6):
        first, second = scale(rng), scale(rng)
        if run % 3 == 0:
            first, second = np.float32(0.03), np.float32(0.05)  # ties in float32
        if run % 3 == 1:
            second = first
        base = max(first, second) if code == "QLinearAdd" else first * second * 90
        third = np.float32(base * (2 if run % 3 < 2 else rng.uniform(0.6, 2.5)))
        check(*two(rng, code, dtype, (first, second, third), {"a": a, "b": b}))


SHAPES = (
    ((2, 3, 4, 5), (2, 3, 4, 5)),
    ((2, 3, 4, 5), (3, 1, 1)),
    ((3, 1, 1), (2, 3, 4, 5)),
    ((4, 33), (33,)),
    ((33,), (4, 33)),
    ((4, 1), (1, 7)),
    ((1, 3, 4, 4), (1,)),
    ((1,), (1, 3, 4, 4)),
    ((1, 1), (1, 1)),
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("code", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("shapes", SHAPES)
def test_broadcast(code, dtype, shapes):
    rng = np.random.default_rng(6)
    for constant in ((), ("a",), ("b",)):
        arrays = {n: codes(rng, dtype, *shape) for n, shape in zip("ab", shapes, strict=True)}
        third = np.float32(0.31 if code == "QLinearMul" else 0.0617)
        check(*two(rng, code, dtype, (scale(rng), scale(rng), third), arrays, constant))


def one(rng, code, dtype, x, y_scale, y_zero=None, **attributes):
    net = Net()
    zero = some_zero(rng, dtype) if y_zero is None else dtype(y_zero)
    x_zero = zero if y_scale is None else some_zero(rng, dtype)
    step = scale(rng)
    inputs = ["x", *net.code("x", step, x_zero)]
    inputs += net.code("y", step if y_scale is None else y_scale, zero)
    net.node(f"com.microsoft::{code}", inputs, "y", **attributes)
    return net.file({"x": x}, {"y": dtype})


POOLS = (
    {"kernel_shape": [2, 2], "strides": [2, 2]},
    {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1]},
    {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    {"kernel_shape": [2, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [7, 9]},
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("attributes", POOLS)
def test_average_pool(dtype, attributes):
    rng = np.random.default_rng(7)
    for run in range(6):
        x = codes(rng, dtype, 2, 5, 7, 9)
        # Equal scales, where ties are frequent, every other time.
        data = one(
            rng, "QLinearAveragePool", dtype, x, scale(rng) if run % 2 else None, **attributes
        )
        check(data, {"x": x})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 9, 1, 1), (1, 5, 7, 7), (3, 17, 2, 11)])
def test_global_average_pool(dtype, shape):
    rng = np.random.default_rng(8)
    for y_scale in (None, scale(rng), scale(rng), scale(rng)):
        x = codes(rng, dtype, *shape)
        check(one(rng, "QLinearGlobalAveragePool", dtype, x, y_scale), {"x": x})


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax(dtype):
    rng = np.random.default_rng(9)
    low = FULL[np.dtype(dtype)][0]
    for shape, opset, axis in (((5, 10), 13, -1), ((2, 3, 4), 13, 1), ((2, 3, 4), 12, 1)):
        for step, zero in ((1 / 256, low), (1 / 255, low), (0.004, low + 3), (0.02, low + 90)):
            x = codes(rng, dtype, *shape)
            flat = (x // 16).astype(dtype)
            data = one(
                rng, "QLinearSoftmax", dtype, x, np.float32(step), zero, axis=axis, opset=opset
            )
            check(data, {"x": x}, {"x": flat})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("code", "fields"), [("Sigmoid", {}), ("LeakyRelu", {"alpha": 0.1})])
def test_functions(dtype, code, fields):
    rng = np.random.default_rng(10)
    x = np.arange(*FULL[np.dtype(dtype)]).astype(dtype)
    for _ in range(10):
        data = one(rng, f"QLinear{code}", dtype, x, scale(rng, 0.01), **fields)
        check(data, {"x": x})


@pytest.mark.parametrize("dtype", DTYPES)
def test_concat(dtype):
    rng = np.random.default_rng(11)
    a, b = codes(rng, dtype, 2, 3, 4, 4), codes(rng, dtype, 2, 5, 4, 4)
    net = Net()
    same = net.code("y", 0.04, dtype(17))
    inputs = [*same, "a", *net.code("a", scale(rng), some_zero(rng, dtype)), "b", *same]
    net.node("com.microsoft::QLinearConcat", inputs, "y", axis=1)
    graph = check(net.file({"a": a, "b": b}, {"y": dtype}), {"a": a, "b": b})
    assert kinds(graph).count("table") == 1


def test_scales_that_differ_from_those_of_the_writer_are_refused():
    rng = np.random.default_rng(12)
    net = Net()
    net.q("x", "xq", 0.1, np.int8(0))
    net.node("DequantizeLinear", ["xq", *net.code("other", 0.2, np.int8(0))], "y")
    x = rng.normal(size=(1, 4)).astype(np.float32)
    with pytest.raises(Exception, match="another scale"):
        check(net.file({"x": x}, {"y": np.float32}), {"x": x})
