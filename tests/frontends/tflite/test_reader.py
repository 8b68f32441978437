from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends.tflite import CONVERTERS, read_tflite, tensors
from edgeq.ir.graph import Graph
from edgeq.ir.verify import MAX_OPS, verify
from tests.frontends.tflite.one_op import OneOp, conv, ints
from tests.frontends.tflite_builder import ModelBuilder, write_table


def relu(dtype: str = "int8", zero_point: int = 0, **fields: Any) -> bytes:
    """Return a file of one operator; ``fields`` set any field of its input."""
    builder = ModelBuilder()
    x = builder.input("x", (2,), dtype, scale=0.5, zero_point=zero_point)
    builder.graph["tensors"][x].update(fields)
    y = builder.tensor("y", (2,), scale=0.5)
    builder.op("RELU", [x], [y])
    return builder.finish([y])


def read(data: bytes) -> Graph:
    return verify(read_tflite(data, "m"))


def refusal(data: bytes) -> EdgeqError:
    with pytest.raises(EdgeqError) as error:
        read(data)
    return error.value


def test_a_file_is_read() -> None:
    graph = read(relu())
    assert (graph.name, graph.numerics, graph.inputs, graph.outputs) == (
        *("m", "tflite-ref"),
        *(("x",), ("y",)),
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dtype": "complex64"}, "RELU with type COMPLEX64 x1: op[0] 'y'"),
        ({"dtype": "int4"}, "RELU with type INT4 x1"),
        ({"dtype": "int32"}, "RELU of int32 data x1"),
        ({"is_variable": True}, "RELU with state that is kept between runs x1"),
        ({"external_buffer": 1}, "RELU with data in another file x1"),
        ({"sparsity": {"dim_metadata": []}}, "RELU with a sparse tensor x1"),
        ({"shape": [-1, 2]}, "RELU with a shape known at run time only x1"),
        ({"shape": [1] * 9}, "RELU with 9 dimensions x1"),
        ({"shape": [2**31 - 1] * 100_000}, "RELU with 100000 dimensions x1"),
        (
            {"quantization": {"details": ("CustomQuantization", {})}},
            "RELU with a custom quantization x1",
        ),
    ],
)
def test_tensors_that_nothing_can_use(fields: dict[str, Any], message: str) -> None:
    error = refusal(relu(**fields))
    assert isinstance(error, UnsupportedError) and error.exit_code == 3
    assert message in str(error)


def test_the_ports_of_the_model_are_listed_too() -> None:
    assert "a port with type STRING x1: 'x'" in str(refusal(relu(dtype="string")))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"buffer": 7}, "tensor 0 'x': buffer 7 of 1"),
        ({"shape": [0]}, "tensor 'x': shape (0,) is not positive"),
        ({"shape": [2**31 - 1, 2]}, "tensor 'x': shape (2147483647, 2) exceeds"),
        ({"shape": [3]}, "op[0] RELU 'y': output has shape (2,), the operation gives (3,)"),
        ({"zero_point": 128}, "tensor 'x': zero point 128 is not an int8"),
        ({"zero_point": -(2**63)}, "tensor 'x': zero point -9223372036854775808 is not"),
        ({"quantization": {"scale": [0.5], "zero_point": [0, 0]}}, "1 scales and 2 zero points"),
        ({"quantization": {"scale": [0.5, 1.0]}}, "scales per channel, but it is not a constant"),
    ],
)
def test_malformed_tensors(fields: dict[str, Any], message: str) -> None:
    error = refusal(relu(**fields))
    assert not isinstance(error, UnsupportedError) and message in str(error)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), 1e-45, 3e38])
def test_scales_that_mean_nothing(scale: float) -> None:
    builder = ModelBuilder()
    x = builder.input("x", (2,), quantization={"scale": [scale], "zero_point": [0]})
    y = builder.tensor("y", (2,), scale=0.5)
    builder.op("RELU", [x], [y])
    assert "tensor 'x': scale" in str(refusal(builder.finish([y])))


def test_zero_points_may_be_left_out() -> None:
    assert read(relu(quantization={"scale": [0.5]})).tensors["x"].zero_point == 0


@pytest.mark.parametrize("ports", [{"inputs": [9]}, {"inputs": [-1]}, {"outputs": [2]}])
def test_ports_out_of_range(ports: dict[str, list[int]]) -> None:
    builder = ModelBuilder()
    x = builder.input("x", (2,), scale=0.5)
    y = builder.tensor("y", (2,), scale=0.5)
    builder.op("RELU", [x], [y])
    builder.outputs([y])
    builder.graph.update(ports)
    assert "tensor index" in str(refusal(builder.finish()))


@pytest.mark.parametrize(("inputs", "outputs"), [([9], [1]), ([-2], [1]), ([0], [-1]), ([0], [9])])
def test_operands_out_of_range(inputs: list[int], outputs: list[int]) -> None:
    builder = ModelBuilder()
    builder.input("x", (2,), scale=0.5)
    builder.tensor("y", (2,), scale=0.5)
    builder.op("RELU", inputs, outputs)
    message = str(refusal(builder.finish([1])))
    assert message.startswith("tflite:op[0] RELU: tensor index")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"version": 2, "subgraphs": [{}]}, "schema version 2, expected 3"),
        ({"version": 3}, "the file holds no subgraph"),
        ({"version": 3, "subgraphs": [{}]}, "the model has no inputs"),
        (
            {"version": 3, "subgraphs": [{"operators": [{"opcode_index": 3}]}]},
            "op[0]: operator code 3 of 0",
        ),
    ],
)
def test_models_without_what_a_model_needs(model: dict[str, Any], message: str) -> None:
    assert str(refusal(write_table("Model", model))) == message


def test_everything_unsupported_is_listed_at_once() -> None:
    builder = ModelBuilder()
    x = builder.input("x", (2,), scale=0.5)
    for index in range(5):
        y = builder.tensor(f"rnn{index}", (2,), scale=0.5)
        builder.op("RNN", [x], [y])
    builder.op("CUSTOM", [x], [], custom_code="My\nOp")
    wide = builder.tensor("wide", (2,), "int32")
    builder.op("RELU", [wide], [y])
    error = refusal(builder.finish([y]))
    assert isinstance(error, UnsupportedError) and error.exit_code == 3
    assert error.what == (
        "7 operations are not supported:\n"
        "  RNN x5: op[0] 'rnn0', op[1] 'rnn1', op[2] 'rnn2', ...\n"
        "  CUSTOM:My?Op x1: op[5]\n"
        "  RELU of int32 data x1: op[6] 'rnn4'\n"
    )
    assert error.hint == "supported: " + ", ".join(sorted(CONVERTERS))


def test_only_the_main_subgraph_is_read() -> None:
    builder = ModelBuilder()
    x, y = (builder.tensor(name, (2,), scale=0.5) for name in "xy")
    builder.graph["inputs"] = [x]
    builder.op("RELU", [x], [y])
    builder.outputs([y])
    builder.subgraph("other")
    builder.op("SVDF", [], [])
    assert len(read(builder.finish()).ops) == 1
    builder.graph = builder.subgraphs[0]
    builder.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": 1})
    assert "CALL_ONCE with SVDF in its subgraph x1: op[1]" in str(refusal(builder.finish()))


def test_operators_of_newer_schemas_are_named_by_number() -> None:
    builder = ModelBuilder()
    x = builder.input("x", (2,), scale=0.5)
    builder.op("RELU", [x], [x])
    builder.codes[0]["builtin_code"] = 9999
    assert "BUILTIN_9999 x1: op[0] 'x'" in str(refusal(builder.finish([x])))


def test_names_may_repeat_or_be_left_out() -> None:
    builder = ModelBuilder()
    names = ["a", "a#3", "", "a", "tensor2"]
    indices = [builder.tensor(name, (2,), scale=0.5) for name in names]
    builder.graph["inputs"] = [indices[0]]
    for read_, written in pairwise(indices):
        builder.op("RELU", [read_], [written])
    graph = read(builder.finish([indices[-1]]))
    assert set(graph.tensors) == {"a", "a#3", "tensor2", "a#3#3", "tensor2#4"}


def test_names_in_messages_are_short_and_printable() -> None:
    name = "\x1b[31m\n*/" + "n" * 1000
    builder = ModelBuilder()
    x, y = builder.input("x", (2,), scale=0.5), builder.tensor(name, (3,), scale=0.5)
    builder.op("RELU", [x], [y])
    message = str(refusal(builder.finish([y])))
    assert message.isprintable() and len(message) < 200


def test_totals_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, what in (
        *(("MAX_SCALES", "scales"), ("MAX_NAME_BYTES", "bytes of names")),
        *(("MAX_OPERANDS", "operands"), ("MAX_TENSORS", "tensors"), ("MAX_OPS", "operations")),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(tensors, name, 0)
            assert what in str(refusal(relu()))
    builder = ModelBuilder()
    builder.codes = [{"builtin_code": "RELU"}] * (MAX_OPS + 1)
    assert f"{MAX_OPS + 1} operator codes" in str(refusal(builder.finish()))


def test_data_behind_the_flatbuffer_is_read() -> None:
    builder = ModelBuilder()
    x = builder.input("x", (2,), scale=0.5)
    c, y = builder.tensor("c", (2,), scale=0.5, buffer=1), builder.tensor("y", (2,), scale=0.5)
    builder.op("ADD", [x, c], [y])
    builder.buffers.append({"offset": 1 << 20, "size": 2})
    builder.outputs([y])
    data = builder.finish().ljust(1 << 20, b"\0") + b"\7\x08"
    assert read(data).tensors["c"].array.tolist() == [7, 8]


def test_constants_are_views_of_the_file() -> None:
    data = conv().data("CONV_2D", Conv2DOptions={"stride_w": 1, "stride_h": 1})
    array = read_tflite(data, "m").tensors["c1"].array
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))


def test_wide_constants_are_aligned() -> None:
    for offset in range(2):
        model = OneOp().x(4, 2)
        model.builder.buffers.append({"data": np.zeros(4 * offset + 4, np.uint8)})
        data = model.const(np.array([1, 0])).y(2, 4).data("TRANSPOSE")
        assert read(data).ops[0].inputs == ("x0",)


def test_data_of_another_size_is_refused() -> None:
    model = OneOp().x(2).const(np.zeros(3, np.int8), scale=0.5).y(2)
    model.builder.graph["tensors"][1]["shape"] = [2]
    assert "tensor 1 'c1': 3 bytes of data for int8 (2,)" in str(model.refusal("ADD"))


def test_a_bool_is_0_or_1() -> None:
    model = OneOp().const(np.array([2, 1], np.uint8)).y(1, 2, dtype="bool")
    model.builder.graph["tensors"][0]["type"] = "BOOL"
    assert "tensor 0 'c0': a bool is 2" in str(model.refusal("RESHAPE"))


def test_int32_codes_matter_where_they_are_dequantized() -> None:
    graph = OneOp().x(2, dtype="int32", scale=0.5).y(2, dtype="float32").graph("DEQUANTIZE")
    assert graph.tensors["x0"].scale == 0.5


def test_reading_twice_gives_equal_graphs() -> None:
    model = OneOp().x(6, 5).const(ints(0)).const(ints(2)).const(ints(1)).y(5)
    graph = model.graph("STRIDED_SLICE", StridedSliceOptions={"shrink_axis_mask": 1})
    assert [op.KIND for op in graph.ops] == ["slice", "reshape"]
    assert graph.ops[0].outputs == ("y0:slice",)


def test_a_name_that_a_converter_would_take_is_left_alone() -> None:
    model = OneOp().x(6, 5).const(ints(0)).const(ints(2)).const(ints(1)).y(5)
    model.builder.tensor("y0:slice", (1,), scale=0.5)
    graph = model.graph("STRIDED_SLICE", StridedSliceOptions={"shrink_axis_mask": 1})
    assert graph.ops[0].outputs == ("y0:slice_",)


def test_malformed_comes_before_nothing() -> None:
    with pytest.raises(ModelError):
        read_tflite(b"", "m")
