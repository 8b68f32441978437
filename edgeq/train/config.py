"""What a user can ask of quantization-aware training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from edgeq.errors import QuantizationError
from edgeq.ir.types import DType
from edgeq.quantize.config import Config as PostTraining

MIN_BITS, MAX_BITS, WIDE_BITS = 2, 8, 16
BATCH_NORMS = ("corrected", "batch", "frozen")


@dataclass(frozen=True, slots=True)
class Config:
    """How to quantize while training; the first fields are those of ``edgeq.quantize.Config``.

    ``weight_bits`` and ``activation_bits`` are independent. The network's inputs and outputs keep
    8 bits, and so do tensors that share their code; with ``activation_bits`` of 16 all activations
    are int16, without a zero point.

    ``decay`` is the weight of the past in the moving averages of activation ranges, and
    ``delay`` the number of steps before activations are quantized (Jacob et al. 2017, section
    3.1: averages over thousands of steps, a delay of 50,000 to 2 million for training from
    scratch; fine-tuning needs hardly any).

    ``batch_norm`` says what the weights of a convolution are folded with while training:
    ``corrected`` by moving averages, the output corrected to batch statistics until step
    ``freeze``, and moving averages alone from then on (Krishnamoorthi 2018, section 3.2.2);
    ``batch`` by the statistics of each batch (Jacob et al. 2017, section 3.2); ``frozen`` by
    moving averages that training leaves as they are.

    ``stochastic`` rounds at random in training (Krishnamoorthi 2018, section 2.3), from ``seed``.
    ``learned_steps`` makes parameters of the steps of weights and of the ends of activation
    ranges, which start from the averages at step ``delay`` (Esser et al. 2020). ``logits`` lets
    the module return what enters a final softmax, for losses that want it; the integer network
    keeps the softmax.
    """

    dtype: DType = DType.INT8
    per_channel: bool = True
    symmetric_weights: bool = True
    symmetric_activations: bool = False
    weight_bits: int = 8
    activation_bits: int = 8
    float_io: bool = False
    decay: float = 0.999
    delay: int = 0
    batch_norm: str = "corrected"
    freeze: int | None = None
    stochastic: bool = False
    learned_steps: bool = False
    logits: bool = False
    seed: int = 0

    @property
    def post_training(self) -> PostTraining:
        """Return the same wishes for the code that post-training quantization shares."""
        return PostTraining(
            dtype=self.dtype,
            per_channel=self.per_channel,
            symmetric_weights=self.symmetric_weights,
            symmetric_activations=self.symmetric_activations,
            weight_bits=self.weight_bits,
            activation_bits=WIDE_BITS if self.activation_bits == WIDE_BITS else MAX_BITS,
            float_io=self.float_io,
        )

    def check(self) -> Config:
        """Return the wishes; raise ``QuantizationError`` for what is out of range."""
        self.post_training.check()
        bits, freeze = self.activation_bits, 0 if self.freeze is None else self.freeze
        for broken, what, hint in (
            (
                bits != WIDE_BITS and not MIN_BITS <= bits <= MAX_BITS,
                f"activations of {bits} bits",
                "2 to 8, or 16",
            ),
            (not 0 <= self.decay < 1, f"decay {self.decay:g}", "at least 0, below 1"),
            (self.delay < 0, f"a delay of {self.delay} steps", "0 or more"),
            (freeze < 0, f"freezing at step {freeze}", "0 or more"),
            (
                self.learned_steps and not self.symmetric_weights,
                "learned steps of asymmetric weights",
                "leave one of the two out",
            ),
            (
                self.batch_norm not in BATCH_NORMS,
                f"unknown batch_norm '{self.batch_norm}'",
                ", ".join(BATCH_NORMS),
            ),
        ):
            if broken:
                raise QuantizationError(what, hint=hint)
        return self

    def fingerprint(self, structure: bytes) -> str:
        """Return what tells this configuration of a network from others."""
        return hashlib.sha256(structure + repr(self).encode()).hexdigest()
