from __future__ import annotations

from pathlib import Path

import pytest

import edgeq
from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends import load
from edgeq.frontends.npz import graph_bytes
from tests.frontends.tflite.one_op import CONV, OneOp, conv
from tests.frontends.tflite_builder import ModelBuilder

REFUSED = {
    "tflm_trained_lstm_fp32": ["UNIDIRECTIONAL_SEQUENCE_LSTM of float32 data x1"],
    "negative/custom_op_posenet_decoder": ["CUSTOM:PosenetDecoderOp x1: op[37] 'poses'"],
}
FLOATING = ("_fp32", "_float.", "dynamicrange")


def test_every_integer_model_is_read(shared: Path) -> None:
    count = 0
    for path in sorted((shared / "models").rglob("*.tflite")):
        if path.parent.name == "negative" or any(p in path.name for p in FLOATING):
            continue
        assert not load(path).is_float, path.name
        count += 1
    assert count == 47


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_unsupported_is_listed_whole(name: str, shared: Path) -> None:
    path = shared / "models" / f"{name}.tflite"
    with pytest.raises(UnsupportedError) as error:
        load(path)
    assert error.value.exit_code == 3
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "(supported: ABS, ADD, ARG_MAX" in message
    lines = [line.strip() for line in message.splitlines()[1:-1]]
    assert len(lines) == len(REFUSED[name])
    for line, start in zip(lines, REFUSED[name], strict=True):
        assert line.startswith(start)


def test_a_model_that_is_broken_on_purpose_is_refused(shared: Path) -> None:
    path = shared / "models" / "negative" / "negative_coral_model_invoking_error.tflite"
    with pytest.raises(ModelError) as error:
        edgeq.load(path)
    assert str(error.value) == f"{path}: tensor 0 'tensor0': buffer 0 of 0"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mlperf_ad01_fp32", "float model: 10 of 10 operations compute in floating point (fully_"),
        ("mlperf_pretrainedResnet_fp32", "(conv2d x9, add x3, average_pool2d x1,"),
        ("mlperf_vww_96_fp32", "float model: 30 of 30"),
        ("speed/k_mobilenet_v2_1.0_224_float", "float model: 65 of 65"),
        ("mlperf_ToyCar_quant_dynamicrange", "weight-only model (integer weights, float act"),
        ("mlperf_kws_ref_model_float32_dynamicrange", "weight-only model"),
    ],
)
def test_float_models_must_be_quantized_first(name: str, message: str, shared: Path) -> None:
    path = shared / "models" / f"{name}.tflite"
    with pytest.raises(UnsupportedError) as error:
        load(path)
    assert error.value.exit_code == 3
    assert message in str(error.value)
    assert "tflite:op[" in str(error.value)
    assert str(error.value).endswith("(quantize it first: edgeq quantize)")
    assert load(path, allow_float=True).is_float


def test_a_model_may_be_float_in_part(tmp_path: Path) -> None:
    path = tmp_path / "part.tflite"
    builder = ModelBuilder()
    tensors = [builder.input("x", (2,), scale=0.5), builder.tensor("r", (2,), scale=0.5)]
    tensors += [builder.tensor(name, (2,), "float32") for name in ("d", "y")]
    for code, pair in zip(("RELU", "DEQUANTIZE", "TANH"), range(3), strict=True):
        builder.op(code, [tensors[pair]], [tensors[pair + 1]])
    path.write_bytes(builder.finish([tensors[3]]))
    with pytest.raises(UnsupportedError, match="partly float: 1 of 2 operations compute") as error:
        load(path)
    assert "TANH 'y'" in str(error.value)


def test_a_float_network_of_our_own_format_is_refused_too(tmp_path: Path) -> None:
    data = OneOp().x(2, dtype="float32").y(2, dtype="float32").graph("RELU")
    path = tmp_path / "f.npz"
    path.write_bytes(graph_bytes(data))
    with pytest.raises(UnsupportedError, match="float model: 1 of 1 operations"):
        load(path)
    assert load(path, allow_float=True).is_float


def test_the_bias_of_person_detect_is_read(shared: Path) -> None:
    broken, fixed = (
        load(shared / "models" / f"tflm_person_detect{suffix}.tflite") for suffix in ("", "_fixed")
    )
    kinds = [[op.KIND for op in graph.ops] for graph in (broken, fixed)]
    assert kinds[0] == kinds[1]
    for name, tensor in fixed.tensors.items():
        same = broken.tensors[name]
        assert (same.shape, same.dtype, same.quant) == (tensor.shape, tensor.dtype, tensor.quant)
        assert not tensor.is_constant or (same.array == tensor.array).all()


def test_messages_name_file_node_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    model = conv()
    model.builder.graph["tensors"][1]["shape"] = [18]
    path.write_bytes(model.data("CONV_2D", Conv2DOptions=CONV))
    with pytest.raises(ModelError) as error:
        load(path)
    assert str(error.value) == (
        f"{path}: tflite:op[0] CONV_2D 'y0': weights have shape (18,), expected 4 dimensions"
    )


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.bin", b"", "unknown file type '.bin' (.npz, .tflite, .onnx, .pt2)"),
        ("a", b"", "unknown file type ''"),
        ("a.tflite", b"", "not a .tflite file"),
        ("a.npz", b"", "not a .npz archive"),
        ("a.NPZ", b"PK", "not a .npz archive"),
    ],
)
def test_other_files(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(EdgeqError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.npz", tmp_path / "folder.tflite"):
        if path.suffix == ".tflite":
            path.mkdir()
        with pytest.raises(ModelError, match="cannot be read"):
            load(path)
