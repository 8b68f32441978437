/* Sums of products of edgeq with the dot product instructions of 64-bit ARM processors: parts of
 * vectors, and sums of codes. Nothing here needs aligned memory. */
#ifndef EDGEQ_PRODUCT_DOTPROD_H
#define EDGEQ_PRODUCT_DOTPROD_H

#if !defined(__aarch64__) || !defined(__ARM_FEATURE_DOTPROD)
#error "this code is for 64-bit ARM processors with dot product"
#endif

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

/* Loads do not move over this line: without it compilers load weights so early that sums have to
 * leave their registers. */
static inline void edgeq_barrier(void)
{
#if defined(__GNUC__)
    __asm__ __volatile__("" ::
                             : "memory");
#endif
}

/* The same address, of which compilers know nothing: what is behind it is read where it is
 * needed, two vectors by one instruction, and not copied or kept on the stack. */
static inline const int8_t *edgeq_fresh_s8(const int8_t *p)
{
#if defined(__GNUC__)
    __asm__(""
            : "+r"(p));
#endif
    return p;
}

static inline const int32_t *edgeq_fresh_s32(const int32_t *p)
{
#if defined(__GNUC__)
    __asm__(""
            : "+r"(p));
#endif
    return p;
}

static inline const float *edgeq_fresh_f32(const float *p)
{
#if defined(__GNUC__)
    __asm__(""
            : "+r"(p));
#endif
    return p;
}

/* Sums that keep their registers: GCC moves them to others and back in each turn of a loop. */
#if defined(__GNUC__) && !defined(__clang__)
#define EDGEQ_KEEP1(a) __asm__("" \
                               : "+w"(a))
#define EDGEQ_KEEP2(a, b) __asm__("" \
                                  : "+w"(a), "+w"(b))
#define EDGEQ_KEEP3(a, b, c) __asm__("" \
                                     : "+w"(a), "+w"(b), "+w"(c))
#define EDGEQ_KEEP4(a, b, c, d) __asm__("" \
                                        : "+w"(a), "+w"(b), "+w"(c), "+w"(d))
#else
#define EDGEQ_KEEP1(a) ((void)0)
#define EDGEQ_KEEP2(a, b) ((void)0)
#define EDGEQ_KEEP3(a, b, c) ((void)0)
#define EDGEQ_KEEP4(a, b, c, d) ((void)0)
#endif

/* The first four, or twelve, codes of a vector; the others are zero. */
static inline int8x16_t edgeq_load_s8x4(const int8_t *x)
{
    int32_t four;

    memcpy(&four, x, sizeof four);
    return vreinterpretq_s8_s32(vsetq_lane_s32(four, vdupq_n_s32(0), 0));
}

static inline int8x16_t edgeq_load_s8x12(const int8_t *x)
{
    int32_t four;

    memcpy(&four, x + 8, sizeof four);
    return vcombine_s8(vld1_s8(x), vreinterpret_s8_s32(vset_lane_s32(four, vdup_n_s32(0), 0)));
}

/* The first count codes of a vector, written. */
static inline void edgeq_store_s8x8(int8_t *y, int8x8_t codes, size_t count)
{
    int8_t all[8];

    vst1_s8(all, codes);
    memcpy(y, all, count);
}

static inline void edgeq_store_s8x16(int8_t *y, int8x16_t codes, size_t count)
{
    int8_t all[16];

    vst1q_s8(all, codes);
    memcpy(y, all, count);
}

#endif
