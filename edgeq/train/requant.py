"""Requantizers on PyTorch tensors: ``edgeq.numerics.requant``, to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics.requant import FLOAT32_LIMIT, reduced_multipliers

Requantizer = Callable[[Tensor], Tensor]


def requantizer(requant: Requant, device: torch.device) -> Requantizer:
    """Return the function from accumulators, channels last, to int64 values of 32 bits."""
    if requant.rounding is Rounding.FLOAT32:
        scale = torch.tensor(requant.scale, dtype=torch.float32, device=device)
        limit = float(FLOAT32_LIMIT)
        return lambda acc: (acc.float() * scale).round_().clamp_(-limit, limit).long()
    if requant.rounding is Rounding.WIDE:
        reduced, total = (torch.as_tensor(n, device=device) for n in reduced_multipliers(requant))
        half = _half(total)
        return lambda acc: _wrapped(acc.long().mul(reduced).add_(half) >> total)
    multiplier = torch.tensor(requant.multiplier, dtype=torch.int64, device=device)
    shift = torch.tensor(requant.shift, dtype=torch.int64, device=device)
    if requant.rounding is Rounding.SINGLE:
        total = 31 - shift
        half = _half(total)
        return lambda acc: _wrapped(acc.long().mul_(multiplier).add_(half) >> total)
    left, right = shift.clamp(min=0), (-shift).clamp(min=0)
    shifts = bool((left > 0).any())
    half = _half(right)
    away = right > 0 if requant.rounding is Rounding.GEMMLOWP else None

    def two_roundings(acc: Tensor) -> Tensor:
        x = _wrapped(acc.long() << left) if shifts else acc.long()
        x = x.mul_(multiplier).add_(1 << 30).bitwise_right_shift_(31)
        if away is not None:
            # One less before rounding half up turns the ties of negative numbers outwards.
            x.sub_((x < 0).logical_and_(away).long())
        return x.add_(half).bitwise_right_shift_(right)

    return two_roundings


def _half(shift: Tensor) -> Tensor:
    return torch.bitwise_left_shift(torch.ones_like(shift), shift) >> 1


def _wrapped(x: Tensor) -> Tensor:
    """Keep the low 32 bits."""
    return x.to(torch.int32).long()
