# cython: language_level=3, boundscheck=False, wraparound=False
"""Each primitive of ``include/edgeq_fixed_point.h`` on NumPy arrays, for tests and examples.

Names are those of the header without ``edgeq_``. Arguments broadcast and are converted to
the C type; shifts must be in the range that the header gives.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint16_t, uint32_t

import numpy as np

# The last argument of edgeq_clamp_s32 and edgeq_mulhi_s32 is written as int, which on every host
# is int32_t, so that they share the loops of the shifts and requantizers.
cdef extern from "edgeq_fixed_point.h" nogil:
    int32_t edgeq_clamp_s32(int32_t, int32_t, int) noexcept
    int edgeq_count_leading_zeros_u32(uint32_t) noexcept
    int32_t edgeq_shift_left_sat_s32(int32_t, int) noexcept
    int16_t edgeq_shift_left_sat_s16(int16_t, int) noexcept
    int32_t edgeq_shift_right_up_s32(int32_t, int) noexcept
    int32_t edgeq_shift_right_away_s32(int32_t, int) noexcept
    int16_t edgeq_shift_right_up_s16(int16_t, int) noexcept
    int16_t edgeq_shift_right_away_s16(int16_t, int) noexcept
    int32_t edgeq_mulhi_s32(int32_t, int) noexcept
    int16_t edgeq_mulhi_s16(int16_t, int16_t) noexcept
    int32_t edgeq_requant_gemmlowp_s32(int32_t, int32_t, int) noexcept
    int32_t edgeq_requant_half_up_s32(int32_t, int32_t, int) noexcept
    int32_t edgeq_requant_single_s32(int32_t, int32_t, int) noexcept
    int32_t edgeq_requant_gemmlowp_right_s32(int32_t, int32_t, int) noexcept
    int32_t edgeq_requant_half_up_right_s32(int32_t, int32_t, int) noexcept
    int32_t edgeq_requant_single_right_s32(int32_t, int32_t, int) noexcept
    int32_t edgeq_requant_float32_s32(int32_t, float) noexcept
    int32_t edgeq_requant_s64(int64_t, int32_t, int) noexcept
    int32_t edgeq_exp_neg_q5_s32(int32_t) noexcept
    int32_t edgeq_reciprocal_1p_s32(int32_t) noexcept
    int32_t edgeq_log_q12_s32(int32_t) noexcept
    int32_t edgeq_logistic_q4_s32(int32_t) noexcept
    int32_t edgeq_tanh_q4_s32(int32_t) noexcept
    int32_t edgeq_inv_sqrt_s32(int32_t, int32_t *) noexcept
    int16_t edgeq_logistic_q3_s16(int16_t) noexcept
    int16_t edgeq_tanh_q3_s16(int16_t) noexcept
    int16_t edgeq_tanh_qm_s16(int16_t, int) noexcept
    int16_t edgeq_logistic_s16(int16_t, int32_t, int, const uint16_t *) noexcept
    int16_t edgeq_tanh_s16(int16_t, int32_t, int, const uint16_t *) noexcept

ctypedef int32_t (*unary_s32)(int32_t) noexcept nogil
ctypedef int16_t (*unary_s16)(int16_t) noexcept nogil
ctypedef int32_t (*shift_s32)(int32_t, int) noexcept nogil
ctypedef int16_t (*shift_s16)(int16_t, int) noexcept nogil
ctypedef int32_t (*requant_s32)(int32_t, int32_t, int) noexcept nogil
ctypedef int16_t (*table_s16)(int16_t, int32_t, int, const uint16_t *) noexcept nogil


def _flat(*pairs):
    """Return the common shape, and each array flat and contiguous in its type."""
    arrays = np.broadcast_arrays(*(array for array, _ in pairs))
    flat = [
        np.ascontiguousarray(array).astype(dtype, copy=False).reshape(-1)
        for array, (_, dtype) in zip(arrays, pairs)
    ]
    return arrays[0].shape, flat


cdef _unary_s32(unary_s32 function, x):
    shape, (xs,) = _flat((x, np.int32))
    out = np.empty(xs.size, np.int32)
    cdef const int32_t[::1] source = xs
    cdef int32_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = function(source[i])
    return out.reshape(shape)


cdef _unary_s16(unary_s16 function, x):
    shape, (xs,) = _flat((x, np.int16))
    out = np.empty(xs.size, np.int16)
    cdef const int16_t[::1] source = xs
    cdef int16_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = function(source[i])
    return out.reshape(shape)


cdef _shift_s32(shift_s32 function, x, e):
    shape, (xs, es) = _flat((x, np.int32), (e, np.int32))
    out = np.empty(xs.size, np.int32)
    cdef const int32_t[::1] source = xs
    cdef const int32_t[::1] exponent = es
    cdef int32_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = function(source[i], exponent[i])
    return out.reshape(shape)


cdef _shift_s16(shift_s16 function, x, e):
    shape, (xs, es) = _flat((x, np.int16), (e, np.int32))
    out = np.empty(xs.size, np.int16)
    cdef const int16_t[::1] source = xs
    cdef const int32_t[::1] exponent = es
    cdef int16_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = function(source[i], exponent[i])
    return out.reshape(shape)


cdef _requant_s32(requant_s32 function, acc, multiplier, shift):
    shape, (xs, ms, ss) = _flat((acc, np.int32), (multiplier, np.int32), (shift, np.int32))
    out = np.empty(xs.size, np.int32)
    cdef const int32_t[::1] source = xs
    cdef const int32_t[::1] factor = ms
    cdef const int32_t[::1] exponent = ss
    cdef int32_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = function(source[i], factor[i], exponent[i])
    return out.reshape(shape)


def clamp_s32(x, lo, hi):
    """Keep ``x`` within ``lo..hi``."""
    return _requant_s32(edgeq_clamp_s32, x, lo, hi)


def count_leading_zeros_u32(x):
    """Count the zeros above the highest set bit; 32 for 0."""
    shape, (xs,) = _flat((x, np.uint32))
    out = np.empty(xs.size, np.int32)
    cdef const uint32_t[::1] source = xs
    cdef int32_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = edgeq_count_leading_zeros_u32(source[i])
    return out.reshape(shape)


def shift_left_sat_s32(x, e):
    """Multiply by ``2**e``, saturated."""
    return _shift_s32(edgeq_shift_left_sat_s32, x, e)


def shift_left_sat_s16(x, e):
    """Multiply by ``2**e``, saturated."""
    return _shift_s16(edgeq_shift_left_sat_s16, x, e)


def shift_right_up_s32(x, e):
    """Divide by ``2**e``, half up."""
    return _shift_s32(edgeq_shift_right_up_s32, x, e)


def shift_right_away_s32(x, e):
    """Divide by ``2**e``, half away from zero."""
    return _shift_s32(edgeq_shift_right_away_s32, x, e)


def shift_right_up_s16(x, e):
    """Divide by ``2**e``, half up."""
    return _shift_s16(edgeq_shift_right_up_s16, x, e)


def shift_right_away_s16(x, e):
    """Divide by ``2**e``, half away from zero."""
    return _shift_s16(edgeq_shift_right_away_s16, x, e)


def mulhi_s32(a, b):
    """Multiply Q0.31 numbers."""
    return _shift_s32(edgeq_mulhi_s32, a, b)


def mulhi_s16(a, b):
    """Multiply Q0.15 numbers."""
    shape, (xs, ys) = _flat((a, np.int16), (b, np.int16))
    out = np.empty(xs.size, np.int16)
    cdef const int16_t[::1] left = xs
    cdef const int16_t[::1] right = ys
    cdef int16_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(left.shape[0]):
            target[i] = edgeq_mulhi_s16(left[i], right[i])
    return out.reshape(shape)


def requant_gemmlowp_s32(acc, multiplier, shift):
    """Rescale: half up, then half away from zero."""
    return _requant_s32(edgeq_requant_gemmlowp_s32, acc, multiplier, shift)


def requant_half_up_s32(acc, multiplier, shift):
    """Rescale: half up twice."""
    return _requant_s32(edgeq_requant_half_up_s32, acc, multiplier, shift)


def requant_single_s32(acc, multiplier, shift):
    """Rescale: half up once."""
    return _requant_s32(edgeq_requant_single_s32, acc, multiplier, shift)


def requant_gemmlowp_right_s32(acc, multiplier, right):
    """Rescale without a left shift: half up, then half away from zero."""
    return _requant_s32(edgeq_requant_gemmlowp_right_s32, acc, multiplier, right)


def requant_half_up_right_s32(acc, multiplier, right):
    """Rescale without a left shift: half up twice."""
    return _requant_s32(edgeq_requant_half_up_right_s32, acc, multiplier, right)


def requant_single_right_s32(acc, multiplier, right):
    """Rescale without a left shift: half up once."""
    return _requant_s32(edgeq_requant_single_right_s32, acc, multiplier, right)


def requant_float32_s32(acc, scale):
    """Rescale in float32, half to even."""
    shape, (xs, fs) = _flat((acc, np.int32), (scale, np.float32))
    out = np.empty(xs.size, np.int32)
    cdef const int32_t[::1] source = xs
    cdef const float[::1] factor = fs
    cdef int32_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = edgeq_requant_float32_s32(source[i], factor[i])
    return out.reshape(shape)


def requant_s64(acc, multiplier, shift):
    """Rescale an int64 accumulator by a 16-bit multiplier: half up once."""
    shape, (xs, ms, ss) = _flat((acc, np.int64), (multiplier, np.int32), (shift, np.int32))
    out = np.empty(xs.size, np.int32)
    cdef const int64_t[::1] source = xs
    cdef const int32_t[::1] factor = ms
    cdef const int32_t[::1] exponent = ss
    cdef int32_t[::1] target = out
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = edgeq_requant_s64(source[i], factor[i], exponent[i])
    return out.reshape(shape)


include "_fixed_point_functions.pxi"
