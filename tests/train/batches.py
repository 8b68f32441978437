"""Random batches for networks with one input."""

from __future__ import annotations

import numpy as np
import torch

from edgeq.ir.graph import Graph
from tests.quantize import float_nets


def batch_of(graph: Graph, count: int = 8, seed: int = 1) -> torch.Tensor:
    """Return ``count`` random samples in one array."""
    return torch.from_numpy(np.concatenate([x for (x,) in float_nets.samples(graph, count, seed)]))
