/* Softmax of long rows of codes on HVX: exponentials of differences of codes come from tables. */
#ifndef EDGEQ_SOFTMAX_HVX_H
#define EDGEQ_SOFTMAX_HVX_H

#include "edgeq_lookup_hvx.h"

/* The largest of 128 codes or more, in every byte. */
static inline HVX_Vector edgeq_largest_s8x128(const int8_t *x, int32_t count)
{
    HVX_Vector largest = edgeq_load_x128(x + count - 128);

    for (int32_t i = 0; i < count - 128; i += 128) {
        largest = Q6_Vb_vmax_VbVb(largest, edgeq_load_x128(x + i));
    }
    for (int32_t bytes = 64; bytes > 0; bytes /= 2) {
        largest = Q6_Vb_vmax_VbVb(largest, Q6_V_vror_VR(largest, bytes));
    }
    return largest;
}

/* 32-bit lanes, plus those numbers of 24 bits that codes have in three tables, where bytes are 1. */
static inline HVX_Vector edgeq_add_looked_up_s32x32(HVX_Vector sums, HVX_Vector codes, const uint8_t *tables, int32_t bytes)
{
    for (int32_t i = 0; i < 3; ++i) {
        const HVX_Vector found = edgeq_answers_x128(codes, tables + 256 * i);
        const HVX_Vector kept = Q6_V_vmux_QVV(Q6_Q_vsetq2_R(bytes), found, Q6_V_vzero());
        const HVX_Vector more = Q6_Vuw_vrmpyacc_VuwVubRub(Q6_V_vzero(), kept, 0x01010101);

        sums = Q6_Vw_vadd_VwVw(sums, Q6_Vw_vasl_VwR(more, 8 * i));
    }
    return sums;
}

/* The sum over a row of what the distances of codes from the largest have in three tables. */
static inline uint32_t edgeq_sum_looked_up_s8(const int8_t *x, int32_t count, HVX_Vector largest, const uint8_t *tables)
{
    const int32_t rest = (count - 1) % 128 + 1;
    const HVX_Vector end = Q6_V_vror_VR(edgeq_load_x128(x + count - 128), 128 - rest);
    HVX_Vector sums = edgeq_add_looked_up_s32x32(Q6_V_vzero(), Q6_Vb_vsub_VbVb(largest, end), tables, rest);
    uint32_t lanes[32];

    for (int32_t i = 0; i < count - rest; i += 128) {
        sums = edgeq_add_looked_up_s32x32(sums, Q6_Vb_vsub_VbVb(largest, edgeq_load_x128(x + i)), tables, 128);
    }
    for (int32_t bytes = 64; bytes > 2; bytes /= 2) {
        sums = Q6_Vw_vadd_VwVw(sums, Q6_V_vror_VR(sums, bytes));
    }
    edgeq_store_x128(lanes, sums);
    return lanes[0];
}

/* Codes of 128 exponentials in Q0.31 times a scale in Q0.31, as a table: halves interleaved. */
static inline HVX_Vector edgeq_shares_s8x128(const int32_t *exps, int32_t scale, int32_t shift)
{
    const HVX_Vector half = Q6_V_vsplat_R(1 << (shift - 1));
    HVX_Vector codes[4];

    for (int32_t i = 0; i < 4; ++i) {
        /* Below 2^32 without a sign. */
        const HVX_Vector sum = Q6_Vw_vadd_VwVw(edgeq_mulhi_positive_s32x32(edgeq_load_aligned_x128(exps + 32 * i), Q6_V_vsplat_R(scale)), half);

        codes[i] = Q6_Vw_vsub_VwVw(Q6_Vuw_vlsr_VuwR(sum, shift), Q6_V_vsplat_R(128));
    }
    return Q6_Vb_vshuff_Vb(edgeq_narrow_s32x128(codes[0], codes[1], codes[2], codes[3]));
}

#endif
