"""Operations on int16 codes: what LiteRT's reference kernels answer, read from .tflite files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq import reference
from edgeq.errors import UnsupportedError
from edgeq.frontends import load
from edgeq.passes.pipeline import run_passes
from tests.frontends.tflite_builder import ModelBuilder
from tests.litert import run_litert

IMAGE = (1, 6, 6, 16)
UNIT = 2.0**-15
SEEDS = range(4)
POOL = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "filter_width": 3, "filter_height": 2}
ONE_STEP = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
KEEP = {"keep_dims": True}


class Draw:
    """A file of one operator with random numbers."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = ModelBuilder()
        self.inputs: list[np.ndarray] = []

    def scale(self, low: float = 2e-4, high: float = 4e-3) -> float:
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def codes(self, shape: Sequence[int], dtype: str = "int16") -> np.ndarray:
        info = np.iinfo(dtype)
        found = self.rng.integers(info.min, info.max, shape, endpoint=True).astype(dtype)
        found.reshape(-1)[:2] = info.min, info.max
        return found

    def input(self, shape: Sequence[int], dtype: str = "int16", **options: Any) -> int:
        self.inputs.append(self.codes(shape, dtype))
        options.setdefault("scale", self.scale())
        return self.builder.input(f"x{len(self.inputs)}", shape, dtype, **options)

    def weights(self, shape: Sequence[int], axis: int) -> int:
        scales = [self.scale() for _ in range(shape[axis])]
        codes = self.rng.integers(-127, 128, shape).astype(np.int8)
        return self.builder.const("w", codes, scale=scales, axis=axis)

    def bias(self, count: int, dtype: str, reach: int) -> int:
        return self.builder.const("b", self.rng.integers(-reach, reach, count).astype(dtype))

    def numbers(self, *values: int) -> int:
        return self.builder.const(f"n{len(values)}", np.array(values, np.int32))

    def finish(
        self,
        code: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        scale: float,
        dtype: str = "int16",
        zero: int = 0,
        **options: Any,
    ) -> bytes:
        y = self.builder.tensor("y", shape, dtype, scale=scale, zero_point=zero)
        self.builder.op(code, inputs, [y], **options)
        return self.builder.finish([y])


def compare(draw: Draw, data: bytes, folder: Path) -> None:
    path = folder / "net.tflite"
    path.write_bytes(data)
    (mine,) = reference.run(run_passes(load(path)), draw.inputs)
    (theirs,) = run_litert(data, draw.inputs)
    np.testing.assert_array_equal(mine, theirs)


BIASES = (("int64", 1 << 22, None), ("int64", 1 << 42, None), ("int32", 1 << 22, "INT32"))
CONVOLUTIONS = [
    *((code, *bias) for code in ("CONV_2D", "TRANSPOSE_CONV") for bias in BIASES),
    *(("DEPTHWISE_CONV_2D", *bias) for bias in BIASES[:2]),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("code", "dtype", "reach", "option"), CONVOLUTIONS)
def test_convolutions(
    code: str, dtype: str, reach: int, option: str | None, seed: int, tmp_path: Path
) -> None:
    draw = Draw(seed)
    kind = {} if option is None else {"quantized_bias_type": option}
    dilated = {**ONE_STEP, "dilation_w_factor": 1, "dilation_h_factor": 1}
    x = draw.input(IMAGE)
    scale = 3e-6 * max(3e7, reach) / 32768
    if code == "CONV_2D":
        ins = [x, draw.weights((5, 3, 3, 16), 0), draw.bias(5, dtype, reach)]
        options = {"Conv2DOptions": {**dilated, **kind}}
        data = draw.finish(code, ins, (1, 6, 6, 5), scale, **options)
    elif code == "DEPTHWISE_CONV_2D":
        ins = [x, draw.weights((1, 3, 3, 16), 3), draw.bias(16, dtype, reach)]
        options = {"DepthwiseConv2DOptions": {**dilated, "depth_multiplier": 1}}
        data = draw.finish(code, ins, IMAGE, scale, **options)
    else:
        ins = [draw.numbers(1, 12, 12, 5), draw.weights((5, 3, 3, 16), 0), x]
        ins.append(draw.bias(5, dtype, reach))
        options = {"TransposeConvOptions": {**ONE_STEP, "stride_w": 2, "stride_h": 2, **kind}}
        data = draw.finish(code, ins, (1, 12, 12, 5), scale, **options)
    compare(draw, data, tmp_path)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("dtype", "option"), [("int64", None), ("int32", "INT32")])
def test_fully_connected(dtype: str, option: str | None, seed: int, tmp_path: Path) -> None:
    draw = Draw(seed)
    ins = [draw.input((7, 40)), draw.weights((9, 40), 0), draw.bias(9, dtype, 1 << 20)]
    kind = {} if option is None else {"quantized_bias_type": option}
    data = draw.finish("FULLY_CONNECTED", ins, (7, 9), 0.003, FullyConnectedOptions=kind)
    compare(draw, data, tmp_path)


PAIRS = (
    ("ADD", {"AddOptions": {"pot_scale_int16": False}}, 8e-3),
    ("SUB", {"SubOptions": {"pot_scale_int16": False}}, 8e-3),
    ("MUL", {"MulOptions": {}}, 0.05),
    ("MAXIMUM", {"MaximumMinimumOptions": {}}, 1e-3),
    ("MINIMUM", {"MaximumMinimumOptions": {}}, 1e-3),
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [IMAGE, (16,), (1, 6, 1, 1)])
@pytest.mark.parametrize(("code", "options", "scale"), PAIRS)
def test_pairs(
    code: str, options: dict, scale: float, shape: tuple, seed: int, tmp_path: Path
) -> None:
    draw = Draw(seed)
    ins = [draw.input(IMAGE), draw.input(shape)]
    compare(draw, draw.finish(code, ins, IMAGE, scale, **options), tmp_path)


FUNCTIONS = (
    ("RELU", {}, None),
    ("RELU6", {}, None),
    ("ABS", {}, None),
    ("LEAKY_RELU", {"LeakyReluOptions": {"alpha": 0.3}}, None),
    ("LEAKY_RELU", {"LeakyReluOptions": {"alpha": 1.3}}, None),
    ("LOGISTIC", {}, UNIT),
    ("TANH", {}, UNIT),
    ("SOFTMAX", {"SoftmaxOptions": {"beta": 1.0}}, UNIT),
    ("SOFTMAX", {"SoftmaxOptions": {"beta": 0.3}}, UNIT),
    ("MAX_POOL_2D", {"Pool2DOptions": POOL}, 0.0),
    ("AVERAGE_POOL_2D", {"Pool2DOptions": POOL}, 0.0),
    ("QUANTIZE", {}, None),
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("code", "options", "scale"), FUNCTIONS)
def test_functions(
    code: str, options: dict, scale: float | None, seed: int, tmp_path: Path
) -> None:
    draw = Draw(seed)
    own = draw.scale()
    x = draw.input(IMAGE, scale=own)
    chosen = draw.scale() if scale is None else scale or own
    compare(draw, draw.finish(code, [x], IMAGE, chosen, **options), tmp_path)


SHAPED = (
    ("MEAN", (1, 2), (1, 1, 1, 16), {"ReducerOptions": KEEP}, 5e-4),
    ("MEAN", (3,), (1, 6, 6, 1), {"ReducerOptions": KEEP}, 5e-4),
    ("RESIZE_BILINEAR", (9, 5), (1, 9, 5, 16), {"ResizeBilinearOptions": {}}, 0.0),
    (
        "RESIZE_BILINEAR",
        (11, 13),
        (1, 11, 13, 16),
        {"ResizeBilinearOptions": {"half_pixel_centers": True}},
        0.0,
    ),
    ("RESIZE_NEAREST_NEIGHBOR", (9, 5), (1, 9, 5, 16), {}, 0.0),
    ("TRANSPOSE", (0, 3, 1, 2), (1, 16, 6, 6), {}, 0.0),
    ("GATHER", (3, 0, 5), (1, 3, 6, 16), {"GatherOptions": {"axis": 1}}, 0.0),
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("code", "values", "shape", "options", "scale"), SHAPED)
def test_shapes(
    code: str,
    values: tuple,
    shape: tuple,
    options: dict,
    scale: float,
    seed: int,
    tmp_path: Path,
) -> None:
    draw = Draw(seed)
    own = draw.scale()
    ins = [draw.input(IMAGE, scale=own), draw.numbers(*values)]
    compare(draw, draw.finish(code, ins, shape, scale or own, **options), tmp_path)


@pytest.mark.parametrize("seed", SEEDS)
def test_batch_matmul(seed: int, tmp_path: Path) -> None:
    draw = Draw(seed)
    ins = [draw.input((2, 5, 40)), draw.input((2, 40, 7))]
    data = draw.finish("BATCH_MATMUL", ins, (2, 5, 7), 0.3, BatchMatMulOptions={})
    compare(draw, data, tmp_path)


CONVERSIONS = (
    ("int16", "int8", 0.3, 7),
    ("int8", "int16", 1e-3, 0),
    ("int16", "int32", 1e-6, 0),
    ("int32", "int16", 50.0, 0),
    ("int32", "int8", 9e3, -5),
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("first", "second", "scale", "zero"), CONVERSIONS)
def test_conversions(
    first: str, second: str, scale: float, zero: int, seed: int, tmp_path: Path
) -> None:
    draw = Draw(seed)
    x = draw.input(IMAGE, first)
    data = draw.finish("QUANTIZE", [x], IMAGE, scale, second, zero)
    compare(draw, data, tmp_path)


def test_a_shape_that_is_an_input(tmp_path: Path) -> None:
    draw = Draw(0)
    shape = draw.builder.input("shape", (4,), "int32")
    ins = [shape, draw.weights((5, 3, 3, 16), 0), draw.input(IMAGE)]
    options = {"TransposeConvOptions": {**ONE_STEP, "stride_w": 2, "stride_h": 2}}
    data = draw.finish("TRANSPOSE_CONV", ins, (1, 12, 12, 5), 0.01, **options)
    draw.inputs.insert(0, np.array([1, 12, 12, 5], np.int32))
    compare(draw, data, tmp_path)


@pytest.mark.parametrize("code", ["PRELU", "HARD_SWISH", "ELU", "SQUARED_DIFFERENCE", "SUM"])
def test_what_is_not_defined_is_refused_by_name(code: str, tmp_path: Path) -> None:
    draw = Draw(0)
    ins = [draw.input(IMAGE) for _ in range(1 + (code in ("PRELU", "SQUARED_DIFFERENCE")))]
    path = tmp_path / "net.tflite"
    path.write_bytes(draw.finish(code, ins, IMAGE, 0.01))
    with pytest.raises(UnsupportedError, match=f"{code} of int16 data"):
        load(path)


def test_a_narrow_bias_of_a_depthwise_layer_is_refused(tmp_path: Path) -> None:
    draw = Draw(0)
    ins = [draw.input(IMAGE), draw.weights((1, 3, 3, 16), 3), draw.bias(16, "int32", 9)]
    step = {**ONE_STEP, "dilation_w_factor": 1, "dilation_h_factor": 1, "depth_multiplier": 1}
    path = tmp_path / "net.tflite"
    path.write_bytes(
        draw.finish("DEPTHWISE_CONV_2D", ins, IMAGE, 0.01, DepthwiseConv2DOptions=step)
    )
    with pytest.raises(UnsupportedError, match="of int16 data with an int32 bias"):
        load(path)


@pytest.mark.parametrize("code", ["ADD", "SUB"])
def test_sums_by_shifts_are_refused(code: str, tmp_path: Path) -> None:
    draw = Draw(0)
    ins = [draw.input(IMAGE, scale=2.0**-12), draw.input(IMAGE, scale=2.0**-11)]
    options = {f"{code.capitalize()}Options": {"pot_scale_int16": True}}
    path = tmp_path / "net.tflite"
    path.write_bytes(draw.finish(code, ins, IMAGE, 2.0**-11, **options))
    with pytest.raises(UnsupportedError, match="powers of two"):
        load(path)
