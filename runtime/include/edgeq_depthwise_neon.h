/* Sums of products of codes, lane by lane, on NEON, 32 and 64 bit. Nothing here needs aligned
 * memory. */
#ifndef EDGEQ_DEPTHWISE_NEON_H
#define EDGEQ_DEPTHWISE_NEON_H

#include <arm_neon.h>
#include <stdint.h>

/* For functions whose operands are more than a call can keep in registers. */
#if defined(__GNUC__)
#define EDGEQ_INLINE static inline __attribute__((always_inline))
#else
#define EDGEQ_INLINE static inline
#endif

/* The same address, but the compiler cannot know: what lies there is read again. That is cheaper
 * than to keep it elsewhere when registers run out. */
static inline const int32_t *edgeq_read_again_s32(const int32_t *p)
{
#if defined(__clang__)
    __asm__ volatile(""
                     : "+r"(p));
#elif defined(__GNUC__)
    /* Not volatile: GCC would move nothing past it. */
    __asm__(""
            : "+r"(p));
#endif
    return p;
}

/* Four numbers of many in a row: the load itself moves the pointer on, for it has no offset. */
static inline int32x4_t edgeq_next_s32x4(const int32_t **p)
{
    const int32x4_t x = vld1q_s32(*p);

    *p += 4;
#if defined(__GNUC__)
    __asm__(""
            : "+r"(*p));
#endif
    return x;
}

/* The same number, but the compiler cannot know: it stays in a register. */
static inline int32_t edgeq_in_register_s32(int32_t x)
{
#if defined(__GNUC__)
    __asm__(""
            : "+r"(x));
#endif
    return x;
}

/* Eight codes of a row, and the pointer to those a step further on. */
static inline int8x8_t edgeq_next_s8x8(const int8_t **p, int32_t step)
{
    const int8x8_t x = vld1_s8(*p);

    *p += step;
#if defined(__GNUC__)
    __asm__(""
            : "+r"(*p));
#endif
    return x;
}

/* ---- Products of 8-bit numbers: the lower and the upper eight lanes ---------------------- */

static inline int16x8_t edgeq_multiply_low_s16x8(int8x16_t x, int8x16_t w)
{
#if defined(__aarch64__) && defined(__GNUC__) && !defined(__clang__)
    /* GCC would keep the lower half of each operand in a register of its own. */
    int16x8_t product;

    __asm__("smull %0.8h, %1.8b, %2.8b"
            : "=w"(product)
            : "w"(x), "w"(w));
    return product;
#else
    return vmull_s8(vget_low_s8(x), vget_low_s8(w));
#endif
}

static inline int16x8_t edgeq_multiply_high_s16x8(int8x16_t x, int8x16_t w)
{
#if defined(__aarch64__)
    return vmull_high_s8(x, w);
#else
    return vmull_s8(vget_high_s8(x), vget_high_s8(w));
#endif
}

static inline int16x8_t edgeq_add_products_low_s16x8(int16x8_t sum, int8x16_t x, int8x16_t w)
{
#if defined(__aarch64__) && defined(__GNUC__) && !defined(__clang__)
    __asm__("smlal %0.8h, %1.8b, %2.8b"
            : "+w"(sum)
            : "w"(x), "w"(w));
    return sum;
#else
    return vmlal_s8(sum, vget_low_s8(x), vget_low_s8(w));
#endif
}

static inline int16x8_t edgeq_add_products_high_s16x8(int16x8_t sum, int8x16_t x, int8x16_t w)
{
#if defined(__aarch64__)
    return vmlal_high_s8(sum, x, w);
#else
    return vmlal_s8(sum, vget_high_s8(x), vget_high_s8(w));
#endif
}

/* ---- Sums of 16-bit numbers, or of their products: the lower and the upper four lanes ---- */

static inline int32x4_t edgeq_add_low_s32x4(int32x4_t sum, int16x8_t x)
{
    return vaddw_s16(sum, vget_low_s16(x));
}

static inline int32x4_t edgeq_add_high_s32x4(int32x4_t sum, int16x8_t x)
{
#if defined(__aarch64__)
    return vaddw_high_s16(sum, x);
#else
    return vaddw_s16(sum, vget_high_s16(x));
#endif
}

static inline int32x4_t edgeq_add_products_low_s32x4(int32x4_t sum, int16x8_t x, int16x8_t w)
{
#if defined(__aarch64__) && defined(__GNUC__) && !defined(__clang__)
    __asm__("smlal %0.4s, %1.4h, %2.4h"
            : "+w"(sum)
            : "w"(x), "w"(w));
    return sum;
#else
    return vmlal_s16(sum, vget_low_s16(x), vget_low_s16(w));
#endif
}

static inline int32x4_t edgeq_add_products_high_s32x4(int32x4_t sum, int16x8_t x, int16x8_t w)
{
#if defined(__aarch64__)
    return vmlal_high_s16(sum, x, w);
#else
    return vmlal_s16(sum, vget_high_s16(x), vget_high_s16(w));
#endif
}

/* ---- Columns of a window of three rows --------------------------------------------------- */

typedef struct {
    int8x16_t top, middle, bottom;
} edgeq_column_s8x16;

typedef struct {
    int8x8_t top, middle, bottom;
} edgeq_column_s8x8;

typedef struct {
    int16x8_t top, middle, bottom;
} edgeq_column_s16x8;

static inline edgeq_column_s8x16 edgeq_same_column_s8x16(int8_t code)
{
    const edgeq_column_s8x16 column = {vdupq_n_s8(code), vdupq_n_s8(code), vdupq_n_s8(code)};

    return column;
}

static inline edgeq_column_s8x16 edgeq_load_column_s8x16(const int8_t *top, const int8_t *middle, const int8_t *bottom)
{
    const edgeq_column_s8x16 column = {vld1q_s8(top), vld1q_s8(middle), vld1q_s8(bottom)};

    return column;
}

static inline edgeq_column_s8x8 edgeq_same_column_s8x8(int8_t code)
{
    const edgeq_column_s8x8 column = {vdup_n_s8(code), vdup_n_s8(code), vdup_n_s8(code)};

    return column;
}

static inline edgeq_column_s8x8 edgeq_load_column_s8x8(const int8_t *top, const int8_t *middle, const int8_t *bottom)
{
    const edgeq_column_s8x8 column = {vld1_s8(top), vld1_s8(middle), vld1_s8(bottom)};

    return column;
}

static inline edgeq_column_s16x8 edgeq_same_column_s16x8(int8_t code)
{
    const edgeq_column_s16x8 column = {vdupq_n_s16(code), vdupq_n_s16(code), vdupq_n_s16(code)};

    return column;
}

static inline edgeq_column_s16x8 edgeq_load_column_s16x8(const int8_t *top, const int8_t *middle, const int8_t *bottom)
{
    const edgeq_column_s16x8 column = {vmovl_s8(vld1_s8(top)), vmovl_s8(vld1_s8(middle)), vmovl_s8(vld1_s8(bottom))};

    return column;
}

/* The same of a row after the other, whose pointers go on to the next column. */
static inline edgeq_column_s8x8 edgeq_next_column_s8x8(const int8_t **top, const int8_t **middle, const int8_t **bottom, int32_t step)
{
    const edgeq_column_s8x8 column = {edgeq_next_s8x8(top, step), edgeq_next_s8x8(middle, step), edgeq_next_s8x8(bottom, step)};

    return column;
}

/* The same of a row after the other, whose pointers go on to the next column. */
static inline edgeq_column_s16x8 edgeq_next_column_s16x8(const int8_t **top, const int8_t **middle, const int8_t **bottom, int32_t step)
{
    const edgeq_column_s16x8 column = {vmovl_s8(edgeq_next_s8x8(top, step)), vmovl_s8(edgeq_next_s8x8(middle, step)), vmovl_s8(edgeq_next_s8x8(bottom, step))};

    return column;
}

/* ---- Weights of a window of three rows, as they lie ahead of a loop --------------------- */

typedef struct {
    int8x16_t tap[9];
} edgeq_weights_s8x16;

typedef struct {
    int8x8_t tap[9];
} edgeq_weights_s8x8;

typedef struct {
    int16x8_t tap[9];
} edgeq_weights_s16x8;

static inline edgeq_weights_s8x16 edgeq_load_weights_s8x16(const int8_t *w)
{
    const edgeq_weights_s8x16 weights = {{vld1q_s8(w), vld1q_s8(w + 16), vld1q_s8(w + 32), vld1q_s8(w + 48), vld1q_s8(w + 64), vld1q_s8(w + 80), vld1q_s8(w + 96), vld1q_s8(w + 112), vld1q_s8(w + 128)}};

    return weights;
}

static inline edgeq_weights_s8x8 edgeq_load_weights_s8x8(const int8_t *w)
{
    const edgeq_weights_s8x8 weights = {{vld1_s8(w), vld1_s8(w + 8), vld1_s8(w + 16), vld1_s8(w + 24), vld1_s8(w + 32), vld1_s8(w + 40), vld1_s8(w + 48), vld1_s8(w + 56), vld1_s8(w + 64)}};

    return weights;
}

static inline edgeq_weights_s16x8 edgeq_load_weights_s16x8(const int16_t *w)
{
    const edgeq_weights_s16x8 weights = {{vld1q_s16(w), vld1q_s16(w + 8), vld1q_s16(w + 16), vld1q_s16(w + 24), vld1q_s16(w + 32), vld1q_s16(w + 40), vld1q_s16(w + 48), vld1q_s16(w + 56), vld1q_s16(w + 64)}};

    return weights;
}

/* ---- Codes whose zero point is -128, from words as edgeq_fixed_point_neon.h makes them ---
 *
 * Unsigned saturation cuts them off at the zero point, and the sign bit adds it. */

static inline int8x8_t edgeq_bytes_q0_s8x8(int16x8_t x)
{
    return vreinterpret_s8_u8(veor_u8(vqmovun_s16(x), vdup_n_u8(128)));
}

static inline int8x16_t edgeq_bytes_q0_s8x16(int16x8_t a, int16x8_t b)
{
    return vreinterpretq_s8_u8(veorq_u8(vcombine_u8(vqmovun_s16(a), vqmovun_s16(b)), vdupq_n_u8(128)));
}

static inline int8x8_t edgeq_bytes_q6_s8x8(int16x8_t x)
{
    return vreinterpret_s8_u8(veor_u8(vqrshrun_n_s16(x, 6), vdup_n_u8(128)));
}

static inline int8x16_t edgeq_bytes_q6_s8x16(int16x8_t a, int16x8_t b)
{
    return vreinterpretq_s8_u8(veorq_u8(vcombine_u8(vqrshrun_n_s16(a, 6), vqrshrun_n_s16(b, 6)), vdupq_n_u8(128)));
}

#endif
