"""Operators that passes look for together: what chance alone seldom puts side by side."""

from __future__ import annotations

import numpy as np

from tests.random_networks.convolutions import CONVOLUTIONS, Window, window
from tests.random_networks.draft import Draft
from tests.random_networks.network import Value
from tests.random_networks.table import DRAWS


def _image(net: Draft) -> Value:
    row = DRAWS["CONV_2D"]
    return net.find(
        lambda value: row.takes(value) and value.dtype is net.dtype,
        lambda: net.input(net.shape(row.ranks), net.dtype),
    )


def padded_convolution(net: Draft) -> None:
    """Add a border of zero points, and a convolution of it."""
    x = _image(net)
    pairs = [(0, 0), *((net.draw.randint(0, 3), net.draw.randint(0, 3)) for _ in range(2)), (0, 0)]
    shape = [extent + sum(pair) for extent, pair in zip(x.shape, pairs, strict=True)]
    operands = [x, net.const(np.array(pairs, np.int32))]
    (y,) = net.op("PAD", operands, shape, x.dtype, x.quant, version=2)
    code = net.draw.choice(sorted(CONVOLUTIONS))
    CONVOLUTIONS[code](net, y, code, window(net, y, dilated=True))


def dilated_by_batches(net: Draft) -> None:
    """Add what converters write for a dilated convolution."""
    x = _image(net)
    block = (net.draw.randint(1, 3), net.draw.randint(1, 3))
    pads = []
    for extent, size in zip(x.shape[1:3], block, strict=True):
        before = net.draw.randint(0, 3)
        pads.append((before, -(extent + before) % size + size * net.draw.randint(0, 1)))
    outer = [
        (extent + sum(pair)) // size
        for extent, pair, size in zip(x.shape[1:3], pads, block, strict=True)
    ]
    batches = x.shape[0] * block[0] * block[1]
    operands = [x, net.ints(*block), net.const(np.array(pads, np.int32))]
    shape = (batches, *outer, x.shape[3])
    (spread,) = net.op("SPACE_TO_BATCH_ND", operands, shape, x.dtype, x.quant, version=2)
    code = net.draw.choice(sorted(CONVOLUTIONS))
    y = CONVOLUTIONS[code](net, spread, code, _plain(net, spread))
    whole = [extent * size for extent, size in zip(y.shape[1:3], block, strict=True)]
    crops = [(net.draw.randint(0, 1), net.draw.randint(0, 1)) if n > 2 else (0, 0) for n in whole]
    left = [extent - sum(pair) for extent, pair in zip(whole, crops, strict=True)]
    back = [y, net.ints(*block), net.const(np.array(crops, np.int32))]
    net.like("BATCH_TO_SPACE_ND", back, (x.shape[0], *left, y.shape[3]), version=2)


def _plain(net: Draft, x: Value) -> Window:
    """Return a window of stride 1 that lies in the image."""
    kernel = [net.draw.randint(1, min(extent, 3)) for extent in x.shape[1:3]]
    size = [extent - reach + 1 for extent, reach in zip(x.shape[1:3], kernel, strict=True)]
    ones = dict.fromkeys(("stride_h", "stride_w", "dilation_h_factor", "dilation_w_factor"), 1)
    return {"padding": "VALID", **ones, **net.fused()}, (*kernel, *size)


PHRASES = (padded_convolution, dilated_by_batches)


def add_phrase(net: Draft) -> None:
    """Add one of them."""
    net.draw.choice(PHRASES)(net)
