"""Adaptive rounding (Nagel et al. 2020, "Up or down?", sections 3.1 to 3.4).

Each weight may round down or up. What is minimized is the mean squared error of the layer's
output before its activation, ``E[(Wq x' - W x)^2]``, where ``x'`` is what the quantized network
gives the layer (their asymmetric reconstruction). With ``d = Wq - W`` and ``e = W x' - W x`` it
is ``d E[x' x'^T] d^T + 2 d E[e x']`` and a constant: moments are all that is needed of the data.
A rectified sigmoid makes the choice continuous, a regularizer drives it to 0 or 1, and descent
one weight at a time finishes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ops.base import Op
from edgeq.quantize.moments import from_rows, weight_rows
from edgeq.quantize.weights import Coded

ZETA, GAMMA = 1.1, -0.1  # stretch of the rectified sigmoid (equation 23)
STEPS = 400
SWEEPS = 8  # over all weights, at the end
WARM = 0.2  # the share of the steps without the regularizer
BETA = (20.0, 2.0)  # its exponent, annealed (equation 24)
WEIGHT = 0.5  # of the regularizer, against errors in steps and moments of mean 1
RATE = 0.05
DECAYS = (0.9, 0.999)  # of Adam
RIDGE = 0.1  # of the mean square, times the weights of an output over the vectors seen


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Of the vectors ``v`` that a layer multiplies by its weights, over ``count`` of them.

    ``squares`` are means of ``v v^T``, [groups, K, K]; ``products`` are means of ``e v``, with the
    error ``e`` that each output has before its weights are rounded, [groups, outputs, K].
    """

    squares: np.ndarray
    products: np.ndarray
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Rows of one layer in units of their step: ``whole`` codes below, ``part`` above them.

    [groups, outputs, K]; ``moments`` [groups, K, K], normalised to a mean diagonal of 1, and
    ``pull`` [groups, outputs, K], likewise. ``low`` and ``high`` bound the codes without their
    zero point.
    """

    whole: np.ndarray
    part: np.ndarray
    moments: np.ndarray
    pull: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def errors(self, up: np.ndarray) -> np.ndarray:
        """Return the error of each code, in steps."""
        clipped: np.ndarray = np.clip(self.whole + up, self.low, self.high)
        return clipped - self.whole - self.part

    def error_of(self, k: int, up: np.ndarray) -> np.ndarray:
        """Return the errors of the codes at place ``k`` of each row, [groups, outputs]."""
        low, high = (np.broadcast_to(end, self.whole.shape) for end in (self.low, self.high))
        clipped: np.ndarray = np.clip(self.whole[:, :, k] + up, low[:, :, k], high[:, :, k])
        return clipped - self.whole[:, :, k] - self.part[:, :, k]

    def costs(self, up: np.ndarray) -> np.ndarray:
        """Return the mean squared error of each output but for a constant, [groups, outputs]."""
        d = self.errors(up)
        found: np.ndarray = ((np.matmul(d, self.moments) + 2 * self.pull) * d).sum(axis=-1)
        return found


def adaptive(op: Op, io: Operands, w: np.ndarray, coded: Coded, moments: Moments) -> Coded:
    """Return weights rounded for the least error of the layer's output.

    No output's error, as the moments tell it, is larger than with rounding to the nearest.
    """
    problem = _problem(op, io, w, coded, moments)
    nearest = (problem.part >= 0.5).astype(np.float32)
    starts = (nearest, (_learn(problem) >= 0.5).astype(np.float32))
    settled = [_settled(problem, start) for start in starts]
    better = problem.costs(settled[1]) < problem.costs(settled[0])
    up = np.where(better[..., np.newaxis], settled[1], settled[0])
    rows = np.clip(problem.whole + up, problem.low, problem.high)
    zeros = _per_row(coded.params.zero_point, rows.shape)
    codes = from_rows(op, io, rows + zeros).astype(np.int32)
    return replace(coded, codes=codes)


def _problem(op: Op, io: Operands, w: np.ndarray, coded: Coded, moments: Moments) -> _Problem:
    scales = _per_row(coded.params.scale, (len(moments.squares), moments.products.shape[1]))
    zeros = _per_row(coded.params.zero_point, moments.products.shape[:2])
    steps = weight_rows(op, io, w.astype(np.float64)) / scales
    whole = np.floor(steps)
    size = moments.squares.shape[1]
    power = np.einsum("gkk->", moments.squares) / (len(moments.squares) * size)
    scaled = moments.squares / power if power > 0 else moments.squares
    pull = moments.products / scales / power if power > 0 else moments.products * 0
    # Few vectors say little about many weights: what they do not say is taken for uncorrelated.
    scaled = scaled + RIDGE * size / moments.count * np.eye(size)
    arrays = (whole, steps - whole, scaled, pull, coded.low - zeros, coded.high - zeros)
    return _Problem(*(array.astype(np.float32) for array in arrays))


def _per_row(values: tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Return scales or zero points against rows [groups, outputs, K]."""
    array = np.asarray(values, np.float64)
    return array.reshape(1, 1, 1) if len(array) == 1 else array.reshape(*shape[:2], 1)


def _settled(problem: _Problem, up: np.ndarray) -> np.ndarray:
    """Return ``up`` after changing one weight at a time for as long as that lessens the error."""
    up = up.copy()
    d = problem.errors(up)
    slopes = np.matmul(d, problem.moments) + problem.pull
    for _ in range(SWEEPS):
        changed = False
        for k in range(up.shape[2]):
            other = problem.error_of(k, 1 - up[:, :, k])
            step = other - d[:, :, k]
            curve = problem.moments[:, k, k][:, np.newaxis]
            takes = step * (2 * slopes[:, :, k] + step * curve) < -1e-6
            if not takes.any():
                continue
            changed = True
            step = np.where(takes, step, 0)
            up[:, :, k] = np.where(takes, 1 - up[:, :, k], up[:, :, k])
            d[:, :, k] += step
            slopes += step[:, :, np.newaxis] * problem.moments[:, k, np.newaxis, :]
        if not changed:
            break
    return up


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
        v -= (size * first / (np.sqrt(second) + 1e-8)).astype(np.float32)
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
    gradient = 2 * (np.matmul(problem.errors(h), problem.moments) + problem.pull) * free
    if done > WARM:
        along = (done - WARM) / (1 - WARM)
        beta = BETA[1] + (BETA[0] - BETA[1]) * 0.5 * (1 + np.cos(np.pi * along))
        centred = 2 * h - 1
        pull = -2 * beta * np.sign(centred) * np.abs(centred) ** (beta - 1)
        gradient = gradient + WEIGHT * pull
    return gradient * slope
