"""The tensors of a .tflite file: names, shapes, codes, and views of the constants' bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeq.errors import ModelError
from edgeq.frontends.schema import tflite_generated as schema
from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape, elements
from edgeq.ir.verify import MAX_OPERANDS, MAX_OPS, MAX_RANK, MAX_TENSORS

# A file can refer to one vector from many tables, so totals are bounded, not only each part.
MAX_SCALES = 1 << 20
MAX_NAME_BYTES = 1 << 26
SHOWN = 80

# Why operators that know nothing of variables cannot use a tensor.
HANDLE = "type RESOURCE"
STATE = "state that is kept between runs"

_DTYPES = {
    schema.TensorType.FLOAT32: DType.FLOAT32,
    schema.TensorType.INT8: DType.INT8,
    schema.TensorType.UINT8: DType.UINT8,
    schema.TensorType.INT16: DType.INT16,
    schema.TensorType.INT32: DType.INT32,
    schema.TensorType.INT64: DType.INT64,
    schema.TensorType.BOOL: DType.BOOL,
}
_TYPE_NAMES = {v: k for k, v in vars(schema.TensorType).items() if isinstance(v, int)}


@dataclass(frozen=True, slots=True, eq=False)
class Tensors:
    """All tensors of a subgraph; ``unusable`` says why of those that are not ``known``.

    State is both: operators that keep it can use it.
    """

    names: tuple[str, ...]
    known: dict[str, Tensor]
    unusable: dict[str, str]

    def at(self, index: int, where: str) -> str:
        """Return the name of a tensor; raise ``ModelError`` for an index out of range."""
        if not 0 <= index < len(self.names):
            raise ModelError(f"tensor index {index} of {len(self.names)}", where=where)
        return self.names[index]


def readable(text: str) -> str:
    """Return a name as messages show it: one printable line, not too long."""
    shown = text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
    return "".join(ch if ch.isprintable() else "?" for ch in shown)


def indices(vector: Any) -> list[int]:
    """Return a vector of numbers; the generated accessors return 0 for an absent one."""
    return [] if isinstance(vector, int) else [int(index) for index in vector]


def limit(count: int, most: int, what: str) -> None:
    """Raise ``ModelError`` when the file has more than ``most`` of something."""
    if count > most:
        raise ModelError(f"{count} {what}, at most {most}")


def read_tensors(data: bytes, model: schema.Model, subgraph: schema.SubGraph) -> Tensors:
    """Return the tensors of a subgraph; raise ``ModelError`` naming the first malformed one.

    Constants are views of ``data``.
    """
    limit(subgraph.TensorsLength(), MAX_TENSORS, "tensors")
    limit(subgraph.OperatorsLength(), MAX_OPS, "operations")
    limit(model.OperatorCodesLength(), MAX_OPS, "operator codes")
    tables = [subgraph.Tensors(index) for index in range(subgraph.TensorsLength())]
    limit(sum(map(_scale_count, tables)), MAX_SCALES, "scales")
    names = _names(tables)
    produced, coded = _roles(model, subgraph)
    found = Tensors(names, {}, {})
    for index, (name, table) in enumerate(zip(names, tables, strict=True)):
        where = f"tensor {index} '{readable(name)}'"
        try:
            reason = _unusable(table)
            if reason:
                found.unusable[name] = reason
            if reason not in ("", STATE):
                continue
            dtype = _DTYPES[table.Type()]
            shape = tuple(indices(table.ShapeAsNumpy()))
            array = None if index in produced else _array(data, model, table, dtype, shape)
            if reason and array is not None:
                raise ModelError("a variable that has data")
            has_code = dtype.is_quantized or index in coded
            quant = _quantization(table) if has_code else None
            found.known[name] = Tensor(name, shape, dtype, quant, array)
        except ModelError as error:
            raise error.at(where) from None
    return found


def _scale_count(table: schema.Tensor) -> int:
    params = table.Quantization()
    return 0 if params is None else int(params.ScaleLength())


def _names(tables: list[schema.Tensor]) -> tuple[str, ...]:
    """Return one unique name for each tensor; files may repeat or omit names."""
    names: dict[str, None] = {}
    total = 0
    for index, table in enumerate(tables):
        raw = table.Name() or b""
        total += len(raw)
        limit(total, MAX_NAME_BYTES, "bytes of names")
        name = raw.decode("utf-8", "replace") or f"tensor{index}"
        while name in names:
            name = f"{name}#{index}"
        names[name] = None
    return tuple(names)


def _roles(model: schema.Model, subgraph: schema.SubGraph) -> tuple[set[int], set[int]]:
    """Return the indices of the tensors that operators write, and of int32 ones that have a code.

    A bias needs no code of its own, as it follows from others; some files hold nonsense there.
    Only where int32 is converted does its code matter, and where it is all that is told.
    """
    produced: set[int] = set()
    coded: set[int] = set()
    operands = 0
    for operator in operators(subgraph):
        operands += operator.InputsLength() + operator.OutputsLength()
        operands += operator.IntermediatesLength()
        limit(operands, MAX_OPERANDS, "operands")
        produced.update(indices(operator.OutputsAsNumpy()))
        code = operator.OpcodeIndex()
        number = (
            operator_number(model.OperatorCodes(code)) if code < model.OperatorCodesLength() else -1
        )
        if number in _CODED_INPUTS:
            coded.update(indices(operator.InputsAsNumpy()))
        if number in _CODED_OUTPUTS:
            coded.update(indices(operator.OutputsAsNumpy()))
    return produced, coded


def operators(subgraph: schema.SubGraph) -> Iterator[schema.Operator]:
    """Yield the operators in execution order."""
    return (subgraph.Operators(index) for index in range(subgraph.OperatorsLength()))


def operator_number(code: schema.OperatorCode) -> int:
    """Return what operator a code stands for: old files hold it in a byte, new ones in both."""
    return int(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))


# Where the codes of int32 operands matter.
_CODED_INPUTS = (
    schema.BuiltinOperator.DEQUANTIZE,
    schema.BuiltinOperator.QUANTIZE,
    schema.BuiltinOperator.LSTM,
)
_CODED_OUTPUTS = (schema.BuiltinOperator.QUANTIZE,)

# What makes a tensor unusable for operations, in the order of interest.
_REASONS: tuple[tuple[Callable[[schema.Tensor], bool], str], ...] = (
    (lambda t: t.Sparsity() is not None, "a sparse tensor"),
    (lambda t: t.ExternalBuffer() != 0, "data in another file"),
    (lambda t: min(indices(t.ShapeAsNumpy()), default=0) < 0, "a shape known at run time only"),
    (lambda t: t.IsVariable(), STATE),
)


def _unusable(table: schema.Tensor) -> str:
    """Return why no operation here can use a tensor, or ""."""
    if table.ShapeLength() > MAX_RANK:
        return f"{table.ShapeLength()} dimensions"
    if table.Type() not in _DTYPES:
        return f"type {_TYPE_NAMES.get(table.Type(), table.Type())}"
    params = table.Quantization()
    if params is not None and params.DetailsType() != 0:
        return "a custom quantization"
    return next((reason for applies, reason in _REASONS if applies(table)), "")


def _array(
    data: bytes, model: schema.Model, table: schema.Tensor, dtype: DType, shape: Shape
) -> np.ndarray | None:
    """Return the constant's data, ``None`` for a tensor without."""
    raw = _raw(data, model, table.Buffer())
    if raw.size == 0:
        return None
    if raw.size != elements(shape) * dtype.bytes:
        raise ModelError(f"{raw.size} bytes of data for {dtype.value} {shape}")
    if dtype is DType.BOOL and raw.max() > 1:
        raise ModelError(f"a bool is {raw.max()}")
    array = raw.view(dtype.numpy.newbyteorder("<")).reshape(shape)
    # Files align to 4 bytes what 8-byte numbers need at 8.
    return np.require(array, requirements="A")


def _raw(data: bytes, model: schema.Model, index: int) -> np.ndarray:
    """Return the bytes of a buffer, inside the flatbuffer or behind it."""
    if not 0 <= index < model.BuffersLength():
        raise ModelError(f"buffer {index} of {model.BuffersLength()}")
    buffer = model.Buffers(index)
    raw = buffer.DataAsNumpy()
    if not isinstance(raw, int):
        return np.asarray(raw)
    begin, size = buffer.Offset(), buffer.Size()
    # Offset 1 is what converters write before they know the place.
    return np.frombuffer(data, np.uint8, size if begin > 1 else 0, begin if begin > 1 else 0)


def _quantization(table: schema.Tensor) -> QuantParams | None:
    """Return scale and zero point, per channel where there are several scales."""
    params = table.Quantization()
    if params is None or params.ScaleLength() == 0:
        return None
    count = params.ScaleLength()
    if params.ZeroPointLength() not in (0, count):
        raise ModelError(f"{count} scales and {params.ZeroPointLength()} zero points")
    scales = tuple(float(s) for s in params.ScaleAsNumpy())
    zeros = tuple(indices(params.ZeroPointAsNumpy())) or (0,) * count
    return QuantParams(scales, zeros, None if count == 1 else params.QuantizedDimension())
