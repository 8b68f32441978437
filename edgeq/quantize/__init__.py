"""Post-training quantization: a float graph and samples to an integer graph."""

from __future__ import annotations

from edgeq.quantize.config import Config
from edgeq.quantize.quantizer import load_float, quantize

__all__ = ["Config", "load_float", "quantize"]
