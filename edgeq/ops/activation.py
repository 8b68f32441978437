"""Activations that fuse into another operation as a clamp of its output codes."""

from __future__ import annotations

import enum

import numpy as np

from edgeq.ir.graph import Tensor


class Activation(enum.Enum):
    """A fused activation: a clamp in real numbers."""

    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"
    RELU_N1_TO_1 = "relu_n1_to_1"

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Return the real bounds; ``None`` where there is none."""
        return _BOUNDS[self]

    def apply_float(self, y: np.ndarray) -> np.ndarray:
        """Clamp a float32 array."""
        low, high = self.bounds
        if low is None and high is None:
            return y
        return np.clip(y, low, high).astype(np.float32)

    def codes(self, y: Tensor) -> tuple[int, int]:
        """Return the inclusive code range of output ``y`` (papers: Jacob et al. 2017, 2.4).

        A bound's code is the zero point plus the bound over the scale, rounded half away from
        zero in float32, within the type's own range.
        """
        low, high = self.bounds
        bottom, top = y.dtype.min, y.dtype.max
        if low is not None:
            bottom = max(bottom, _code(low, y))
        if high is not None:
            top = min(top, _code(high, y))
        return bottom, top


_BOUNDS: dict[Activation, tuple[float | None, float | None]] = {
    Activation.NONE: (None, None),
    Activation.RELU: (0.0, None),
    Activation.RELU6: (0.0, 6.0),
    Activation.RELU_N1_TO_1: (-1.0, 1.0),
}


def _code(bound: float, y: Tensor) -> int:
    with np.errstate(over="ignore"):
        ratio = float(np.float32(bound) / np.float32(y.scale))
    rounded = np.floor(abs(ratio) + 0.5)
    # A tiny scale makes the ratio huge; any value beyond the type means "no clamp".
    limited = int(min(rounded, 2.0**31))
    return y.zero_point + (limited if ratio >= 0 else -limited)
