from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq import api, reference
from edgeq.errors import ModelError
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.fully_connected import FullyConnected
from tests.frontends.tflite_builder import ModelBuilder
from tests.kernel_harness import one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import by_name, coded, random_codes
from tests.ops.weight_cases import (
    X_SCALE,
    Y_SCALE,
    biases,
    check_equals_litert,
    small_integers,
    tflite_layer,
    weights,
)

# Input, weights [O,I], whether the input's shape is kept.
CASES = (
    ((1, 16), (10, 16), False),
    ((3, 5), (1, 5), False),
    ((2, 3, 4), (5, 4), True),
    ((2, 3, 4), (5, 12), False),
    ((7, 1), (3, 1), True),
    ((2, 300), (33, 300), False),
)
KERNEL = "portable/fully_connected_s8"


def check(
    case: tuple,
    activation: Activation,
    *,
    axis: int | None = None,
    dtype: DType = DType.INT8,
    zeros: tuple[int, int, int] = (-3, 0, 7),
    bias: bool = True,
    kernel: str = "",
) -> np.ndarray:
    rng = np.random.default_rng(9)
    shape, (outs, depth), keep = case
    x = coded("x", shape, dtype, X_SCALE, zeros[0])
    w = weights(rng, (outs, depth), depth, dtype=dtype, axis=axis, zero=zeros[1])
    size = (*shape[:-1], outs) if keep else (x.elements // depth, outs)
    y = coded("y", size, dtype, Y_SCALE, zeros[2])
    b = biases(rng, outs, depth, zero=not bias)
    options = {"fused_activation_function": activation.name, "keep_num_dims": keep}
    version = 5 if axis is None else 12
    data = tflite_layer("FULLY_CONNECTED", x, w, b, y, version, FullyConnectedOptions=options)
    return check_equals_litert(data, random_codes(rng, x), kernel=kernel, bias=bias)


@pytest.mark.parametrize("axis", [None, 0])
@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("case", CASES)
def test_equals_litert(case: tuple, activation: Activation, axis: int | None) -> None:
    kernel = KERNEL if activation is Activation.RELU6 else ""
    check(case, activation, axis=axis, kernel=kernel)


@pytest.mark.parametrize("zeros", [(-128, 0, -128), (127, 127, 127), (0, -128, 0), (9, 5, -30)])
@pytest.mark.parametrize("case", CASES)
def test_zero_points_equal_litert(case: tuple, zeros: tuple[int, int, int]) -> None:
    check(case, Activation.NONE, zeros=zeros, kernel=KERNEL if zeros[0] == 9 else "")


@pytest.mark.parametrize("zeros", [(128, 131, 120), (0, 0, 0), (255, 255, 255), (3, 128, 250)])
@pytest.mark.parametrize("case", CASES)
def test_uint8_equals_litert(case: tuple, zeros: tuple[int, int, int]) -> None:
    kernel = KERNEL if zeros[1] == 131 else ""
    check(case, Activation.RELU, dtype=DType.UINT8, zeros=zeros, kernel=kernel)
    check(case, Activation.NONE, dtype=DType.UINT8, zeros=zeros)


@pytest.mark.parametrize("axis", [None, 0])
def test_no_bias_equals_litert(axis: int | None) -> None:
    check(CASES[0], Activation.NONE, axis=axis, bias=False, kernel=KERNEL)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_float_sums(case: tuple, bias: bool) -> None:
    rng = np.random.default_rng(3)
    shape, (outs, depth), keep = case
    x, w, b = (small_integers(rng, s) for s in (shape, (outs, depth), (outs,)))
    rows = x.reshape(-1, depth)
    sums = np.array([[float(row @ column) for column in w] for row in rows]) + (b if bias else 0)
    want = np.clip(sums, -1, 1).astype(np.float32)
    want = want.reshape(*shape[:-1], outs) if keep else want
    names = ("x", "w", "b") if bias else ("x", "w")
    kind = Activation.RELU_N1_TO_1
    op = FullyConnected(inputs=names, outputs=("y",), keep_dims=keep, activation=kind)
    ins = [coded(n, a.shape, DType.FLOAT32) for n, a in zip("xwb", (x, w, b), strict=True)]
    y = coded("y", want.shape, DType.FLOAT32)
    io = Graph("g", by_name(*ins, y), (op,), names, ("y",)).operands(op)
    op.check(io)
    (got,) = op.evaluate_float(io, [x, w, b][: len(names)])
    np.testing.assert_array_equal(got, want, strict=True)


def layer(**changes: Tensor) -> tuple[FullyConnected, dict[str, Tensor]]:
    """Return a layer of 6 to 5, with other tensors where given."""
    found = {
        "x": coded("x", (2, 6)),
        "w": coded("w", (5, 6), data=np.ones((5, 6))),
        "b": Tensor("b", (5,), DType.INT32, None, np.zeros(5)),
        "y": coded("y", (2, 5)),
    } | changes
    return FullyConnected(inputs=("x", "w", "b"), outputs=("y",), source="node 7"), found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w": coded("w", (30,), data=np.ones(30))}, "expected 2 dimensions"),
        ({"w": coded("w", (5, 7), data=np.ones((5, 7)))}, r"\(2, 6\) is not rows of 7"),
        ({"y": coded("y", (2, 6))}, r"output has shape \(2, 6\)"),
    ],
)
def test_refuses_shapes_that_do_not_fit(change: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ModelError, match=f"node 7: .*{message}"):
        one_op_graph(*layer(**change))


@pytest.mark.parametrize("shape", [(4, 3), (12,), ()])
def test_keeps_only_dimensions_that_end_in_the_depth(shape: tuple[int, ...]) -> None:
    depth = 1 if shape == () else 6
    op, tensors = layer(x=coded("x", shape), w=coded("w", (5, depth), data=np.ones((5, depth))))
    message = f"last dimension of .* is not {depth}"
    with pytest.raises(ModelError, match=message):
        one_op_graph(replace(op, keep_dims=True), tensors)


def test_counts_multiplications() -> None:
    op, tensors = layer()
    io = Operands(tuple(tensors[n] for n in op.inputs), (tensors["y"],))
    assert op.macs(io) == 2 * 5 * 6


# 0.05f * 0.01f / 0.05f is above 0.01 where the product is a float32, and below where it is not.
TIE = -8950


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("resolver", ["ref", "builtin"])
def test_the_scales_of_a_layer_are_multiplied_as_float64(
    count: int, dtype: str, resolver: str
) -> None:
    zero = 128 if dtype == "uint8" else 0
    x = np.array([[-127, 0, 0, 0, 1]]).repeat(2, 0) + zero
    codes = np.array([[70, 0, 0, 0, TIE + 127 * 70]]).repeat(count, 0) + zero
    b = ModelBuilder()
    port = b.input("x", x.shape, dtype, scale=0.05, zero_point=zero)
    w = b.const("w", codes.astype(dtype), scale=0.01, zero_point=zero)
    y = b.tensor("y", (2, count), dtype, scale=0.05, zero_point=zero)
    b.op("FULLY_CONNECTED", [port, w, None], [y], version=5, FullyConnectedOptions={})
    data = b.finish([y])
    (theirs,) = run_litert(data, [x.astype(dtype)], resolver)
    assert set(theirs.reshape(-1).tolist()) == {zero - 89}
    (mine,) = reference.run(api.lower(read_tflite(data, "m")), [x.astype(dtype)])
    np.testing.assert_array_equal(mine, theirs)
