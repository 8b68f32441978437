"""Layers of int16: portable kernels alone compute them, whatever the instruction set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edgeq.kernels
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding
from edgeq.ops.abs import Abs
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.batch_matmul import BatchMatmul
from edgeq.ops.concat import Concat
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.leaky_relu import LeakyRelu
from edgeq.ops.logistic import Logistic
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.maximum import Maximum
from edgeq.ops.mean import Mean
from edgeq.ops.mul import Mul
from edgeq.ops.pad import Pad
from edgeq.ops.quantize import Quantize
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.ops.resize_nearest import ResizeNearest
from edgeq.ops.slice import Slice
from edgeq.ops.softmax import Softmax
from edgeq.ops.split import Split
from edgeq.ops.sub import Sub
from edgeq.ops.tanh import Tanh
from edgeq.ops.transpose import Transpose
from edgeq.ops.transpose_conv2d import TransposeConv2D
from edgeq.plan.select import table
from tests.kernel_harness import QUICK, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import coded, random_codes

ISAS = sorted(
    path.name
    for path in Path(edgeq.kernels.__file__).parent.iterdir()
    if (path / "__init__.py").is_file() and path.name != "portable"
)
RNG = np.random.default_rng(16)
UNIT = 2.0**-15
S16 = DType.INT16
IMAGE = (1, 8, 8, 128)
ONE = {"inputs": ("x",), "outputs": ("y",)}
PAIR = {"inputs": ("x", "z"), "outputs": ("y",)}


def wide(name: str, shape: tuple[int, ...] = IMAGE, scale: float = 0.001) -> Tensor:
    return coded(name, shape, S16, scale)


def weights(shape: tuple[int, ...], axis: int) -> Tensor:
    count = shape[axis]
    params = QuantParams(tuple(0.01 + 0.001 * i for i in range(count)), (0,) * count, axis)
    return Tensor("w", shape, DType.INT8, params, RNG.integers(-127, 128, shape))


def product(
    cls: type[Op],
    x: tuple[int, ...],
    w: Tensor,
    y: tuple[int, ...],
    bias: DType | None = DType.INT64,
    reach: int = 1 << 20,
    **fields: object,
) -> Case:
    count = y[-1]
    b = None if bias is None else RNG.integers(-reach, reach, count)
    found = [wide("x", x), w, *([] if bias is None else [Tensor("b", (count,), bias, None, b)])]
    names = tuple(tensor.name for tensor in found)
    taps = np.abs(w.array.astype(np.int64)).sum() / count
    scale = 0.001 * 0.02 * max(taps * 32768 / 4, reach) / 32768
    found.append(wide("y", y, scale))
    return case(cls(inputs=names, outputs=("y",), **fields), *found)


def case(op: Op, *tensors: Tensor) -> Case:
    found = {tensor.name: tensor for tensor in tensors}
    names = [name for name in op.inputs if not found[name].is_constant]
    runs = []
    for _ in range(2):
        runs.append([values(found[name]) for name in dict.fromkeys(names)])
    return Case(op, found, runs)


def values(tensor: Tensor) -> np.ndarray:
    if tensor.dtype.is_float:
        return RNG.normal(0, 10, tensor.shape).astype(np.float32)
    return random_codes(RNG, tensor)


def products() -> Iterator[Case]:
    window = {"padding": Padding(1, 1, 1, 1)}
    for bias, reach in ((DType.INT64, 1 << 20), (DType.INT64, 1 << 40), (DType.INT32, 9999)):
        yield product(Conv2D, IMAGE, weights((64, 1, 1, 128), 0), (1, 8, 8, 64), bias, reach)
        yield product(FullyConnected, (3, 64), weights((33, 64), 0), (3, 33), bias, reach)
        yield product(
            DepthwiseConv2D, IMAGE, weights((1, 3, 3, 128), 3), IMAGE, bias, reach, **window
        )
    yield product(Conv2D, (1, 9, 9, 8), weights((16, 3, 3, 8), 0), (1, 9, 9, 16), None, **window)
    yield product(Conv2D, (1, 5, 5, 8), weights((6, 3, 3, 4), 0), (1, 3, 3, 6))
    yield product(DepthwiseConv2D, (1, 5, 5, 3), weights((1, 3, 3, 6), 3), (1, 3, 3, 6))
    yield product(DepthwiseConv2D, (2, 5, 5, 8), weights((1, 2, 2, 8), 3), (2, 4, 4, 8))
    yield product(
        TransposeConv2D,
        (1, 3, 5, 7),
        weights((5, 3, 3, 7), 0),
        (1, 7, 11, 5),
        size=(7, 11),
        stride=(2, 2),
    )
    a, b, y = wide("x", (2, 5, 9)), wide("z", (2, 9, 3)), wide("y", (2, 5, 3), 0.05)
    yield case(BatchMatmul(**PAIR), a, b, y)


def pairs() -> Iterator[Case]:
    constant = coded("z", (128,), S16, 0.002, data=RNG.integers(-32768, 32768, 128))
    one = coded("z", (1,), S16, 0.002, data=np.array([-777]))
    for cls in (Add, Sub, Mul):
        scale = 40.0 if cls is Mul else 0.003
        for z in (
            wide("z", scale=0.0015),
            wide("z", (128,)),
            wide("z", (1, 8, 1, 1)),
            constant,
            one,
        ):
            yield case(
                cls(**PAIR), wide("x"), z, wide("y", scale=scale / 20 if cls is Mul else scale)
            )
    yield case(Add(**PAIR, activation=Activation.RELU), wide("x"), wide("z"), wide("y"))
    yield case(Maximum(**PAIR), wide("x"), wide("z"), wide("y"))


def functions() -> Iterator[Case]:
    for scale in (0.001, 0.0007, 0.0031):
        yield case(Relu(**ONE), wide("x"), wide("y", scale=scale))
        yield case(Abs(**ONE), wide("x"), wide("y", scale=scale))
        for alpha in (0.3, -0.2, 1.7):
            yield case(LeakyRelu(**ONE, alpha=alpha), wide("x"), wide("y", scale=scale))
        for cls in (Logistic, Tanh):
            yield case(cls(**ONE), wide("x", scale=scale), wide("y", scale=UNIT))
        yield case(Softmax(**ONE), wide("x", scale=scale), wide("y", scale=UNIT))
    for shape in ((9, 1), (1, 1001)):
        yield case(Softmax(**ONE, beta=0.7), wide("x", shape), wide("y", shape, UNIT))
    whole = Tensor("x", IMAGE, DType.FLOAT32)
    yield case(Quantize(**ONE), whole, wide("y"))
    yield case(Dequantize(**ONE), wide("x"), Tensor("y", IMAGE, DType.FLOAT32))
    for first, second in ((0.001, 0.002), (0.002, 0.0011), (0.001, 0.1)):
        yield case(Requantize(**ONE), wide("x", scale=first), wide("y", scale=second))
        yield case(
            Requantize(**ONE), wide("x", scale=first), coded("y", IMAGE, scale=second, zero=5)
        )
        yield case(
            Requantize(**ONE), coded("x", IMAGE, scale=first, zero=-9), wide("y", scale=second)
        )
    for dtype, zero in ((S16, 0), (DType.INT8, -128), (DType.UINT8, 128)):
        x, y = coded("x", IMAGE, DType.INT32, 1e-7), coded("y", IMAGE, dtype, 0.01, zero)
        yield case(Requantize(**ONE), x, y)
    yield case(Requantize(**ONE), wide("x"), coded("y", IMAGE, DType.INT32, 1e-7))


def images() -> Iterator[Case]:
    for window, padding in (
        ((2, 2), Padding()),
        ((3, 3), Padding(1, 1, 1, 1)),
        ((5, 4), Padding()),
    ):
        high = 8 + padding.top + padding.bottom - window[0] + 1
        across = 8 + padding.left + padding.right - window[1] + 1
        shape = (1, high, across, 128)
        for cls in (MaxPool2D, AveragePool2D):
            for activation in (Activation.NONE, Activation.RELU6):
                op = cls(**ONE, window=window, padding=padding, activation=activation)
                yield case(op, wide("x"), wide("y", shape))
    yield case(MaxPool2D(**ONE, window=(1, 1)), wide("x"), wide("y"))
    for axes, shape in (((1, 2), (1, 128)), ((3,), (1, 8, 8)), ((1, 3), (1, 8))):
        yield case(Mean(**ONE, axes=axes), wide("x"), wide("y", shape, 0.0004))
    for size in ((16, 16), (5, 13)):
        for corners in ({}, {"align_corners": True}, {"half_pixel_centers": True}):
            y = wide("y", (1, *size, 128))
            yield case(ResizeBilinear(**ONE, size=size, **corners), wide("x"), y)
            yield case(ResizeNearest(**ONE, size=size, **corners), wide("x"), y)


def moves() -> Iterator[Case]:
    around = ((0, 0), (1, 2), (0, 1), (0, 3))
    yield case(Pad(**ONE, paddings=around), wide("x"), wide("y", (1, 11, 9, 131)))
    yield case(Concat(**PAIR, axis=3), wide("x"), wide("z"), wide("y", (1, 8, 8, 256)))
    yield case(
        Slice(**ONE, begin=(0, 1, 0, 3), size=(1, 3, 8, 120)), wide("x"), wide("y", (1, 3, 8, 120))
    )
    yield case(Transpose(**ONE, perm=(0, 3, 1, 2)), wide("x"), wide("y", (1, 128, 8, 8)))
    split = Split(inputs=("x",), outputs=("y", "z"), axis=3, sizes=(28, 100))
    yield case(split, wide("x"), wide("y", (1, 8, 8, 28)), wide("z", (1, 8, 8, 100)))


FAMILIES = {
    "products": products,
    "pairs": pairs,
    "functions": functions,
    "images": images,
    "moves": moves,
}


ROWS = {
    "products": {
        "portable/conv2d_s16",
        "portable/conv2d_grouped_s16",
        "portable/depthwise_conv2d_s16",
        "portable/fully_connected_s16",
        "portable/transpose_conv2d_s16",
        "portable/batch_matmul_s16",
    },
    "pairs": {
        "portable/add_s16",
        "portable/add_broadcast_s16",
        "portable/sub_s16",
        "portable/mul_s16",
        "portable/mul_broadcast_s16",
    },
    "functions": {
        "portable/abs_s16",
        "portable/leaky_relu_s16",
        "portable/logistic_s16",
        "portable/tanh_s16",
        "portable/softmax_s16",
    },
    "images": {
        "portable/average_pool2d_s16",
        "portable/max_pool2d_s16",
        "portable/mean_s16",
        "portable/resize_bilinear_s16",
    },
    "moves": set(),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_c_is_the_reference(family: str) -> None:
    compiled = check_layers(list(FAMILIES[family]()), QUICK)
    used = {call.kernel for call in compiled.program.calls}
    assert {row for row in used if row.endswith("_s16")} == ROWS[family]


@pytest.mark.parametrize("numerics", ["tflite-ref", "single"])
def test_products_of_other_profiles(numerics: str) -> None:
    cases = [Case(c.op, c.tensors, c.runs, None, numerics) for c in products() if fits(c)]
    check_layers(cases, QUICK)


def fits(found: Case) -> bool:
    """Leave out biases beyond 32 bits, which LiteRT's fully connected layers scale otherwise."""
    bias = found.tensors.get("b")
    return bias is None or int(np.abs(bias.array).max()) < 1 << 31


@pytest.mark.parametrize("isa", ISAS)
def test_no_other_row_takes_int16(isa: str) -> None:
    for family in FAMILIES.values():
        for found in family():
            graph = one_op_graph(found.op, found.tensors)
            (op,), io = graph.ops, graph.operands(graph.ops[0])
            assert [row.id for row in table(isa) if takes(row, op, io)] == []


def takes(row: object, op: Op, io: Operands) -> bool:
    return row.op is type(op) and row.accepts(op, io)
