/* Lines of images, four of them together: the instructions that multiply and add four neighbouring
 * bytes of each 32-bit lane then go down the columns of windows, on HVX. */
#ifndef EDGEQ_QUADS_HVX_H
#define EDGEQ_QUADS_HVX_H

#include "edgeq_fixed_point_hvx.h"

/* Four vectors as one of four times the length: one byte of each in turn; y is a multiple of 128. */
static inline void edgeq_store_quads_x128(int8_t *y, HVX_Vector a, HVX_Vector b, HVX_Vector c, HVX_Vector d)
{
    const HVX_VectorPair ab = Q6_W_vshuff_VVR(b, a, -1);
    const HVX_VectorPair cd = Q6_W_vshuff_VVR(d, c, -1);
    const HVX_VectorPair low = Q6_W_vshuff_VVR(Q6_V_lo_W(cd), Q6_V_lo_W(ab), -2);
    const HVX_VectorPair high = Q6_W_vshuff_VVR(Q6_V_hi_W(cd), Q6_V_hi_W(ab), -2);

    edgeq_store_aligned_x128(y, Q6_V_lo_W(low));
    edgeq_store_aligned_x128(y + 128, Q6_V_hi_W(low));
    edgeq_store_aligned_x128(y + 256, Q6_V_lo_W(high));
    edgeq_store_aligned_x128(y + 384, Q6_V_hi_W(high));
}

/* The last codes of a line where no whole vector is left, then codes of zero; the line has 128 codes or
 * more before its end. */
static inline HVX_Vector edgeq_load_end_x128(const int8_t *end, int32_t count, HVX_Vector zero)
{
    const HVX_Vector codes = Q6_V_vror_VR(edgeq_load_x128(end - 128), 128 - count);

    return Q6_V_vmux_QVV(Q6_Q_vsetq2_R(count), codes, zero);
}

/* y[4 i + n] = line n's code i, for 128 codes or more; y is a multiple of 128, and what is left of its
 * last 512 bytes becomes the zero point. A line of step 0 is 128 codes that repeat, others have step 1. */
static inline void edgeq_quads_s8(int8_t *restrict y, const int8_t *restrict a, int32_t step_a, const int8_t *restrict b, int32_t step_b, const int8_t *restrict c, int32_t step_c, const int8_t *restrict d, int32_t step_d, int32_t count, int32_t zero)
{
    int32_t i = 0;

    for (; i <= count - 128; i += 128) {
        edgeq_store_quads_x128(y, edgeq_load_x128(a), edgeq_load_x128(b), edgeq_load_x128(c), edgeq_load_x128(d));
        a += 128 * step_a;
        b += 128 * step_b;
        c += 128 * step_c;
        d += 128 * step_d;
        y += 512;
    }
    if (i < count) {
        const HVX_Vector codes = Q6_Vb_vsplat_R(zero);
        const int32_t rest = count - i;
        const HVX_Vector last_a = edgeq_load_end_x128(a + (step_a == 0 ? 128 : rest), rest, codes);
        const HVX_Vector last_b = edgeq_load_end_x128(b + (step_b == 0 ? 128 : rest), rest, codes);
        const HVX_Vector last_c = edgeq_load_end_x128(c + (step_c == 0 ? 128 : rest), rest, codes);
        const HVX_Vector last_d = edgeq_load_end_x128(d + (step_d == 0 ? 128 : rest), rest, codes);

        edgeq_store_quads_x128(y, last_a, last_b, last_c, last_d);
    }
}

/* The same where each line is a multiple of 128. */
static inline void edgeq_quads_aligned_s8(int8_t *restrict y, const int8_t *restrict a, int32_t step_a, const int8_t *restrict b, int32_t step_b, const int8_t *restrict c, int32_t step_c, const int8_t *restrict d, int32_t step_d, int32_t count)
{
    for (int32_t i = 0; i < count; i += 128) {
        edgeq_store_quads_x128(y, edgeq_load_aligned_x128(a), edgeq_load_aligned_x128(b), edgeq_load_aligned_x128(c), edgeq_load_aligned_x128(d));
        a += 128 * step_a;
        b += 128 * step_b;
        c += 128 * step_c;
        d += 128 * step_d;
        y += 512;
    }
}

/* sums + products of the four bytes of each lane. Two such products are in a packet; of those that add to
 * a sum themselves, one. */
static inline HVX_Vector edgeq_add_quads_s32x32(HVX_Vector sums, HVX_Vector x, HVX_Vector w)
{
    return Q6_Vw_vadd_VwVw(sums, Q6_Vw_vrmpy_VbVb(x, w));
}

/* The 32 bytes that begin at p, a multiple of 32, among the 128 of its vector. */
static inline HVX_VectorPred edgeq_bytes_x32(const int8_t *p)
{
    const int32_t start = (int32_t)((uintptr_t)p & 127u);

    return Q6_Q_and_QQn(Q6_Q_vsetq2_R(start + 32), Q6_Q_vsetq_R(start));
}

/* Bytes 32 part to 32 part + 31 of x to p, a multiple of 32 whose bytes are given; no other memory is
 * touched. */
static inline void edgeq_store_bytes_x32(int8_t *p, HVX_VectorPred bytes, HVX_Vector x, int32_t part)
{
    const uintptr_t at = (uintptr_t)p;

    Q6_vmem_QRIV(bytes, (HVX_Vector *)(void *)(at & ~(uintptr_t)127u), Q6_V_vror_VR(x, 32 * part - (int32_t)(at & 127u)));
}

#endif
