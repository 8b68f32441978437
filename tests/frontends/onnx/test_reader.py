from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edgeq import frontends, reference
from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends.onnx import CONVERTERS, read_onnx
from tests.frontends.onnx.one_model import kinds, message, model, node, same_as_runtime, values

KWS = "emx_micro_kws_m_static_fp32"
CONV = node("Conv", "x w", "a")
IMAGE = {"x": (1, 4, 5, 6)}
WEIGHTS = {"w": values(3, 4, 2, 2)}


def changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    found = onnx.ModelProto.FromString(data)
    change(found)
    return found.SerializeToString()


def plain() -> bytes:
    return model([CONV, node("Relu", "a")], IMAGE, WEIGHTS)


def test_a_real_model_computes_what_the_runtime_does(shared: Path) -> None:
    path = shared / "models" / f"{KWS}.onnx"
    graph = frontends.load(path, allow_float=True)
    assert kinds(graph) == [
        *("reshape", "conv2d", "max_pool2d", "conv2d", "average_pool2d", "conv2d"),
        *("average_pool2d", "reshape", "fully_connected", "fully_connected", "fully_connected"),
        "softmax",
    ]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for seed in range(8):
        x = values(1, 1960, seed=seed) * np.float32(10)
        [found] = reference.run(graph, [x])
        [wanted] = session.run(None, {graph.inputs[0]: x})
        # Three convolutions of up to 256 products, and three dense layers of up to 480, in float32
        # and in another order; softmax keeps relative errors of that size.
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_float_model_must_be_quantized_first(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(plain())
    with pytest.raises(UnsupportedError, match="float model: 1 of 1 operations"):
        frontends.load(path)


def test_everything_unsupported_is_listed_at_once(tmp_path: Path) -> None:
    nodes = [
        *(node("Hardmax", "x", f"c{i}") for i in range(4)),
        node("Relu", "c0", "r"),
        helper.make_node("Strange", ["r"], ["s"], name="odd", domain="com.example"),
        node("Clip", "x low", "t"),
        node("Add", "s t"),
    ]
    path = tmp_path / "net.onnx"
    path.write_bytes(model(nodes, IMAGE, {"low": np.float32(2)}))
    with pytest.raises(UnsupportedError) as error:
        frontends.load(path)
    found = str(error.value)
    assert found.startswith(f"{path}: 6 operations are not supported:\n")
    assert "  Hardmax x4: node[0] 'c0', node[1] 'c1', node[2] 'c2', ...\n" in found
    assert "  com.example::Strange x1: node[5] 'odd'\n" in found
    assert "  Clip between 2.0 and None x1: node[6] 't'\n" in found
    assert "Relu x1" not in found and "supported: Abs, " in found and "Upsample" in CONVERTERS


def test_an_open_batch_becomes_one() -> None:
    for batch in ("N", None):
        data = model([CONV, node("Relu", "a")], {"x": (batch, 4, 5, 6)}, WEIGHTS)
        assert read_onnx(data, "m").tensors["x"].shape == (1, 4, 5, 6)


def test_other_open_extents_are_refused() -> None:
    found = message(model([CONV], {"x": (1, 4, "H", 6)}, WEIGHTS, "a"), UnsupportedError)
    assert "input 'x': has an extent known at run time only: dimension 2, 'H'" in found


def test_outputs_of_every_kind() -> None:
    nodes = [
        CONV,
        node("Relu", "a", "b"),
        node("Identity", "b", "c"),
        node("Transpose", "b", "d", perm=(0, 2, 3, 1)),
        node("Shape", "b", "s"),
        node("Reshape", "x s2", "e"),
        node("Identity", "w", "f"),
    ]
    data = model(nodes, IMAGE, {**WEIGHTS, "s2": np.array([4, -1])}, "a b c d e f")
    same_as_runtime(data)
    graph = same_as_runtime(model([node("Identity", "x")], IMAGE))
    assert kinds(graph) == ["reshape"]


def test_constants_among_the_inputs() -> None:
    def listed(found: Any) -> None:
        value = helper.make_tensor_value_info("w", TensorProto.FLOAT, [3, 4, 2, 2])
        found.graph.input.append(value)

    assert read_onnx(changed(plain(), listed), "m").inputs == ("x",)


def test_constants_in_typed_fields() -> None:
    def spelled(found: Any) -> None:
        del found.graph.initializer[:]
        found.graph.initializer.extend(
            [
                helper.make_tensor("w", TensorProto.FLOAT, (4, 2), range(8)),
                helper.make_tensor("s", TensorProto.INT64, (2,), (3, 4)),
            ]
        )

    data = model([node("Reshape", "x s", "a"), node("MatMul", "a w")], {"x": (12,)})
    same_as_runtime(changed(data, spelled))


Change = Callable[[Any], None]


def external(found: Any) -> None:
    tensor = found.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def setting(path: str, value: Any) -> Change:
    def change(found: Any) -> None:
        *way, last = path.split(".")
        for step in way:
            found = found[int(step)] if step.isdigit() else getattr(found, step)
        if last.isdigit():
            found[int(last)] = value
        else:
            setattr(found, last, value)

    return change


BROKEN: list[tuple[Change, str]] = [
    (external, "initializer 'w': data in another file"),
    (setting("graph.initializer.0.dims.0", 7), "192 bytes of data for float32 (7, 4, 2, 2)"),
    (setting("graph.initializer.0.dims.0", -3), "a shape of 4 dimensions, (-3, 4, 2, 2)"),
    (setting("graph.initializer.0.dims.0", 1 << 40), "a shape of 4 dimensions"),
    (setting("graph.initializer.0.raw_data", b"123"), "3 bytes of data for float32 (3, 4, 2, 2)"),
    (setting("graph.initializer.0.data_type", 10), "a constant of FLOAT16"),
    (setting("graph.initializer.0.data_type", 99), "a constant of type 99"),
    (setting("graph.initializer.0.name", ""), "has no name of its own"),
    (setting("graph.input.0.name", ""), "has no name of its own"),
    (setting("graph.input.0.type.tensor_type.elem_type", 7), "input 'x': of int64, not float32"),
    (setting("graph.input.0.type.tensor_type.shape.dim.2.dim_value", 0), "shape (1, 4, 0, 6)"),
    (setting("graph.input.0.type.tensor_type.shape.dim.2.dim_value", 1 << 40), "input 'x': has"),
    (setting("graph.output.0.name", "z"), "onnx:output 'z': is never computed"),
    (setting("graph.node.1.input.0", "z"), "node[1] Relu 'y': reads 'z', which nothing before it"),
    (setting("graph.node.1.output.0", "a"), "writes 'a', which already has a value"),
    (setting("graph.node.0.input.0", "y"), "node[0] Conv 'a': reads 'y', which nothing before it"),
    (setting("opset_import.0.version", 6), "operator set 6"),
    (setting("opset_import.0.version", 99), "operator set 99 (7 to 26 are read)"),
    (setting("opset_import.0.domain", "other"), "0 versions of the standard operators"),
    (lambda found: found.graph.node[0].input.pop(), "has 1 inputs and 1 outputs, expected 2 to 3"),
    (lambda found: found.ClearField("graph"), "the file holds no graph"),
    (lambda found: found.graph.ClearField("output"), "the model has no outputs"),
    (lambda found: found.graph.output.append(found.graph.output[0]), "twice as output"),
]


@pytest.mark.parametrize(("change", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_broken_files_are_refused(change: Change, reason: str) -> None:
    assert reason in message(changed(plain(), change), EdgeqError)


def test_what_is_no_file_of_this_kind_is_refused() -> None:
    for data in (b"", b"PK\x03\x04", b"\xff" * 64, plain()[:-40]):
        message(data, ModelError)


def test_names_are_shown_on_one_line() -> None:
    found = message(
        changed(plain(), setting("graph.node.0.op_type", "*/\n" * 99)), UnsupportedError
    )
    assert "  */?*/?*/?" in found and "..." in found


def test_the_extra_is_named_when_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert message(plain(), UnsupportedError) == (
        "reading .onnx needs the package 'onnx' (pip install 'edgeq[onnx]')"
    )
