"""Ranges of activations: moving averages of what training sees (Jacob et al. 2017, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, distributed, nn

from edgeq.errors import QuantizationError
from edgeq.ir.verify import MAX_SCALE
from edgeq.quantize.codes import fixed_code
from edgeq.quantize.ranges import TINY, Range
from edgeq.quantize.rules import FixedCode, QuantPlan
from edgeq.train.config import Config
from edgeq.train.straight import Span, learned, round_away_, within
from edgeq.train.weights import Noise


class Ranges(nn.Module):
    """The range of each observed group, in the order of ``names``; 0 is always inside.

    ``floor`` is the range that constants of a group demand. ``observed`` counts the steps that
    moved the averages: before the first, there is no range.
    """

    ends: Tensor
    floor: Tensor
    steps: Tensor
    fixed: Tensor

    def __init__(
        self, plan: QuantPlan, floor: Mapping[str, Range], bits: Mapping[str, int], config: Config
    ) -> None:
        super().__init__()
        self.names = plan.observed()
        self.config = config
        self.observed = 0
        self.index = {name: i for i, name in enumerate((*self.names, *plan.fixed))}
        wishes = config.post_training
        widths = [bits.get(name, wishes.activation_bits) for name in self.names]
        ends = torch.zeros(len(self.names), 2, dtype=torch.float64)
        if config.learned_steps:
            self.ends = nn.Parameter(ends)
        else:
            self.register_buffer("ends", ends)
        constants: dict[str, Sequence[object]] = {
            "floor": [floor.get(name, (0.0, 0.0)) for name in self.names],
            "steps": [(1 << width) - 1 for width in widths],
            "fixed": [_fixed(code, config) for code in plan.fixed.values()],
        }
        for name, values in constants.items():
            self.register_buffer(name, _matrix(values), persistent=False)

    def spans(self) -> list[Span]:
        """Return the code of every group as it is now, those of fixed codes last."""
        with torch.no_grad():
            scales, first = _codes(self.ends, self.steps[:, 0], self.config)
            last = first + self.steps[:, 0]
            both = torch.stack([scales, first, last], 1)
            both = torch.cat([both, self.fixed]).float()
        # One transfer from where the ranges are; whole arrays are then compared with numbers.
        return [Span(*row) for row in both.tolist()]

    def quantized(self, x: Tensor, group: int, span: Span, noise: Noise) -> Tensor:
        """Return ``x`` as its codes stand for it; gradients pass."""
        x = x.float()
        with torch.no_grad():
            steps = x / span.scale
            if noise is not None:
                steps += noise(steps)
            reals = round_away_(steps).clamp_(span.first, span.last).mul_(span.scale)
        if isinstance(self.ends, nn.Parameter) and group < len(self.names):
            return learned(x, reals, self.ends[group], span)
        return within(x, reals, span)

    def observe(self, seen: Mapping[int, Sequence[Tensor]], move: bool) -> None:
        """Move the averages by the extremes of one step; those of all processes together.

        Raise ``QuantizationError`` when a range explodes.
        """
        with torch.no_grad():
            lows, highs = self.floor.unbind(1)
            lows, highs = lows.clone(), highs.clone()
            for group, extremes in seen.items():
                stacked = torch.stack(list(extremes)).double()
                lows[group] = torch.minimum(lows[group], stacked[:, 0].amin())
                highs[group] = torch.maximum(highs[group], stacked[:, 1].amax())
            latest = _together(torch.stack([lows, -highs], 1)) * self.floor.new_tensor([1, -1])
            if move:
                past = self.config.decay if self.observed else 0.0
                # Into the memory that optimizers and compiled graphs may hold on to.
                self.ends.copy_(past * self.ends + (1 - past) * latest)
                self.observed += 1
            self._check(latest)

    def _check(self, latest: Tensor) -> None:
        sane = (latest.abs() < MAX_SCALE).all(1) & (self.ends.abs() < MAX_SCALE).all(1)
        if not bool(sane.all()):
            name = self.names[int((~sane).nonzero()[0, 0])]
            raise QuantizationError(
                "the range of the activations explodes: NaN, infinity or numbers beyond 2^40",
                where=f"tensor '{name}'",
                hint="lower the learning rate, or look for NaN in the data",
            )

    def set(self, ranges: Mapping[str, Range]) -> None:
        """Take ranges by group, all of them."""
        missing = [name for name in self.names if name not in ranges]
        if missing:
            raise QuantizationError(f"no range for tensor '{missing[0]}'")
        with torch.no_grad():
            self.ends.copy_(_matrix([ranges[name] for name in self.names]))
        self.observed = max(self.observed, 1)

    def get(self) -> dict[str, Range]:
        """Return the ranges by group; raise ``QuantizationError`` before any was seen."""
        if not self.observed:
            raise QuantizationError(
                "no range of activations is known yet",
                hint="train, or run samples through the module in training mode, or set ranges",
            )
        ends = self.ends.detach().cpu().tolist()
        return {name: (low, high) for name, (low, high) in zip(self.names, ends, strict=True)}


def _codes(ends: Tensor, steps: Tensor, config: Config) -> tuple[Tensor, Tensor]:
    """Return scales and lowest steps: ``edgeq.quantize.ranges.activation_params`` on tensors."""
    low, high = ends[:, 0].clamp(max=0), ends[:, 1].clamp(min=0)
    wishes = config.post_training
    if wishes.centred_activations:
        half = torch.div(steps, 2, rounding_mode="floor")
        scales = (torch.maximum(-low, high) / half).float().double().clamp_(min=TINY)
        return scales, -(half + 1)
    scales = ((high - low) / steps).float().double().clamp_(min=TINY)
    lowest = wishes.activation_dtype.max - steps
    zeros = torch.minimum(round_away_(lowest - low / scales), lowest + steps)
    return scales, lowest - torch.maximum(zeros, lowest)


def _fixed(code: FixedCode, config: Config) -> tuple[float, float, float]:
    dtype = config.post_training.activation_dtype
    params = fixed_code(code, dtype)
    zero = params.zero_point[0]
    return params.scale[0], float(dtype.min - zero), float(dtype.max - zero)


def _matrix(rows: Sequence[object]) -> Tensor:
    """Return rows of numbers as float64, one column at least."""
    matrix = torch.tensor(rows, dtype=torch.float64)
    if matrix.ndim == 1:
        matrix = matrix.reshape(len(rows), -1) if len(rows) else matrix.reshape(0, 3)
    return matrix


def _together(extremes: Tensor) -> Tensor:
    """Return the least of all processes that train together."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(extremes, op=distributed.ReduceOp.MIN)
    return extremes
