"""Numerics profiles: which arithmetic each operation uses to give one runtime's bits.

Measured facts and their sources are in ``runtime/NUMERICS.md``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edgeq.errors import EdgeqError
from edgeq.ir.quant import Rounding


class Library(enum.Enum):
    """Whose kernels: libraries also differ in how they form the numbers of some operations."""

    REFERENCE = "reference"
    BUILTIN = "builtin"  # LiteRT's optimized kernels
    XNNPACK = "xnnpack"


@dataclass(frozen=True, slots=True)
class Numerics:
    """A named choice of arithmetic: ``default``, with exceptions by operation kind.

    ``wide_exceptions`` are those from ``Rounding.WIDE``, which rescales int64 sums of int16 codes.
    ``micro`` says that operations of several steps are computed as TFLite Micro does it, where
    it does not as LiteRT. ``refused`` are the kinds that the library does not have, and
    ``otherwise`` is the profile that they have then; so have operations whose numbers it does not
    take. ``wide`` names the profile of operations on int16 codes, where it is another. Under
    ``integers`` layers take an integer requantizer instead of a float32 one that it equals.
    """

    name: str
    summary: str
    default: Rounding
    exceptions: Mapping[str, Rounding] = field(default_factory=lambda: MappingProxyType({}))
    wide_exceptions: Mapping[str, Rounding] = field(default_factory=lambda: MappingProxyType({}))
    micro: bool = False
    engine: Library = Library.REFERENCE
    refused: frozenset[str] = frozenset()
    otherwise: Numerics | None = None
    wide: str = ""
    integers: bool = False

    def rounding(self, kind: str) -> Rounding:
        """Return the rounding that operations of ``kind`` use."""
        return self.exceptions.get(kind, self.default)

    def wide_rounding(self, kind: str) -> Rounding:
        """Return the rounding that operations of ``kind`` use on int64 sums of int16 codes."""
        return self.wide_exceptions.get(kind, Rounding.WIDE)

    def library(self, kind: str) -> Library:
        """Return whose kernels operations of ``kind`` follow."""
        return self.of(kind).engine

    def of(self, kind: str, taken: bool = True) -> Numerics:
        """Return the profile of ``kind``: another one if it, or this operation, is not taken."""
        if self.otherwise is not None and (kind in self.refused or not taken):
            return self.otherwise
        return self


# Tables that LiteRT fills in float32.
_TABLES = {"logistic": Rounding.FLOAT32, "tanh": Rounding.FLOAT32}

_BUILTIN = Numerics(
    "tflite",
    "LiteRT 2.3.0, optimized kernels without a delegate, x86-64",
    Rounding.GEMMLOWP,
    MappingProxyType(
        {
            **_TABLES,
            "conv2d": Rounding.HALF_UP,
            "depthwise_conv2d": Rounding.HALF_UP,
            "fully_connected": Rounding.HALF_UP,
            "transpose_conv2d": Rounding.HALF_UP,
            "requantize": Rounding.HALF_UP,
            "quantize": Rounding.FLOAT32,
            "reduce_sum": Rounding.FLOAT32,
            "softmax": Rounding.FLOAT32,
        }
    ),
    engine=Library.BUILTIN,
    wide="tflite-ref",
)

# Integer operations that the delegate leaves to the builtin kernels.
_NOT_DELEGATED = frozenset(
    (
        "abs",
        "average_pool2d",
        "compare",
        "div",
        "elu",
        "exp",
        "gelu",
        "hard_swish",
        "l2_normalization",
        "log",
        "log_softmax",
        "neg",
        "prelu",
        "relu",
        "rsqrt",
        "softmax",
        "sqrt",
        "squared_difference",
    )
)

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
                        **_TABLES,
                        "fully_connected": Rounding.SINGLE,
                        "lstm_cell": Rounding.HALF_UP,
                        # Of int8; LiteRT's builtin kernel.
                        "reduce_sum": Rounding.FLOAT32,
                    }
                ),
                MappingProxyType({"fully_connected": Rounding.SINGLE}),
            ),
            _BUILTIN,
            Numerics(
                "xnnpack",
                "LiteRT 2.3.0, default delegate XNNPACK, x86-64",
                Rounding.FLOAT32,
                MappingProxyType(
                    {
                        **{kind: _BUILTIN.rounding(kind) for kind in _NOT_DELEGATED},
                        # Short multipliers: all but the last rounding is exact.
                        **dict.fromkeys(
                            ("add", "sub", "requantize", "leaky_relu"), Rounding.SINGLE
                        ),
                    }
                ),
                engine=Library.XNNPACK,
                refused=_NOT_DELEGATED,
                otherwise=_BUILTIN,
                wide="tflite-ref",
            ),
            Numerics("tflm", "TFLite Micro, reference kernels", Rounding.GEMMLOWP, micro=True),
            # Operations that no other runtime rounds alike are of their own: see docs/onnx.md.
            Numerics("onnx", "ONNX Runtime 1.31.1 on x86-64", Rounding.FLOAT32, integers=True),
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
