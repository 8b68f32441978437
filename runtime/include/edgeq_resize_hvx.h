/* Bilinear resizing on HVX: pixels of a row are mixed across, rows of the results down. */
#ifndef EDGEQ_RESIZE_HVX_H
#define EDGEQ_RESIZE_HVX_H

#include "edgeq_fixed_point_hvx.h"

/* A share in every byte or half of a register. */
static inline int32_t edgeq_share_bytes(int32_t share)
{
    return share * 0x01010101;
}

static inline int32_t edgeq_share_halves(int32_t share)
{
    return share * 0x00010001;
}

/* A line of pixels, each mixed from two of x that begin at left and right of its row: (unit - across)
 * of the one and across of the other. Up to 127 numbers after the line are written. */
static inline void edgeq_mix_pixels_s16(int16_t *restrict line, const int8_t *restrict x, int32_t row, int32_t bytes, int32_t channels, int32_t width, const int32_t *restrict left, const int32_t *restrict right, const int16_t *restrict across, int32_t unit)
{
    for (int32_t column = 0; column < width; ++column) {
        const HVX_Vector back = Q6_Vb_vsplat_R(unit - across[column]);
        const HVX_Vector front = Q6_Vb_vsplat_R(across[column]);

        for (int32_t c = 0; c < channels; c += 128) {
            const HVX_Vector first = edgeq_load_near_end_x128(x, row + left[column] + c, bytes);
            const HVX_Vector second = edgeq_load_near_end_x128(x, row + right[column] + c, bytes);
            const HVX_VectorPair mixed = Q6_Wh_vmpyacc_WhVbVb(Q6_Wh_vmpy_VbVb(first, back), second, front);
            const HVX_VectorPair ordered = Q6_W_vshuff_VVR(Q6_V_hi_W(mixed), Q6_V_lo_W(mixed), -2);

            edgeq_store_x128(line + c, Q6_V_lo_W(ordered));
            if (c + 64 < channels) {
                edgeq_store_x128(line + c + 64, Q6_V_hi_W(ordered));
            }
        }
        line += channels;
    }
}

/* The same in 32 bits. */
static inline void edgeq_mix_pixels_s32(int32_t *restrict line, const int8_t *restrict x, int32_t row, int32_t bytes, int32_t channels, int32_t width, const int32_t *restrict left, const int32_t *restrict right, const int16_t *restrict across, int32_t unit)
{
    for (int32_t column = 0; column < width; ++column) {
        const int32_t back = edgeq_share_halves(unit - across[column]);
        const int32_t front = edgeq_share_halves(across[column]);

        for (int32_t c = 0; c < channels; c += 128) {
            const HVX_VectorPair first = Q6_Wh_vunpack_Vb(edgeq_load_near_end_x128(x, row + left[column] + c, bytes));
            const HVX_VectorPair second = Q6_Wh_vunpack_Vb(edgeq_load_near_end_x128(x, row + right[column] + c, bytes));
            const HVX_VectorPair low = Q6_Ww_vmpyacc_WwVhRh(Q6_Ww_vmpy_VhRh(Q6_V_lo_W(first), back), Q6_V_lo_W(second), front);
            const HVX_VectorPair ordered = Q6_W_vshuff_VVR(Q6_V_hi_W(low), Q6_V_lo_W(low), -4);

            edgeq_store_x128(line + c, Q6_V_lo_W(ordered));
            edgeq_store_x128(line + c + 32, Q6_V_hi_W(ordered));
            if (c + 64 < channels) {
                const HVX_VectorPair high = Q6_Ww_vmpyacc_WwVhRh(Q6_Ww_vmpy_VhRh(Q6_V_hi_W(first), back), Q6_V_hi_W(second), front);
                const HVX_VectorPair rest = Q6_W_vshuff_VVR(Q6_V_hi_W(high), Q6_V_lo_W(high), -4);

                edgeq_store_x128(line + c + 64, Q6_V_lo_W(rest));
                edgeq_store_x128(line + c + 96, Q6_V_hi_W(rest));
            }
        }
        line += channels;
    }
}

/* 64 sums of two lines in 16 bits, of which the upper eight are the code: ties go up, or away from
 * zero. */
static inline HVX_Vector edgeq_mix_s16x64(const int16_t *above, const int16_t *below, int32_t up, int32_t down, int32_t away)
{
    const HVX_Vector sum = Q6_Vh_vmpyiacc_VhVhRb(Q6_Vh_vmpyi_VhRb(edgeq_load_aligned_x128(above), up), edgeq_load_aligned_x128(below), down);
    const HVX_Vector half = Q6_Vh_vadd_VhVh(sum, Q6_Vh_vsplat_R(1 << 7));

    return away != 0 ? Q6_Vh_vasracc_VhVhR(half, sum, 15) : half;
}

/* Codes of two lines, (unit - down) of the one above and down of the other; the memory of both is
 * aligned and goes on for 127 numbers. */
static inline void edgeq_mix_lines_s16(int8_t *restrict y, const int16_t *restrict above, const int16_t *restrict below, int32_t count, int32_t down, int32_t unit, int32_t away)
{
    const int32_t upper = edgeq_share_bytes(unit - down);
    const int32_t lower = edgeq_share_bytes(down);

    for (int32_t i = 0; i < count; i += 128) {
        const HVX_Vector first = edgeq_mix_s16x64(above + i, below + i, upper, lower, away);
        const HVX_Vector second = edgeq_mix_s16x64(above + i + 64, below + i + 64, upper, lower, away);
        const HVX_Vector codes = Q6_Vb_vpacko_VhVh(second, first);

        if (i <= count - 128) {
            edgeq_store_x128(y + i, codes);
        } else {
            edgeq_store_part_x128(y + i, codes, count - i);
        }
    }
}

/* The same in 32 bits. */
static inline HVX_Vector edgeq_mix_s32x32(const int32_t *above, const int32_t *below, int32_t up, int32_t down, int32_t away)
{
    const HVX_Vector sum = Q6_Vw_vmpyiacc_VwVwRh(Q6_Vw_vmpyi_VwRh(edgeq_load_aligned_x128(above), up), edgeq_load_aligned_x128(below), down);
    const HVX_Vector half = Q6_Vw_vadd_VwVw(sum, Q6_V_vsplat_R(1 << 23));

    return away != 0 ? Q6_Vw_vasracc_VwVwR(half, sum, 31) : half;
}

static inline void edgeq_mix_lines_s32(int8_t *restrict y, const int32_t *restrict above, const int32_t *restrict below, int32_t count, int32_t down, int32_t unit, int32_t away)
{
    const int32_t upper = edgeq_share_halves(unit - down);
    const int32_t lower = edgeq_share_halves(down);

    for (int32_t i = 0; i < count; i += 128) {
        const HVX_Vector a = edgeq_mix_s32x32(above + i, below + i, upper, lower, away);
        const HVX_Vector b = edgeq_mix_s32x32(above + i + 32, below + i + 32, upper, lower, away);
        const HVX_Vector c = edgeq_mix_s32x32(above + i + 64, below + i + 64, upper, lower, away);
        const HVX_Vector d = edgeq_mix_s32x32(above + i + 96, below + i + 96, upper, lower, away);
        const HVX_Vector codes = Q6_Vb_vpacko_VhVh(Q6_Vh_vpacko_VwVw(d, c), Q6_Vh_vpacko_VwVw(b, a));

        if (i <= count - 128) {
            edgeq_store_x128(y + i, codes);
        } else {
            edgeq_store_part_x128(y + i, codes, count - i);
        }
    }
}

#endif
