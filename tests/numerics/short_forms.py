"""The short forms of rescaling on vectors of any width, against the scalar requantizers."""

from __future__ import annotations

import ctypes

import numpy as np

from edgeq.ir.quant import ROUNDINGS, Requant, Rounding
from edgeq.kernels.rescale import LARGEST_SUM, RescaleFacts, rescale_facts

_TEXT = """
typedef struct {{
    const int32_t *multiplier;
    const int32_t *offset;
    const int32_t *shift;
    int32_t nudge;
}} factors_{0};
void short_{0}(int32_t *y, const int32_t *acc, const factors_{0} *k, int n);
void short_{0}(int32_t *y, const int32_t *acc, const factors_{0} *k, int n)
{{
    for (int i = 0; i < n; i += {1}) {{
        edgeq_factors_s32x{1} f = edgeq_short_factors_s32x{1}(
            edgeq_load_s32x{1}(k->multiplier + i), edgeq_load_s32x{1}(k->offset + i),
            edgeq_load_s32x{1}(k->shift + i), k->nudge);

        edgeq_store_s32x{1}(y + i, edgeq_short_{0}_s32x{1}(edgeq_load_s32x{1}(acc + i), &f));
    }}
}}
"""
MULTIPLIERS = (1 << 30, (1 << 30) + 1, 1319413953, (1 << 31) - 2, (1 << 31) - 1)
ENDS = ((-128, -128), (0, -128), (127, -128), (5, 5))
# A rounding, the zero point of the output, and its least code.
CODES = [(each, *ends) for each in ROUNDINGS if each is not Rounding.FLOAT32 for ends in ENDS]


class Factors(ctypes.Structure):
    """What the short forms read, as the struct above."""

    _fields_ = (
        ("multiplier", ctypes.c_void_p),
        ("offset", ctypes.c_void_p),
        ("shift", ctypes.c_void_p),
        ("nudge", ctypes.c_int32),
    )


def text(lanes: int) -> str:
    """Return C of ``short_up`` and ``short_away`` over vectors of ``lanes``."""
    return _TEXT.format("up", lanes) + _TEXT.format("away", lanes)


def check_short_forms(library: ctypes.CDLL, rounding: Rounding, zero: int, low: int) -> None:
    """Compare at every shift; the library also has ``requant_<rounding>_right``."""
    rng = np.random.default_rng(3)
    edge = LARGEST_SUM - 1
    for shift in range(23):
        half = (1 << shift) >> 1
        for multiplier in MULTIPLIERS:
            facts = rescale_facts(Requant(rounding, (multiplier,), (-shift,)), edge, zero, low, 127)
            assert facts.flag.short == (shift > 0 or rounding is not Rounding.GEMMLOWP)
            if not facts.flag.short:
                continue
            # Ties of the shift, and what is near them, of both signs; both ends.
            ties = (np.arange(-40, 40) << shift) + half
            around = ties[:, None] * (1 << 31) // multiplier + np.arange(-2, 3)
            random = rng.integers(-edge, edge, 112) >> rng.integers(0, 29, 112)
            acc = np.clip(np.r_[around.ravel(), random, edge, -edge, 0, -1], -edge, edge)
            acc = np.resize(acc, -(-acc.size // 16) * 16).astype(np.int32)
            _compare(library, rounding, facts, acc, (zero, low))


def _compare(
    library: ctypes.CDLL,
    rounding: Rounding,
    facts: RescaleFacts,
    acc: np.ndarray,
    ends: tuple[int, int],
) -> None:
    constants = facts.constants
    keys = ("MULTIPLIER", "OFFSET", "SHIFT")
    arrays = [np.full(acc.shape, constants[key], np.int32) for key in keys]
    y, z, ignored = (np.zeros(acc.shape, np.int32) for _ in range(3))
    name = facts.flag.primitive.removeprefix("edgeq_").removesuffix("_s32")
    factors = Factors(*map(_address, arrays), constants["NUDGE"])
    getattr(library, name)(_address(y), _address(acc), ctypes.byref(factors), acc.size)
    pointers = map(_address, (ignored, z, acc, arrays[0], arrays[2]))
    getattr(library, f"requant_{rounding.value}_right")(*pointers, acc.size)
    zero, low = ends
    want = np.clip(z.astype(np.int64) + zero, low, 127)
    np.testing.assert_array_equal(np.clip(y, low, 127), want)


def _address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
