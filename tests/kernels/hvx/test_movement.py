"""HVX copies against the reference."""

from __future__ import annotations

import numpy as np

from edgeq.ir.types import DType, Shape
from edgeq.kernels.hvx.movement import whole
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.pack import Pack
from edgeq.ops.pad import Pad
from edgeq.ops.resize_nearest import ResizeNearest
from edgeq.ops.split import Split
from edgeq.targets import Target
from tests.kernel_harness import Case
from tests.kernels.hvx.forms import check, each_form
from tests.ops.movement import inputs_of, layer, quant, tensor

SIZES = (16, 31, 64, 127, 128, 129, 200, 256, 300)


def moved(op: Op, row: str, *shapes: Shape) -> Case:
    inputs = [tensor(f"x{i}", shape, params=quant()) for i, shape in enumerate(shapes)]
    tensors = layer(op, *inputs, params=quant())
    return Case(op, tensors, [inputs_of(op, tensors)], row)


@each_form
def test_pads(form: Target) -> None:
    pads = (
        ((1, 5, 6, 64), ((0, 0), (1, 1), (1, 1), (0, 0))),
        ((1, 5, 43, 3), ((0, 0), (0, 1), (0, 1), (0, 0))),
        ((2, 3, 2, 129), ((1, 0), (0, 2), (1, 1), (200, 3))),
        ((1, 128), ((0, 0), (0, 1))),
        ((3, 300), ((0, 2), (0, 0))),
    )
    cases = [
        moved(Pad(inputs=("x0",), outputs=("y",), paddings=p, value=-5), "hvx/pad_s8", shape)
        for shape, p in pads
    ]
    few = Pad(inputs=("x0",), outputs=("y",), paddings=((0, 0), (1, 1)), value=7)
    check([*cases, moved(few, "portable/pad", (4, 127))], form)


@each_form
def test_pieces_side_by_side(form: Target) -> None:
    cases = []
    for size in SIZES:
        for rows in (2, 9):
            joined = Concat(inputs=("x0", "x1", "x2"), outputs=("y",), axis=1)
            cases.append(moved(joined, "hvx/concat_s8", (rows, 40), (rows, size), (rows, 17)))
            cut = Split(inputs=("x0",), outputs=("y0", "y1"), axis=1, sizes=(size, 33))
            cases.append(moved(cut, "hvx/split_s8", (rows, size + 33)))
    pack = Pack(inputs=("x0", "x1"), outputs=("y",), axis=1)
    cases += [moved(pack, "hvx/concat_s8", (rows, 90), (rows, 90)) for rows in (2, 7)]
    short = Concat(inputs=("x0", "x1"), outputs=("y",), axis=1)
    cases += [moved(short, "portable/concat", (9, 15), (9, 40))]
    check(cases, form)


@each_form
def test_pieces_of_other_codes(form: Target) -> None:
    cases = []
    for rows, size in ((2, 256), (9, 100), (5, 129)):
        op = Concat(inputs=("x0", "x1"), outputs=("y",), axis=1, origin=128)
        inputs = (
            tensor("x0", (rows, size), DType.INT8, quant(0.3, 5)),
            tensor("x1", (rows, 50), DType.INT8, quant(0.5, -9)),
        )
        tensors = layer(op, *inputs, params=quant(0.5, -9))
        codes = np.resize(np.arange(256).astype(np.uint8).view(np.int8), (rows, size))
        runs = [[codes, inputs_of(op, tensors)[1]]]
        cases.append(Case(op, tensors, runs, "hvx/concat_s8"))
    check(cases, form)


@each_form
def test_nearest_pixels(form: Target) -> None:
    cases = []
    for channels in SIZES:
        for size, out in (((3, 5), (6, 10)), ((4, 6), (7, 5))):
            op = ResizeNearest(inputs=("x0",), outputs=("y",), size=out)
            cases.append(moved(op, "hvx/resize_nearest_s8", (2, *size, channels)))
    op = ResizeNearest(inputs=("x0",), outputs=("y",), size=(6, 10))
    cases.append(moved(op, "portable/resize_repeat", (1, 3, 5, 15)))
    check(cases, form)


def test_vectors_of_a_run() -> None:
    assert [whole(n) for n in (1, 127, 128, 129, 256)] == [128, 128, 128, 256, 256]
