"""Lowered operations on batches of codes in PyTorch; what is not here runs in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeq.ir.graph import Operands
from edgeq.ir.graph import Tensor as Operand
from edgeq.ir.types import DType
from edgeq.ops._elementwise import LIMIT
from edgeq.ops._pool import Clamp
from edgeq.ops.add import scaled_term
from edgeq.train.integer_sums import layer
from edgeq.train.movement import MOVEMENT
from edgeq.train.requant import requantizer

Run = Callable[[list[Tensor]], "Tensor | tuple[Tensor, ...]"]
Build = Callable[[Any, Operands, torch.device], Run]

# Operations whose NumPy evaluation takes a batch as it takes one sample.
BATCHED = frozenset(
    (*("softmax", "log_softmax", "logistic", "tanh"), "quantize", "dequantize", "resize_bilinear")
)


def _narrow(x: Tensor, y: Operand) -> Tensor:
    dtype: torch.dtype = getattr(torch, y.dtype.value)
    return x.to(dtype)


def _table(table: np.ndarray, x: Operand, device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return a look-up of every code in a table that starts at the lowest."""
    values = torch.as_tensor(table.copy(), device=device)
    return lambda codes: values[codes.int() - x.dtype.min]


def _lookup(op: Any, io: Operands, device: torch.device) -> Run:
    if io.x.dtype is DType.INT16:
        return in_numpy(op, io, device)
    look = _table(op.arithmetic, io.x, device)
    return lambda xs: look(xs[0])


def _add(op: Any, io: Operands, device: torch.device) -> Run:
    if not op.is_plain:
        return in_numpy(op, io, device)
    numbers = op.arithmetic
    tables = [
        _table(scaled_term(np.arange(x.dtype.min, x.dtype.max + 1), x, term), x, device)
        for x, term in zip(io.ins, numbers.terms, strict=True)
    ]
    total = requantizer(numbers.total, device)

    def run(xs: list[Tensor]) -> Tensor:
        y = total(tables[0](xs[0]) + tables[1](xs[1])).add_(io.y.zero_point)
        return _narrow(y.clamp_(numbers.low, numbers.high), io.y)

    return run


def _mul(op: Any, io: Operands, device: torch.device) -> Run:
    numbers = op.arithmetic
    rescale = requantizer(numbers.requant, device)
    zeros = [x.zero_point for x in io.ins]

    def run(xs: list[Tensor]) -> Tensor:
        a, b = (x.int() - zero for x, zero in zip(xs, zeros, strict=True))
        y = rescale(a * b).add_(io.y.zero_point)
        return _narrow(y.clamp_(numbers.low, numbers.high), io.y)

    return run


def _rescaled(op: Any, io: Operands, device: torch.device) -> Run:
    numbers = op.arithmetic
    rescale = requantizer(numbers.requant, device)

    def run(xs: list[Tensor]) -> Tensor:
        y = rescale(xs[0].int() - io.x.zero_point).clamp_(-LIMIT, LIMIT).add_(io.y.zero_point)
        return _narrow(y.clamp_(numbers.low, numbers.high), io.y)

    return run


def _concat(op: Any, io: Operands, device: torch.device) -> Run:
    tables = [
        None if table is None else _table(table, x, device)
        for x, table in zip(io.ins, op.arithmetic, strict=True)
    ]
    move = MOVEMENT["concat"]

    def run(xs: list[Tensor]) -> Any:
        pairs = zip(xs, tables, strict=True)
        return move(op, io, [x if table is None else table(x) for x, table in pairs])

    return run


def _taps(op: Any, x: Tensor, fill: int) -> list[Tensor]:
    """Return, for each position in the window, the int32 codes [N,OH,OW,C] that it meets."""
    pad = op.padding
    wide = torch.nn.functional.pad(
        x.int(), (0, 0, pad.left, pad.right, pad.top, pad.bottom), value=fill
    )
    (height, width), (down, right) = op.window, op.stride
    rows = (wide.shape[1] - height) // down
    columns = (wide.shape[2] - width) // right
    return [
        wide[:, i : i + rows * down + 1 : down, j : j + columns * right + 1 : right]
        for i in range(height)
        for j in range(width)
    ]


def _max_pool(op: Any, io: Operands, device: torch.device) -> Run:
    clamp: Clamp = op.arithmetic

    def run(xs: list[Tensor]) -> Tensor:
        y, *rest = _taps(op, xs[0], io.x.dtype.min)
        for tap in rest:
            y = torch.maximum(y, tap)
        return _narrow(y.clamp(clamp.low, clamp.high), io.y)

    return run


def _average_pool(op: Any, io: Operands, device: torch.device) -> Run:
    clamp: Clamp = op.arithmetic
    count = torch.as_tensor(op._counts(io), device=device)

    def run(xs: list[Tensor]) -> Tensor:
        first, *rest = _taps(op, xs[0], 0)
        total = first.clone()
        for tap in rest:
            total += tap
        half = count // 2
        if op.round_half_up:
            mean = torch.div(total + half, count, rounding_mode="floor")
        else:
            mean = total.sign() * torch.div(total.abs() + half, count, rounding_mode="floor")
        return _narrow(mean.clamp_(clamp.low, clamp.high), io.y)

    return run


def _mean(op: Any, io: Operands, device: torch.device) -> Run:
    rescale = requantizer(op.arithmetic, device)
    offset = op.count(io) * io.x.zero_point

    def run(xs: list[Tensor]) -> Tensor:
        acc = xs[0].sum(op.axes, dtype=torch.int32) - offset
        y = rescale(acc).add_(io.y.zero_point).clamp_(io.y.dtype.min, io.y.dtype.max)
        return _narrow(y, io.y).reshape(-1, *io.y.shape[1:])

    return run


def _moved(op: Any, io: Operands, device: torch.device) -> Run:
    move = MOVEMENT[op.KIND]
    return lambda xs: move(op, io, xs)


def in_numpy(op: Any, io: Operands, device: torch.device) -> Run:
    """Return the reference's own evaluation: one sample at a time, unless it takes batches."""
    fixed = [x.is_constant for x in io.ins]

    def one(arrays: list[np.ndarray]) -> tuple[np.ndarray, ...]:
        results: tuple[np.ndarray, ...] = op.evaluate(io, arrays)
        return results

    def run(xs: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
        arrays = [x.cpu().numpy() for x in xs]
        if op.KIND in BATCHED:
            found = one(arrays)
        else:
            count = max(len(a) for a, still in zip(arrays, fixed, strict=True) if not still)
            runs = [
                one([a if still else a[i : i + 1] for a, still in zip(arrays, fixed, strict=True)])
                for i in range(count)
            ]
            found = tuple(np.concatenate(outputs) for outputs in zip(*runs, strict=True))
        outputs = tuple(torch.as_tensor(np.ascontiguousarray(y), device=device) for y in found)
        return outputs if len(outputs) > 1 else outputs[0]

    return run


INTEGER_OPS: Mapping[str, Build] = {
    **dict.fromkeys(MOVEMENT, _moved),
    **dict.fromkeys(("conv2d", "depthwise_conv2d", "fully_connected"), layer),
    **dict.fromkeys(("logistic", "tanh", "hard_swish"), _lookup),
    **dict.fromkeys(("relu", "requantize"), _rescaled),
    "add": _add,
    "mul": _mul,
    "concat": _concat,
    "max_pool2d": _max_pool,
    "average_pool2d": _average_pool,
    "mean": _mean,
}
