"""Fully connected layers with the DSP extension: on a board, and the C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.quant import QuantParams
from edgeq.kernels.dsp.fully_connected import DEEPEST, matrix_stream
from edgeq.ops.activation import Activation
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.dsp.test_product import SANITIZED, TARGETS, TWIN, named
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case

ROW = "dsp/fully_connected_s8"
SINGLE = next(numerics for numerics in ROUNDINGS if numerics.name == "single")


def of_one_scale(case: Case) -> Case:
    """Return a layer whose outputs share the scale of their weights."""
    w = case.tensors["w"]
    quant = QuantParams.per_tensor(0.02, 0)
    return replace(case, tensors={**case.tensors, "w": replace(w, quant=quant)})


def dense(rows: int, depth: int, out: int, **options: object) -> Case:
    """Return a layer with a single rounding, of one scale for all outputs."""
    settings = {"numerics": SINGLE, "row": ROW, **options}
    return of_one_scale(fully_connected_case(rows, depth, out, **settings))  # type: ignore[arg-type]


def sizes() -> list[Case]:
    """Return depths round every entry into the loop, and outputs round the tile of four."""
    depths = (1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 48, 56, 63, 64, 65, 100)
    cases = [dense(1, depth, 4) for depth in depths]
    cases += [dense(2, 20, out) for out in (1, 2, 3, 5, 6, 7, 8, 9, 12)]
    return cases


def numbers() -> list[Case]:
    """Return all roundings, one scale and many, weights with zero points, and extremes."""
    cases = []
    for numerics in ROUNDINGS:
        each = fully_connected_case(2, 37, 7, row=ROW, numerics=numerics)
        cases += [each, of_one_scale(each)]
        cases += [fully_connected_case(2, 21, 6, row=ROW, numerics=numerics, zero=3)]
    cases += [
        fully_connected_case(
            1, 19, 6, row=ROW, numerics=SINGLE, zero=zero, zeros=zeros, extreme=True, scale=400.0
        )
        for zero in (-128, 0, 127, None)
        for zeros in ((-128, 127), (127, -128))
    ]
    # A factor of a half and more leaves no shift for the short form; this one has a clamp.
    cases += [dense(1, 16, 5, scale=0.01), dense(1, 16, 5, scale=0.019)]
    clamped = dense(1, 16, 9)
    op = FullyConnected(inputs=("x", "w", "b"), outputs=("y",), activation=Activation.RELU)
    return [*cases, replace(clamped, op=op)]


def deep() -> list[Case]:
    """Return rows so long that the sums of second outputs need 64 bits, and some that just fit."""
    cases = [
        fully_connected_case(1, depth, 6, row=ROW, numerics=numerics, extreme=True, scale=4000.0)
        for depth in (512, 520, 1001)
        for numerics in ROUNDINGS
    ]
    cases += [dense(2, 700, 5, extreme=True, scale=4000.0, zeros=(-128, 127))]
    return cases


def convolutions() -> list[Case]:
    """Return convolutions whose windows are adjacent codes: an image, or single pixels."""
    images = ((1, 1, 1, 5), (2, 1, 1, 9), (1, 1, 2, 8), (1, 2, 1, 3))
    cases = [conv_case(image, 6, (1, 1), row=ROW) for image in images]
    cases += [
        conv_case((2, 5, 1, 4), 7, (5, 1), row=ROW, stride=(3, 1)),
        conv_case((1, 3, 2, 5), 4, (3, 2), row=ROW, zeros=(-128, 127), extreme=True),
    ]
    cases += [conv_case((1, 2, 2, 9), 5, (2, 2), row=ROW, numerics=n) for n in ROUNDINGS]
    # What the convolution's row does not rescale, and a single channel.
    cases += [conv_case((1, 3, 4, 5), 6, (1, 1), row=ROW, scale=0.004)]
    return [*cases, conv_case((1, 2, 3, 5), 1, (1, 1), row=ROW)]


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [sizes, numbers, deep, convolutions])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    flags = (*SANITIZED, *WARNINGS)
    check_layers([*sizes(), *numbers(), *deep()], replace(TWIN, cflags=flags))


def test_both_widths_and_every_way_to_rescale_are_taken() -> None:
    found = {
        str(row.facts(op, io).flags["function"])
        for case in [*sizes(), *numbers(), *deep()]
        for op, io in one_op_graph(case.op, case.tensors, case.numerics).walk()
        if (row := select(op, io, target("cortex-m4").isas)) is not None
    }
    ways = [f"{n}_{r}" for n in ("one", "each") for r in ("gemmlowp", "half_up", "single")]
    assert {f"narrow_{way}" for way in (*ways, "sums")} <= found
    assert {
        f"wide_{way}" for way in ("one_single", "each_single", "each_gemmlowp", "sums")
    } <= found


def test_sums_that_a_word_may_not_hold_are_portable() -> None:
    case = fully_connected_case(1, 8, 4, zeros=(-128, 5))
    tensors = dict(case.tensors)
    tensors["w"] = replace(tensors["w"], data=np.full((4, 8), 127, np.int8))
    tensors["b"] = replace(tensors["b"], data=np.full(4, 2**31 - 1 - 8 * 127 * 255, np.int32))
    for layer in (replace(case, tensors=tensors), fully_connected_case(1, DEEPEST, 4)):
        [(op, io)] = one_op_graph(layer.op, layer.tensors, SINGLE).walk()
        row = select(op, io, target("cortex-m4").isas)
        assert row is not None and row.id == "portable/fully_connected_s8"


def test_the_stream_has_every_number_at_its_place() -> None:
    codes = np.random.default_rng(1).integers(-128, 128, (7, 6))
    bias = np.arange(100, 107, dtype=np.int32)
    factors = np.arange(200, 221, dtype=np.int32).reshape(7, 3)
    found = matrix_stream(codes, bias, factors)
    filled = np.zeros((8, 8), np.int64)
    filled[:7, :6] = codes

    def weights(word: int) -> list[int]:
        a, b, c, d = np.array([word], np.int32).view(np.uint8).tolist()
        return [a, b - 256 * (b > 127), c, d - 256 * (d > 127)]

    def expected(first: int, k: int) -> list[int]:
        one, two = filled[first], filled[first + 1]
        return [
            number
            for at in (k, k + 2)
            for number in ((int(one[at]) + 128) * (at < 6), int(two[at]))
        ]

    places = [(first, 4 * g + p) for g in (0, 1) for p in (0, 1) for first in (0, 2)]
    assert [weights(w) for w in found[:8]] == [expected(*place) for place in places]
    assert found[8:24].tolist() == [*bias[:4], *factors[:4].ravel()]
    rest = [(first, 4 * g + p) for first in (4, 6) for g in (0, 1) for p in (0, 1)]
    words = [*found[24:28], *found[36:40]]
    assert [weights(w) for w in words] == [expected(*place) for place in rest]
    assert found[28:36].tolist() == [*bias[4:6], *factors[4:6].ravel()]
    assert found[40:].tolist() == [bias[6], 0, *factors[6], 0, 0, 0]
