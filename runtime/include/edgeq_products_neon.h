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

/* The sum of all lanes, in every lane. */
EDGEQ_INLINE int32x4_t edgeq_total_s32x4(int32x4_t x)
{
#if defined(__aarch64__)
    const int32x4_t pairs = vpaddq_s32(x, x);

    return vpaddq_s32(pairs, pairs);
#else
    const int32x2_t pairs = vpadd_s32(vget_low_s32(x), vget_high_s32(x));
    const int32x2_t total = vpadd_s32(pairs, pairs);

    return vcombine_s32(total, total);
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

#if defined(__arm__) && defined(__GNUC__) && !defined(EDGEQ_NO_ASM)
/* The eight sums leave room for no more than this order needs, and compilers spill them: q0 to q3
 * are weights, q4 and q5 codes, q6 and q7 products, q8 to q15 sums. */
#define EDGEQ_TWO_16(START, low, high, a, b, c, d, sum, other) \
    "vmull.s8 q6, d" #low ", d" #a "\n"                        \
    "vmull.s8 q7, d" #low ", d" #c "\n"                        \
    "vmlal.s8 q6, d" #high ", d" #b "\n"                       \
    "vmlal.s8 q7, d" #high ", d" #d "\n" START " q" #sum ", q6\n" START " q" #other ", q7\n"

#define EDGEQ_TWO_8(START, codes, a, c, sum, other) \
    "vmull.s8 q6, d" #codes ", d" #a "\n"           \
    "vmull.s8 q7, d" #codes ", d" #c "\n" START " q" #sum ", q6\n" START " q" #other ", q7\n"

/* Blocks of 16 and 8 places. START is "vpaddl.s16" for the first of all, then "vpadal.s16". */
#define EDGEQ_BLOCK_16(START)                                                   \
    "vld1.8 {d8, d9}, [%[x0]]!\n"                                               \
    "vld1.8 {d0, d1, d2, d3}, [%[w]]!\n"                                        \
    "vld1.8 {d4, d5, d6, d7}, [%[w]]!\n"                                        \
    "vld1.8 {d10, d11}, [%[x1]]!\n" EDGEQ_TWO_16(START, 8, 9, 0, 1, 2, 3, 8, 9) \
        EDGEQ_TWO_16(START, 8, 9, 4, 5, 6, 7, 10, 11)                           \
            EDGEQ_TWO_16(START, 10, 11, 0, 1, 2, 3, 12, 13)                     \
                EDGEQ_TWO_16(START, 10, 11, 4, 5, 6, 7, 14, 15)

#define EDGEQ_BLOCK_8(START)                                     \
    "vld1.8 {d8}, [%[x0]]!\n"                                    \
    "vld1.8 {d0, d1, d2, d3}, [%[w]]!\n"                         \
    "vld1.8 {d10}, [%[x1]]!\n" EDGEQ_TWO_8(START, 8, 0, 1, 8, 9) \
        EDGEQ_TWO_8(START, 8, 2, 3, 10, 11)                      \
            EDGEQ_TWO_8(START, 10, 0, 1, 12, 13)                 \
                EDGEQ_TWO_8(START, 10, 2, 3, 14, 15)

#define EDGEQ_LOOP_32                                                                        \
    "1:\n" EDGEQ_BLOCK_16("vpadal.s16") EDGEQ_BLOCK_16("vpadal.s16") "subs %[n], %[n], #1\n" \
                                                                     "bne 1b\n"

#define EDGEQ_LANE_SUMS            \
    "vpadd.i32 d16, d16, d17\n"    \
    "vpadd.i32 d17, d18, d19\n"    \
    "vpadd.i32 d20, d20, d21\n"    \
    "vpadd.i32 d21, d22, d23\n"    \
    "vpadd.i32 d24, d24, d25\n"    \
    "vpadd.i32 d25, d26, d27\n"    \
    "vpadd.i32 d28, d28, d29\n"    \
    "vpadd.i32 d29, d30, d31\n"    \
    "vpadd.i32 %e[s0], d16, d17\n" \
    "vpadd.i32 %f[s0], d20, d21\n" \
    "vpadd.i32 %e[s1], d24, d25\n" \
    "vpadd.i32 %f[s1], d28, d29\n"

#define EDGEQ_PRODUCT_2X4(blocks)                                                                                          \
    __asm__ __volatile__(blocks EDGEQ_LANE_SUMS                                                                            \
                         : [s0] "=&w"(sums[0]), [s1] "=&w"(sums[1]), [x0] "+r"(x), [x1] "+r"(x1), [w] "+r"(w), [n] "+r"(n) \
                         :                                                                                                 \
                         : "cc", "memory", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15")

#define EDGEQ_ROW_16(START)                                                          \
    "vld1.8 {d8, d9}, [%[x0]]!\n"                                                    \
    "vld1.8 {d0, d1, d2, d3}, [%[w]]!\n"                                             \
    "vld1.8 {d4, d5, d6, d7}, [%[w]]!\n" EDGEQ_TWO_16(START, 8, 9, 0, 1, 2, 3, 8, 9) \
        EDGEQ_TWO_16(START, 8, 9, 4, 5, 6, 7, 10, 11)

#define EDGEQ_ROW_8(START)                                                 \
    "vld1.8 {d8}, [%[x0]]!\n"                                              \
    "vld1.8 {d0, d1, d2, d3}, [%[w]]!\n" EDGEQ_TWO_8(START, 8, 0, 1, 8, 9) \
        EDGEQ_TWO_8(START, 8, 2, 3, 10, 11)

#define EDGEQ_ROW_LOOP_32                                                                \
    "1:\n" EDGEQ_ROW_16("vpadal.s16") EDGEQ_ROW_16("vpadal.s16") "subs %[n], %[n], #1\n" \
                                                                 "bne 1b\n"

#define EDGEQ_PRODUCT_1X4(blocks)                                                  \
    __asm__ __volatile__(blocks                                                    \
                         "vpadd.i32 d16, d16, d17\n"                               \
                         "vpadd.i32 d17, d18, d19\n"                               \
                         "vpadd.i32 d20, d20, d21\n"                               \
                         "vpadd.i32 d21, d22, d23\n"                               \
                         "vpadd.i32 %e[s0], d16, d17\n"                            \
                         "vpadd.i32 %f[s0], d20, d21\n"                            \
                         : [s0] "=&w"(sum), [x0] "+r"(x), [w] "+r"(w), [n] "+r"(n) \
                         :                                                         \
                         : "cc", "memory", "q0", "q1", "q2", "q3", "q4", "q6", "q7", "q8", "q9", "q10", "q11")

/* A block of 16 places, one of 8, or both follow those of 32. */
#define EDGEQ_REST(product, blocks, sixteen, eight) \
    do {                                            \
        if (depth % 32 == 0) {                      \
            product(blocks);                        \
        } else if (depth % 32 == 8) {               \
            product(blocks eight);                  \
        } else if (depth % 32 == 16) {              \
            product(blocks sixteen);                \
        } else {                                    \
            product(blocks sixteen eight);          \
        }                                           \
    } while (0)

/* One pixel times four channels. */
EDGEQ_INLINE int32x4_t edgeq_product_1x4_s8(const int8_t *x, const int8_t *w, int32_t depth)
{
    int32_t n = depth / 32 - 1;
    int32x4_t sum;

    if (n > 0) {
        EDGEQ_REST(EDGEQ_PRODUCT_1X4, EDGEQ_ROW_16("vpaddl.s16") EDGEQ_ROW_16("vpadal.s16") EDGEQ_ROW_LOOP_32, EDGEQ_ROW_16("vpadal.s16"), EDGEQ_ROW_8("vpadal.s16"));
    } else if (n == 0) {
        EDGEQ_REST(EDGEQ_PRODUCT_1X4, EDGEQ_ROW_16("vpaddl.s16") EDGEQ_ROW_16("vpadal.s16"), EDGEQ_ROW_16("vpadal.s16"), EDGEQ_ROW_8("vpadal.s16"));
    } else if (depth == 8) {
        EDGEQ_PRODUCT_1X4(EDGEQ_ROW_8("vpaddl.s16"));
    } else if (depth == 16) {
        EDGEQ_PRODUCT_1X4(EDGEQ_ROW_16("vpaddl.s16"));
    } else {
        EDGEQ_PRODUCT_1X4(EDGEQ_ROW_16("vpaddl.s16") EDGEQ_ROW_8("vpadal.s16"));
    }
    return sum;
}

/* Two pixels, depth apart, times four channels. Returns the end of the pixels' codes. */
EDGEQ_INLINE const int8_t *edgeq_product_2x4_s8(int32x4_t *sums, const int8_t *x, const int8_t *w, int32_t depth)
{
    const int8_t *x1 = x + depth;
    int32_t n = depth / 32 - 1;

    if (n > 0) {
        EDGEQ_REST(EDGEQ_PRODUCT_2X4, EDGEQ_BLOCK_16("vpaddl.s16") EDGEQ_BLOCK_16("vpadal.s16") EDGEQ_LOOP_32, EDGEQ_BLOCK_16("vpadal.s16"), EDGEQ_BLOCK_8("vpadal.s16"));
    } else if (n == 0) {
        EDGEQ_REST(EDGEQ_PRODUCT_2X4, EDGEQ_BLOCK_16("vpaddl.s16") EDGEQ_BLOCK_16("vpadal.s16"), EDGEQ_BLOCK_16("vpadal.s16"), EDGEQ_BLOCK_8("vpadal.s16"));
    } else if (depth == 8) {
        EDGEQ_PRODUCT_2X4(EDGEQ_BLOCK_8("vpaddl.s16"));
    } else if (depth == 16) {
        EDGEQ_PRODUCT_2X4(EDGEQ_BLOCK_16("vpaddl.s16"));
    } else {
        EDGEQ_PRODUCT_2X4(EDGEQ_BLOCK_16("vpaddl.s16") EDGEQ_BLOCK_8("vpadal.s16"));
    }
    return x1;
}
#else
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

#endif
