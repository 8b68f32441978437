"""Operations that only move elements, on batches: the same for real numbers and for codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor

from edgeq.ir.graph import Operands
from edgeq.ops.base import Op

Move = Callable[[Any, Operands, list[Tensor]], "Tensor | tuple[Tensor, ...]"]


def _concat(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    size = max(len(x) for x in xs)
    # Constants have one sample, which all share.
    return torch.cat([x.expand(size, *x.shape[1:]) for x in xs], op.axis)


def _pack(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    size = max(len(x) for x in xs)
    return torch.stack([x.expand(size, *x.shape[1:]) for x in xs], op.axis)


def _pad(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    flat = [extent for pair in reversed(op.paddings) for extent in pair]
    return nnf.pad(xs[0], flat, value=op.value)


def _slice(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    y = xs[0]
    # Slices of tensors only go forwards.
    for axis, (first, n, step) in enumerate(zip(op.begin, op.size, op.steps, strict=True)):
        if axis:
            there = torch.arange(first, first + n * step, step, device=y.device)
            y = y.index_select(axis, there)
    return y


def _split(op: Any, io: Operands, xs: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.split(xs[0], op.piece_sizes(io), op.axis)


def _resize_nearest(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    sources, y = op.sources(io), xs[0]
    for axis, pixels in ((1, sources.rows), (2, sources.columns)):
        y = y.index_select(axis, torch.as_tensor(pixels, device=y.device).long())
    return y


MOVEMENT: Mapping[str, Move] = {
    "reshape": lambda op, io, xs: xs[0].reshape(-1, *op.shape[1:]),
    "transpose": lambda op, io, xs: xs[0].permute(op.perm),
    "concat": _concat,
    "pack": _pack,
    "pad": _pad,
    "slice": _slice,
    "split": _split,
    "resize_nearest": _resize_nearest,
}


def mixes_samples(op: Any, io: Operands) -> bool:
    """Tell whether an operation would not keep the samples of a batch apart."""
    computed = [tensor for tensor in (*io.ins, *io.outs) if not tensor.is_constant]
    if any(tensor.shape[:1] != (1,) for tensor in computed):
        return True
    ranks = {len(tensor.shape) for tensor in computed}
    axis = {
        "concat": lambda: op.axis == 0,
        "split": lambda: op.axis == 0,
        "pack": lambda: op.axis == 0,
        "transpose": lambda: op.perm[0] != 0,
        "mean": lambda: 0 in op.axes,
        "pad": lambda: op.paddings[0] != (0, 0),
        "add": lambda: len(ranks) > 1,
        "mul": lambda: len(ranks) > 1,
        "softmax": lambda: ranks == {1},
        "log_softmax": lambda: ranks == {1},
        "shape": lambda: True,
    }
    return op.KIND in axis and axis[op.KIND]()


def described(op: Op) -> str:
    """Return how messages name an operation."""
    return op.source or op.KIND
