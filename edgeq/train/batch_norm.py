"""Batch normalization folded into the weights before it while it still trains.

Inference has ``w * gamma / sigma`` as weights, so that is what training quantizes (Jacob et al.
2017, section 3.2; Krishnamoorthi 2018, section 3.2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn

from edgeq.errors import ModelError, UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.ir.graph import Tensor as Constant
from edgeq.ir.types import DType
from edgeq.passes._names import unused
from edgeq.train.config import Config

Sums = Callable[[Tensor], Tensor]
Coded = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class BatchNorm:
    """Scale, shift, moving averages of mean and variance, of each channel.

    ``momentum`` is the share of a batch in the averages.
    """

    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float = 1e-5
    momentum: float = 0.1


class Folded(nn.Module):
    """One batch normalization, executed inside the layer before it."""

    mean: Tensor
    variance: Tensor

    def __init__(self, norm: BatchNorm, axis: int, config: Config) -> None:
        super().__init__()
        self.gamma = nn.Parameter(_real(norm.gamma))
        self.beta = nn.Parameter(_real(norm.beta))
        self.register_buffer("mean", _real(norm.mean))
        self.register_buffer("variance", _real(norm.variance))
        self.epsilon, self.momentum = norm.epsilon, norm.momentum
        self.axis, self.config = axis, config

    def forward(self, sums: Sums, coded: Coded, w: Tensor, step: int | None) -> Tensor:
        """Return the normalized output of the layer.

        ``sums`` multiplies the layer's input by weights, ``coded`` quantizes weights (with a bias
        that bounds their scale). ``step`` is the number of steps done, ``None`` outside training.
        """
        if not self._follows_batches(step):
            weights, bias = self.folded(w)
            return sums(coded(weights, bias)) + bias
        mean, variance = self._moments(sums(w))
        batch = (variance + self.epsilon).sqrt()
        usual = (self.variance + self.epsilon).sqrt()
        bias = self.beta - self.gamma * mean / batch
        if self.config.batch_norm == "batch":
            y = sums(coded(self._scaled(w, self.gamma / batch), bias))
        else:
            # The weights move with the averages; the output is as if with those of the batch.
            y = sums(coded(self._scaled(w, self.gamma / usual), bias)) * (usual / batch)
        self._move(mean, variance)
        return y + bias

    def folded(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Return weights and bias as inference has them."""
        factor = self.gamma / (self.variance + self.epsilon).sqrt()
        return self._scaled(w, factor), self.beta - self.mean * factor

    def _follows_batches(self, step: int | None) -> bool:
        if step is None or self.config.batch_norm == "frozen":
            return False
        return self.config.freeze is None or step < self.config.freeze

    def _scaled(self, w: Tensor, factor: Tensor) -> Tensor:
        return w * factor.reshape([-1 if i == self.axis else 1 for i in range(w.ndim)])

    def _moments(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of each channel over the equal shares of all processes."""
        rows = y.float().reshape(-1, y.shape[-1])
        mean = _of_all(rows.mean(0))
        # Around the mean of all: differences of large squares would cancel. Not by ``var``, which
        # is several times slower along the rows.
        return mean, _of_all((rows - mean).square().mean(0))

    def _move(self, mean: Tensor, variance: Tensor) -> None:
        with torch.no_grad():
            self.mean.lerp_(mean, self.momentum)
            self.variance.lerp_(variance, self.momentum)


def _of_all(x: Tensor) -> Tensor:
    """Return the mean over the processes that train together."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return x
    total: Tensor = _Together.apply(x)
    return total / distributed.get_world_size()


class _Together(torch.autograd.Function):
    """The sum over all processes; each one's gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.clone()
        distributed.all_reduce(y)
        return y

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        slope = slopes[0].clone()
        distributed.all_reduce(slope)
        return slope


def with_norms(graph: Graph, norms: Mapping[str, BatchNorm]) -> tuple[Graph, dict[int, BatchNorm]]:
    """Return the graph with a zero bias of its own for each layer that has a normalization.

    The normalizations come back by index of the layer, a bias of the layer moved into their mean.
    Raise ``ModelError`` for weights that no layer has, or whose channels do not fit.
    """
    tensors, ops, found = dict(graph.tensors), [], {}
    for index, op in enumerate(graph.ops):
        norm = norms.get(op.inputs[1]) if op.WEIGHTS_AXIS is not None else None
        if norm is not None and op.WEIGHTS_AXIS is not None:
            channels = graph.tensors[op.inputs[1]].shape[op.WEIGHTS_AXIS]
            if any(len(v) != channels for v in (norm.gamma, norm.beta, norm.mean, norm.variance)):
                raise ModelError(
                    f"a batch normalization without {channels} channels", where=op.source
                )
            if len(op.inputs) > 2:
                norm = replace(norm, mean=norm.mean - graph.tensors[op.inputs[2]].array)
            name = unused(f"{op.inputs[1]}_norm", tensors)
            tensors[name] = Constant(name, (channels,), DType.FLOAT32, None, np.zeros(channels))
            op = replace(op, inputs=(*op.inputs[:2], name))
            found[index] = norm
        ops.append(op)
    used = [ops[index].inputs[1] for index in found]
    lost = sorted(set(norms) - set(used))
    if lost:
        raise ModelError(f"no layer has weights '{lost[0]}', which a batch normalization follows")
    if len(set(used)) != len(used):
        raise UnsupportedError("layers that share weights, each with a batch normalization")
    return graph.with_ops(ops, tensors), found


def _real(values: np.ndarray) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
