/* Copies and sums of runs of codes on NEON, 32 and 64 bit. Nothing here needs aligned memory. */
#ifndef EDGEQ_WINDOWS_NEON_H
#define EDGEQ_WINDOWS_NEON_H

#include <arm_neon.h>
#include <stdint.h>

/* Copy count codes, 16 or more: the last vector overlaps the one before. */
static inline void edgeq_copy_s8(int8_t *to, const int8_t *from, int32_t count)
{
    for (int32_t i = 0; i < count - 16; i += 16) {
        vst1q_s8(to + i, vld1q_s8(from + i));
    }
    vst1q_s8(to + count - 16, vld1q_s8(from + count - 16));
}

/* The sum of count codes. */
static inline int32_t edgeq_sum_s8(const int8_t *x, int32_t count)
{
    int32x4_t sums = vdupq_n_s32(0);
    int32_t i = 0;

    for (; i <= count - 16; i += 16) {
        sums = vpadalq_s16(sums, vpaddlq_s8(vld1q_s8(x + i)));
    }
    if (i <= count - 8) {
        sums = vaddw_s16(sums, vpaddl_s8(vld1_s8(x + i)));
        i += 8;
    }

    const int32x2_t pair = vadd_s32(vget_low_s32(sums), vget_high_s32(sums));
    int32_t sum = vget_lane_s32(vpadd_s32(pair, pair), 0);

    for (; i < count; ++i) {
        sum += x[i];
    }
    return sum;
}

#endif
