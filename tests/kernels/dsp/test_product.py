"""Convolution with the DSP extension: the assembler on a board, its C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.quant import QuantParams
from edgeq.kernels.dsp.common import channels, is_short
from edgeq.kernels.dsp.product import stream
from edgeq.ops._spatial import Padding
from edgeq.plan.select import select
from edgeq.targets import Target, target
from edgeq.targets.base import NATIVE
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case

SANITIZED = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
TWIN = Target(
    "twin", "C in place of the assembler", ("dsp", "portable"), 8, ("-O1", *WARNINGS), NATIVE
)
TARGETS = ("cortex-m4", "cortex-m7", "cortex-m33", TWIN)
ROW = "dsp/conv2d_s8"
SAME = Padding(1, 1, 1, 1)
ALL_BUT_FLOAT = [numerics for numerics in ROUNDINGS if numerics.name != "float32"]


def named(target: Target | str) -> str:
    return target if isinstance(target, str) else target.name


def sizes() -> list[Case]:
    """Return products round the tile of four windows and two channels, and of every depth."""
    cases = [
        conv_case((1, 1, pixels, 8), out, (1, 1), row=ROW)
        for pixels, out in ((4, 2), (5, 3), (7, 8), (8, 9), (13, 4))
    ]
    cases += [conv_case((1, 2, 3, depth), 5, (1, 1), row=ROW) for depth in (1, 3, 4, 6, 12, 28, 63)]
    return cases


def shapes() -> list[Case]:
    """Return windows, strides, dilations and paddings, with channels by fours and not."""
    return [
        conv_case((1, 7, 6, 4), 6, (3, 3), row=ROW, padding=SAME),
        conv_case((2, 5, 9, 8), 3, (3, 3), row=ROW, padding=SAME, stride=(2, 2)),
        conv_case((1, 9, 2, 4), 4, (3, 3), row=ROW, padding=SAME),
        conv_case((1, 9, 9, 3), 7, (3, 3), row=ROW, padding=Padding(0, 1, 0, 1), stride=(2, 2)),
        conv_case((1, 9, 8, 4), 5, (3, 3), row=ROW, padding=Padding(2, 2, 2, 2), dilation=(2, 2)),
        conv_case((1, 9, 8, 3), 5, (2, 3), row=ROW, padding=Padding(2, 2, 2, 2), dilation=(2, 2)),
        conv_case((1, 12, 5, 1), 4, (10, 4), row=ROW, padding=Padding(4, 5, 1, 1), stride=(2, 2)),
        conv_case((1, 8, 8, 8), 4, (1, 1), row=ROW, stride=(2, 2)),
        conv_case((1, 2, 2, 4), 4, (3, 3), row=ROW, padding=Padding(2, 2, 2, 2)),
    ]


def numbers() -> list[Case]:
    """Return all roundings, weights with zero points, extremes of codes and zero points."""
    cases = [
        conv_case((1, 3, 4, 5), 6, (3, 3), row=ROW, padding=SAME, numerics=n, zero=zero)
        for n in ALL_BUT_FLOAT
        for zero in (None, 3)
    ]
    cases += [
        conv_case(
            (1, 3, 3, 8),
            4,
            (3, 3),
            row=ROW,
            padding=SAME,
            zero=zero,
            zeros=zeros,
            extreme=True,
            scale=400.0,
        )
        for zero in (-128, 127, None)
        for zeros in ((-128, 127), (127, -128))
    ]
    return cases


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [sizes, shapes, numbers])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    target = replace(TWIN, cflags=(*SANITIZED, *WARNINGS))
    check_layers([*shapes(), *numbers()[:6]], target)


def test_what_it_does_not_take_is_portable() -> None:
    cases = [
        conv_case((1, 3, 4, 5), 6, (3, 3), numerics=ROUNDINGS[-1]),
        conv_case((1, 3, 4, 5), 6, (1, 1), scale=0.004),
        conv_case((1, 1, 3, 5), 6, (1, 1)),
        conv_case((1, 2, 3, 5), 1, (1, 1)),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m4").isas)
        assert row is not None and row.id == "portable/conv2d_s8"


def test_channels_that_have_one_answer_take_the_short_way() -> None:
    case = conv_case((1, 3, 4, 5), 6, (1, 1), row=ROW)
    scales = case.tensors["w"].quant.scale
    w = replace(case.tensors["w"], quant=QuantParams((1e-12, *scales[1:]), (0,) * 6, 0))
    bias = case.tensors["b"].array.copy()
    bias[0] = 2**31 - 1 - 2**20
    tensors = {**case.tensors, "w": w, "b": replace(case.tensors["b"], data=bias)}
    changed = replace(case, tensors=tensors)
    [(op, io)] = one_op_graph(case.op, tensors).walk()
    assert is_short(io, op.arithmetic, w.array.reshape(6, -1).astype(np.int32))
    check_layers([changed], TWIN)


def test_the_stream_has_every_number_at_its_place() -> None:
    case = conv_case((1, 2, 4, 6), 3, (1, 1))
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    w = io.ins[1].array.reshape(3, 6).astype(np.int32)
    found = channels(io, op.arithmetic, w)
    words = stream(found, 8, 0).reshape(2, 2 + 4 + 6)
    filled = np.zeros((3, 8), np.int8)
    filled[:, :6] = w
    for block, (a, b) in zip(words, ((0, 1), (1, 2)), strict=True):
        assert block[:2].tolist() == found.bias[[a, b]].tolist()
        for group in range(2):
            for parity in range(2):
                codes = block[2 + 2 * group + parity : 3 + 2 * group + parity].view(np.int8)
                k = 4 * group + parity
                wanted = [filled[a, k], filled[b, k], filled[a, k + 2], filled[b, k + 2]]
                assert codes.tolist() == wanted
        assert block[6:9].tolist() == [found.multiplier[a], found.addend[a], found.shift[a]]


def test_a_matrix_product_is_not_a_convolution() -> None:
    case = fully_connected_case(2, 8, 4)
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    row = select(op, io, target("cortex-m4").isas)
    assert row is not None and row.op is type(op)
