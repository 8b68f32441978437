"""Layers with weights: as .tflite files, against LiteRT, and as plain sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq import reference
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ops._spatial import Padding, Pair
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.passes.pipeline import run_passes
from tests.frontends.tflite_builder import ModelBuilder
from tests.kernel_harness import compile_layer
from tests.litert import run_litert

X_SCALE, Y_SCALE = (float(np.float32(scale)) for scale in (0.0507, 0.0613))
# A standard deviation of random codes, and of the output codes that it shall give.
SPREAD, WANTED = 74.0, 45.0
NO_PADDING = Padding()


def weights(
    rng: np.random.Generator,
    shape: Shape,
    depth: int,
    *,
    dtype: DType = DType.INT8,
    axis: int | None = None,
    zero: int = 0,
) -> Tensor:
    """Return random weights whose sums of ``depth`` products fill an output of ``Y_SCALE``."""
    codes = rng.integers(dtype.min, dtype.max + 1, shape)
    codes.reshape(-1)[:1], codes.reshape(-1)[-1:] = dtype.min, dtype.max
    base = Y_SCALE * WANTED / (X_SCALE * SPREAD * SPREAD * np.sqrt(depth))
    count = 1 if axis is None else shape[axis]
    scales = (base * rng.uniform(0.5, 2, count)).astype(np.float32)
    quant = QuantParams(tuple(map(float, scales)), (zero,) * count, axis)
    return Tensor("w", shape, dtype, quant, codes)


def biases(rng: np.random.Generator, count: int, depth: int, *, zero: bool = False) -> np.ndarray:
    """Return biases of the size of a sum of ``depth`` products, or zeros."""
    reach = 0 if zero else int(SPREAD * SPREAD * np.sqrt(depth))
    return rng.integers(-reach, reach + 1, count).astype(np.int32)


def tflite_layer(
    code: str,
    x: Tensor,
    w: Tensor,
    bias: np.ndarray,
    y: Tensor,
    version: int = 3,
    **options: Any,
) -> bytes:
    """Return a file of one layer."""
    builder = ModelBuilder()
    at = builder.input("x", x.shape, x.dtype.value, scale=x.scale, zero_point=x.zero_point)
    axis = w.quant.axis or 0
    params = {"scale": w.quant.scale, "zero_point": w.quant.zero_point, "axis": axis}
    scale = np.float32(x.scale) * np.float32(w.quant.scale)
    inputs = [at, builder.const("w", w.array, **params), builder.const("b", bias, scale=scale)]
    out = builder.tensor("y", y.shape, y.dtype.value, scale=y.scale, zero_point=y.zero_point)
    builder.op(code, inputs, [out], version=version, **options)
    return builder.finish([out])


def check_equals_litert(
    data: bytes, array: np.ndarray, *, kernel: str = "", bias: bool = True
) -> np.ndarray:
    """Fail unless the reference gives what LiteRT does, before and after all passes.

    With the name of a row also the generated C. LiteRT has no convolution without a bias: without
    ``bias`` the file's, of zeros, is taken off here. Return the codes.
    """
    (want,) = run_litert(data, [array])
    graph = read_tflite(data, "layer")
    if not bias:
        graph = graph.with_ops(replace(op, inputs=op.inputs[:2]) for op in graph.ops)
    passed = run_passes(graph)
    for lowered in (lower_arithmetic(graph), passed):
        (got,) = reference.run(lowered, [array])
        np.testing.assert_array_equal(got, want, strict=True)
    if kernel:
        compiled = compile_layer(passed)
        assert kernel in [call.kernel for call in compiled.program.calls]
        np.testing.assert_array_equal(compiled(array), want, strict=True)
    return want


def plain_convolution(
    x: np.ndarray,
    w: np.ndarray,
    size: Pair,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = NO_PADDING,
) -> np.ndarray:
    """Return the float64 sums of a convolution, one output at a time; weights are OHWI."""
    y = np.zeros((x.shape[0], *size, w.shape[0]))
    group_out = w.shape[0] // (x.shape[3] // w.shape[3])
    for n, oy, ox, o in np.ndindex(*y.shape):
        first = o // group_out * w.shape[3]
        for ky, kx in np.ndindex(*w.shape[1:3]):
            iy = oy * stride[0] + ky * dilation[0] - padding.top
            ix = ox * stride[1] + kx * dilation[1] - padding.left
            if 0 <= iy < x.shape[1] and 0 <= ix < x.shape[2]:
                pixel = x[n, iy, ix, first : first + w.shape[3]].astype(np.float64)
                y[n, oy, ox, o] += pixel @ w[o, ky, kx].astype(np.float64)
    return y


def small_integers(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Return float32 values whose sums of products are exact in any order."""
    return rng.integers(-9, 10, shape).astype(np.float32)
