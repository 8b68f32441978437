"""Operators that move elements, as LiteRT moves them: shapes of rank 1 to 5, 8 and 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq import api
from edgeq.errors import UnsupportedError
from edgeq.frontends.tflite import read_tflite
from tests.frontends.tflite.one_op import OneOp, ints
from tests.frontends.tflite.side_by_side import SideBySide
from tests.frontends.tflite.strided_slices import described
from tests.frontends.tflite_builder import ModelBuilder

BYTES = ("int8", "uint8")
CODES = (*BYTES, "int16")


def _slices(net: SideBySide, dtype: str) -> None:
    def add(shape: tuple[int, ...], found: Any) -> None:
        index = found if isinstance(found, tuple) else (found,)
        result = np.empty(shape)[index].shape
        columns, masks = described(index, None)
        operands = [net.x(shape, dtype), *(net.ints(*column) for column in columns)]
        net.op("STRIDED_SLICE", operands, result, dtype, options=("StridedSliceOptions", masks))

    add((7,), np.s_[1:6:2])
    add((7,), np.s_[::-1])
    add((7,), np.s_[-2:0:-3])
    add((7,), np.s_[9:-9:-2])
    add((4, 5), np.s_[::-1, ::-1])
    add((4, 5), np.s_[1, 4:1:-1])
    add((4, 5), np.s_[-1, 2])
    add((4, 5), np.s_[..., None, 1:3])
    add((3, 4, 5), np.s_[::2, ..., 3])
    add((3, 4, 5), np.s_[None, 1:, 2])
    add((3, 4, 5), np.s_[2:0:-1, 1:4:2, ::-2])
    add((2, 3, 4, 5), np.s_[..., ::-1, :])
    add((2, 3, 4, 5), np.s_[0, :, -3:-1, 4])
    add((2, 2, 3, 2, 3), np.s_[::-1, :, 1:3, ::-1, :])


def _reversals(net: SideBySide, dtype: str) -> None:
    for shape, axis in (((7,), 0), ((4, 5), -1), ((4, 5), 0), ((2, 3, 4), 1), ((2, 3, 4, 3), 2)):
        operands = [net.x(shape, dtype), net.ints(axis)]
        net.op("REVERSE_V2", operands, shape, dtype, options=("ReverseV2Options", {}))


def _tiles(net: SideBySide, dtype: str) -> None:
    for shape, times in (
        ((5,), (3,)),
        ((1,), (4,)),
        ((2, 3), (1, 1)),
        ((2, 3), (2, 1)),
        ((2, 3), (1, 4)),
        ((3, 1), (2, 5)),
        ((2, 1, 3), (2, 3, 2)),
        ((1, 2, 1, 3), (2, 1, 3, 1)),
        ((1, 2, 1, 3, 1), (2, 1, 2, 1, 2)),
    ):
        result = tuple(a * b for a, b in zip(shape, times, strict=True))
        operands = [net.x(shape, dtype), net.ints(*times)]
        net.op("TILE", operands, result, dtype, options=("TileOptions", {}))


def _broadcasts(net: SideBySide, dtype: str) -> None:
    for shape, result in (
        ((3,), (2, 3)),
        ((2, 1), (2, 5)),
        ((1,), (4,)),
        ((2, 1, 3), (4, 2, 2, 3)),
        ((2, 3), (2, 3)),
        ((1, 2, 1, 1, 3), (2, 2, 1, 4, 3)),
    ):
        net.op("BROADCAST_TO", [net.x(shape, dtype), net.ints(*result)], result, dtype, version=3)


def _gathers(net: SideBySide, dtype: str) -> None:
    for shape, axis, places in (
        ((7,), 0, np.array([6, 0, 3])),
        ((7,), 0, np.array(2)),
        ((4, 5), 1, np.array([[0, 4], [3, 3]])),
        ((4, 5), 0, np.array([1])),
        ((3, 4, 5), -2, np.array([3, 1, 1])),
        ((3, 4, 5), 2, np.array(4)),
        ((2, 3, 2, 3), 1, np.array([2, 0])),
    ):
        at = axis % len(shape)
        result = (*shape[:at], *places.shape, *shape[at + 1 :])
        operands = [net.x(shape, dtype), net.const(places.astype(np.int32))]
        net.op("GATHER", operands, result, dtype, options=("GatherOptions", {"axis": axis}))


def _mirrors(net: SideBySide, dtype: str) -> None:
    for mode, edge in (("REFLECT", 1), ("SYMMETRIC", 0)):
        for shape in ((5,), (3, 4), (1, 3, 4, 2), (1, 3, 4, 2)):
            most = [extent - edge for extent in shape]
            pads = [(int(net.rng.integers(0, m + 1)), m) for m in most]
            result = tuple(e + a + b for e, (a, b) in zip(shape, pads, strict=True))
            operands = [net.x(shape, dtype), net.const(np.array(pads, np.int32))]
            options = ("MirrorPadOptions", {"mode": mode})
            net.op("MIRROR_PAD", operands, result, dtype, options=options)


def _batches(net: SideBySide, dtype: str) -> None:
    # LiteRT pads with the output's zero point.
    zero = {"zero_point": 77 if dtype != "int16" else 0}
    for shape, block, borders in (
        ((1, 4, 4, 2), (2, 2), ((0, 0), (0, 0))),
        ((2, 3, 4, 1), (2, 3), ((1, 2), (0, 2))),
        ((1, 5, 2, 3), (1, 2), ((0, 0), (1, 1))),
        ((2, 4, 3), (2,), ((1, 1),)),
    ):
        pads = (*borders, *((0, 0),) * (len(shape) - 1 - len(block)))
        whole = [extent + sum(pair) for extent, pair in zip(shape[1:], pads, strict=True)]
        outer = [e // b for e, b in zip(whole, (*block, 1, 1), strict=False)]
        batch = (shape[0] * int(np.prod(block)), *outer)
        there = [net.x(shape, dtype, **zero), net.ints(*block), net.const(np.int32(borders))]
        net.op("SPACE_TO_BATCH_ND", there, batch, dtype, **zero)
        back = [net.x(batch, dtype, **zero), net.ints(*block), net.const(np.int32(borders))]
        net.op("BATCH_TO_SPACE_ND", back, shape, dtype, **zero)


def _unpacks(net: SideBySide, dtype: str) -> None:
    for shape, axis in (((3,), 0), ((3, 4), -1), ((2, 3, 4), 1), ((1, 5), 0), ((2, 3, 2, 3), 0)):
        at = axis % len(shape)
        options = ("UnpackOptions", {"num": shape[at], "axis": axis})
        rest = (*shape[:at], *shape[at + 1 :])
        net.op("UNPACK", [net.x(shape, dtype)], rest, dtype, outs=shape[at], options=options)


FAMILIES = (_slices, _reversals, _tiles, _broadcasts, _gathers, _mirrors, _batches, _unpacks)


@pytest.mark.parametrize("dtype", CODES)
def test_equal_litert(dtype: str) -> None:
    net = SideBySide()
    for fill in FAMILIES:
        fill(net, dtype)
    net.check()


def test_uint8_that_becomes_int8_moves_alike() -> None:
    net = SideBySide(1)
    for fill in FAMILIES:
        fill(net, "uint8")
    net.op("RELU", [net.x((3,), "uint8")], (3,), "uint8")
    net.check()


@pytest.mark.parametrize("dtype", BYTES)
def test_depth_and_space_equal_litert(dtype: str) -> None:
    """LiteRT's reference resolver has no DEPTH_TO_SPACE; its other kernel moves, too."""
    net = SideBySide(2)
    for n, h, w, c, block in ((1, 2, 2, 8, 2), (2, 1, 3, 9, 3), (1, 3, 2, 4, 1), (1, 1, 1, 4, 2)):
        image, deep = (n, h * block, w * block, c // block**2), (n, h, w, c)
        options = {"block_size": block}
        net.op(
            "DEPTH_TO_SPACE",
            [net.x(deep, dtype)],
            image,
            dtype,
            options=("DepthToSpaceOptions", options),
        )
        net.op(
            "SPACE_TO_DEPTH",
            [net.x(image, dtype)],
            deep,
            dtype,
            options=("SpaceToDepthOptions", options),
        )
    net.check("builtin")


@pytest.mark.parametrize("computes", [False, True])
def test_casts_equal_litert(computes: bool) -> None:
    net = SideBySide(3)
    kinds = ("int8", "uint8", "int16", "int32", "int64", "bool")
    for x in kinds:
        for y in (*kinds, "float32"):
            if x != y:
                net.op(
                    "CAST", [net.x((3, 5), x)], (3, 5), y, version=1, options=("CastOptions", {})
                )
    if computes:
        net.op("RELU", [net.x((3,), "uint8")], (3,), "uint8")
    net.check()


def test_an_embedding_reads_nothing_beside_its_table() -> None:
    net = SideBySide(4)
    table = net.const(net.codes((6, 4), "int8"), scale=0.5)
    net.arrays.append(np.array([5, 0, 0, 3], np.int32))
    places = net.builder.input("places", (4,), "int32")
    net.op("GATHER", [table, places], (4, 4), options=("GatherOptions", {"axis": 0}))
    net.check()


def test_what_cannot_be_gathered_is_said() -> None:
    at = {"GatherOptions": {"axis": 0, "batch_dims": 1}}
    assert "with batch dimensions" in str(
        OneOp().x(2, 3).const(ints(1, 0)).y(2).refusal("GATHER", **at)
    )
    long = OneOp().x(3).x(1, dtype="int64").y(1).refusal("GATHER")
    assert isinstance(long, UnsupportedError) and "int64 indices" in str(long)
    outside = OneOp().x(3).const(ints(0, 3)).y(2).refusal("GATHER")
    assert "an index is not in 0..2" in str(outside)


@pytest.mark.parametrize(
    ("model", "code", "options", "message"),
    [
        (OneOp().x(3).const(ints(0)).y(3), "TILE", {}, "multiples (0,) of 1"),
        (OneOp().x(3).const(ints(2)).y(2), "BROADCAST_TO", {}, "(3,) does not broadcast to (2,)"),
        (OneOp().x(2, 3).const(ints(3)).y(3), "BROADCAST_TO", {}, "(2, 3) does not broadcast"),
        (OneOp().x(3).const(ints(1)).y(3), "REVERSE_V2", {}, "dimension 1 of 1"),
        (OneOp().x(3).const([[3, 0]]).y(6), "MIRROR_PAD", {}, "paddings (3, 0) of 3 elements"),
        (OneOp().x(3).const([[-1, 0]]).y(2), "MIRROR_PAD", {}, "paddings (-1, 0) of 3 elements"),
        (OneOp().x(3).y(1).y(1), "UNPACK", {}, "2 outputs of 3 elements"),
        (OneOp().x(2, dtype="float32").y(2), "CAST", {}, "of float32 data"),
        (
            OneOp().x(1, 2, 2, 3).y(1, 4, 4, 1),
            "DEPTH_TO_SPACE",
            {"DepthToSpaceOptions": {"block_size": 2}},
            "3 channels in blocks of 2 by 2",
        ),
        (
            OneOp().x(1, 3, 2, 3).y(1, 1, 1, 12),
            "SPACE_TO_DEPTH",
            {"SpaceToDepthOptions": {"block_size": 2}},
            "3 by 2 pixels in blocks of 2 by 2",
        ),
        (
            OneOp().x(1, 3, 2, 1).const(ints(2, 2)).const([[0, 0], [0, 0]]).y(4, 1, 1, 1),
            "SPACE_TO_BATCH_ND",
            {},
            "(3, 2) elements in blocks of (2, 2)",
        ),
        (
            OneOp().x(3, 1, 1, 1).const(ints(2, 2)).const([[0, 0], [0, 0]]).y(1, 2, 2, 1),
            "BATCH_TO_SPACE_ND",
            {},
            "a batch of 3 in blocks of (2, 2)",
        ),
        (
            OneOp().x(4, 1, 1, 1).const(ints(0, 2)).const([[0, 0], [0, 0]]).y(1, 2, 2, 1),
            "BATCH_TO_SPACE_ND",
            {},
            "block (0, 2)",
        ),
    ],
)
def test_refusals(model: OneOp, code: str, options: dict[str, object], message: str) -> None:
    assert message in str(model.refusal(code, **options))


def test_what_lies_in_order_is_not_moved() -> None:
    """Rows that are taken apart, an axis more or less, and a block of one pixel: views."""
    builder, code = ModelBuilder(), {"scale": 0.5}
    x = builder.input("x", (2, 1, 1, 8), **code)
    a = builder.tensor("a", (2, 1, 1, 8), **code)
    builder.op("RELU", [x], [a])
    rows = [builder.tensor(f"row{i}", (1, 1, 8), **code) for i in range(2)]
    builder.op("UNPACK", [a], rows, UnpackOptions={"num": 2, "axis": 0})
    long = builder.tensor("long", (1, 1, 1, 8), **code)
    builder.op("EXPAND_DIMS", [rows[0], builder.const("axis", ints(0))], [long])
    deep = builder.tensor("deep", (1, 1, 1, 8), **code)
    builder.op("SPACE_TO_DEPTH", [long], [deep], SpaceToDepthOptions={"block_size": 1})
    ys = [builder.tensor("y0", (1, 1, 1, 8), **code), builder.tensor("y1", (1, 1, 8), **code)]
    builder.op("RELU6", [deep], ys[:1])
    builder.op("RELU6", [rows[1]], ys[1:])
    compiled = api.compile(read_tflite(builder.finish(ys), "m"), "portable")
    assert [call.kind for call in compiled.program.calls] == ["relu", "relu", "relu"]
    codes = np.arange(-8, 8, dtype=np.int8).reshape(2, 1, 1, 8)
    first, second = compiled(codes)
    np.testing.assert_array_equal(first.ravel(), np.clip(codes[0].ravel(), 0, 12))
    np.testing.assert_array_equal(second.ravel(), np.clip(codes[1].ravel(), 0, 12))
