"""Convolution and fully connected layers with Helium: on a board, and the C twin here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.kernels.dsp.common import channels
from edgeq.kernels.mve.product import stream
from edgeq.ops._spatial import Padding
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from edgeq.targets import Target, target
from edgeq.targets.base import NATIVE
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.neon.layers import (
    IO,
    ROUNDINGS,
    conv_case,
    fully_connected_case,
    sums_case,
)

SANITIZED = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
TWIN = Target(
    "twin", "C in place of the assembler", ("mve", "portable"), 8, ("-O1", *WARNINGS), NATIVE
)
TARGETS = ("cortex-m55", TWIN)
CONV = "mve/conv2d_s8"
DENSE = "mve/fully_connected_s8"
SAME = Padding(1, 1, 1, 1)
ALL_BUT_FLOAT = [numerics for numerics in ROUNDINGS if numerics.name != "float32"]


def named(target: Target | str) -> str:
    return target if isinstance(target, str) else target.name


def sizes() -> list[Case]:
    """Return products round the tile of two windows and four channels, and of every depth."""
    cases = [
        conv_case((1, 1, pixels, 8), out, (1, 1), row=CONV)
        for pixels, out in ((1, 4), (2, 5), (3, 7), (4, 8), (5, 9), (8, 12))
    ]
    depths = (1, 3, 15, 16, 17, 31, 32, 33, 48, 64, 79, 96)
    cases += [conv_case((1, 1, 3, depth), 5, (1, 1), row=CONV) for depth in depths]
    return cases


def shapes() -> list[Case]:
    """Return windows, strides, dilations and paddings, of many pixels and of few."""
    return [
        conv_case((1, 7, 6, 4), 6, (3, 3), row=CONV, padding=SAME),
        conv_case((2, 5, 9, 8), 4, (3, 3), row=CONV, padding=SAME, stride=(2, 2)),
        conv_case((1, 9, 2, 4), 4, (3, 3), row=CONV, padding=SAME),
        conv_case((1, 9, 9, 3), 7, (3, 3), row=CONV, padding=Padding(0, 1, 0, 1), stride=(2, 2)),
        conv_case((1, 9, 8, 4), 5, (3, 3), row=CONV, padding=Padding(2, 2, 2, 2), dilation=(2, 2)),
        conv_case((1, 12, 5, 1), 4, (10, 4), row=CONV, padding=Padding(4, 5, 1, 1), stride=(2, 2)),
        conv_case((1, 8, 8, 8), 4, (1, 1), row=CONV, stride=(2, 2)),
        conv_case((1, 2, 2, 4), 4, (3, 3), row=CONV, padding=Padding(2, 2, 2, 2)),
        conv_case((1, 4, 4, 70), 4, (3, 3), row=CONV),
    ]


def numbers() -> list[Case]:
    """Return all roundings, extremes of codes and zero points."""
    cases = [
        conv_case((1, 3, 4, 5), 6, (3, 3), row=CONV, padding=SAME, numerics=n)
        for n in ALL_BUT_FLOAT
    ]
    cases += [
        conv_case(
            (1, 3, 3, 8),
            4,
            (3, 3),
            row=CONV,
            padding=SAME,
            zeros=zeros,
            extreme=True,
            scale=scale,
        )
        for zeros in ((-128, 127), (127, -128))
        for scale in (40.0, 400.0)
    ]
    return cases


def single_channels() -> list[Case]:
    """Return depthwise convolutions of one channel, which have the sums of others."""
    cases = []
    for out, padding, stride, size in ((8, SAME, (2, 2), (3, 4)), (5, Padding(), (1, 1), (3, 5))):
        op = DepthwiseConv2D(**IO, padding=padding, stride=stride)
        x, y = (2, 5, 7, 1), (2, *size, out)
        cases.append(sums_case(op, x, (1, 3, 3, out), y, axis=3, kernel=CONV, scale=20.0))
    return cases


def products() -> list[Case]:
    """Return matrix products of one row, of an even and of an odd count, and every rounding."""
    cases = [
        fully_connected_case(rows, depth, out, row=DENSE)
        for rows, depth, out in ((1, 1, 4), (1, 64, 10), (2, 40, 8), (3, 17, 13))
    ]
    cases += [fully_connected_case(1, 33, 6, row=DENSE, numerics=n) for n in ALL_BUT_FLOAT]
    return cases


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [sizes, shapes, numbers, products, single_channels])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    target = replace(TWIN, cflags=(*SANITIZED, *WARNINGS))
    check_layers([*shapes(), *numbers()[:6]], target)


def test_what_it_does_not_take_is_left_to_others() -> None:
    cases = [
        conv_case((1, 3, 4, 5), 6, (3, 3), numerics=ROUNDINGS[-1]),
        conv_case((1, 3, 4, 5), 6, (1, 1), scale=0.004),
        conv_case((1, 3, 4, 5), 3, (1, 1)),
        conv_case((1, 3, 4, 5), 6, (1, 1), zero=3, extreme=True),
        fully_connected_case(1, 8, 3),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m55").isas)
        assert row is not None and not row.id.startswith("mve/")


def test_the_stream_has_every_number_at_its_place() -> None:
    case = conv_case((1, 2, 4, 18), 5, (1, 1))
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    w = io.ins[1].array.reshape(5, 18).astype(np.int32)
    found = channels(io, op.arithmetic, w)
    blocks = stream(found).reshape(2, 2 * 16 + 9)
    for block, first in zip(blocks, (0, 1), strict=True):
        codes = block[:32].view(np.int8).reshape(2, 4, 16)
        assert not codes[0, :, :14].any()
        assert (np.concatenate([codes[0, :, 14:], codes[1]], axis=1) == w[first : first + 4]).all()
        assert block[32:36].tolist() == found.bias[first : first + 4].tolist()
        requant = op.arithmetic.requant
        assert block[36:40].tolist() == list(requant.multiplier[first : first + 4])
        assert block[40:].view(np.int8).tolist() == list(requant.shift[first : first + 4])
