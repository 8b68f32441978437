"""Layers that only move elements: build, run and compare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeq import reference
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ops.base import Op
from tests.frontends.tflite_builder import ModelBuilder
from tests.kernel_harness import check_layer, one_op_graph
from tests.litert import run_litert

DTYPES = tuple(DType)
CODES = (DType.INT8, DType.UINT8, DType.INT16)


def quant(scale: float = 0.5, zero_point: int = 0) -> QuantParams:
    """Return parameters whose scale is a float32, as those of a model file are."""
    return QuantParams.per_tensor(float(np.float32(scale)), zero_point)


def tensor(
    name: str, shape: Shape, dtype: DType = DType.INT8, params: QuantParams | None = None
) -> Tensor:
    """Return a computed tensor."""
    return Tensor(name, shape, dtype, params)


def layer(op: Op, *inputs: Tensor, params: QuantParams | None = None) -> dict[str, Tensor]:
    """Return the tensors of a layer; outputs have the first input's type and ``params``."""
    outs = tuple(Tensor(name, (), inputs[0].dtype, params) for name in op.outputs)
    shapes = op.shapes(Operands(inputs, outs))
    outputs = [replace(out, shape=shape) for out, shape in zip(outs, shapes, strict=True)]
    return {t.name: t for t in (*inputs, *outputs)}


def values(dtype: DType, shape: Shape, seed: int = 0) -> np.ndarray:
    """Return random elements of the whole range of a type."""
    rng = np.random.default_rng(seed)
    if dtype.is_float:
        return rng.normal(size=shape).astype(np.float32)
    return rng.integers(dtype.min, dtype.max, shape, dtype.numpy, endpoint=True)


def inputs_of(op: Op, tensors: dict[str, Tensor], seed: int = 0) -> list[np.ndarray]:
    """Return random arrays for the inputs that are not constant."""
    names = [name for name in dict.fromkeys(op.inputs) if not tensors[name].is_constant]
    return [
        values(tensors[name].dtype, tensors[name].shape, seed + i) for i, name in enumerate(names)
    ]


def evaluate(op: Op, tensors: dict[str, Tensor], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the reference's outputs."""
    return list(reference.run(one_op_graph(op, tensors), arrays))


def check_kernel(op: Op, tensors: dict[str, Tensor], kernel: str) -> None:
    """Fail unless the generated C equals the reference on random and on extreme elements."""
    ones = [np.full_like(a, a.dtype.type(1)) for a in inputs_of(op, tensors)]
    check_layer(op, tensors, [inputs_of(op, tensors), ones], kernel=f"portable/{kernel}")


def litert(
    code: str,
    arrays: Sequence[np.ndarray],
    outputs: Sequence[Tensor],
    operands: Sequence[int | np.ndarray],
    params: Sequence[QuantParams | None] | None = None,
    version: int = 2,
    **options: object,
) -> list[np.ndarray]:
    """Return LiteRT's outputs of one operator.

    ``operands`` are its inputs in order: indices into ``arrays``, or constants.
    """
    builder = ModelBuilder()
    codes = params or [None] * len(arrays)
    ports = [
        builder.input(f"x{i}", array.shape, array.dtype.name, **_options(code_))
        for i, (array, code_) in enumerate(zip(arrays, codes, strict=True))
    ]
    ins = [
        ports[o] if isinstance(o, int) else builder.const(f"c{i}", o)
        for i, o in enumerate(operands)
    ]
    outs = [builder.tensor(t.name, t.shape, t.dtype.value, **_options(t.quant)) for t in outputs]
    builder.op(code, ins, outs, version=version, **options)
    return run_litert(builder.finish(outs), arrays)


def _options(params: QuantParams | None) -> dict[str, object]:
    if params is None:
        return {}
    return {"scale": params.scale[0], "zero_point": params.zero_point[0]}


def same(got: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    """Fail unless types, shapes and all elements are equal."""
    assert len(got) == len(expected)
    for have, want in zip(got, expected, strict=True):
        assert (have.dtype, have.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(have, want)
