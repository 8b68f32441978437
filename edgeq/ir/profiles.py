"""Numerics profiles: which rounding each operation uses to give one runtime's bits.

Measured facts and their sources are in ``runtime/NUMERICS.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edgeq.errors import EdgeqError
from edgeq.ir.quant import Rounding


@dataclass(frozen=True, slots=True)
class Numerics:
    """A named choice of rounding: ``default``, with exceptions by operation kind."""

    name: str
    summary: str
    default: Rounding
    exceptions: Mapping[str, Rounding] = field(default_factory=lambda: MappingProxyType({}))

    def rounding(self, kind: str) -> Rounding:
        """Return the rounding that operations of ``kind`` use."""
        return self.exceptions.get(kind, self.default)


PROFILES: Mapping[str, Numerics] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Numerics("gemmlowp", "Jacob et al. 2017: half away from zero", Rounding.GEMMLOWP),
            Numerics(
                "tflite-ref",
                "LiteRT 2.3.0, reference kernels",
                Rounding.GEMMLOWP,
                MappingProxyType(
                    {
                        "fully_connected": Rounding.SINGLE,
                        # Tables that LiteRT fills in float32.
                        "logistic": Rounding.FLOAT32,
                        "tanh": Rounding.FLOAT32,
                        # Of int8; LiteRT's builtin kernel.
                        "reduce_sum": Rounding.FLOAT32,
                    }
                ),
            ),
            Numerics("tflm", "TFLite Micro, reference kernels", Rounding.GEMMLOWP),
            Numerics("single", "one rounding of the 64-bit product", Rounding.SINGLE),
        )
    }
)


def profile(name: str) -> Numerics:
    """Return the profile called ``name``; raise ``EdgeqError`` that lists the names otherwise."""
    found = PROFILES.get(name)
    if found is None:
        raise EdgeqError(
            f"unknown numerics profile '{name}'", hint="profiles: " + ", ".join(PROFILES)
        )
    return found
