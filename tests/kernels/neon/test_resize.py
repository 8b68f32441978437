"""Bilinear resizing in 16 bits against the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.types import DType
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.plan.select import select
from edgeq.targets import target
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.kernels.neon.layers import EXTREMES
from tests.ops.elementwise_cases import by_name, coded

ROW = "neon/resize_bilinear_s8"
CORNERS = ((True, False), (False, False), (False, True))


def resize(
    size: tuple[int, int],
    out: tuple[int, int],
    channels: int,
    corners: tuple[bool, bool] = (False, False),
    floats: bool = True,
    images: int = 1,
) -> Case:
    op = ResizeBilinear(
        inputs=("x",),
        outputs=("y",),
        size=out,
        align_corners=corners[0],
        half_pixel_centers=corners[1],
        float_weights=floats,
    )
    shape = (images, *size, channels)
    tensors = coded("x", shape, scale=0.1), coded("y", (images, *out, channels), scale=0.1)
    rng = np.random.default_rng(channels)
    runs = [
        [rng.integers(-128, 128, shape, dtype=np.int8)],
        [np.full(shape, -128, np.int8)],
        [np.full(shape, 127, np.int8)],
        [rng.choice(EXTREMES, shape)],
    ]
    return Case(op, by_name(*tensors), runs, ROW)


@pytest.mark.parametrize("name", ["aarch64", "armv7-neon"])
def test_resize(name: str) -> None:
    channels = (8, 9, 15, 16, 17, 21, 64, 65, 72)
    cases = [resize((3, 5), (6, 10), c) for c in channels]
    cases += [
        resize((3, 3), (33, 33), 8, (True, False)),
        resize((2, 3), (17, 33), 9, (True, False)),
    ]
    cases += [resize((4, 4), (8, 16), 12, corners) for corners in CORNERS]
    cases += [resize((8, 6), (4, 3), 10, (False, True)), resize((4, 2), (8, 8), 8, images=2)]
    cases += [resize((4, 4), (8, 8), c, corners, False) for c in (8, 11) for corners in CORNERS]
    taken = [case for case in cases if _row(case) == ROW]
    assert len(taken) >= len(cases) - 3
    check_layers([replace(case, kernel=_row(case)) for case in cases], target(name))


def _row(found: Case, isas: tuple[str, ...] = ("neon", "portable")) -> str:
    [(lowered, io)] = one_op_graph(found.op, found.tensors).walk()
    row = select(lowered, io, isas)
    assert row is not None
    return row.id


def test_what_it_does_not_take_stays_portable() -> None:
    few, long, copied = (
        resize((3, 5), (6, 10), 7),
        resize((3, 3), (7, 7), 8, floats=False),
        resize((3, 3), (3, 3), 8),
    )
    assert {_row(found) for found in (few, long, copied)} == {"portable/resize_bilinear_s8"}
    unsigned = resize((3, 3), (7, 7), 8)
    tensors = {n: replace(t, dtype=DType.INT8) for n, t in unsigned.tensors.items()}
    assert _row(replace(unsigned, tensors=tensors)) == "portable/resize_bilinear_f32_s8"
