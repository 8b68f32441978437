from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edgeq.errors import EdgeqError, ModelError, QuantizationError
from edgeq.ir import verify as rules
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ir.verify import verify
from edgeq.ops._spatial import Padding
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.pad import Pad
from edgeq.ops.relu import Relu

HALF = QuantParams.per_tensor(0.5)


def code(name: str, shape: Shape = (2,), quant: QuantParams | None = HALF) -> Tensor:
    return Tensor(name, shape, DType.INT8, quant)


def constant(name: str, shape: Shape, quant: QuantParams | None = HALF) -> Tensor:
    return Tensor(name, shape, DType.INT8, quant, np.zeros(shape, np.int8))


def relu(read: str, written: str, source: str = "") -> Relu:
    return Relu(inputs=(read,), outputs=(written,), source=source)


def graph(*ops: Op, tensors: tuple[Tensor, ...] = (), **ports: Any) -> Graph:
    names = {name for op in ops for name in (*op.inputs, *op.outputs)}
    known = {name: code(name) for name in sorted(names)}
    known.update((tensor.name, tensor) for tensor in tensors)
    return Graph("g", known, ops, ports.get("inputs", ("x",)), ports.get("outputs", ("y",)))


def refusal(broken: Graph) -> str:
    with pytest.raises(EdgeqError) as error:
        verify(broken)
    return str(error.value)


def test_a_good_graph_is_returned() -> None:
    good = graph(relu("x", "a"), relu("a", "y"))
    assert verify(good) is good


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        (
            (relu("a", "y", "second"), relu("x", "a", "first")),
            "second: reads 'a', which op[1] (first) computes: a cycle, or not in order",
        ),
        ((relu("a", "b"), relu("b", "a")), "op[0] relu: reads 'a', which op[1] (relu) computes"),
        ((relu("a", "a"),), "op[0] relu: reads 'a', which itself computes"),
        ((relu("x", "y"), relu("a", "b")), "op[1] relu: reads 'a', which nothing computes"),
        ((relu("x", "y"), relu("x", "y")), "op[1] relu: writes 'y', which already has a value"),
        ((relu("x", "x"),), "op[0] relu: writes 'x', which already has a value"),
        ((relu("x", "a"),), "output 'y' is never computed"),
        ((Relu(inputs=(), outputs=("y",)),), "op[0] relu: has no inputs or no outputs"),
        ((relu("x", "y"), Relu(inputs=("x",), outputs=())), "op[1] relu: has no inputs or no"),
    ],
)
def test_order_of_execution(ops: tuple[Op, ...], message: str) -> None:
    assert message in refusal(graph(*ops, tensors=(code("x"), code("y"))))


def test_outputs_are_tensors() -> None:
    assert refusal(graph(relu("x", "a"))) == "output 'y' is not a tensor of the model"


@pytest.mark.parametrize("name", ["x", "y"])
def test_operands_are_tensors(name: str) -> None:
    good = graph(relu("x", "y"))
    known = {key: tensor for key, tensor in good.tensors.items() if key != name}
    known["z"] = code("z")
    broken = Graph("g", known, (relu("z", "y", "n"), relu("x", "q", "n")), ("z",), ("z",))
    assert f"'{name}', which is not a tensor of the model" in refusal(broken)


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ({"inputs": ()}, "the model has no inputs"),
        ({"outputs": ()}, "the model has no outputs"),
        ({"inputs": ("q",)}, "input 'q' is not a tensor of the model"),
        ({"inputs": ("x", "x")}, "some tensor is listed twice as input"),
        ({"inputs": ("x", "c")}, "input 'c' is a constant"),
    ],
)
def test_ports(ports: dict[str, tuple[str, ...]], message: str) -> None:
    assert refusal(graph(relu("x", "y"), tensors=(constant("c", (2,)),), **ports)) == message


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (code("t", (1,) * 9), "9 dimensions, at most 8"),
        (code("t", (2, 0)), "shape (2, 0) is not positive"),
        (code("t", (2, -1)), "shape (2, -1) is not positive"),
        (code("t", (1 << 20, 1 << 12)), "exceeds 2147483648 bytes"),
        (code("t", (1 << 25,)), "exceeds"),
        (code("t", (10**400, 10**400)), "exceeds"),
        (code("t", (2,), QuantParams((0.0,), (0,))), "scale 0.0 is not a positive number"),
        (code("t", (2,), QuantParams((-1.0,), (0,))), "scale -1.0 is not a positive number"),
        (code("t", (2,), QuantParams((float("nan"),), (0,))), "scale nan is not a positive"),
        (code("t", (2,), QuantParams((float("inf"),), (0,))), "scale inf is not a positive"),
        (code("t", (2,), QuantParams((1.0,), (128,))), "zero point 128 is not an int8"),
        (code("t", (2,), QuantParams((1.0,), (-(2**70),))), "is not an int8"),
        (code("t", (2,), QuantParams((1.0,), ())), "1 scales and 0 zero points"),
        (code("t", (2,), QuantParams((), ())), "0 scales without a channel dimension"),
        (code("t", (2,), QuantParams((1.0, 1.0), (0, 0))), "2 scales without a channel"),
        (constant("t", (2,), QuantParams((1.0, 1.0), (0, 0), 1)), "channel dimension 1 of (2,)"),
        (constant("t", (2,), QuantParams((1.0, 1.0), (0, 0), -1)), "channel dimension -1"),
        (constant("t", (3,), QuantParams((1.0, 1.0), (0, 0), 0)), "2 scales for 3 channels"),
        (code("t", (2,), QuantParams((1.0, 1.0), (0, 0), 0)), "it is not a constant"),
    ],
)
def test_tensors(tensor: Tensor, message: str) -> None:
    found = refusal(graph(relu("x", "y"), tensors=(tensor,)))
    assert found.startswith("tensor 't': ") and message in found


@pytest.mark.parametrize("scale", [1e-45, 1e-40, 1e13, 3e38])
def test_scales_far_from_all_use_are_refused(scale: float) -> None:
    broken = graph(relu("x", "y"), tensors=(code("t", (2,), QuantParams.per_tensor(scale)),))
    with pytest.raises(QuantizationError, match=r"tensor 't': scale .* is not between"):
        verify(broken)


@pytest.mark.parametrize(
    "tiny",
    [
        constant("t", (2,), QuantParams((1e-30, 0.1), (0, 0), 0)),
        code("t", (2,), QuantParams.per_tensor(3e-35)),
    ],
)
def test_what_training_has_switched_off_may_have_tiny_scales(tiny: Tensor) -> None:
    verify(graph(relu("x", "y"), tensors=(tiny,)))


def test_a_tensor_has_the_name_it_is_known_by() -> None:
    broken = replace(graph(relu("x", "y")), tensors={"x": code("x"), "y": code("z")})
    assert refusal(broken) == "tensor 'z' is known as 'y'"


def test_all_tensors_together_are_bounded() -> None:
    huge = tuple(code(f"t{index}", (1 << 15, 1 << 16)) for index in range(3))
    assert "all tensors together have 6442450948 bytes" in refusal(
        graph(relu("x", "y"), tensors=huge)
    )


@pytest.mark.parametrize("limit", ["MAX_OPS", "MAX_TENSORS", "MAX_OPERANDS"])
def test_the_number_of_everything_is_bounded(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, limit, 1)
    assert ", at most 1" in refusal(graph(relu("x", "a"), relu("a", "y")))


def test_a_million_operations_are_refused_at_once() -> None:
    chain = (relu("x", "y"),) * 1_000_000
    assert refusal(graph(*chain[:1]).with_ops(chain)) == "1000000 operations, at most 24576"


def test_a_long_chain_is_verified() -> None:
    names = ["x", *(f"t{index}" for index in range(20_000)), "y"]
    verify(graph(*(relu(*pair) for pair in pairwise(names))))


def test_shapes_are_those_of_the_operation() -> None:
    broken = graph(relu("x", "y", "op[0] RELU 'y'"), tensors=(code("y", (3,)),))
    message = "op[0] RELU 'y': output has shape (3,), the operation gives (2,)"
    assert refusal(broken) == message


def test_operations_without_a_source_are_named_by_number() -> None:
    wrong = Tensor("y", (2,), DType.UINT8, HALF)
    assert refusal(graph(relu("x", "y"), tensors=(wrong,))).startswith("op[0]: relu: tensor 'y' is")


def test_the_origin_comes_first() -> None:
    broken = replace(graph(relu("x", "q", "n"), relu("x", "q", "n")), origin="net.npz")
    with pytest.raises(ModelError) as error:
        verify(replace(broken, outputs=("q",)))
    assert str(error.value) == "net.npz: n: writes 'q', which already has a value"


def test_padding_cannot_announce_more_than_there_may_be() -> None:
    pad = Pad(inputs=("x",), outputs=("y",), paddings=((0, 1 << 31),))
    assert (
        refusal(graph(pad, tensors=(code("y", (3,)),)))
        == "op[0] pad: output has shape (3,), the operation gives (2147483650,)"
    )
    assert "exceeds" in refusal(graph(pad, tensors=(code("y", ((1 << 31) + 2,)),)))


def test_an_image_that_is_almost_all_padding_is_refused() -> None:
    step = 1 << 30
    conv = Conv2D(
        inputs=("x", "w"),
        outputs=("y",),
        stride=(step, step),
        padding=Padding(bottom=step, right=step),
    )
    tensors = (code("x", (1, 1, 1, 1)), constant("w", (1, 1, 1, 1)), code("y", (1, 2, 2, 1)))
    assert "op[0] conv2d: the padded input has" in refusal(graph(conv, tensors=tensors))
