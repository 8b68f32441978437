# Functions of Q numbers and of codes, for _fixed_point.pyx.

def exp_neg_q5_s32(a):
    """Return e^a for a <= 0."""
    return _unary_s32(edgeq_exp_neg_q5_s32, a)


def reciprocal_1p_s32(a):
    """Return 1 / (1 + a)."""
    return _unary_s32(edgeq_reciprocal_1p_s32, a)


def log_q12_s32(x):
    """Return the natural logarithm."""
    return _unary_s32(edgeq_log_q12_s32, x)


def logistic_q4_s32(a):
    """Return 1 / (1 + e^-a)."""
    return _unary_s32(edgeq_logistic_q4_s32, a)


def tanh_q4_s32(a):
    """Return tanh a."""
    return _unary_s32(edgeq_tanh_q4_s32, a)


def logistic_q3_s16(a):
    """Return 1 / (1 + e^-a)."""
    return _unary_s16(edgeq_logistic_q3_s16, a)


def tanh_q3_s16(a):
    """Return tanh a."""
    return _unary_s16(edgeq_tanh_q3_s16, a)


def tanh_qm_s16(a, m):
    """Return tanh a, Qm with m integer bits, 0..6, to Q0.15."""
    return _shift_s16(edgeq_tanh_qm_s16, a, m)


cdef _table_s16(table_s16 function, x, multiplier, shift, table):
    shape, (xs, ms, ss) = _flat((x, np.int16), (multiplier, np.int32), (shift, np.int32))
    out = np.empty(xs.size, np.int16)
    cdef const int16_t[::1] source = xs
    cdef const int32_t[::1] factor = ms
    cdef const int32_t[::1] exponent = ss
    cdef const uint16_t[::1] entries = np.ascontiguousarray(table, np.uint16)
    cdef int16_t[::1] target = out
    cdef Py_ssize_t i
    if entries.shape[0] != 256:
        raise ValueError("the table must have 256 entries")
    with nogil:
        for i in range(source.shape[0]):
            target[i] = function(source[i], factor[i], exponent[i], &entries[0])
    return out.reshape(shape)


def logistic_s16(x, multiplier, shift, table):
    """Return 1 / (1 + e^-x) of int16 codes, by a table of 256 entries."""
    return _table_s16(edgeq_logistic_s16, x, multiplier, shift, table)


def tanh_s16(x, multiplier, shift, table):
    """Return tanh x of int16 codes, by a table of 256 entries."""
    return _table_s16(edgeq_tanh_s16, x, multiplier, shift, table)


def inv_sqrt_s32(x):
    """Return the multiplier and the shift of 1 / sqrt(x)."""
    shape, (xs,) = _flat((x, np.int32))
    out, exponents = np.empty(xs.size, np.int32), np.empty(xs.size, np.int32)
    cdef const int32_t[::1] source = xs
    cdef int32_t[::1] target = out
    cdef int32_t[::1] exponent = exponents
    cdef Py_ssize_t i
    with nogil:
        for i in range(source.shape[0]):
            target[i] = edgeq_inv_sqrt_s32(source[i], &exponent[i])
    return out.reshape(shape), exponents.reshape(shape)
