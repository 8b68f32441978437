"""Sums of products of codes, exact: in floats wide enough that no sum of theirs is rounded.

Every partial sum of a matrix product, in whatever order, is at most the sum of absolute products.
Below 2^24 that is exact in float32, below 2^53 in float64; accumulators of 32 and 48 bits are
within the latter. Convolutions are spelled out as matrix products, because libraries compute them
by transforms (Winograd, FFT) that do round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeq.ir.graph import Operands
from edgeq.ops._accumulate import bias_of, centred, exact_float, is_wide
from edgeq.ops._spatial import output_size
from edgeq.train.float_ops import padded
from edgeq.train.requant import requantizer

Sums = Callable[[Tensor], Tensor]
TAPS = 1 << 20
"""How many window elements of a convolution are in memory at a time."""


def layer(op: Any, io: Operands, device: torch.device) -> Callable[[list[Tensor]], Tensor]:
    """Return a lowered operation with weights, from codes to codes."""
    numbers, zero = op.arithmetic, io.y.zero_point
    low, high = numbers.low - zero, numbers.high - zero
    dtype = getattr(torch, io.y.dtype.value)
    bias = torch.as_tensor(bias_of(io).copy(), device=device)
    rescale = requantizer(numbers.requant, device)
    sums = _SUMS[op.KIND](op, io, device)

    def run(xs: list[Tensor]) -> Tensor:
        y = rescale(sums(xs[0]) + bias)
        return y.clamp_(low, high).add_(zero).to(dtype)

    return run


def _matrix(io: Operands, device: torch.device) -> tuple[Tensor, torch.dtype]:
    """Return the weights as rows of exact floats, one for each output."""
    w = centred(io.ins[1], np.int32)
    rows = w.reshape(len(w), -1)
    reach = io.x.dtype.max - io.x.dtype.min
    narrow = exact_float(reach * int(np.abs(rows).sum(axis=1).max(initial=0))) is np.float32
    real = torch.float32 if narrow and _keeps_float32(device) else torch.float64
    return torch.as_tensor(rows, device=device).to(real), real


def _total(io: Operands) -> torch.dtype:
    """Return the type of the sums."""
    return torch.int64 if is_wide(io) else torch.int32


def _keeps_float32(device: torch.device) -> bool:
    """Tell whether products of float32 matrices are formed in float32 here."""
    backend = getattr(torch.backends.mkldnn, "matmul", None)
    precision = getattr(backend, "fp32_precision", "ieee")
    plain = torch.get_float32_matmul_precision() == "highest" and precision in ("ieee", "none")
    return device.type == "cpu" and plain


def _fully_connected(op: Any, io: Operands, device: torch.device) -> Sums:
    w, real = _matrix(io, device)
    zero = io.x.zero_point

    def run(x: Tensor) -> Tensor:
        rows = x.reshape(-1, w.shape[1]).to(real).sub_(zero)
        return (rows @ w.T).to(_total(io)).reshape(len(x), *io.y.shape[1:])

    return run


def _conv2d(op: Any, io: Operands, device: torch.device) -> Sums:
    w, real = _matrix(io, device)
    groups, depth = op.groups(io), io.ins[1].shape[3]
    parts = w.reshape(groups, -1, w.shape[1])
    zero, kernel = io.x.zero_point, op.kernel(io)

    def some(x: Tensor) -> Tensor:
        x = padded(x.to(real).sub_(zero), op.padding)
        views = _windows(op, x, kernel)
        pieces = [
            views[..., g * depth : (g + 1) * depth].reshape(-1, w.shape[1]) @ parts[g].T
            for g in range(groups)
        ]
        return torch.cat(pieces, 1).to(_total(io)).reshape(len(x), *io.y.shape[1:])

    elements = io.y.elements // io.y.shape[3] * groups * w.shape[1]
    count = max(1, TAPS // elements)
    return lambda x: torch.cat([some(part) for part in x.split(count)])


def _depthwise_conv2d(op: Any, io: Operands, device: torch.device) -> Sums:
    w = torch.as_tensor(centred(io.ins[1], np.int32), device=device)[0]
    zero, kernel, repeat = io.x.zero_point, op.kernel(io), op.multiplier(io)
    total = _total(io)
    w = w.to(total)

    def run(x: Tensor) -> Tensor:
        x = padded(x.to(total).sub_(zero), op.padding)
        x = x.repeat_interleave(repeat, -1) if repeat > 1 else x
        views = _windows(op, x, kernel)
        y = torch.zeros((len(x), *io.y.shape[1:]), dtype=total, device=x.device)
        for row in range(kernel[0]):
            for column in range(kernel[1]):
                y.addcmul_(views[:, :, :, row, column], w[row, column])
        return y

    return run


_SUMS: dict[str, Callable[[Any, Operands, torch.device], Sums]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "fully_connected": _fully_connected,
}


def _windows(op: Any, x: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return a view [N,OH,OW,KH,KW,C] of all windows of padded NHWC images."""
    x = x.contiguous()
    n, height, width, channels = x.shape
    none = type(op.padding)()
    rows, columns = output_size((height, width), kernel, op.stride, op.dilation, none)
    sn, sh, sw, sc = x.stride()
    (down, right), (gap_down, gap_right) = op.stride, op.dilation
    return x.as_strided(
        (n, rows, columns, *kernel, channels),
        (sn, sh * down, sw * right, sh * gap_down, sw * gap_right, sc),
    )
