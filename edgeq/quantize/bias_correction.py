"""Empirical bias correction (Nagel et al. 2019, "Data-free quantization", section 4.2).

Rounded weights shift the mean of an output: ``E[Wq x] - E[W x] = (Wq - W) E[x]``. The layer is
linear, so the mean input of the calibration gives that shift, and the bias takes it back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.ir.graph import Graph
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op


def shift_of(graph: Graph, op: Op, mean: np.ndarray, rounded: np.ndarray) -> np.ndarray:
    """Return what to add to the bias of a float layer whose weights become ``rounded``.

    ``mean`` is the mean input, of the input's shape. The result has one float64 number per
    output channel: the mean over all positions of what the exact weights would have added.
    """
    io = graph.operands(op)
    layer: Any = op  # every layer with weights has an activation
    linear = replace(layer, activation=Activation.NONE)
    missing = (io.ins[1].array.astype(np.float64) - rounded).astype(np.float32)
    (y,) = linear.evaluate_float(io, [mean.astype(np.float32), missing])
    shift: np.ndarray = y.reshape(-1, y.shape[-1]).mean(axis=0, dtype=np.float64)
    return shift
