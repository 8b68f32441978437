/* Products of int8 codes and weights, summed exactly, on NEON, 32 and 64 bit: a few pixels times
 * four channels.
 *
 * depth is a multiple of eight. The weights lie in blocks of 16 places, those of four channels one
 * after the other; a last block may have 8. Two products, eight places apart, are summed in 16
 * bits before that sum is widened: where both weights are -128, edgeq_product_any_1x4_s8 is to be
 * taken.
 *
 * Nothing here needs aligned memory. */
#ifndef EDGEQ_PRODUCTS_NEON_H
#define EDGEQ_PRODUCTS_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define EDGEQ_INLINE static inline __attribute__((always_inline))
#else
#define EDGEQ_INLINE static inline
#endif

/* Stop a compiler from taking vectors apart into halves that occupy registers of their own. */
#if defined(__GNUC__)
#define EDGEQ_KEEP_WHOLE(a, b, c, d) __asm__("" \
                                             : "+w"(a), "+w"(b), "+w"(c), "+w"(d))
#else
#define EDGEQ_KEEP_WHOLE(a, b, c, d) ((void)0)
#endif

/* Store count codes, 4 or fewer, of the first or the second half of a vector. */
EDGEQ_INLINE void edgeq_store_first_s8(int8_t *to, int8x8_t codes, size_t count)
{
    const int32_t four = vget_lane_s32(vreinterpret_s32_s8(codes), 0);

    memcpy(to, &four, count);
}

EDGEQ_INLINE void edgeq_store_second_s8(int8_t *to, int8x8_t codes, size_t count)
{
    const int32_t four = vget_lane_s32(vreinterpret_s32_s8(codes), 1);

    memcpy(to, &four, count);
}

/* The sums of the lanes of four vectors. */
EDGEQ_INLINE int32x4_t edgeq_lane_sums_s32x4(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d)
{
#if defined(__aarch64__)
    return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
#else
    const int32x2_t first = vpadd_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)), vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
    const int32x2_t second = vpadd_s32(vpadd_s32(vget_low_s32(c), vget_high_s32(c)), vpadd_s32(vget_low_s32(d), vget_high_s32(d)));

    return vcombine_s32(first, second);
#endif
}

/* Sixteen products, two in each lane of 16 bits. */
EDGEQ_INLINE int32x4_t edgeq_pairs_s32x4(int8x16_t x, int8x16_t w)
{
    const int16x8_t product = vmull_s8(vget_low_s8(x), vget_low_s8(w));

#if defined(__aarch64__)
    return vpaddlq_s16(vmlal_high_s8(product, x, w));
#else
    return vpaddlq_s16(vmlal_s8(product, vget_high_s8(x), vget_high_s8(w)));
#endif
}

/* Add sixteen products, two in each lane of 16 bits. */
EDGEQ_INLINE int32x4_t edgeq_add_pairs_s32x4(int32x4_t sum, int8x16_t x, int8x16_t w)
{
    const int16x8_t product = vmull_s8(vget_low_s8(x), vget_low_s8(w));

#if defined(__aarch64__)
    return vpadalq_s16(sum, vmlal_high_s8(product, x, w));
#else
    return vpadalq_s16(sum, vmlal_s8(product, vget_high_s8(x), vget_high_s8(w)));
#endif
}

/* The sums of one pixel and four channels, spread over the lanes of a vector for each channel. */
typedef struct {
    int32x4_t a, b, c, d;
} edgeq_sums_1x4;

EDGEQ_INLINE void edgeq_add_16_1x4(edgeq_sums_1x4 *sums, int8x16_t x, int8x16x4_t w)
{
    sums->a = edgeq_add_pairs_s32x4(sums->a, x, w.val[0]);
    sums->b = edgeq_add_pairs_s32x4(sums->b, x, w.val[1]);
    sums->c = edgeq_add_pairs_s32x4(sums->c, x, w.val[2]);
    sums->d = edgeq_add_pairs_s32x4(sums->d, x, w.val[3]);
}

EDGEQ_INLINE void edgeq_add_8_1x4(edgeq_sums_1x4 *sums, int8x8_t x, const int8_t *w)
{
    sums->a = vpadalq_s16(sums->a, vmull_s8(x, vld1_s8(w)));
    sums->b = vpadalq_s16(sums->b, vmull_s8(x, vld1_s8(w + 8)));
    sums->c = vpadalq_s16(sums->c, vmull_s8(x, vld1_s8(w + 16)));
    sums->d = vpadalq_s16(sums->d, vmull_s8(x, vld1_s8(w + 24)));
}

EDGEQ_INLINE int8x16x4_t edgeq_load_s8x16x4(const int8_t *w)
{
    const int8x16x4_t loaded = {{vld1q_s8(w), vld1q_s8(w + 16), vld1q_s8(w + 32), vld1q_s8(w + 48)}};

    return loaded;
}

EDGEQ_INLINE edgeq_sums_1x4 edgeq_no_sums_1x4(void)
{
    const int32x4_t zero = vdupq_n_s32(0);
    const edgeq_sums_1x4 sums = {zero, zero, zero, zero};

    return sums;
}

EDGEQ_INLINE int32x4_t edgeq_lane_sums_1x4(edgeq_sums_1x4 sums)
{
    return edgeq_lane_sums_s32x4(sums.a, sums.b, sums.c, sums.d);
}

/* One pixel times four channels, whatever the weights. */
EDGEQ_INLINE int32x4_t edgeq_product_any_1x4_s8(const int8_t *x, const int8_t *w, int32_t depth)
{
    edgeq_sums_1x4 sums = edgeq_no_sums_1x4();

    for (int32_t k = 0; k <= depth - 16; k += 16) {
        const int8x16_t codes = vld1q_s8(x + k);

        for (int32_t half = 0; half < 2; ++half) {
            const int8x8_t eight = half ? vget_high_s8(codes) : vget_low_s8(codes);
            const int8_t *const from = w + 4 * k + 8 * half;

            sums.a = vpadalq_s16(sums.a, vmull_s8(eight, vld1_s8(from)));
            sums.b = vpadalq_s16(sums.b, vmull_s8(eight, vld1_s8(from + 16)));
            sums.c = vpadalq_s16(sums.c, vmull_s8(eight, vld1_s8(from + 32)));
            sums.d = vpadalq_s16(sums.d, vmull_s8(eight, vld1_s8(from + 48)));
        }
    }
    if (depth % 16 >= 8) {
        edgeq_add_8_1x4(&sums, vld1_s8(x + depth - 8), w + 4 * (depth - 8));
    }
    return edgeq_lane_sums_1x4(sums);
}

/* One pixel times four channels. */
EDGEQ_INLINE int32x4_t edgeq_product_1x4_s8(const int8_t *x, const int8_t *w, int32_t depth)
{
    edgeq_sums_1x4 sums = edgeq_no_sums_1x4();

    for (int32_t k = 0; k <= depth - 16; k += 16) {
        edgeq_add_16_1x4(&sums, vld1q_s8(x + k), edgeq_load_s8x16x4(w + 4 * k));
    }
    if (depth % 16 >= 8) {
        edgeq_add_8_1x4(&sums, vld1_s8(x + depth - 8), w + 4 * (depth - 8));
    }
    return edgeq_lane_sums_1x4(sums);
}

/* Two pixels, depth apart, times four channels. Returns the end of the pixels' codes. */
EDGEQ_INLINE const int8_t *edgeq_product_2x4_s8(int32x4_t *sums, const int8_t *x, const int8_t *w, int32_t depth)
{
    edgeq_sums_1x4 first = edgeq_no_sums_1x4();
    edgeq_sums_1x4 second = edgeq_no_sums_1x4();

    for (int32_t k = 0; k <= depth - 16; k += 16) {
        const int8x16x4_t weights = edgeq_load_s8x16x4(w + 4 * k);

        edgeq_add_16_1x4(&first, vld1q_s8(x + k), weights);
        edgeq_add_16_1x4(&second, vld1q_s8(x + depth + k), weights);
    }
    if (depth % 16 >= 8) {
        edgeq_add_8_1x4(&first, vld1_s8(x + depth - 8), w + 4 * (depth - 8));
        edgeq_add_8_1x4(&second, vld1_s8(x + 2 * depth - 8), w + 4 * (depth - 8));
    }
    sums[0] = edgeq_lane_sums_1x4(first);
    sums[1] = edgeq_lane_sums_1x4(second);
    return x + 2 * depth;
}

#endif
