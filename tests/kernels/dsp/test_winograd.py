"""3x3 convolution with four products for two pixels: the assembler on a board, its C twin here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.kernels.dsp.common import channels
from edgeq.kernels.dsp.winograd import stream, transformed
from edgeq.ops._spatial import Padding
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.dsp.test_product import ALL_BUT_FLOAT, SANITIZED, TARGETS, TWIN, few, named
from tests.kernels.neon.layers import conv_case

ROW = "dsp/conv2d_winograd_s8"
SAME = Padding(1, 1, 1, 1)


def shapes() -> list[Case]:
    """Return images round the tile of three pairs of pixels, one and more rounds of channels."""
    sizes = ((1, 6, 8), (3, 2, 8), (4, 4, 16), (2, 8, 24), (5, 10, 8), (7, 6, 32), (1, 14, 16))
    cases = [conv_case((1, *size), 2, (3, 3), row=ROW, padding=SAME) for size in sizes]
    return [
        *cases,
        *(conv_case((1, 6, width, 8), 6, (3, 3), row=ROW) for width in (4, 6, 8, 10, 12)),
        conv_case((1, 5, 6, 8), 4, (3, 3), row=ROW, padding=Padding(0, 2, 2, 0)),
        conv_case((1, 5, 7, 8), 4, (3, 3), row=ROW, padding=Padding(2, 0, 0, 1)),
        conv_case((1, 2, 2, 8), 4, (3, 3), row=ROW, padding=Padding(2, 2, 2, 2)),
        conv_case((1, 9, 16, 16), 16, (3, 3), row=ROW, padding=SAME),
    ]


def layer(x: tuple[int, int, int, int], **options: object) -> Case:
    """Return a layer of an image ``x`` with four outputs."""
    return conv_case(x, 4, (3, 3), row=ROW, padding=SAME, **options)


def numbers() -> list[Case]:
    """Return all roundings, weights with zero points, ties, extremes of codes and zero points."""
    cases = [
        layer((1, 4, 6, 8), numerics=n, zero=zero) for n in ALL_BUT_FLOAT for zero in (None, 3)
    ]
    cases += [
        few(layer((1, 4, 8, 8), numerics=n, zero=0, zeros=zeros, scale=0.16))
        for n in ALL_BUT_FLOAT
        for zeros in ((-3, 5), (4, -128))
    ]
    cases += [
        layer((1, 4, 6, 8), zero=zero, zeros=zeros, extreme=True, scale=400.0)
        for zero in (-128, 127, None)
        for zeros in ((-128, 127), (127, -128))
    ]
    # Twice the largest sum that a layer may have to be one for this kernel.
    return [*cases, biased(2**30 - 255 * 127 * 72), biased(-(2**30) + 255 * 128 * 72)]


def biased(bias: int, row: str = ROW) -> Case:
    """Return a layer of a large bias."""
    case = conv_case((1, 4, 6, 8), 2, (3, 3), row=row, padding=SAME, zero=0, scale=8e4)
    b = replace(case.tensors["b"], data=np.full(2, bias, np.int32))
    return replace(case, tensors={**case.tensors, "b": b})


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [shapes, numbers])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    check_layers([*shapes(), *numbers()], replace(TWIN, cflags=(*SANITIZED, *WARNINGS)))


def test_what_it_does_not_take_is_a_plain_convolution() -> None:
    options = {"padding": SAME}
    cases = [
        conv_case((1, 4, 7, 8), 4, (3, 3), **options),
        conv_case((1, 4, 6, 4), 4, (3, 3), **options),
        conv_case((1, 4, 6, 8), 3, (3, 3), **options),
        conv_case((2, 4, 6, 8), 4, (3, 3), **options),
        conv_case((1, 4, 12, 8), 4, (3, 3), stride=(2, 2), **options),
        conv_case((1, 8, 8, 8), 4, (3, 3), dilation=(2, 2), **options),
        conv_case((1, 4, 6, 8), 4, (3, 1), padding=Padding(1, 1, 0, 0)),
        conv_case((1, 4, 6, 16), 22, (3, 3), **options),
        conv_case((1, 2, 2, 8), 4, (3, 3), **options),
        biased(2**30),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m4").isas)
        assert row is not None and row.id == "dsp/conv2d_s8"
    case = conv_case((1, 4, 6, 8), 4, (3, 3), scale=0.004, **options)
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    row = select(op, io, target("cortex-m4").isas)
    assert row is not None and row.id == "portable/conv2d_s8"


def test_products_with_transformed_weights_are_twice_the_sums() -> None:
    rng = np.random.default_rng(5)
    g = rng.integers(-255, 256, (4, 72))
    d = rng.integers(-128, 128, (3, 4, 8))
    codes = (d[:, 1] + d[:, 2], d[:, 2] - d[:, 1], d[:, 0] - d[:, 2], d[:, 1] - d[:, 3])
    parts = transformed(g, 8)
    assert np.abs(parts).max() < 2**15
    m1, m2, m0, m3 = (parts[:, j] @ codes[j].ravel() for j in range(4))
    assert (m1 + m2 + m0).tolist() == (2 * g @ d[:, :3].ravel()).tolist()
    assert (m1 - m2 + m3).tolist() == (2 * g @ d[:, 1:].ravel()).tolist()


def test_the_stream_has_every_number_at_its_place() -> None:
    case = conv_case((1, 4, 6, 8), 4, (3, 3), padding=SAME)
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    w = io.ins[1].array.reshape(4, 72).astype(np.int32)
    found = channels(io, op.arithmetic, w)
    parts = transformed(w, 8)
    blocks = stream(found, 8).reshape(2, 2 + 4 * 24 + 12)
    for block, first in zip(blocks, (0, 2), strict=True):
        assert block[:2].tolist() == (2 * found.bias[first : first + 2]).tolist()
        starts = (2, 26, 50, 80)
        for part, start in enumerate(starts):
            for group in range(6):
                halves = block[start + 4 * group : start + 4 * group + 4].view(np.int16)
                quad = parts[first : first + 2, part, 4 * group : 4 * group + 4]
                wanted = [*quad[0, ::2], *quad[1, ::2], *quad[0, 1::2], *quad[1, 1::2]]
                assert halves.tolist() == [int(v) for v in wanted]
        assert block[74:80].tolist() == block[104:].tolist()
        half = int(found.multiplier.view(np.uint32)[first]) // 2
        assert block[74:77].tolist() == [half, found.addend[first], found.shift[first]]
