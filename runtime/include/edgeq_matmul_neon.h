/* What kernels on the int8 matrix multiply instructions share. Nothing here needs aligned memory. */
#ifndef EDGEQ_MATMUL_NEON_H
#define EDGEQ_MATMUL_NEON_H

#if !defined(__ARM_FEATURE_MATMUL_INT8)
#error "this code is for processors with the int8 matrix multiply instructions"
#endif

#include <arm_neon.h>
#include <stdint.h>

/* ---- Order of loads ---------------------------------------------------------------------
 *
 * Compilers that begin several steps of a product at once run out of registers. These return
 * their first argument, and let compilers know it only when the others are known. */

static inline const int8_t *edgeq_after_s32x4(const int8_t *address, int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d)
{
#if defined(__GNUC__)
    __asm__(""
            : "+r"(address)
            : "w"(a), "w"(b), "w"(c), "w"(d));
#else
    (void)a, (void)b, (void)c, (void)d;
#endif
    return address;
}

static inline const int8_t *edgeq_after_address(const int8_t *address, const int8_t *other)
{
#if defined(__GNUC__)
    __asm__(""
            : "+r"(address)
            : "r"(other));
#else
    (void)other;
#endif
    return address;
}

/* The same address; what is there is loaded again rather than kept, or moved between registers. */
static inline const int32_t *edgeq_reloaded_s32(const int32_t *address, const int8_t *other)
{
#if defined(__GNUC__)
    __asm__(""
            : "+r"(address)
            : "r"(other));
#else
    (void)other;
#endif
    return address;
}

static inline const float *edgeq_reloaded_f32(const float *address, const int8_t *other)
{
#if defined(__GNUC__)
    __asm__(""
            : "+r"(address)
            : "r"(other));
#else
    (void)other;
#endif
    return address;
}

/* ---- Pairs of pixels --------------------------------------------------------------------
 *
 * A vector holds eight codes of one pixel, then the same eight places of another. */

static inline int8x16_t edgeq_low_pair_s8x16(int8x16_t a, int8x16_t b)
{
    return vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

static inline int8x16_t edgeq_high_pair_s8x16(int8x16_t a, int8x16_t b)
{
    return vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

/* Copy count codes of two pixels, a multiple of 8: eight of each at a time, step bytes apart. */
static inline void edgeq_pair_s8(int8_t *to, const int8_t *a, const int8_t *b, int32_t count, int32_t step)
{
    int32_t i = 0;

    for (; i <= count - 16; i += 16) {
        const int8x16_t first = vld1q_s8(a + i);
        const int8x16_t second = vld1q_s8(b + i);

        vst1q_s8(to, edgeq_low_pair_s8x16(first, second));
        vst1q_s8(to + step, edgeq_high_pair_s8x16(first, second));
        to += 2 * step;
    }
    if (i < count) {
        vst1q_s8(to, vcombine_s8(vld1_s8(a + i), vld1_s8(b + i)));
    }
}

/* Copy count codes, a multiple of 8, eight at a time to places step bytes apart. */
static inline void edgeq_spread_s8(int8_t *to, const int8_t *from, int32_t count, int32_t step)
{
    int32_t i = 0;

    for (; i <= count - 32; i += 32) {
        const int8x8_t a = vld1_s8(from + i);
        const int8x8_t b = vld1_s8(from + i + 8);
        const int8x8_t c = vld1_s8(from + i + 16);
        const int8x8_t d = vld1_s8(from + i + 24);

        vst1_s8(to, a);
        vst1_s8(to + step, b);
        vst1_s8(to + 2 * step, c);
        vst1_s8(to + 3 * step, d);
        to += 4 * step;
    }
    for (; i < count; i += 8) {
        vst1_s8(to, vld1_s8(from + i));
        to += step;
    }
}

/* The same with one code for all. */
static inline void edgeq_spread_one_s8(int8_t *to, int8_t code, int32_t count, int32_t step)
{
    const int8x8_t codes = vdup_n_s8(code);

    for (int32_t i = 0; i < count; i += 8) {
        vst1_s8(to, codes);
        to += step;
    }
}

/* The sums of eight pixels' codes times a factor: each twice, four bytes each, two pixels in a
 * vector. */
static inline void edgeq_sums_s8(int8_t *sums, const int8_t *packed, int32_t steps, int8_t factor)
{
    const int8x16_t factors = vdupq_n_s8(factor);
    int32x4_t a = vdupq_n_s32(0);
    int32x4_t b = vdupq_n_s32(0);
    int32x4_t c = vdupq_n_s32(0);
    int32x4_t d = vdupq_n_s32(0);

    for (int32_t n = 0; n < steps; ++n) {
        const int8x16x4_t codes = vld1q_s8_x4(packed);

        a = vmmlaq_s32(a, codes.val[0], factors);
        b = vmmlaq_s32(b, codes.val[1], factors);
        c = vmmlaq_s32(c, codes.val[2], factors);
        d = vmmlaq_s32(d, codes.val[3], factors);
        packed += 64;
    }
    vst1q_s8(sums, vreinterpretq_s8_s32(a));
    vst1q_s8(sums + 16, vreinterpretq_s8_s32(b));
    vst1q_s8(sums + 32, vreinterpretq_s8_s32(c));
    vst1q_s8(sums + 48, vreinterpretq_s8_s32(d));
}

#endif
