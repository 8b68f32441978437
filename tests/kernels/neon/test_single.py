"""Depthwise convolution of one channel with many filters against the reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from edgeq.targets import target
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.kernels.neon.layers import ROUNDINGS, sums_case

ROW = "neon/depthwise_conv2d_single_s8"
TARGETS = pytest.mark.parametrize("name", ["aarch64", "armv7-neon"])


def single(
    height: int, width: int, out: int, kernel: tuple[int, int], stride: int = 1, **options
) -> Case:
    """Return a layer of one channel with ``out`` filters."""
    down, right = (k // 2 for k in kernel)
    op = DepthwiseConv2D(
        inputs=("x", "w", "b"),
        outputs=("y",),
        stride=(stride, stride),
        padding=options.pop("padding", Padding(down, down, right, right)),
        dilation=(options.pop("down", 1), 1),
        activation=options.pop("activation", Activation.NONE),
    )
    images, pads = options.pop("images", 1), op.padding
    reach = (kernel[0] - 1) * op.dilation[0] + 1
    high = (height + pads.top + pads.bottom - reach) // stride + 1
    wide = (width + pads.left + pads.right - kernel[1]) // stride + 1
    settings = {"axis": 3, "kernel": ROW, "scale": 20.0, **options}
    shapes = (images, height, width, 1), (1, *kernel, out), (images, high, wide, out)
    return sums_case(op, *shapes, **settings)


@TARGETS
def test_sizes_round_the_tiles(name: str) -> None:
    none = Padding(0, 0, 0, 0)
    cases = [single(5, w, 8, (3, 3), s) for s in (1, 2, 3) for w in (1, 2, 3, 4, 5, 9, 17)]
    cases += [single(12, 11, out, (10, 8), 2) for out in (8, 9, 16, 19)]
    cases += [single(9, 40, 12, (2, 9)), single(9, 7, 8, (7, 2), 1, down=2)]
    cases += [single(6, 5, 8, (3, 3), 1, images=3), single(8, 8, 8, (3, 3), padding=none)]
    check_layers(cases, target(name))


@TARGETS
def test_zero_points_clamps_and_roundings(name: str) -> None:
    cases = [
        single(7, 6, 11, (5, 4), 1, zero=zero, zeros=zeros, extreme=extreme, scale=scale)
        for zero in (None, -128, 127)
        for zeros, scale in (((-128, -128), 20.0), ((127, 3), 0.01))
        for extreme in (False, True)
    ]
    relu = [single(7, 6, 11, (3, 3), activation=a, zeros=(4, -128)) for a in Activation]
    each = zip(cases, ROUNDINGS * len(cases), strict=False)
    every = [*relu, *(replace(case, numerics=numerics) for case, numerics in each)]
    check_layers(every, target(name))


def test_what_it_does_not_take_goes_on() -> None:
    for found in (single(5, 5, 7, (3, 3)), single(12, 12, 8, (11, 11))):
        [(lowered, io)] = one_op_graph(found.op, found.tensors).walk()
        row = select(lowered, io, ("neon", "portable"))
        assert row is not None and row.id != ROW
