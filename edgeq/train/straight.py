"""Rounding that gradients pass straight through (Jacob et al. 2017, section 3).

Forward: the numbers that codes stand for. Backward: the gradient, unchanged where a number lies
within the range and 0 elsewhere (Krishnamoorthi 2018, section 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """The code of one group of activations: its step, and the lowest and highest code.

    ``first`` and ``last`` are these codes less the zero point: real numbers in steps.
    """

    scale: float
    first: float
    last: float

    @property
    def low(self) -> float:
        """Return the lowest real number, in float32."""
        return float(np.float32(self.first * self.scale))

    @property
    def high(self) -> float:
        """Return the highest real number, in float32."""
        return float(np.float32(self.last * self.scale))


class _Straight(torch.autograd.Function):
    """Replace ``x`` by ``rounded``, of which ``inside`` tells what was not clamped."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rounded: Tensor, inside: Tensor) -> Tensor:
        ctx.save_for_backward(inside)
        return rounded

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (inside,) = ctx.saved_tensors
        return slopes[0] * inside, None, None


class _Within(torch.autograd.Function):
    """The same for one range of the whole array, without an array of truths in memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rounded: Tensor, span: Span) -> Tensor:
        ctx.save_for_backward(x)
        # The operation below leaves out the ends themselves.
        ctx.low = float(np.nextafter(np.float32(span.low), np.float32(-np.inf)))
        ctx.high = float(np.nextafter(np.float32(span.high), np.float32(np.inf)))
        return rounded

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(slopes[0], x, ctx.low, ctx.high), None, None


class _Learned(torch.autograd.Function):
    """The same, with gradients of the ends of the range (Esser et al. 2020, section 2.1).

    What was clamped moves its end; what was rounded moves with the step between the codes.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, rounded: Tensor, ends: Tensor, span: Span) -> Tensor:
        ctx.save_for_backward(x, rounded)
        ctx.span = span
        return rounded

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, Tensor, None]:
        x, rounded = ctx.saved_tensors
        span: Span = ctx.span
        slope, below, above = slopes[0], x < span.low, x > span.high
        outside = below | above
        steps = (span.high - span.low) / span.scale
        error = ((rounded - x) / span.scale).masked_fill_(outside, 0)
        stretch = (slope * error).sum() / steps
        ends = torch.stack([(slope * below).sum() - stretch, (slope * above).sum() + stretch])
        # Ends see the sum over a whole array: without this they would run away from the weights.
        ends = ends.double() / (x.numel() * steps) ** 0.5
        return slope.masked_fill(outside, 0), None, ends, None


def straight(x: Tensor, rounded: Tensor, inside: Tensor) -> Tensor:
    """Return ``rounded``, whose gradient is that of ``x`` where ``inside`` is true."""
    result: Tensor = _Straight.apply(x, rounded, inside)
    return result


def within(x: Tensor, rounded: Tensor, span: Span) -> Tensor:
    """Return ``rounded``, whose gradient is that of ``x`` where it is within ``span``."""
    result: Tensor = _Within.apply(x, rounded, span)
    return result


def learned(x: Tensor, rounded: Tensor, ends: Tensor, span: Span) -> Tensor:
    """Return ``rounded``, with gradients of ``x`` and of the two ``ends`` of its range."""
    result: Tensor = _Learned.apply(x, rounded, ends, span)
    return result


def round_away_(x: Tensor) -> Tensor:
    """Round in place, halves away from zero, as codes are formed everywhere else."""
    # Not by trunc and copysign, which are many times slower.
    sign = x.sign()
    return x.abs_().add_(0.5).floor_().mul_(sign)
