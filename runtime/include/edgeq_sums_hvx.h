/* Lines of images as depthwise convolutions read them, and sums of products of bytes, on HVX. */
#ifndef EDGEQ_SUMS_HVX_H
#define EDGEQ_SUMS_HVX_H

#include "edgeq_fixed_point_hvx.h"

/* Sums of 128 bytes: those at even places as 32-bit lanes of places 0 and 2 of each four, then those
 * at odd places of 1 and 3. */
typedef struct {
    HVX_VectorPair even;
    HVX_VectorPair odd;
} edgeq_sums_s32x128;

/* Sums of products of 16 bits, each or two of them together. */
static inline edgeq_sums_s32x128 edgeq_sum_products_s16x128(HVX_VectorPair a, HVX_VectorPair b)
{
    edgeq_sums_s32x128 sums;

    sums.even = Q6_Ww_vadd_VhVh(Q6_V_lo_W(a), Q6_V_lo_W(b));
    sums.odd = Q6_Ww_vadd_VhVh(Q6_V_hi_W(a), Q6_V_hi_W(b));
    return sums;
}

static inline edgeq_sums_s32x128 edgeq_add_products_s16x128(edgeq_sums_s32x128 sums, HVX_VectorPair a, HVX_VectorPair b)
{
    sums.even = Q6_Ww_vaddacc_WwVhVh(sums.even, Q6_V_lo_W(a), Q6_V_lo_W(b));
    sums.odd = Q6_Ww_vaddacc_WwVhVh(sums.odd, Q6_V_hi_W(a), Q6_V_hi_W(b));
    return sums;
}

/* The same of one. */
static inline edgeq_sums_s32x128 edgeq_widen_s16x128(HVX_VectorPair x)
{
    edgeq_sums_s32x128 sums;

    sums.even = Q6_Ww_vadd_VhVh(Q6_V_lo_W(x), Q6_V_vzero());
    sums.odd = Q6_Ww_vadd_VhVh(Q6_V_hi_W(x), Q6_V_vzero());
    return sums;
}

static inline edgeq_sums_s32x128 edgeq_add_s16x128(edgeq_sums_s32x128 sums, HVX_VectorPair x)
{
    sums.even = Q6_Ww_vaddacc_WwVhVh(sums.even, Q6_V_lo_W(x), Q6_V_vzero());
    sums.odd = Q6_Ww_vaddacc_WwVhVh(sums.odd, Q6_V_hi_W(x), Q6_V_vzero());
    return sums;
}

/* (codes - zero) * 2^bits as 16 bits, at even places and at odd ones; bits is 0..6. */
static inline HVX_VectorPair edgeq_move_s8x128(HVX_Vector codes, int32_t zero, int32_t bits)
{
    const HVX_Vector start = Q6_Vh_vsplat_R(-zero * (1 << bits));

    return Q6_Wh_vmpyacc_WhVbVb(Q6_W_vcombine_VV(start, start), codes, Q6_Vb_vsplat_R(1 << bits));
}

/* The lower half of each 32-bit lane in place of the upper one. */
static inline HVX_Vector edgeq_lower_up_s16x64(HVX_Vector x)
{
    return Q6_V_vror_VR(x, 126);
}

/* Codes as such lanes. */
static inline edgeq_sums_s32x128 edgeq_widen_s8x128(HVX_Vector codes)
{
    return edgeq_widen_s16x128(Q6_Wh_vmpy_VbVb(codes, Q6_Vb_vsplat_R(1)));
}

/* Lanes of the order of the sums as 128 bytes in order, saturated. */
static inline HVX_Vector edgeq_narrow_sums_s32x128(HVX_Vector a, HVX_Vector b, HVX_Vector c, HVX_Vector d)
{
    return Q6_Vb_vasr_VhVhR_sat(Q6_Vh_vsat_VwVw(d, c), Q6_Vh_vsat_VwVw(b, a), 0);
}

/* Means of up to 255 codes, of sums in 16 bits: halves go up, or away from zero. What is divided is
 * moved to 0..256 count, and times reciprocal = 2^24 / count + 1 has the mean in its upper byte. */
static inline HVX_Vector edgeq_means_s8x128(HVX_VectorPair sums, int32_t count, int32_t reciprocal, int32_t away)
{
    const HVX_Vector offset = Q6_Vh_vsplat_R(128 * count + count / 2);
    const HVX_Vector by = Q6_V_vsplat_R(reciprocal);
    const HVX_Vector tie = Q6_Vh_vsplat_R(away != 0 && count % 2 == 0 ? -1 : 0);
    HVX_Vector quotients[2];

    for (int32_t i = 0; i < 2; ++i) {
        const HVX_Vector sum = i == 0 ? Q6_V_lo_W(sums) : Q6_V_hi_W(sums);
        const HVX_Vector down = Q6_V_vand_VV(Q6_Vh_vasr_VhR(sum, 15), tie);
        const HVX_Vector moved = Q6_Vh_vadd_VhVh(Q6_Vh_vadd_VhVh(sum, offset), down);
        const HVX_Vector first = Q6_Vw_vmpyie_VwVuh(by, moved);
        const HVX_Vector second = Q6_Vw_vmpyie_VwVuh(by, Q6_Vuw_vlsr_VuwR(moved, 16));

        quotients[i] = Q6_Vh_vshuffo_VhVh(second, first);
    }
    return Q6_V_vxor_VV(Q6_Vb_vshuffo_VbVb(quotients[1], quotients[0]), Q6_Vb_vsplat_R(-128));
}

/* Copy pixels of some channels, step bytes apart there; up to 127 bytes after each are written, and as
 * many read where x has them: it ends after so many bytes. */
static inline void edgeq_deal_pixels_s8(int8_t *restrict y, const int8_t *restrict x, int32_t channels, int32_t step, int32_t count, int32_t bytes)
{
    const int32_t room = bytes < channels + 127 ? 0 : (bytes - channels - 127) / step + 1;
    const int32_t whole = room < count ? room : count;
    int32_t i = 0;

    for (; i < whole; ++i) {
        for (int32_t c = 0; c < channels; c += 128) {
            edgeq_move_x128(y + c, x + c);
        }
        x += step;
        y += channels;
    }
    for (; i < count; ++i) {
        edgeq_copy_run_s8(y, x, channels);
        x += step;
        y += channels;
    }
}

#endif
