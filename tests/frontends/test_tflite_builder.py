from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeq.frontends.flatbuffer import verify_flatbuffer
from edgeq.frontends.schema import tflite_generated as schema
from tests.frontends.tflite_builder import ModelBuilder, write_table
from tests.frontends.tflite_reader import read_model


def run_litert(data: bytes, *inputs: np.ndarray) -> list[np.ndarray]:
    """Return what LiteRT's reference kernels answer, for one run."""
    verify_flatbuffer(data)
    interpreter = Interpreter(
        model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def codes(*values: int) -> np.ndarray:
    return np.array(values, np.int8)


def test_litert_runs_a_per_channel_convolution() -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 2, 2, 1), scale=0.5)
    w = b.const("w", codes(1, 2, 3, 4, 4, 3, 2, 1).reshape(2, 2, 2, 1), scale=[1.0, 2.0])
    bias = b.const("bias", np.array([2, 0], np.int32), scale=[0.5, 1.0])
    y = b.tensor("y", (1, 1, 1, 2), scale=0.5, zero_point=-3)
    options = {
        "padding": "VALID",
        "stride_w": 1,
        "stride_h": 1,
        "fused_activation_function": "RELU",
    }
    b.op("CONV_2D", [x, w, bias], [y], Conv2DOptions=options)
    (answer,) = run_litert(b.finish([y]), codes(1, 2, 3, -1).reshape(1, 2, 2, 1))
    # 1 + 4 + 9 - 4 and the bias; twice 4 + 6 + 6 - 1; both at the scale of the output.
    assert answer.ravel().tolist() == [12 - 3, 30 - 3]


def test_litert_unpacks_four_bit_constants_as_they_were_packed() -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 3), scale=1.0)
    w = b.const("w", [[-8, 7, 1]], "int4", scale=1.0)
    y = b.tensor("y", (1, 1), scale=1.0)
    b.op("FULLY_CONNECTED", [x, w, None], [y], FullyConnectedOptions={})
    (answer,) = run_litert(b.finish([y]), codes(2, 3, 10).reshape(1, 3))
    assert answer.tolist() == [[-16 + 21 + 10]]


def test_litert_runs_operators_with_several_inputs_and_outputs() -> None:
    b = ModelBuilder()
    x, z = b.input("x", (2, 4), scale=0.5), b.input("z", (2, 4), scale=0.5, zero_point=1)
    added = b.tensor("added", (2, 4), scale=0.5)
    b.op("ADD", [x, z], [added], AddOptions={})
    axis = b.const("axis", np.int32(1))
    left, right = (b.tensor(name, (2, 2), scale=0.5) for name in ("left", "right"))
    b.op("SPLIT", [axis, added], [left, right], SplitOptions={"num_splits": 2})
    flat = b.tensor("flat", (4,), scale=0.5)
    shape = b.const("shape", np.array([4], np.int32))
    b.op("RESHAPE", [left, shape], [flat], ReshapeOptions={"new_shape": [4]})
    data = b.finish([flat, right])
    answers = run_litert(data, np.arange(8, dtype=np.int8).reshape(2, 4), np.ones((2, 4), np.int8))
    assert [answer.tolist() for answer in answers] == [[0, 1, 4, 5], [[2, 3], [6, 7]]]


def test_litert_runs_softmax_and_resize() -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 1, 1, 2), scale=0.5)
    soft = b.tensor("soft", (1, 1, 1, 2), scale=1 / 256, zero_point=-128)
    b.op("SOFTMAX", [x], [soft], SoftmaxOptions={"beta": 1.0})
    size = b.const("size", np.array([2, 2], np.int32))
    y = b.tensor("y", (1, 2, 2, 2), scale=1 / 256, zero_point=-128)
    b.op("RESIZE_BILINEAR", [soft, size], [y], ResizeBilinearOptions={"half_pixel_centers": True})
    (answer,) = run_litert(b.finish([y]), np.full((1, 1, 1, 2), 5, np.int8))
    assert answer.tolist() == np.zeros((1, 2, 2, 2), np.int8).tolist()


def test_litert_keeps_variables_between_subgraphs() -> None:
    handle = {"shared_name": "state"}
    b = ModelBuilder()
    x = b.input("x", (1, 2), scale=0.5)
    state = b.tensor("state", (), "resource")
    old, y = b.tensor("old", (1, 2), scale=0.5), b.tensor("y", (1, 2), scale=0.5)
    b.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": 1})
    b.op("VAR_HANDLE", [], [state], VarHandleOptions=handle)
    b.op("READ_VARIABLE", [state], [old], ReadVariableOptions={})
    b.op("ADD", [x, old], [y], AddOptions={})
    b.outputs([y])
    assert b.subgraph("first values") == 1
    state = b.tensor("state", (), "resource")
    values = b.const("values", codes(3, 4).reshape(1, 2), scale=0.5)
    b.op("VAR_HANDLE", [], [state], VarHandleOptions=handle)
    b.op("ASSIGN_VARIABLE", [state, values], [], AssignVariableOptions={})
    (answer,) = run_litert(b.finish([]), codes(1, 1).reshape(1, 2))
    assert answer.tolist() == [[4, 5]]


def test_every_field_is_read_back_as_it_was_written() -> None:
    b = ModelBuilder()
    x = b.input("x", (2, 3), "uint8", scale=[0.5, 0.25], zero_point=7, axis=1)
    state = b.variable("state", (4,), "int16")
    b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", [x, None], [x], version=3, intermediates=[state])
    b.op("CUSTOM", [state], [], custom_code="Own", custom_options=b"\1\2")
    b.op("GELU", [x], [x], GeluOptions={"approximate": True})
    model = read_model(b.finish([x]))
    (graph,) = model["subgraphs"]
    lstm, custom, gelu = graph["operators"]
    assert graph["inputs"] == graph["outputs"] == (x,)
    assert graph["tensors"][x]["type"] == schema.TensorType.UINT8
    assert graph["tensors"][x]["quantization"]["scale"] == (0.5, 0.25)
    assert graph["tensors"][x]["quantization"]["zero_point"] == (7, 7)
    assert graph["tensors"][x]["quantization"]["quantized_dimension"] == 1
    assert graph["tensors"][state]["is_variable"]
    assert lstm["inputs"] == (x, -1)
    assert lstm["intermediates"] == (state,)
    assert lstm["builtin_options"] is None
    assert custom["custom_options"] == (1, 2)
    assert gelu["builtin_options"] == ("GeluOptions", {"approximate": True})
    assert [
        (
            code["deprecated_builtin_code"],
            code["builtin_code"],
            code["version"],
            code["custom_code"],
        )
        for code in model["operator_codes"]
    ] == [(44, 44, 3, None), (32, 32, 1, b"Own"), (127, 150, 1, None)]


def test_operators_of_one_kind_share_their_code() -> None:
    b = ModelBuilder()
    x = b.input("x", (1,))
    for version in (1, 1, 2):
        b.op("NEG", [x], [x], version=version)
    model = read_model(b.finish())
    assert [op["opcode_index"] for op in model["subgraphs"][0]["operators"]] == [0, 0, 1]


def test_a_misspelt_field_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"Conv2DOptions has no field \['stride'\]"):
        write_table("Conv2DOptions", {"stride": 1})


def test_the_same_description_gives_the_same_bytes() -> None:
    def build() -> bytes:
        b = ModelBuilder()
        x = b.input("x", (1, 2), scale=0.5, zero_point=3)
        b.op("RELU", [x], [b.tensor("y", (1, 2), scale=0.5)])
        return b.finish()

    assert build() == build()
