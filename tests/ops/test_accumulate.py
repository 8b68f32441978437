from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq import reference
from edgeq.errors import EdgeqError, ModelError, QuantizationError, UnsupportedError
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams, Requant, Rounding
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.numerics import quantize_multiplier
from edgeq.ops import _accumulate as accumulate
from edgeq.ops._accumulate import Accumulation, ScaleProduct
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import coded, scales

# Operation, shapes of input, weights and output, and the weights' dimension of channels.
KINDS = (
    (Conv2D, (1, 2, 2, 3), (4, 2, 2, 3), (1, 1, 1, 4), 0),
    (DepthwiseConv2D, (1, 2, 2, 4), (1, 2, 2, 4), (1, 1, 1, 4), 3),
    (FullyConnected, (1, 3), (4, 3), (1, 4), 0),
)
CHANNELS = 4
ONE = QuantParams.per_tensor(0.5)


def layer(kind: tuple, **changes: Tensor) -> tuple[Op, dict[str, Tensor]]:
    """Return an int8 layer of four channels, with other tensors where given."""
    cls, x, w, y, axis = kind
    params = QuantParams((0.25,) * CHANNELS, (0,) * CHANNELS, axis)
    found = {
        "x": coded("x", x, scale=0.5),
        "w": Tensor("w", w, DType.INT8, params, np.ones(w)),
        "b": Tensor("b", (CHANNELS,), DType.INT32, None, np.zeros(CHANNELS)),
        "y": coded("y", y),
    } | changes
    return cls(inputs=("x", "w", "b"), outputs=("y",), source="node 7"), found


def changed(tensor: Tensor, change: dict[str, object]) -> Tensor:
    """Return the tensor with other fields; ``zeros`` changes the zero points alone."""
    if "zeros" in change:
        return replace(tensor, quant=replace(tensor.quant, zero_point=change["zeros"]))
    return replace(tensor, **change)


REFUSALS = (
    ("x", {"dtype": DType.INT32}, "input is int32"),
    ("x", {"dtype": DType.INT16}, "output is int8 for int16 input"),
    ("x", {"dtype": DType.UINT8}, "weights are int8 for a uint8 input"),
    ("w", {"dtype": DType.UINT8}, "weights are uint8 for a int8 input"),
    ("w", {"dtype": DType.FLOAT32}, "weights are float32 for a int8 input"),
    ("w", {"data": None, "quant": ONE}, "weights are not constant"),
    ("w", {"quant": None}, "tensor 'w' has no scale"),
    ("w", {"zeros": (0, 0, 1, 0)}, "weights .* have zero points other than 0"),
    ("w", {"zeros": (3, 3, 3, 3)}, "weights .* have zero points other than 0"),
    ("x", {"quant": None}, "tensor 'x' has no scale"),
    ("y", {"quant": None}, "tensor 'y' has no scale"),
    ("y", {"dtype": DType.UINT8}, "output is uint8 for int8 input"),
    ("y", {"dtype": DType.FLOAT32}, "output is float32 for int8 input"),
    ("b", {"dtype": DType.INT64}, "bias is int64, expected int32"),
    ("b", {"dtype": DType.FLOAT32}, "bias is float32, expected int32"),
    ("b", {"data": None}, "bias is not constant"),
    ("b", {"shape": (5,), "data": np.zeros(5)}, r"bias has shape \(5,\), expected \(4,\)"),
    ("b", {"shape": (1,), "data": np.zeros(1)}, r"bias has shape \(1,\), expected \(4,\)"),
    ("b", {"shape": (1, 4)}, r"bias has shape \(1, 4\), expected \(4,\)"),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "change", "message"), REFUSALS)
def test_refuses_types_that_do_not_fit(
    kind: tuple, name: str, change: dict[str, object], message: str
) -> None:
    op, tensors = layer(kind)
    tensors[name] = changed(tensors[name], change)
    with pytest.raises(ModelError, match=f"node 7: {message}"):
        one_op_graph(op, tensors)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_scales_along_another_dimension(kind: tuple) -> None:
    op, tensors = layer(kind)
    w, axis = tensors["w"], 1
    count = w.shape[axis]
    tensors["w"] = replace(w, quant=QuantParams((0.5,) * count, (0,) * count, axis))
    with pytest.raises(ModelError, match="along a dimension other than"):
        one_op_graph(op, tensors)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zero", [128, 127])
def test_uint8_weights_per_channel_are_symmetric(kind: tuple, zero: int) -> None:
    op, tensors = layer(kind)
    for name in "xwy":
        tensors[name] = replace(tensors[name], dtype=DType.UINT8)
    tensors["w"] = changed(tensors["w"], {"zeros": (zero,) * CHANNELS})
    if zero == 128:
        assert one_op_graph(op, tensors).ops[0].arithmetic.requant.channels == CHANNELS
        return
    with pytest.raises(ModelError, match="zero points other than 128"):
        one_op_graph(op, tensors)


def floats(kind: tuple) -> tuple[Op, dict[str, Tensor]]:
    op, tensors = layer(kind)
    return op, {n: replace(t, dtype=DType.FLOAT32, quant=None) for n, t in tensors.items()}


def evaluated(op: Op, tensors: dict[str, Tensor]) -> np.ndarray:
    graph = verify(Graph("g", tensors, (op,), ("x",), ("y",)))
    return reference.run(graph, [np.ones(tensors["x"].shape, np.float32)])[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("b", {"shape": (5,), "data": np.zeros(5)}, r"bias has shape \(5,\), expected \(4,\)"),
        ("b", {"dtype": DType.INT32}, "bias is int32, expected float32"),
        ("y", {"dtype": DType.INT32}, "output is int32 for float32 input"),
    ],
)
def test_refuses_float_layers_that_do_not_fit(
    kind: tuple, name: str, change: dict[str, object], message: str
) -> None:
    op, tensors = floats(kind)
    tensors[name] = replace(tensors[name], **change)
    with pytest.raises(ModelError, match=f"node 7: {message}"):
        evaluated(op, tensors)


@pytest.mark.parametrize("kind", KINDS)
def test_integer_weights_of_a_float_layer_are_not_computed_with(kind: tuple) -> None:
    op, tensors = floats(kind)
    evaluated(op, tensors)
    _, coded_ = layer(kind)
    with pytest.raises(UnsupportedError, match="node 7: weights are int8 for a float32 input"):
        evaluated(op, {**tensors, "w": coded_["w"]})


def overflowing(kind: tuple, x_zero: int, bias: int, code: int) -> tuple[Op, dict[str, Tensor]]:
    """Return a layer whose last channel alone has weights of ``code`` and that bias."""
    op, tensors = layer(kind)
    w = np.zeros(tensors["w"].shape)
    np.moveaxis(w, kind[4], 0)[-1] = code
    tensors["w"] = replace(tensors["w"], data=w)
    tensors["b"] = replace(tensors["b"], data=np.array([0, 0, 0, bias]))
    x = tensors["x"]
    tensors["x"] = replace(x, quant=replace(x.quant, zero_point=(x_zero,)))
    return op, tensors


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("code", [127, -128])
@pytest.mark.parametrize(("x_zero", "reach"), [(0, 128), (-128, 255), (127, 255), (-3, 130)])
def test_refuses_sums_beyond_32_bits(
    kind: tuple, sign: int, code: int, x_zero: int, reach: int
) -> None:
    depth = int(np.prod(kind[2])) // CHANNELS
    largest = 2**31 - 1 - depth * abs(code) * reach
    one_op_graph(*overflowing(kind, x_zero, sign * largest, code))
    message = f"node 7: the accumulator can reach {2**31}, more than 32 bits hold"
    with pytest.raises(QuantizationError, match=message):
        one_op_graph(*overflowing(kind, x_zero, sign * (largest + 1), code))


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_the_least_bias(kind: tuple) -> None:
    with pytest.raises(QuantizationError, match="32 bits"):
        one_op_graph(*overflowing(kind, 0, -(2**31), 0))


@given(scales(), scales(), scales(), st.sampled_from(Rounding))
def test_factors_are_formed_as_their_rounding_says(
    x: float, w: float, y: float, rounding: Rounding
) -> None:
    cls, *shapes, _ = KINDS[2]
    tensors = [coded(n, s, scale=f) for n, s, f in zip("xwy", shapes, (x, w, y), strict=True)]
    tensors[1] = replace(tensors[1], data=np.ones(shapes[1]))
    io = Operands(tuple(tensors[:2]), (tensors[2],))
    wide = x * w / y
    narrow = float(np.float32(x) * np.float32(w)) / y
    single = np.float32(x) * np.float32(w) / np.float32(y)
    for product, factor in ((ScaleProduct.FLOAT64, wide), (ScaleProduct.FLOAT32, narrow)):
        op = cls(inputs=("x", "w"), outputs=("y",), scale_product=product)
        requant = op.lower(io, Numerics("n", "", rounding)).arithmetic.requant
        multiplier, shift = quantize_multiplier(factor)
        want = Requant(rounding, (multiplier,), (shift,))
        if rounding is Rounding.FLOAT32:
            want = Requant(rounding, scale=(float(single),))
        assert requant == want


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-128, 127), st.sampled_from(Rounding))
def test_results_near_the_limits_do_not_wrap(acc: int, zero: int, rounding: Rounding) -> None:
    y = coded("y", (1, 1), zero=zero)
    requant = Requant(rounding, (2**30,), (1,))
    if rounding is Rounding.FLOAT32:
        requant = Requant(rounding, scale=(1.0,))
    numbers = Accumulation(requant, -128, 127)
    got = accumulate.finish(Operands((y,), (y,)), np.array([[acc >> 1]], np.int32), numbers)
    assert got.dtype == np.int8
    assert got.item() == min(max((acc >> 1) + zero, -128), 127)


def test_zero_points_leave_the_codes_in_their_own_dimension() -> None:
    codes = np.arange(6).reshape(2, 3)
    w = Tensor("w", (2, 3), DType.INT8, QuantParams((1.0,) * 3, (1, 2, 3), 1), codes)
    assert accumulate.centred(w).tolist() == [[-1, -1, -1], [2, 2, 2]]
    assert accumulate.centred(replace(w, quant=None)).tolist() == codes.tolist()
    extreme = coded("w", (2,), DType.UINT8, zero=255, data=np.array([0, 255]))
    assert accumulate.centred(extreme).tolist() == [-255, 0]


@pytest.mark.parametrize("largest", [2**24 - 1, 2**24])
def test_sums_are_exact_in_the_float_chosen(largest: int) -> None:
    real = accumulate.exact_float(largest)
    assert int(real(largest - 1) + real(1)) == largest
    assert real is (np.float32 if largest < 2**24 else np.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_a_factor_beyond_the_multiplier_is_refused(kind: tuple) -> None:
    op, tensors = layer(kind)
    tensors["y"] = replace(tensors["y"], quant=QuantParams.per_tensor(2.0**-34))
    with pytest.raises(EdgeqError, match="too large"):
        one_op_graph(op, tensors)


@pytest.mark.parametrize("rounding", [r for r in Rounding if r is not Rounding.FLOAT32])
def test_channels_that_give_only_zero_get_plain_factors(rounding: Rounding) -> None:
    given = Requant(rounding, (5, 0, 1 << 30, 1 << 30, (1 << 31) - 1), (0, 3, -31, -10, 2))
    largest = np.array([1 << 20, 1 << 25, 1 << 30, 1 << 20, 1 << 10])
    found = accumulate.settled(given, largest)
    assert found.multiplier == (1 << 30, 1 << 30, 1 << 30, 1 << 30, (1 << 31) - 1)
    assert found.shift == (-22, -31, -31, -10, 2)
    for channel, limit in enumerate(largest):
        sums = np.unique(np.linspace(-limit, limit, 5000).astype(np.int32))
        one = Requant(
            rounding, given.multiplier[channel : channel + 1], given.shift[channel : channel + 1]
        )
        two = Requant(
            rounding, found.multiplier[channel : channel + 1], found.shift[channel : channel + 1]
        )
        np.testing.assert_array_equal(
            accumulate.requantize(sums, two), accumulate.requantize(sums, one)
        )


@pytest.mark.parametrize("rounding", [Rounding.GEMMLOWP, Rounding.HALF_UP])
def test_channels_whose_largest_sums_wrap_to_zero_are_not_taken_for_dead(
    rounding: Rounding,
) -> None:
    given = Requant(rounding, (1 << 30, 1 << 30), (25, 18))
    assert not accumulate.requantize(np.full((1, 2), 1 << 14, np.int32), given).any()
    assert accumulate.requantize(np.full((1, 2), 1, np.int32), given).all()
    found = accumulate.settled(given, np.array([1 << 14, 1 << 14]))
    assert found == given
