"""What the HVX rows share: lanes, and factors as whole vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.kernels.rescale import RescaleFacts, layer_rescale
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data

HEADERS = ("edgeq_fixed_point_hexagon.h", "edgeq_fixed_point_hvx.h")
VECTOR = 128  # bytes, and what its places in memory are multiples of
LANES = 32  # 32-bit numbers in a vector

Product = Conv2D | DepthwiseConv2D | FullyConnected


def aligned(name: str, array: np.ndarray, comment: str) -> Data:
    """Return a constant array that vectors are read from."""
    return Data(name, array, comment, VECTOR)


def has_vectors(op: Product) -> bool:
    """Tell whether there are instructions for the rounding of a layer: none are for floats."""
    return op.arithmetic.requant.rounding is not Rounding.FLOAT32


def vector_rescale(
    op: Product, io: Operands, w: np.ndarray, length: int, order: np.ndarray | None = None
) -> RescaleFacts:
    """Return how a layer of ``length`` channels rescales, its factors as 32-bit lanes.

    ``order`` is the channel of each lane, where that is another.
    """
    facts = layer_rescale(op, io, w, length)
    arrays = ((data, data.array if order is None else data.array[order]) for data in facts.data)
    data = tuple(aligned(d.name, a.astype(np.int32), d.comment) for d, a in arrays)
    return replace(facts, data=data)
