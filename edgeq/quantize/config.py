"""What a user can ask of the quantizer, and which wishes exclude each other."""

from __future__ import annotations

from dataclasses import dataclass

from edgeq.errors import QuantizationError
from edgeq.ir.types import DType

OBSERVERS = ("minmax", "average", "percentile", "entropy", "mse")
MIN_BITS, MAX_BITS = 2, 8


@dataclass(frozen=True, slots=True)
class Config:
    """How to quantize; the defaults are int8 with a scale per output channel of the weights.

    ``observer`` finds the ranges of activations (``edgeq/quantize/observers.py``);
    ``percentile`` is the share in percent of the values that its range holds. ``weight_bits``
    below 8 uses fewer codes of the same type. ``activation_bits`` of 16 are int16 activations
    without a zero point beside int8 weights. ``float_io`` keeps float32 inputs and outputs.
    The repairs are ``equalize`` (cross-layer equalization), ``adaround`` (adaptive rounding) and
    ``bias_correction``.
    """

    dtype: DType = DType.INT8
    per_channel: bool = True
    symmetric_weights: bool = True
    symmetric_activations: bool = False
    weights_only: bool = False
    weight_bits: int = 8
    activation_bits: int = 8
    observer: str = "minmax"
    percentile: float = 99.99
    float_io: bool = False
    equalize: bool = False
    adaround: bool = False
    bias_correction: bool = False

    @property
    def activation_dtype(self) -> DType:
        """Return the type of activations; that of weights is ``dtype``."""
        return DType.INT16 if self.activation_bits == 16 else self.dtype

    @property
    def centred_activations(self) -> bool:
        """Tell whether the middle code of every activation stands for 0."""
        return self.symmetric_activations or self.activation_dtype is DType.INT16

    @property
    def bias_dtype(self) -> DType:
        """Return the type of biases, which is that of the sums."""
        return DType.INT64 if self.activation_dtype is DType.INT16 else DType.INT32

    @property
    def needs_calibration(self) -> bool:
        """Tell whether samples are read at all."""
        return not self.weights_only or self.is_repaired

    @property
    def is_repaired(self) -> bool:
        """Tell whether samples are kept in memory for repairs."""
        return self.equalize or self.adaround or self.bias_correction

    def check(self) -> Config:
        """Return the wishes; raise ``QuantizationError`` when some contradict each other."""
        for broken, what, hint in _rules(self):
            if broken:
                raise QuantizationError(what, hint=hint)
        return self


def _rules(c: Config) -> tuple[tuple[bool, str, str], ...]:
    """Return each rule as (is broken, what, hint)."""
    return (
        (c.dtype not in (DType.INT8, DType.UINT8), f"codes of {c.dtype.value}", "int8 or uint8"),
        (c.observer not in OBSERVERS, f"unknown observer '{c.observer}'", ", ".join(OBSERVERS)),
        (
            not MIN_BITS <= c.weight_bits <= MAX_BITS,
            f"weights of {c.weight_bits} bits",
            f"{MIN_BITS} to {MAX_BITS}",
        ),
        (c.activation_bits not in (8, 16), f"activations of {c.activation_bits} bits", "8 or 16"),
        (
            c.activation_bits == 16 and (c.dtype is not DType.INT8 or not c.symmetric_weights),
            "16-bit activations beside weights other than symmetric int8 ones",
            "leave one of the two out",
        ),
        (
            c.activation_bits == 16 and c.weights_only,
            "16-bit activations, but only weights are quantized",
            "leave one of the two out",
        ),
        (not 50 < c.percentile <= 100, f"percentile {c.percentile:g}", "above 50, at most 100"),
        (
            c.per_channel and not c.symmetric_weights and not c.weights_only,
            "asymmetric weights with a scale per channel",
            "kernels know one zero point of the weights: symmetric, per tensor, or weights only",
        ),
        (
            c.weights_only and c.symmetric_activations,
            "symmetric activations, but only weights are quantized",
            "leave one of the two out",
        ),
        (
            c.weights_only and c.float_io,
            "float inputs and outputs are what a model with only its weights quantized has anyway",
            "leave one of the two out",
        ),
    )
