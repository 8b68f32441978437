"""Depthwise convolution with dot products against the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.kernels.aarch64_dotprod.depthwise import packed_blocks
from edgeq.kernels.aarch64_dotprod.windows import packed_terms
from edgeq.kernels.neon.lines import Axis, Lines
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from edgeq.targets import target
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case, sums_case

TARGET = target("aarch64-dotprod")
ROW = "aarch64_dotprod/depthwise_conv2d_3x3_s8"
SAME = Padding(1, 1, 1, 1)
EVEN = Padding(0, 1, 0, 1)


def case(height: int, width: int, channels: int, stride: int = 1, **options) -> Case:
    settings = {"row": ROW, "padding": SAME, "stride": (stride, stride), **options}
    return depthwise_case((settings.pop("images", 1), height, width, channels), (3, 3), **settings)


def with_weights(found: Case, codes: np.ndarray) -> Case:
    w = replace(found.tensors["w"], data=codes)
    return replace(found, tensors={**found.tensors, "w": w})


def test_widths_and_heights_round_the_tiles() -> None:
    sizes = [(h, w) for h in (1, 2, 3, 4) for w in (1, 2, 3, 4, 5)]
    sizes += [(5, w) for w in range(6, 13)] + [(17, 3), (18, 4)]
    check_layers([case(h, w, 8) for h, w in sizes], TARGET)


@pytest.mark.parametrize("padding", [SAME, EVEN], ids=["odd", "even"])
def test_widths_and_heights_at_stride_two(padding: Padding) -> None:
    sizes = [(h, w) for h in (2, 3, 4, 5, 6) for w in (2, 3, 4, 5)]
    sizes += [(7, w) for w in range(6, 14)] + [(37, 3), (35, 4)]
    check_layers([case(h, w, 8, 2, padding=padding) for h, w in sizes], TARGET)


def test_channels_round_the_block() -> None:
    channels = (8, 9, 15, 16, 17, 67)
    check_layers([case(7, 6, c, stride) for c in channels for stride in (1, 2)], TARGET)


def test_rows_in_strips_and_several_images() -> None:
    cases = [case(14, 5, 520, stride) for stride in (1, 2)]
    cases += [case(9, 3, 1029), case(20, 9, 137), case(5, 8, 12, 1, images=3)]
    check_layers([*cases, case(6, 9, 9, 2, images=2)], TARGET)


def test_paddings() -> None:
    none, one_side, wide = Padding(0, 0, 0, 0), Padding(1, 0, 0, 1), Padding(2, 2, 2, 2)
    cases = [case(5, 7, 8, s, padding=p) for s in (1, 2) for p in (none, one_side)]
    cases += [case(h, w, 8, padding=wide) for h, w in ((1, 1), (2, 3), (4, 5))]
    cases += [case(h, w, 8, 2, padding=Padding(3, 2, 1, 4)) for h, w in ((1, 1), (3, 2), (6, 5))]
    check_layers(cases, TARGET)


@pytest.mark.parametrize("zeros", [(-128, 127), (127, -128)])
def test_zero_points_at_both_ends(zeros: tuple[int, int]) -> None:
    cases = [
        case(5, 5, 11, stride, zero=zero, zeros=zeros, extreme=extreme)
        for stride in (1, 2)
        for zero in (None, -127, -1, 3, 127)
        for extreme in (False, True)
    ]
    check_layers(cases, TARGET)


def test_some_blocks_have_weights_beyond_int8() -> None:
    cases = []
    for stride, spots in ((1, [(0, 1, 20)]), (2, [(2, 2, 3)]), (1, [(1, 0, 9), (2, 2, 30)])):
        found = case(5, 7, 32, stride, zero=40)
        codes = np.random.default_rng(5).integers(-88, 128, (1, 3, 3, 32), dtype=np.int8)
        for spot in spots:
            codes[(0, *spot)] = -128
        cases.append(with_weights(found, codes))
    check_layers(cases, TARGET)


@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
def test_roundings_clamps_and_left_shifts(numerics) -> None:
    cases = [
        case(
            5, 4, 18, stride, zero=zero, scale=scale, zeros=zeros, activation=act, numerics=numerics
        )
        for stride, zero in ((1, None), (2, 4))
        for scale in (0.004, 20.0)
        for zeros, act in (
            ((-3, 5), Activation.NONE),
            ((4, -128), Activation.RELU),
            ((4, -128), Activation.RELU6),
            ((0, -20), Activation.RELU),
        )
    ]
    check_layers(cases, TARGET)


WINDOWS = "aarch64_dotprod/depthwise_conv2d_s8"


def window(
    size: tuple[int, ...],
    kernel: tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: Padding | None = None,
    **named,
) -> Case:
    """Return a layer of an image ``size`` with a window other than 3x3, or a dilated one."""
    down, right = (k // 2 for k in kernel)
    settings = {
        "row": WINDOWS,
        "stride": (stride, stride) if isinstance(stride, int) else stride,
        "padding": padding or Padding(down, down, right, right),
        **named,
    }
    return depthwise_case((*(1,) * (4 - len(size)), *size), kernel, **settings)


def test_windows() -> None:
    cases = [window((9, w, 8), (5, 5), s) for s in (1, 2) for w in (1, 2, 3, 5, 7, 12, 13)]
    cases += [window((h, h, 12), (7, 7), s) for s in (1, 2) for h in (3, 5, 12)]
    kernels = ((9, 1), (1, 9), (2, 7), (7, 2), (1, 1), (3, 4), (4, 3))
    cases += [window((11, 13, 9), kernel, s) for s in (1, 2, 3) for kernel in kernels]
    check_layers(cases, TARGET)


def test_dilated_windows_and_uneven_strides() -> None:
    two, wide = Padding(2, 2, 2, 2), Padding(4, 3, 5, 6)
    cases = [window((h, w, 8), (3, 3), 1, two, dilation=(2, 2)) for h, w in ((1, 1), (9, 8))]
    cases += [window((15, 14, 17), (3, 3), s, wide, dilation=(3, 2)) for s in (1, 2)]
    cases += [window((9, 8, 8), (3, 3), stride) for stride in ((1, 2), (3, 1))]
    cases += [window((2, 30, 4, 16), (5, 3), (4, 2), wide, dilation=(5, 1))]
    check_layers([*cases, window((3, 6, 5, 8), (5, 5))], TARGET)


@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
def test_windows_with_any_numbers(numerics) -> None:
    cases = [
        window((7, 6, 11), (5, 4), 1, SAME, zero=zero, zeros=zeros, extreme=extreme, scale=scale)
        for zero in (None, -127, 127)
        for zeros, scale in (((-128, -128), 20.0), ((127, 3), 0.01))
        for extreme in (False, True)
    ]
    relu = [window((7, 6, 11), (5, 5), activation=a, zeros=(4, -128)) for a in Activation]
    check_layers([replace(each, numerics=numerics) for each in (*cases, *relu)], TARGET)


SINGLE = "aarch64_dotprod/depthwise_conv2d_single_s8"


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
    settings = {"axis": 3, "kernel": SINGLE, "scale": 20.0, **options}
    shapes = (images, height, width, 1), (1, *kernel, out), (images, high, wide, out)
    return sums_case(op, *shapes, **settings)


def test_one_channel_with_many_filters() -> None:
    cases = [single(5, w, 8, (3, 3), s) for s in (1, 2, 3) for w in (1, 2, 3, 4, 5, 9, 17)]
    cases += [single(12, 11, out, (10, 8), 2) for out in (8, 9, 16, 19)]
    cases += [single(9, 40, 12, (2, 9)), single(9, 7, 8, (7, 2), 1, down=2)]
    cases += [single(6, 5, 8, (3, 3), 1, images=3), single(6, 5, 8, (3, 3), padding=EVEN)]
    check_layers([*cases, single(8, 8, 8, (3, 3), padding=Padding(0, 0, 0, 0))], TARGET)


def test_one_channel_with_any_numbers() -> None:
    cases = [
        single(7, 6, 11, (5, 4), 1, zero=zero, zeros=zeros, extreme=extreme, scale=scale)
        for zero in (None, -127, 127)
        for zeros, scale in (((-128, -128), 20.0), ((127, 3), 0.01))
        for extreme in (False, True)
    ]
    relu = [single(7, 6, 11, (3, 3), activation=a, zeros=(4, -128)) for a in Activation]
    each = zip(cases, ROUNDINGS * len(cases), strict=False)
    check_layers([*relu, *(replace(case, numerics=numerics) for case, numerics in each)], TARGET)


@pytest.mark.parametrize(
    "found",
    [
        depthwise_case((1, 9, 9, 7), (3, 3)),
        depthwise_case((1, 12, 12, 8), (10, 10)),
        single(5, 5, 7, (3, 3)),
        single(5, 5, 8, (3, 3), zero=-128, extreme=True),
        depthwise_case((1, 9, 9, 8), (3, 3), zero=-128, extreme=True),
        depthwise_case((1, 9, 9, 8), (5, 5), zero=-128, extreme=True),
    ],
    ids=["channels", "window", "filters", "weights-single", "weights", "weights-5x5"],
)
def test_what_it_does_not_take_goes_on(found: Case) -> None:
    [(lowered, io)] = one_op_graph(found.op, found.tensors, found.numerics).walk()
    row = select(lowered, io, TARGET.isas)
    assert row is not None and not row.id.startswith("aarch64_dotprod/")


def test_weights_are_packed_by_columns_with_their_excess_behind() -> None:
    w = np.arange(3 * 3 * 9).reshape(3, 3, 9)
    w[1, 2, 8] = 254
    packed, wide = packed_blocks(w, (2,))
    assert wide == (0, 1)
    columns = packed.reshape(-1, 8, 4)
    assert columns.shape[0] == 3 + 3 + 1
    for block, start in enumerate((0, 1)):
        for x in range(3):
            part = columns[3 * block + x]
            assert (part[:, 3] == 0).all()
            for c in range(8):
                assert part[c, :3].tolist() == np.clip(w[:, x, start + c], -128, 127).tolist()
    assert columns[6].ravel().tolist() == [0] * 29 + [127, 0, 0]


def test_weights_of_windows_are_packed_by_lines_with_their_excess_behind() -> None:
    w = np.arange(2 * 5 * 8).reshape(2, 5, 8)
    w[1, 4, 7] = 254
    along = Lines(Axis(9, 8, 2, 1, 1, 0, 72, 64), Axis(9, 5, 5, 1, 1, 0, 8, 8), False)
    packed, excess = packed_terms(along, w)
    assert [(term.line, term.offset) for term in along.terms()] == [(0, 0), (0, 4), (1, 0), (1, 4)]
    assert excess == (3,)
    terms = packed.reshape(5, 8, 4)
    for line in range(2):
        assert terms[2 * line].tolist() == w[line, :4].T.tolist()
        assert terms[2 * line + 1, :, 0].tolist() == np.clip(w[line, 4], -128, 127).tolist()
    assert not terms[[1, 3], :, 1:].any()
    assert terms[4].ravel().tolist() == [0] * 28 + [127, 0, 0, 0]
