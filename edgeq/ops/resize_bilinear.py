"""Resize NHWC images by bilinear interpolation.

LiteRT interpolates int8 and int16 in fixed point, with positions of 10 fraction bits, and rounds
half away from zero; it interpolates uint8 in float32. Where the float32 weights are so short that
no step rounds, integers give the same bits, and no float remains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.types import DType, Shape
from edgeq.ops._pool import check_same_codes
from edgeq.ops._resize import (
    Grid,
    Taps,
    check_resize,
    exact_taps,
    fixed_taps,
    float_taps,
    resized_shape,
    short_taps,
)
from edgeq.ops._spatial import Pair
from edgeq.ops.base import Arrays, Op, register, require

FLOAT32_BITS = 24  # of a significand
_FLIP = 128


@dataclass(frozen=True, slots=True, eq=False)
class Interpolation:
    """Taps of both axes.

    With integer weights the weighted sum is divided by ``2**(rows.bits + columns.bits)`` and
    rounded half away from zero, or up under ``round_half_up``. With ``in_float`` weights it is
    computed in float32 on codes 0..255, and rounded half up; ``weights_first`` is the order of
    LiteRT's builtin kernel, in which both weights are multiplied before the code is.
    """

    rows: Taps
    columns: Taps
    in_float: bool = False
    round_half_up: bool = False
    weights_first: bool = False

    @property
    def plain(self) -> bool:
        """Tell whether the steps are the reference's."""
        return not self.weights_first


@register("resize_bilinear")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResizeBilinear(Op):
    """Input: x [N,H,W,C]. Output: [N,*size,C], in the same code.

    Corners as in ``ResizeNearest``. ``float_weights`` says that codes, plus 128 where they are
    int8, are interpolated in float32; uint8 always is.
    """

    SAME_QUANT = True

    size: Pair
    align_corners: bool = False
    half_pixel_centers: bool = False
    float_weights: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes, types or corners do not fit."""
        check_resize(self, io, self.size)
        check_same_codes(self, io)
        both = self.align_corners and self.half_pixel_centers
        require(self, not both, "align_corners excludes half_pixel_centers")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return [N, *size, C]."""
        return (resized_shape(io.x.shape, self.size),)

    def flipped(self, io: Operands) -> Op:
        """Keep interpolating uint8 codes in float32."""
        return replace(self, float_weights=True) if io.x.dtype is DType.UINT8 else self

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the taps."""
        if io.x.dtype.is_float:
            return self
        if max(io.x.shape[1:3]) >= 1 << 20 or max(self.size) >= 1 << 20:
            raise QuantizationError("positions do not fit 32 bits", where=self.source)
        library = numerics.library(self.KIND)
        if library is Library.XNNPACK:
            rows, columns = (short_taps(taps) for taps in self._taps(io))
            return self.with_arithmetic(Interpolation(rows, columns, round_half_up=True))
        if self.float_weights or io.x.dtype is DType.UINT8:
            numbers = float_interpolation(*self._taps(io))
            first = numbers.in_float and library is Library.BUILTIN
            return self.with_arithmetic(replace(numbers, weights_first=first))
        rows, columns = (fixed_taps(grid) for grid in self._grids(io))
        return self.with_arithmetic(Interpolation(rows, columns))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers, or in the reference's float32 steps."""
        numbers: Interpolation = self.arithmetic
        if numbers.in_float:
            offset = _FLIP if io.x.dtype is DType.INT8 else 0
            codes = arrays[0].astype(np.float32) + np.float32(offset)
            blend = _blend_weighted if numbers.weights_first else _blend_float
            sums = blend(codes, numbers.rows, numbers.columns)
            rounded = (sums + np.float32(0.5)).astype(np.int32)
            return ((rounded - offset).astype(io.y.dtype.numpy),)
        total = _blend_integers(arrays[0].astype(np.int64), numbers)
        bits = numbers.rows.bits + numbers.columns.bits
        half = (1 << bits) >> 1
        nudge = half - (total < 0) if bits and not numbers.round_half_up else half
        return (((total + nudge) >> bits).astype(io.y.dtype.numpy),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (_blend_float(arrays[0], *self._taps(io)),)

    def _grids(self, io: Operands) -> tuple[Grid, Grid]:
        _, height, width, _ = io.x.shape
        corners = self.align_corners, self.half_pixel_centers
        return Grid(height, self.size[0], *corners), Grid(width, self.size[1], *corners)

    def _taps(self, io: Operands) -> tuple[Taps, Taps]:
        rows, columns = self._grids(io)
        return float_taps(rows), float_taps(columns)


def float_interpolation(rows: Taps, columns: Taps) -> Interpolation:
    """Return the interpolation of codes 0..255 in float32, with integer weights if identical.

    They are when every float32 step is exact. All intermediate results are multiples of
    ``2**-(rows.bits + columns.bits)`` and at most 255 times the shares' magnitudes plus one half;
    it is enough that this many such units fit a significand.
    """
    exact = [exact_taps(taps, FLOAT32_BITS) for taps in (rows, columns)]
    if exact[0] is None or exact[1] is None:
        return Interpolation(rows, columns, in_float=True)
    # Bits are counted before weights at the borders are simplified: float32 steps have them.
    bits = max(_fraction_bits(rows.weight) + _fraction_bits(columns.weight), 1)
    largest = (255 * rows.reach * columns.reach + 0.5) * 2.0**bits
    if largest > 2.0**FLOAT32_BITS:
        return Interpolation(rows, columns, in_float=True)
    return Interpolation(exact[0], exact[1], round_half_up=True)


def _fraction_bits(weight: np.ndarray) -> int:
    bits, scaled = 0, weight.astype(np.float64)
    while (scaled != np.floor(scaled)).any():
        bits, scaled = bits + 1, scaled * 2
    return bits


def _corners(x: np.ndarray, rows: Taps, columns: Taps) -> tuple[np.ndarray, ...]:
    """Return the upper left, lower left, upper right and lower right pixels of each output."""
    top, bottom = x[:, rows.lower], x[:, rows.upper]
    left, right = columns.lower, columns.upper
    return top[:, :, left], bottom[:, :, left], top[:, :, right], bottom[:, :, right]


def _blend_float(x: np.ndarray, rows: Taps, columns: Taps) -> np.ndarray:
    """Return the float32 interpolation; the order of the steps is the reference's."""
    one = np.float32(1)
    down, right = rows.weight[None, :, None, None], columns.weight[None, None, :, None]
    a, b, c, d = _corners(x, rows, columns)
    y: np.ndarray = a * (one - down) * (one - right)
    y += b * down * (one - right)
    y += c * (one - down) * right
    y += d * down * right
    return y


def _blend_weighted(x: np.ndarray, rows: Taps, columns: Taps) -> np.ndarray:
    """Return the float32 interpolation in the order of LiteRT's builtin kernel."""
    one = np.float32(1)
    down, right = rows.weight[None, :, None, None], columns.weight[None, None, :, None]
    a, b, c, d = _corners(x, rows, columns)
    y: np.ndarray = a * ((one - down) * (one - right))
    y += c * ((one - down) * right)
    y += b * (down * (one - right))
    y += d * (down * right)
    return y


def _blend_integers(x: np.ndarray, numbers: Interpolation) -> np.ndarray:
    """Return the weighted sums: codes times 2^20 at most, as shares are 0..1 and add up to 1."""
    rows, columns = numbers.rows, numbers.columns
    down, right = rows.weight[None, :, None, None], columns.weight[None, None, :, None]
    left = x[:, :, columns.lower]
    wide = (left << columns.bits) + (x[:, :, columns.upper] - left) * right
    top = wide[:, rows.lower]
    total: np.ndarray = (top << rows.bits) + (wide[:, rows.upper] - top) * down
    return total
