"""What random networks are drawn from: scales, codes, activations, other tensors."""

from __future__ import annotations

from random import Random

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ops.activation import Activation
from tests.passes.nets import Net

CLAMPS = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)


def any_scale(draw: Random, low: float = 0.05, high: float = 0.5) -> float:
    return float(np.float32(draw.uniform(low, high)))


def any_code(draw: Random, dtype: DType) -> QuantParams:
    zero = draw.choice((dtype.min, dtype.max, (dtype.min + dtype.max + 1) // 2, None))
    if zero is None:
        zero = draw.randint(dtype.min, dtype.max)
    return QuantParams.per_tensor(any_scale(draw), zero)


def any_activation(draw: Random) -> Activation:
    return draw.choice((Activation.NONE, Activation.NONE, *CLAMPS))


def any_codes(draw: Random, dtype: DType, shape: Shape) -> np.ndarray:
    rng = np.random.default_rng(draw.randrange(2**32))
    return rng.integers(dtype.min, dtype.max + 1, shape).astype(dtype.numpy)


def peers_of(net: Net, shape: Shape) -> list[str]:
    """Return computed codes of this shape."""
    known = ((name, net.tensors[name]) for name in net.computed)
    return [name for name, t in known if t.shape == shape and t.dtype is net.dtype]
