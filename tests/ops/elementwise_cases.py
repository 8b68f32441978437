"""One element-wise operation: as a graph of ours, and as a .tflite file for LiteRT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from edgeq import reference
from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.base import Op
from tests.frontends.tflite_builder import ModelBuilder
from tests.kernel_harness import one_op_graph


def coded(
    name: str,
    shape: Sequence[int],
    dtype: DType = DType.INT8,
    scale: float = 1.0,
    zero: int = 0,
    data: np.ndarray | None = None,
) -> Tensor:
    """Return a tensor with one scale, which is rounded to float32 as files hold it."""
    quant = None if dtype.is_float else QuantParams.per_tensor(float(np.float32(scale)), zero)
    return Tensor(name, tuple(shape), dtype, quant, data)


def evaluate(
    op: Op, tensors: Sequence[Tensor], arrays: Sequence[np.ndarray], numerics: str = "tflite-ref"
) -> np.ndarray:
    """Return the reference's answer for one operation, verified and lowered."""
    graph = one_op_graph(op, {tensor.name: tensor for tensor in tensors}, numerics)
    return reference.run(graph, arrays)[0]


def tflite(code: str, tensors: Sequence[Tensor], version: int = 1, **options: Any) -> bytes:
    """Return a file of one operator; the last tensor is its output."""
    builder = ModelBuilder()
    *ins, y = tensors
    indices = [_add(builder, tensor) for tensor in ins]
    out = builder.tensor(y.name, y.shape, y.dtype.value, **_quant(y))
    builder.op(code, indices, [out], version=version, **options)
    return builder.finish([out])


def _add(builder: ModelBuilder, tensor: Tensor) -> int:
    if tensor.is_constant:
        return builder.const(tensor.name, tensor.array, **_quant(tensor))
    return builder.input(tensor.name, tensor.shape, tensor.dtype.value, **_quant(tensor))


def _quant(tensor: Tensor) -> dict[str, Any]:
    if tensor.quant is None:
        return {}
    return {"scale": tensor.scale, "zero_point": tensor.zero_point}


def random_codes(rng: np.random.Generator, tensor: Tensor) -> np.ndarray:
    """Return codes of the tensor's whole range, its ends included."""
    codes = rng.integers(tensor.dtype.min, tensor.dtype.max + 1, tensor.shape)
    flat = codes.reshape(-1)
    flat[:1], flat[-1:] = tensor.dtype.min, tensor.dtype.max
    return codes.astype(tensor.dtype.numpy)


def all_codes(dtype: DType) -> np.ndarray:
    """Return every code of a type, smallest first."""
    return np.arange(dtype.min, dtype.max + 1).astype(dtype.numpy)


def every_pair() -> list[np.ndarray]:
    """Return two arrays that together hold every pair of int8 codes."""
    grid = np.meshgrid(all_codes(DType.INT8), all_codes(DType.INT8), indexing="ij")
    return [np.ascontiguousarray(part) for part in grid]


def scales(low: float = 2**-9, high: float = 2.0) -> st.SearchStrategy[float]:
    """Return scales that float32 holds exactly."""
    return st.floats(float(np.float32(low)), float(np.float32(high)), width=32)


def zeros(dtype: DType) -> st.SearchStrategy[int]:
    """Return zero points of a type, its ends among them."""
    return st.sampled_from((dtype.min, dtype.max)) | st.integers(dtype.min, dtype.max)


@st.composite
def tensors(
    draw: st.DrawFn, names: str, dtype: DType, count: int, low: float = 2**-9, high: float = 2.0
) -> tuple[Tensor, ...]:
    """Return tensors of ``count`` codes, one for each letter of ``names``."""
    return tuple(
        coded(name, (count,), dtype, draw(scales(low, high)), draw(zeros(dtype))) for name in names
    )


def by_name(*found: Tensor) -> dict[str, Tensor]:
    """Return tensors by their names."""
    return {tensor.name: tensor for tensor in found}
