"""Weights as inference will see them: ``edgeq.quantize.weights`` on tensors, to the same codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from edgeq.ir.types import DType
from edgeq.quantize.ranges import TINY
from edgeq.quantize.weights import BIAS_LIMITS
from edgeq.train.config import Config
from edgeq.train.straight import round_away_, straight

# From quotients to uniform numbers of their shape within half a step of 0; or no noise.
Noise = Callable[[Tensor], Tensor] | None


def simulated_weights(
    w: Tensor, axis: int | None, config: Config, least: Tensor | None = None, noise: Noise = None
) -> Tensor:
    """Return the weights that the codes of ``w`` stand for; gradients pass.

    ``axis`` has a scale per channel, ``None`` is one scale. The codes are those of
    ``edgeq.quantize.weights.code_weights``: over the true range, the lowest unused. ``least``
    bounds the scales from below; ``noise`` is added to quotients before they are rounded.
    """
    with torch.no_grad():
        wide = w.detach().double()
        scales, zeros, low, high = weight_codes(wide, axis, config, least)
        along = [-1 if i == axis else 1 for i in range(w.ndim)]
        scale, zero = scales.reshape(along), zeros.reshape(along)
        codes = wide / scale
        if noise is not None:
            codes += noise(codes)
        codes = round_away_(codes).add_(zero)
        inside = (codes >= low) & (codes <= high)
        reals = codes.clamp_(low, high).sub_(zero).mul_(scale).to(w.dtype)
    return straight(w, reals, inside)


def first_steps(w: Tensor, axis: int | None, config: Config) -> Tensor:
    """Return where learned steps begin: twice the mean magnitude over the root of the levels.

    Esser et al. 2020, section 2.1; but no further than the weights themselves reach.
    """
    levels = (1 << (config.weight_bits - 1)) - 1
    rows = _rows(w.detach().double().abs(), axis)
    return _usable(torch.minimum(2 * rows.mean(1) / levels**0.5, rows.amax(1) / levels))


def stepped_weights(
    w: Tensor, axis: int | None, config: Config, steps: Tensor, least: Tensor | None = None
) -> Tensor:
    """Return the weights that symmetric codes at learned ``steps`` stand for."""
    levels = (1 << (config.weight_bits - 1)) - 1
    scales = _usable(steps.detach() if least is None else torch.maximum(steps.detach(), least))
    along = [-1 if i == axis else 1 for i in range(w.ndim)]
    result: Tensor = _Stepped.apply(w, steps, scales.reshape(along), levels, axis)
    return result


class _Stepped(torch.autograd.Function):
    """Round to a step that learns: gradients of Esser et al. 2020, section 2.1."""

    @staticmethod
    def forward(
        ctx: Any, w: Tensor, steps: Tensor, scale: Tensor, levels: int, axis: int | None
    ) -> Tensor:
        quotient = w.double() / scale
        codes = round_away_(quotient.clone()).clamp_(-levels, levels)
        ctx.save_for_backward(quotient, codes)
        ctx.levels, ctx.axis = levels, axis
        return codes.mul(scale).to(w.dtype)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        quotient, codes = ctx.saved_tensors
        inside = quotient.abs() <= ctx.levels
        moved = slopes[0] * torch.where(inside, codes - quotient, codes)
        rows = _rows(moved, ctx.axis)
        # Steps see the sum over a channel: without this they would run away from the weights.
        to_steps = rows.sum(1) / (rows.shape[1] * ctx.levels) ** 0.5
        return slopes[0] * inside, to_steps, None, None, None


def weight_codes(
    w: Tensor, axis: int | None, config: Config, least: Tensor | None
) -> tuple[Tensor, Tensor, int, int]:
    """Return scales, zero points, and the lowest and highest code, for float64 weights."""
    levels = (1 << (config.weight_bits - 1)) - 1
    middle = 0 if config.dtype is DType.INT8 else 128
    low, high = middle - levels, middle + levels
    rows = _rows(w, axis)
    bottom, top = rows.amin(1).clamp_(max=0), rows.amax(1).clamp_(min=0)
    if config.symmetric_weights:
        extent = torch.maximum(-bottom, top) / levels
    else:
        extent = (top - bottom) / (high - low)
    scales = _usable(extent if least is None else torch.maximum(extent, least))
    if config.symmetric_weights:
        return scales, torch.full_like(scales, middle), low, high
    return scales, round_away_(low - bottom / scales).clamp_(low, high), low, high


def least_scales(bias: Tensor, x_scale: float, axis: int | None, dtype: DType) -> Tensor:
    """Return the smallest scales under which each bias fits its code with room."""
    least = bias.detach().double().abs() / (BIAS_LIMITS[dtype] * x_scale)
    return least if axis is not None else least.amax().reshape(1)


def _rows(w: Tensor, axis: int | None) -> Tensor:
    """Return the numbers that share a scale as rows."""
    return w.reshape(1, -1) if axis is None else w.transpose(0, axis).reshape(w.shape[axis], -1)


def _usable(scales: Tensor) -> Tensor:
    """Return float32 scales; channels of zeros alone take the largest scale of the others."""
    fallback = scales.amax()
    fallback = torch.where(fallback > 0, fallback, torch.ones_like(fallback))
    return torch.where(scales > 0, scales, fallback).clamp_(min=TINY).float().double()
