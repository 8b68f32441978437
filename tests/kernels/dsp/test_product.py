"""Convolution with the DSP extension: the assembler on a board, its C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.quant import QuantParams
from edgeq.kernels.dsp.common import channels, is_short
from edgeq.kernels.dsp.product import conv2d_facts
from edgeq.kernels.dsp.streams import stream
from edgeq.ops._spatial import Padding
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
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
ROWS_OF = ((3, 1, 1), (3, 2, 1), (3, 3, 1), (3, 5, 1), (3, 1, 6), (2, 1, 7))
ALL_BUT_FLOAT = [numerics for numerics in ROUNDINGS if numerics.name != "float32"]


def named(target: Target | str) -> str:
    return target if isinstance(target, str) else target.name


def sizes() -> list[Case]:
    """Return products round the tile of three windows and two channels, and of every depth."""
    cases = [
        conv_case((1, 1, pixels, 8), out, (1, 1), row=ROW)
        for pixels, out in ((3, 2), (4, 3), (5, 8), (6, 9), (13, 4))
    ]
    # Rounds of the loop begin with any of eight words of codes.
    depths = (1, 3, 4, 6, 12, 16, 20, 24, 28, 32, 36, 40, 63, 68)
    cases += [conv_case((1, 2, 2, depth), 5, (1, 1), row=ROW) for depth in depths]
    return [*cases, *map(after_relu, cases)]


def after_relu(case: Case) -> Case:
    """Return the layer with no code below the output's zero point: one product rescales."""
    y = case.tensors["y"]
    lowest = replace(y, quant=QuantParams.per_tensor(y.scale, -128))
    return replace(case, tensors={**case.tensors, "y": lowest})


def shapes() -> list[Case]:
    """Return windows, strides, dilations and paddings, with channels by fours and not."""
    cases = [
        conv_case((1, 7, 6, 4), 6, (3, 3), row=ROW, padding=SAME),
        conv_case((2, 5, 9, 8), 3, (3, 3), row=ROW, padding=SAME, stride=(2, 2)),
        conv_case((1, 9, 2, 4), 4, (3, 3), row=ROW, padding=SAME),
        conv_case((1, 9, 9, 3), 7, (3, 3), row=ROW, padding=Padding(0, 1, 0, 1), stride=(2, 2)),
        conv_case((1, 9, 8, 4), 5, (3, 3), row=ROW, padding=Padding(2, 2, 2, 2), dilation=(2, 2)),
        conv_case((1, 9, 8, 4), 5, (3, 2), row=ROW, padding=Padding(2, 1, 1, 0), dilation=(2, 1)),
        conv_case((1, 9, 8, 3), 5, (2, 3), row=ROW, padding=Padding(2, 2, 2, 2), dilation=(2, 2)),
        conv_case((1, 12, 5, 1), 4, (10, 4), row=ROW, padding=Padding(4, 5, 1, 1), stride=(2, 2)),
        conv_case((1, 8, 8, 8), 4, (1, 1), row=ROW, stride=(2, 2)),
        conv_case((1, 2, 2, 4), 4, (3, 3), row=ROW, padding=Padding(2, 2, 2, 2)),
        # Rows of 1, 2, 3, 5, 6 and 7 codes, inside the image, and beside it.
        *(conv_case((2, 6, 7, c), 3, (h, w), row=ROW) for h, w, c in ROWS_OF),
        *(conv_case((1, 4, 5, c), 3, (h, w), row=ROW, padding=SAME) for h, w, c in ROWS_OF),
        # Images too large for a copy.
        *(conv_case((1, 33, 34, c), 3, (h, w), row=ROW, padding=SAME) for h, w, c in ROWS_OF),
        conv_case((1, 5, 7, 32), 3, (3, 3), row=ROW, padding=SAME),
        conv_case((1, 9, 2, 64), 5, (3, 3), row=ROW, padding=SAME),
        conv_case((1, 12, 31, 3), 5, (3, 3), row=ROW, padding=Padding(0, 1, 0, 1), stride=(2, 2)),
        conv_case((1, 2, 3, 64), 4, (3, 3), row=ROW, padding=Padding(2, 2, 2, 2)),
        one_channel((2, 7, 6), (3, 3), 8, padding=SAME),
        one_channel((1, 9, 9), (3, 3), 3, padding=Padding(0, 1, 0, 1), stride=(2, 2)),
    ]
    return [after_relu(case) if i % 2 else case for i, case in enumerate(cases)]


def one_channel(x: tuple[int, int, int], kernel: tuple[int, int], out: int, **op: object) -> Case:
    """Return a depthwise layer of one input channel: a convolution by another name."""
    case = conv_case((*x, 1), out, kernel, row=ROW, **op)
    layer = DepthwiseConv2D(
        inputs=case.op.inputs,
        outputs=case.op.outputs,
        stride=case.op.stride,
        dilation=case.op.dilation,
        padding=case.op.padding,
    )
    w = case.tensors["w"]
    moved = np.ascontiguousarray(np.moveaxis(w.array, 0, 3).reshape(1, *kernel, out))
    turned = replace(w, shape=moved.shape, data=moved, quant=replace(w.quant, axis=3))
    return replace(case, op=layer, tensors={**case.tensors, "w": turned})


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
    # More codes than their sums fit a half of a word.
    return [*cases, conv_case((1, 1, 4, 1030), 3, (1, 1), row=ROW, zero=-7, scale=90.0)]


def single_floats() -> list[Case]:
    """Return layers rounded as float32 that one product rescales all the same."""
    return [
        conv_case(
            (1, 3, 5, c), 6, (1, 1), row=ROW, zeros=zeros, numerics=ROUNDINGS[-1], scale=scale
        )
        for c, zeros, scale in ((5, (-3, 5), 2.0), (8, (4, -128), 2.0), (8, (4, -128), 0.4))
    ]


def ties() -> list[Case]:
    """Return layers of both forms where every other number is halfway between two codes."""
    cases = [
        few(conv_case((1, 3, 5, 8), 4, (1, 1), row=ROW, numerics=n, zero=0, zeros=z, scale=0.04))
        for n in ALL_BUT_FLOAT
        for z in ((-3, 5), (4, -128))
    ]
    return cases + [unpackable(case) for case in cases]


def few(case: Case) -> Case:
    """Return the layer with weights and biases so small that outputs are no limits."""
    rng = np.random.default_rng(9)
    w, b = case.tensors["w"], case.tensors["b"]
    codes = rng.integers(-1, 2, w.shape, dtype=np.int8)
    bias = rng.integers(-99, 100, b.shape, dtype=np.int32)
    tensors = {"w": replace(w, data=codes), "b": replace(b, data=bias)}
    return replace(case, tensors={**case.tensors, **tensors})


def unpackable(case: Case) -> Case:
    """Return the layer with two weights that share no 16-bit number."""
    w = case.tensors["w"]
    codes = w.array.copy()
    codes[0].ravel()[1] = -1
    codes[1].ravel()[1] = -128
    return replace(case, tensors={**case.tensors, "w": replace(w, data=codes)})


def large(bias: int) -> Case:
    """Return a layer with sums of products from -2^23 + 512 on, and such a bias."""
    case = conv_case((1, 1, 5, 516), 2, (1, 1), row=ROW, zero=0, zeros=(0, 5), scale=820.0)
    w = replace(case.tensors["w"], data=np.full((2, 1, 1, 516), 127, np.int8))
    b = replace(case.tensors["b"], data=np.array([-bias, bias], np.int32))
    return replace(case, tensors={**case.tensors, "w": w, "b": b})


def reaches() -> list[Case]:
    """Return the largest sums that packed weights take, one more, and some of one answer."""
    return [large(-511), large(-512), large(2**26)]


def several() -> list[Case]:
    """Return ties and large sums."""
    steep = conv_case((1, 1, 4, 8), 4, (1, 1), row=ROW, zeros=(-3, -128), scale=0.4)
    return [*ties(), *reaches(), *single_floats(), steep]


def flag(case: Case, name: str = "tile") -> str:
    """Return how a layer reads windows (``mode``) or which ``tile`` function it calls."""
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    return str(conv2d_facts(op, io).flags[name])


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [sizes, shapes, numbers, several])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    target = replace(TWIN, cflags=(*SANITIZED, *WARNINGS))
    check_layers([*shapes(), *numbers(), *several()], target)


def test_every_tile_function_is_called() -> None:
    tiles = [flag(case) for case in several()]
    packed = {f"packed_{n.name}" for n in ALL_BUT_FLOAT}
    wide = {f"wide_{n.name}" for n in ALL_BUT_FLOAT}
    assert set(tiles[:6]) == packed
    assert set(tiles[6:12]) == wide
    assert tiles[12:] == ["packed_gemmlowp", "wide_gemmlowp", *["plain"] * 4, "straight_2"]
    some = {"packed_gemmlowp", "plain"}
    assert {flag(case) for case in sizes()} >= some
    assert {flag(case) for case in shapes()} >= some | {"straight_6"}
    assert flag(unpackable(conv_case((1, 1, 3, 8), 3, (1, 1), zero=3))) == "wide_gemmlowp"


def test_after_a_relu_half_up_will_do() -> None:
    for zero, rounding in ((5, "gemmlowp"), (-128, "half_up")):
        case = conv_case((1, 1, 3, 8), 2, (1, 1), zero=0, zeros=(-3, zero), scale=0.04)
        assert flag(case) == f"packed_{rounding}"
        case = conv_case((1, 1, 3, 8), 2, (1, 1), zeros=(-3, zero))
        assert flag(case) == ("plain" if zero == -128 else "packed_gemmlowp")


def test_windows_are_read_where_they_are() -> None:
    modes = [flag(case, "mode") for case in shapes()]
    assert {mode: modes.count(mode) > 1 for mode in modes} == {
        "padded": True,
        "general": True,
        "inside": True,
    }
    assert "direct" in {flag(case, "mode") for case in sizes()}


def test_what_it_does_not_take_is_portable() -> None:
    cases = [
        unpackable(conv_case((1, 3, 4, 5), 6, (3, 3), numerics=ROUNDINGS[-1])),
        conv_case((1, 4, 4, 5), 6, (3, 2), scale=0.004),
        conv_case((1, 1, 3, 5), 6, (1, 2)),
        conv_case((1, 2, 3, 5), 1, (2, 2)),
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
    w = io.ins[1].array.reshape(3, 6).astype(np.int64)
    found = channels(io, op.arithmetic, w.astype(np.int32))
    filled = np.zeros((3, 8), np.int64)
    filled[:, :6] = w
    packed = stream(found, filled, packed=True, single=False).reshape(2, 2 + 4 + 6)
    wide = stream(found, filled, packed=False, single=False).reshape(2, 2 + 4 + 6)
    for block, plain, (a, b) in zip(packed, wide, ((0, 1), (1, 2)), strict=True):
        assert plain[:2].tolist() == found.bias[[a, b]].tolist()
        assert block[:2].tolist() == [found.bias[a], 256 * found.bias[b] + found.bias[a]]
        for group in range(2):
            for parity in range(2):
                at = 2 + 2 * group + parity
                k = [4 * group + parity, 4 * group + parity + 2]
                pairs = [filled[a, k[0]], filled[b, k[0]], filled[a, k[1]], filled[b, k[1]]]
                assert plain[at : at + 1].view(np.int8).tolist() == pairs
                sums = (256 * filled[b, k] + filled[a, k]).tolist()
                assert block[at : at + 1].view(np.int16).tolist() == sums
        assert block[6:9].tolist() == [found.multiplier[a], found.addend[a], found.shift[a]]
        assert plain[6:9].tolist() == block[6:9].tolist()
        assert plain[9:].tolist() == [found.multiplier[b], found.addend[b], found.shift[b]]
        half = int(found.multiplier[b : b + 1].view(np.uint32)[0]) // 2
        assert block[9:].tolist() == [half, 128 * found.addend[b] + 64, found.shift[b] + 7]


def test_a_matrix_product_is_not_a_convolution() -> None:
    case = fully_connected_case(2, 8, 4)
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    row = select(op, io, target("cortex-m4").isas)
    assert row is not None and row.op is type(op)
