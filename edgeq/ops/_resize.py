"""Which input pixels an output pixel of a resized image comes from, and in which proportions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import Shape
from edgeq.ops._spatial import Pair
from edgeq.ops.base import Op, require

FIXED_BITS = 10
"""Fraction bits of positions in the reference's fixed-point interpolation."""
SHORT_BITS = 11
"""Fraction bits of XNNPACK's weights."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How output positions fall on input positions, along one axis."""

    extent: int
    size: int
    align_corners: bool
    half_pixel_centers: bool

    @property
    def _aligned(self) -> bool:
        return self.align_corners and self.size > 1

    def scale_f32(self) -> np.float32:
        """Return how many input pixels an output pixel is wide, as the reference computes it."""
        if self._aligned:
            return np.float32(self.extent - 1) / np.float32(self.size - 1)
        return np.float32(self.extent) / np.float32(self.size)

    def scale_fixed(self) -> int:
        """Return the same number with ``FIXED_BITS`` fraction bits, rounded."""
        extent, size = (
            (self.extent - 1, self.size - 1) if self._aligned else (self.extent, self.size)
        )
        return ((extent << FIXED_BITS) + size // 2) // size


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """The two pixels of each output position; the upper one's share is ``weight``.

    ``weight`` is int32 in units of ``2**-bits``, or float32 where ``bits`` is 0.
    """

    lower: np.ndarray
    upper: np.ndarray
    weight: np.ndarray
    bits: int = 0

    @property
    def reach(self) -> float:
        """Return the largest sum of the shares' magnitudes: more than 1 outside the image."""
        weight = np.abs(self.weight) + np.abs(1 - self.weight)
        return float(weight.max())


def nearest(grid: Grid) -> np.ndarray:
    """Return the input index of each output position (int32)."""
    centre = np.float32(0.5 if grid.half_pixel_centers else 0.0)
    position = (np.arange(grid.size, dtype=np.float32) + centre) * grid.scale_f32()
    whole = np.floor(position + 0.5) if grid.align_corners else np.floor(position)
    return np.clip(whole, 0, grid.extent - 1).astype(np.int32)


def float_taps(grid: Grid) -> Taps:
    """Return the taps in float32, each step rounded as the reference does."""
    position = np.arange(grid.size, dtype=np.float32)
    if grid.half_pixel_centers:
        half = np.float32(0.5)
        position = (position + half) * grid.scale_f32() - half
    else:
        position = position * grid.scale_f32()
    lower = np.clip(np.floor(position), 0, grid.extent - 1).astype(np.int32)
    upper = np.clip(np.ceil(position), 0, grid.extent - 1).astype(np.int32)
    return Taps(lower, upper, position - lower.astype(np.float32))


def fixed_taps(grid: Grid) -> Taps:
    """Return the taps in fixed point.

    A rounded scale can put the last positions beyond the image. The reference then reads outside
    of it; here they are the last pixel.
    """
    scale = grid.scale_fixed()
    position = np.arange(grid.size, dtype=np.int64) * scale
    if grid.half_pixel_centers:
        position += scale // 2 - (1 << (FIXED_BITS - 1))
    lower = np.clip(position >> FIXED_BITS, 0, grid.extent - 1)
    upper = np.clip(-(-position >> FIXED_BITS), 0, grid.extent - 1)
    weight = position - (lower << FIXED_BITS)
    return reduced(lower, upper, weight, FIXED_BITS)


def exact_taps(taps: Taps, largest_bits: int) -> Taps | None:
    """Return float taps as integers; ``None`` when ``largest_bits`` do not hold some weight."""
    weight = np.ldexp(taps.weight.astype(np.float64), largest_bits)
    if (weight != np.floor(weight)).any():
        return None
    return reduced(taps.lower, taps.upper, weight.astype(np.int64), largest_bits)


def short_taps(taps: Taps) -> Taps:
    """Return float taps with weights of ``SHORT_BITS`` fraction bits, as XNNPACK has them."""
    weight = np.rint(taps.weight * np.float32(1 << SHORT_BITS)).astype(np.int64)
    return reduced(taps.lower, taps.upper, weight, SHORT_BITS)


def reduced(lower: np.ndarray, upper: np.ndarray, weight: np.ndarray, bits: int) -> Taps:
    """Return the taps with as few fraction bits as hold every weight.

    Where both pixels are one, any shares give that pixel, so the weight becomes 0.
    """
    weight = np.where(lower == upper, 0, weight)
    while bits > 0 and not (weight & 1).any():
        weight, bits = weight >> 1, bits - 1
    return Taps(lower.astype(np.int32), upper.astype(np.int32), weight.astype(np.int32), bits)


def check_resize(op: Op, io: Operands, size: Pair) -> None:
    """Raise unless one NHWC image is resized to a positive size."""
    require(op, len(io.ins) == 1, f"{len(io.ins)} inputs, expected 1")
    require(op, len(io.x.shape) == 4, f"input has shape {io.x.shape}, expected 4 dimensions")
    require(op, len(size) == 2 and min(size) > 0, f"size {size}, expected two positive numbers")
    require(
        op,
        io.x.dtype is io.y.dtype,
        f"output is {io.y.dtype.value} for {io.x.dtype.value} input",
    )


def resized_shape(x: Shape, size: Pair) -> Shape:
    """Return [N, size, C]."""
    return (x[0], *size, x[3])
