/* Products of 8-bit codes and 8-bit coefficients on NEON, 32 and 64 bit, summed in 16 bits. */
#ifndef EDGEQ_LINEAR_NEON_H
#define EDGEQ_LINEAR_NEON_H

#if !defined(__ARM_NEON)
#error "this code is for processors with NEON"
#endif

#include <arm_neon.h>
#include <stdint.h>

/* ---- Eight lanes of sixteen codes: the lower ones, and the upper ones ------------------- */

static inline int16x8_t edgeq_product_low_s16x8(int8x16_t x, int8x16_t factor)
{
    return vmull_s8(vget_low_s8(x), vget_low_s8(factor));
}

static inline int16x8_t edgeq_product_high_s16x8(int8x16_t x, int8x16_t factor)
{
#if defined(__aarch64__)
    /* GCC 12 otherwise moves the upper lanes down first. */
    return vmull_high_s8(x, factor);
#else
    return vmull_s8(vget_high_s8(x), vget_high_s8(factor));
#endif
}

static inline int16x8_t edgeq_add_product_low_s16x8(int16x8_t sum, int8x16_t x, int8x16_t factor)
{
    return vmlal_s8(sum, vget_low_s8(x), vget_low_s8(factor));
}

static inline int16x8_t edgeq_add_product_high_s16x8(int16x8_t sum, int8x16_t x, int8x16_t factor)
{
#if defined(__aarch64__)
    return vmlal_high_s8(sum, x, factor);
#else
    return vmlal_s8(sum, vget_high_s8(x), vget_high_s8(factor));
#endif
}

/* ---- Linear forms of two codes: x0 * f0 + x1 * f1 --------------------------------------- */

static inline int16x8_t edgeq_linear_low_s16x8(int8x16_t x0, int8x16_t x1, int8_t f0, int8_t f1)
{
    return edgeq_add_product_low_s16x8(edgeq_product_low_s16x8(x0, vdupq_n_s8(f0)), x1, vdupq_n_s8(f1));
}

static inline int16x8_t edgeq_linear_high_s16x8(int8x16_t x0, int8x16_t x1, int8_t f0, int8_t f1)
{
    return edgeq_add_product_high_s16x8(edgeq_product_high_s16x8(x0, vdupq_n_s8(f0)), x1, vdupq_n_s8(f1));
}

static inline int16x8_t edgeq_add_linear_low_s16x8(int16x8_t sum, int8x16_t x0, int8x16_t x1, int8_t f0, int8_t f1)
{
    return edgeq_add_product_low_s16x8(edgeq_add_product_low_s16x8(sum, x0, vdupq_n_s8(f0)), x1, vdupq_n_s8(f1));
}

static inline int16x8_t edgeq_add_linear_high_s16x8(int16x8_t sum, int8x16_t x0, int8x16_t x1, int8_t f0, int8_t f1)
{
    return edgeq_add_product_high_s16x8(edgeq_add_product_high_s16x8(sum, x0, vdupq_n_s8(f0)), x1, vdupq_n_s8(f1));
}

#endif
