"""Small quantized files that between them use most operators on codes: seeds of mutation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.frontends.onnx.one_quantized import Net, codes


def quantized_files() -> Iterator[bytes]:
    """Yield one file of each form."""
    rng = np.random.default_rng(0)
    yield _operators(rng)
    yield _pairs(rng)
    yield _qonnx(rng)


def _operators(rng: np.random.Generator) -> bytes:
    net = Net()
    zero = np.uint8(120)
    code = net.code("x", 0.05, zero)
    x = codes(rng, np.uint8, 1, 2, 4, 4)
    net.hold("w", codes(rng, np.int8, 4, 2, 3, 3))
    weights = ["w", *net.code("w", np.full(4, 0.01, np.float32), np.zeros(4, np.int8))]
    bias = net.hold("b", np.arange(4, dtype=np.int32))
    net.node("QLinearConv", ["x", *code, *weights, *code, bias], "c", pads=[1, 1, 1, 1])
    net.node("MaxPool", ["c"], "m", kernel_shape=[2, 2])
    net.node("com.microsoft::QLinearAdd", ["m", *code, "m", *code, *code], "a")
    net.node("com.microsoft::QLinearConcat", [*code, "a", *code, "m", *code], "n", axis=1)
    net.node("com.microsoft::QLinearGlobalAveragePool", ["n", *code, *code], "g", channels_last=0)
    net.node("Reshape", ["g", net.hold("shape", np.array([1, 8]))], "f")
    net.hold("k", codes(rng, np.uint8, 8, 3))
    net.node("QLinearMatMul", ["f", *code, "k", *net.code("k", 0.02, zero), *code], "d")
    net.node("com.microsoft::QLinearSoftmax", ["d", *code, *code], "y", axis=1, opset=13)
    return net.file({"x": x}, {"y": np.uint8})


def _pairs(rng: np.random.Generator) -> bytes:
    net = Net()
    zero = np.int8(-4)
    net.dq(net.q("x", "xq", 0.05, zero), "xf", 0.05, zero)
    net.hold("w", rng.normal(size=(4, 2, 3, 3)).astype(np.float32))
    net.dq(net.q("w", "wq", 0.01, np.int8(0)), "wf", 0.01, np.int8(0))
    net.node("Conv", ["xf", "wf", net.hold("b", np.ones(4, np.float32))], "c")
    net.node("Relu", ["c"], "r")
    net.dq(net.q("r", "rq", 0.1, zero), "rf", 0.1, zero)
    net.node("AveragePool", ["rf"], "p", kernel_shape=[2, 2])
    net.dq(net.q("p", "pq", 0.1, zero), "pf", 0.1, zero)
    net.node("Tanh", ["pf"], "t")
    net.dq(net.q("t", "tq", 0.01, zero), "tf", 0.01, zero)
    net.node("Mul", ["tf", "pf"], "m")
    net.dq(net.q("m", "mq", 0.02, zero), "mf", 0.02, zero)
    net.node("Flatten", ["mf"], "f")
    net.hold("k", codes(rng, np.int8, 4, 3))
    net.dq("k", "kf", 0.02, np.int8(0))
    net.node("MatMul", ["f", "kf"], "d")
    net.dq(net.q("d", "dq", 0.1, zero), "y", 0.1, zero)
    return net.file({"x": np.zeros((1, 2, 4, 4), np.float32)}, {"y": np.float32})


def _qonnx(rng: np.random.Generator) -> bytes:
    net = Net()
    none, bits = net.hold("none", np.float32(0)), net.hold("bits", np.float32(4))

    def quant(name: str, out: str, step: float, signed: int = 1) -> None:
        held = net.hold(f"{out}_scale", np.float32(step))
        net.node(
            "qonnx.custom_op.general::Quant",
            [name, held, none, bits],
            out,
            signed=signed,
            narrow=0,
            rounding_mode="ROUND",
        )

    quant("x", "xq", 0.3)
    quant(net.hold("w", rng.normal(size=(3, 2, 1, 1)).astype(np.float32)), "wq", 0.2)
    net.node("Conv", ["xq", "wq"], "c")
    net.node("Relu", ["c"], "r")
    quant("r", "y", 0.25, signed=0)
    return net.file({"x": np.zeros((1, 2, 3, 3), np.float32)}, {"y": np.float32})
