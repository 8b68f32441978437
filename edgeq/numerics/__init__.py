"""Integer arithmetic, defined once in ``runtime/NUMERICS.md``: the NumPy side of it.

Each name is that of ``runtime/include/edgeq_fixed_point.h`` without ``edgeq_``; whole
operations are in ``edgeq.numerics.activations``.
"""

from __future__ import annotations

from edgeq.numerics.fixed_point import (
    clamp_s32,
    count_leading_zeros_u32,
    mulhi_s16,
    mulhi_s32,
    shift_left_sat_s16,
    shift_left_sat_s32,
    shift_right_away_s16,
    shift_right_away_s32,
    shift_right_up_s16,
    shift_right_up_s32,
)
from edgeq.numerics.functions import (
    exp_neg_q5_s32,
    inv_sqrt_s32,
    log_q12_s32,
    logistic_q3_s16,
    logistic_q4_s32,
    reciprocal_1p_s32,
    tanh_q3_s16,
    tanh_q4_s32,
    tanh_qm_s16,
)
from edgeq.numerics.multiplier import quantize_multiplier, requant_from_scale
from edgeq.numerics.requant import (
    requant_float32_s32,
    requant_gemmlowp_right_s32,
    requant_gemmlowp_s32,
    requant_half_up_right_s32,
    requant_half_up_s32,
    requant_s64,
    requant_single_right_s32,
    requant_single_s32,
    requantize,
    requantize_s64,
)

__all__ = [
    "clamp_s32",
    "count_leading_zeros_u32",
    "exp_neg_q5_s32",
    "inv_sqrt_s32",
    "log_q12_s32",
    "logistic_q3_s16",
    "logistic_q4_s32",
    "mulhi_s16",
    "mulhi_s32",
    "quantize_multiplier",
    "reciprocal_1p_s32",
    "requant_float32_s32",
    "requant_from_scale",
    "requant_gemmlowp_right_s32",
    "requant_gemmlowp_s32",
    "requant_half_up_right_s32",
    "requant_half_up_s32",
    "requant_s64",
    "requant_single_right_s32",
    "requant_single_s32",
    "requantize",
    "requantize_s64",
    "shift_left_sat_s16",
    "shift_left_sat_s32",
    "shift_right_away_s16",
    "shift_right_away_s32",
    "shift_right_up_s16",
    "shift_right_up_s32",
    "tanh_q3_s16",
    "tanh_q4_s32",
    "tanh_qm_s16",
]
