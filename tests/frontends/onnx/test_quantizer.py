"""Networks that ONNX Runtime's own quantizer writes, in every form: equal on each output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from edgeq import reference
from edgeq.errors import UnsupportedError
from tests.frontends.onnx.one_model import model, node
from tests.frontends.onnx.one_quantized import kinds, lowered_of, run_onnx

SHAPE = (1, 3, 12, 12)
TYPES = {"u8u8": "QUInt8 QUInt8", "u8s8": "QUInt8 QInt8", "s8s8": "QInt8 QInt8"}


class Samples(CalibrationDataReader):
    """Four random images."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.left = [{"x": rng.normal(size=SHAPE).astype(np.float32)} for _ in range(4)]

    def get_next(self) -> Any:
        """Return the next one, ``None`` at the end."""
        return self.left.pop() if self.left else None


def network() -> bytes:
    """Return a small float network with a branch."""
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        spread = np.sqrt(2 / np.prod(shape[1:]))
        return (rng.normal(size=shape) * spread).astype(np.float32)

    constants = {
        "w0": weights(8, 3, 3, 3),
        "b0": weights(8),
        "w1": weights(8, 1, 3, 3),
        "b1": weights(8),
        "w2": weights(16, 8, 1, 1),
        "b2": weights(16),
        "k": weights(10, 16),
        "c": weights(10),
    }
    layers = [
        node("Conv", "x w0 b0", "c0", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", "c0", "r0"),
        node("Conv", "r0 w1 b1", "c1", pads=[1, 1, 1, 1], group=8),
        node("Add", "c1 r0", "a0"),
        node("MaxPool", "a0", "m0", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "m0 w2 b2", "c2"),
        node("Sigmoid", "c2", "s2"),
        node("Mul", "c2 s2", "m2"),
        node("GlobalAveragePool", "m2", "g"),
        node("Flatten", "g", "f"),
        node("Gemm", "f k c", "d", transB=1),
        node("Softmax", "d", "y"),
    ]
    return model(layers, {"x": SHAPE}, constants)


def quantized(folder: Path, form: str, types: str, channels: bool) -> bytes:
    """Return what the quantizer makes of the network."""
    source, made = folder / "float.onnx", folder / "made.onnx"
    source.write_bytes(network())
    activation, weight = (QuantType[name] for name in TYPES[types].split())
    quantize_static(
        source,
        made,
        Samples(),
        quant_format=QuantFormat[form],
        activation_type=activation,
        weight_type=weight,
        per_channel=channels,
    )
    return made.read_bytes()


def images() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(2)
    for _ in range(6):
        yield rng.normal(size=SHAPE).astype(np.float32)


@pytest.mark.parametrize("channels", [False, True])
@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_outputs_are_equal(tmp_path: Path, form: str, types: str, channels: bool) -> None:
    data = quantized(tmp_path, form, types, channels)
    if (form, types, channels) == ("QOperator", "u8u8", True):
        # Each channel of the uint8 weights has a zero point of its own there.
        with pytest.raises(UnsupportedError, match="weights of several zero points"):
            lowered_of(data)
        return
    lowered = lowered_of(data)
    # The file takes [N,C,H,W]: that is the one transposition.
    assert kinds(lowered).count("transpose") <= 1
    for image in images():
        [want] = run_onnx(data, {"x": image})
        [have] = reference.run(lowered, [image])
        np.testing.assert_array_equal(have, want)
