"""Adaptive rounding (Nagel et al. 2020, "Up or down?", sections 3.2 and 3.3).

Each weight may round down or up. What is minimized is the mean squared error of the layer's
output before its activation, ``E[(Wq x - W x)^2]``, which the second moments of its input give;
a rectified sigmoid makes the choice continuous, and a regularizer drives it to 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ops.base import Op
from edgeq.quantize.moments import from_rows, weight_rows
from edgeq.quantize.weights import Coded

ZETA, GAMMA = 1.1, -0.1  # stretch of the rectified sigmoid (equation 23)
STEPS = 1000
WARM = 0.2  # the share of the steps without the regularizer
BETA = (20.0, 2.0)  # its exponent, annealed (equation 24)
WEIGHT = 0.5  # of the regularizer, against errors in steps and moments of mean 1
RATE = 0.02
DECAYS = (0.9, 0.999)  # of Adam


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Rows of one layer in units of their step: ``whole`` codes below, ``part`` above them.

    [groups, outputs, K]; ``moments`` [groups, K, K], normalised to a mean diagonal of 1.
    ``low`` and ``high`` bound the codes without their zero point.
    """

    whole: np.ndarray
    part: np.ndarray
    moments: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def errors(self, up: np.ndarray) -> np.ndarray:
        """Return the error of each code, in steps."""
        clipped: np.ndarray = np.clip(self.whole + up, self.low, self.high)
        return clipped - self.whole - self.part

    def costs(self, up: np.ndarray) -> np.ndarray:
        """Return the mean squared error of each output, [groups, outputs]."""
        d = self.errors(up)
        found: np.ndarray = (np.matmul(d, self.moments) * d).sum(axis=-1)
        return found


def adaptive(op: Op, io: Operands, w: np.ndarray, coded: Coded, moments: np.ndarray) -> Coded:
    """Return weights rounded for the least error of the layer's output.

    ``moments`` are means of ``v v^T``, [groups, K, K] (``edgeq.quantize.moments``). No output's
    error is larger than with rounding to the nearest.
    """
    problem = _problem(op, io, w, coded, moments)
    nearest = (problem.part >= 0.5).astype(np.float64)
    learnt = (_learn(problem) >= 0.5).astype(np.float64)
    better = problem.costs(learnt) < problem.costs(nearest)
    up = np.where(better[..., np.newaxis], learnt, nearest)
    rows = np.clip(problem.whole + up, problem.low, problem.high)
    zeros = _per_row(coded.params.zero_point, rows.shape)
    codes = from_rows(op, io, rows + zeros).astype(np.int32)
    return replace(coded, codes=codes)


def _problem(op: Op, io: Operands, w: np.ndarray, coded: Coded, moments: np.ndarray) -> _Problem:
    rows = weight_rows(op, io, w.astype(np.float64))
    steps = rows / _per_row(coded.params.scale, rows.shape)
    zeros = _per_row(coded.params.zero_point, rows.shape)
    whole = np.floor(steps)
    power = np.einsum("gkk->", moments) / (moments.shape[0] * moments.shape[1])
    scaled = moments / power if power > 0 else moments
    return _Problem(whole, steps - whole, scaled, coded.low - zeros, coded.high - zeros)


def _per_row(values: tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Return scales or zero points against rows [groups, outputs, K]."""
    array = np.asarray(values, np.float64)
    return array.reshape(1, 1, 1) if len(array) == 1 else array.reshape(*shape[:2], 1)


def _learn(problem: _Problem) -> np.ndarray:
    """Return how far up each weight wants to round, 0 to 1, after gradient descent by Adam."""
    start = np.clip((problem.part - GAMMA) / (ZETA - GAMMA), 1e-6, 1 - 1e-6)
    v = np.log(start / (1 - start))
    first, second = np.zeros_like(v), np.zeros_like(v)
    for step in range(1, STEPS + 1):
        gradient = _gradient(problem, v, step / STEPS)
        first += (1 - DECAYS[0]) * (gradient - first)
        second += (1 - DECAYS[1]) * (gradient**2 - second)
        size = RATE * np.sqrt(1 - DECAYS[1] ** step) / (1 - DECAYS[0] ** step)
        v -= size * first / (np.sqrt(second) + 1e-8)
    return _rectified(v)[0]


def _rectified(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rectified sigmoid of ``v`` and its derivative."""
    sigmoid = 1 / (1 + np.exp(-np.clip(v, -50, 50)))
    stretched = sigmoid * (ZETA - GAMMA) + GAMMA
    inside = (stretched > 0) & (stretched < 1)
    return np.clip(stretched, 0, 1), inside * (ZETA - GAMMA) * sigmoid * (1 - sigmoid)


def _gradient(problem: _Problem, v: np.ndarray, done: float) -> np.ndarray:
    h, slope = _rectified(v)
    free = (problem.whole + h >= problem.low) & (problem.whole + h <= problem.high)
    gradient = 2 * np.matmul(problem.errors(h), problem.moments) * free
    if done > WARM:
        along = (done - WARM) / (1 - WARM)
        beta = BETA[1] + (BETA[0] - BETA[1]) * 0.5 * (1 + np.cos(np.pi * along))
        centred = 2 * h - 1
        pull = -2 * beta * np.sign(centred) * np.abs(centred) ** (beta - 1)
        gradient = gradient + WEIGHT * pull
    return gradient * slope
