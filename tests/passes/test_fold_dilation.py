from __future__ import annotations

import numpy as np
import pytest

from edgeq import api, reference
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.passes.fold_dilation import fold_dilation
from tests.frontends.tflite_builder import ModelBuilder
from tests.litert import run_litert
from tests.passes.nets import kinds

OPTIONS = {"padding": "VALID", "stride_w": 1, "stride_h": 1}


def _file(
    block: tuple[int, int],
    pads: tuple[tuple[int, int], tuple[int, int]],
    crops: tuple[tuple[int, int], tuple[int, int]],
    *,
    image: tuple[int, int, int, int] = (1, 7, 6, 3),
    depthwise: bool = False,
    extra_output: bool = False,
    zero: int = 5,
    stride: int = 1,
) -> tuple[bytes, np.ndarray]:
    """Return a file that spells a dilated 3x3 convolution out, and an input."""
    rng = np.random.default_rng(1)
    builder, quant = ModelBuilder(), {"scale": 0.5, "zero_point": zero}
    n, h, w, c = image
    high, wide = h + sum(pads[0]), w + sum(pads[1])
    batch = (n * block[0] * block[1], high // block[0], wide // block[1], c)
    outs = c if depthwise else 4
    done = (batch[0], (batch[1] - 3) // stride + 1, (batch[2] - 3) // stride + 1, outs)
    last = (n, done[1] * block[0] - sum(crops[0]), done[2] * block[1] - sum(crops[1]), outs)
    shape = (1, 3, 3, c) if depthwise else (4, 3, 3, c)
    codes = rng.integers(-127, 128, shape).astype(np.int8)
    sizes = builder.const("block", np.int32(block))
    x = builder.input("x", image, "int8", **quant)
    weights = builder.const("w", codes, scale=0.01)
    bias = builder.const("b", rng.integers(-500, 500, outs).astype(np.int32), scale=0.005)
    phases = builder.tensor("phases", batch, "int8", **quant)
    dense = builder.tensor("dense", done, "int8", scale=1.5, zero_point=-3)
    y = builder.tensor("y", last, "int8", scale=1.5, zero_point=-3)
    builder.op("SPACE_TO_BATCH_ND", [x, sizes, builder.const("pads", np.int32(pads))], [phases])
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    table = {**OPTIONS, "stride_w": stride, "stride_h": stride}
    table |= {"dilation_w_factor": 1, "dilation_h_factor": 1}
    table |= {"depth_multiplier": 1} if depthwise else {}
    code = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    builder.op(code, [phases, weights, bias], [dense], version=3, **{kind: table})
    builder.op("BATCH_TO_SPACE_ND", [dense, sizes, builder.const("crops", np.int32(crops))], [y])
    data = builder.finish([y, dense] if extra_output else [y])
    return data, rng.integers(-128, 128, image).astype(np.int8)


def _both(data: bytes, x: np.ndarray) -> Graph:
    """Return the lowered graph, which must compute what LiteRT does."""
    lowered = api.lower(verify(read_tflite(data, "m")))
    for want, have in zip(run_litert(data, [x]), reference.run(lowered, [x]), strict=True):
        np.testing.assert_array_equal(have, want)
    return lowered


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize(
    ("block", "pads", "crops", "left"),
    [
        ((2, 2), ((2, 3), (2, 2)), ((0, 1), (0, 0)), []),
        ((2, 3), ((2, 3), (3, 3)), ((0, 1), (0, 0)), []),
        ((1, 2), ((0, 0), (2, 4)), ((0, 0), (0, 2)), []),
        ((2, 2), ((0, 1), (0, 0)), ((0, 0), (0, 0)), []),
        ((2, 2), ((0, 1), (0, 0)), ((1, 1), (0, 0)), ["slice"]),
        ((2, 2), ((2, 1), (2, 0)), ((0, 2), (0, 1)), ["slice"]),
    ],
)
def test_what_is_spelled_out_becomes_dilated(
    block: tuple[int, int],
    pads: tuple[tuple[int, int], tuple[int, int]],
    crops: tuple[tuple[int, int], tuple[int, int]],
    left: list[str],
    depthwise: bool,
) -> None:
    lowered = _both(*_file(block, pads, crops, depthwise=depthwise))
    convolution = "depthwise_conv2d" if depthwise else "conv2d"
    assert kinds(lowered) == [convolution, *left]
    (op,) = (op for op in lowered.ops if isinstance(op, Conv2D | DepthwiseConv2D))
    assert op.dilation == block


def test_a_batch_of_several_images() -> None:
    data, x = _file((2, 2), ((2, 3), (2, 2)), ((0, 1), (0, 0)), image=(3, 7, 6, 2))
    assert kinds(_both(data, x)) == ["conv2d"]


@pytest.mark.parametrize("why", ["output", "stride"])
def test_others_stay(why: str) -> None:
    stride = 2 if why == "stride" else 1
    data, x = _file(
        (2, 2), ((3, 4), (4, 4)), ((0, 0), (0, 0)), extra_output=why == "output", stride=stride
    )
    graph = verify(read_tflite(data, "m"))
    assert kinds(fold_dilation(graph)) == kinds(graph)
    assert "transpose" in kinds(_both(data, x))
