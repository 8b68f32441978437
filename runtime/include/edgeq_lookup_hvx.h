/* Functions of codes, 128 at a time, on HVX. */
#ifndef EDGEQ_LOOKUP_HVX_H
#define EDGEQ_LOOKUP_HVX_H

#include "edgeq_fixed_point_hvx.h"

/* The answers to codes, read as numbers without sign, from a table whose halves are interleaved. */
static inline HVX_Vector edgeq_look_up_x128(HVX_Vector codes, HVX_Vector low, HVX_Vector high)
{
    HVX_Vector y = Q6_Vb_vlut32_VbVbI(codes, low, 0);

    y = Q6_Vb_vlut32or_VbVbVbI(y, codes, low, 1);
    y = Q6_Vb_vlut32or_VbVbVbI(y, codes, low, 2);
    y = Q6_Vb_vlut32or_VbVbVbI(y, codes, low, 3);
    y = Q6_Vb_vlut32or_VbVbVbI(y, codes, high, 4);
    y = Q6_Vb_vlut32or_VbVbVbI(y, codes, high, 5);
    y = Q6_Vb_vlut32or_VbVbVbI(y, codes, high, 6);
    return Q6_Vb_vlut32or_VbVbVbI(y, codes, high, 7);
}

/* The same from a table at a multiple of 128. */
static inline HVX_Vector edgeq_answers_x128(HVX_Vector codes, const uint8_t *table)
{
    return edgeq_look_up_x128(codes, edgeq_load_aligned_x128(table), edgeq_load_aligned_x128(table + 128));
}

/* a * x + b * y in 16 bits: of bytes at even places, then of those at odd ones. */
static inline HVX_VectorPair edgeq_linear_s16x128(HVX_Vector x, int32_t a, HVX_Vector y, int32_t b)
{
    return Q6_Wh_vmpyacc_WhVbVb(Q6_Wh_vmpy_VbVb(x, Q6_Vb_vsplat_R(a)), y, Q6_Vb_vsplat_R(b));
}

/* Codes times factors of theirs; plus what is at multiples of 128, of even places and then of odd. */
static inline HVX_VectorPair edgeq_scale_s16x128(HVX_Vector x, const int8_t *factors)
{
    return Q6_Wh_vmpy_VbVb(x, edgeq_load_aligned_x128(factors));
}

static inline HVX_VectorPair edgeq_affine_s16x128(HVX_Vector x, const int8_t *factors, const int16_t *offsets)
{
    const HVX_VectorPair start = Q6_W_vcombine_VV(edgeq_load_aligned_x128(offsets + 64), edgeq_load_aligned_x128(offsets));

    return Q6_Wh_vmpyacc_WhVbVb(start, x, edgeq_load_aligned_x128(factors));
}

/* Plus a constant. */
static inline HVX_VectorPair edgeq_add_constant_s16x128(HVX_VectorPair x, int32_t constant)
{
    const HVX_Vector all = Q6_Vh_vsplat_R(constant);

    return Q6_W_vcombine_VV(Q6_Vh_vadd_VhVh(Q6_V_hi_W(x), all), Q6_Vh_vadd_VhVh(Q6_V_lo_W(x), all));
}

/* Plus the upper eight bits of another. */
static inline HVX_VectorPair edgeq_add_carry_s16x128(HVX_VectorPair x, HVX_VectorPair below)
{
    return Q6_W_vcombine_VV(Q6_Vh_vasracc_VhVhR(Q6_V_hi_W(x), Q6_V_hi_W(below), 8), Q6_Vh_vasracc_VhVhR(Q6_V_lo_W(x), Q6_V_lo_W(below), 8));
}

/* Without its lowest bits, as 128 bytes in order, saturated. */
static inline HVX_Vector edgeq_narrow_s16x128(HVX_VectorPair x, int32_t bits)
{
    return Q6_Vb_vasr_VhVhR_sat(Q6_V_hi_W(x), Q6_V_lo_W(x), bits);
}

#endif
