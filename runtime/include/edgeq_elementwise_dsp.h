/* Sums of two arrays and pooling on Cortex-M processors with the DSP extension. For other processors,
 * and wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_ELEMENTWISE_DSP_H
#define EDGEQ_ELEMENTWISE_DSP_H

#include <stdint.h>
#include <string.h>

#include "edgeq_product_dsp.h"

EDGEQ_CODE static inline void edgeq_store_word(int8_t *p, int32_t word)
{
    memcpy(p, &word, sizeof word);
}

/* The lowest bytes of two numbers in the lower half, that of a below. */
EDGEQ_CODE static inline int32_t edgeq_join_bytes(int32_t a, int32_t b)
{
#if EDGEQ_DSP_ASSEMBLER
    __asm__("bfi %0, %1, #8, #24"
            : "+r"(a)
            : "r"(b));
    return a;
#else
    return (int32_t)(((uint32_t)a & 0xffu) | (uint32_t)b << 8);
#endif
}

/* The lowest bytes of four numbers, that of a below. */
EDGEQ_CODE static inline int32_t edgeq_join_four_bytes(int32_t a, int32_t b, int32_t c, int32_t d)
{
    const int32_t low = edgeq_join_bytes(a, b);
    const int32_t high = edgeq_join_bytes(c, d);

#if EDGEQ_DSP_ASSEMBLER
    int32_t word;

    __asm__("pkhbt %0, %1, %2, lsl #16"
            : "=r"(word)
            : "r"(low), "r"(high));
    return word;
#else
    return (int32_t)(((uint32_t)low & 0xffffu) | (uint32_t)high << 16);
#endif
}

/* ---- Sums of two arrays ------------------------------------------------------------------ */

/* y = (x0 * p + x1 * q + constant) >> bits, saturated to 8 bits; factor0 is 256 * p, factor1 256 * q.
 * y may be x0 or x1. */
typedef struct {
    const int8_t *x0;
    const int8_t *x1;
    int8_t *y;
    int32_t count;
    int32_t factor0;
    int32_t factor1;
    int32_t constant;
} edgeq_dsp_addition;

/* sum + factor * the lower half of `halves` / 2^16, rounded down */
EDGEQ_CODE static inline int32_t edgeq_add_scaled_low(int32_t sum, int32_t factor, int32_t halves)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t total;

    __asm__("smlawb %0, %1, %2, %3"
            : "=r"(total)
            : "r"(factor), "r"(halves), "r"(sum));
    return total;
#else
    return sum + edgeq_product_bits_s32(factor, edgeq_low_half(halves), 0, 16);
#endif
}

/* sum + factor * the upper half of `halves` / 2^16, rounded down */
EDGEQ_CODE static inline int32_t edgeq_add_scaled_high(int32_t sum, int32_t factor, int32_t halves)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t total;

    __asm__("smlawt %0, %1, %2, %3"
            : "=r"(total)
            : "r"(factor), "r"(halves), "r"(sum));
    return total;
#else
    return sum + edgeq_product_bits_s32(factor, edgeq_high_half(halves), 0, 16);
#endif
}

/* 256 times bytes 0 and 2 of a word as 16-bit numbers; `mask` is 0xff00ff00. */
EDGEQ_CODE static inline int32_t edgeq_raised_even_bytes(int32_t word, int32_t mask)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t raised;

    __asm__("and %0, %1, %2, lsl #8"
            : "=r"(raised)
            : "r"(mask), "r"(word));
    return raised;
#else
    return edgeq_shift_left_wrap_s32(word, 8) & mask;
#endif
}

/* x >> bits, saturated to 8 bits */
#if EDGEQ_DSP_ASSEMBLER
#define EDGEQ_DSP_SATURATED(name, bits)              \
    EDGEQ_CODE static inline int32_t name(int32_t x) \
    {                                                \
        int32_t code;                                \
                                                     \
        __asm__("ssat %0, #8, %1, asr #" #bits       \
                : "=r"(code)                         \
                : "r"(x));                           \
        return code;                                 \
    }
#else
#define EDGEQ_DSP_SATURATED(name, bits)                 \
    EDGEQ_CODE static inline int32_t name(int32_t x)    \
    {                                                   \
        return edgeq_clamp_s32(x >> (bits), -128, 127); \
    }
#endif

/* Codes are multiplied as 256 times themselves, which a mask makes of the bytes of a word. */
#define EDGEQ_DSP_ADDITION(bits)                                                                               \
    EDGEQ_DSP_SATURATED(edgeq_dsp_sum_code_##bits, bits)                                                       \
                                                                                                               \
    EDGEQ_CODE __attribute__((unused)) static void edgeq_dsp_add_##bits(const edgeq_dsp_addition *s)           \
    {                                                                                                          \
        const int32_t p = s->factor0;                                                                          \
        const int32_t q = s->factor1;                                                                          \
        const int32_t constant = s->constant;                                                                  \
        const int32_t mask = (int32_t)0xff00ff00u;                                                             \
        const int8_t *x0 = s->x0;                                                                              \
        const int8_t *x1 = s->x1;                                                                              \
        int8_t *y = s->y;                                                                                      \
        const int8_t *const end = x0 + s->count;                                                               \
                                                                                                               \
        for (const int8_t *const words = end - s->count % 4; x0 < words; x0 += 4) {                            \
            const int32_t a = edgeq_load_word(x0);                                                             \
            const int32_t b = edgeq_load_word(x1);                                                             \
            const int32_t a_even = edgeq_raised_even_bytes(a, mask);                                           \
            const int32_t b_even = edgeq_raised_even_bytes(b, mask);                                           \
            const int32_t a_odd = a & mask;                                                                    \
            const int32_t b_odd = b & mask;                                                                    \
            const int32_t sum0 = edgeq_add_scaled_low(edgeq_add_scaled_low(constant, p, a_even), q, b_even);   \
            const int32_t sum1 = edgeq_add_scaled_low(edgeq_add_scaled_low(constant, p, a_odd), q, b_odd);     \
            const int32_t sum2 = edgeq_add_scaled_high(edgeq_add_scaled_high(constant, p, a_even), q, b_even); \
            const int32_t sum3 = edgeq_add_scaled_high(edgeq_add_scaled_high(constant, p, a_odd), q, b_odd);   \
            const int32_t code0 = edgeq_dsp_sum_code_##bits(sum0);                                             \
            const int32_t code1 = edgeq_dsp_sum_code_##bits(sum1);                                             \
            const int32_t code2 = edgeq_dsp_sum_code_##bits(sum2);                                             \
            const int32_t code3 = edgeq_dsp_sum_code_##bits(sum3);                                             \
                                                                                                               \
            edgeq_store_word(y, edgeq_join_four_bytes(code0, code1, code2, code3));                            \
            x1 += 4;                                                                                           \
            y += 4;                                                                                            \
        }                                                                                                      \
        for (; x0 < end; ++x0) {                                                                               \
            *y = (int8_t)edgeq_dsp_sum_code_##bits(constant + *x0 * (p >> 8) + *x1 * (q >> 8));                \
            ++x1;                                                                                              \
            ++y;                                                                                               \
        }                                                                                                      \
    }

EDGEQ_DSP_ADDITION(20)
EDGEQ_DSP_ADDITION(21)
EDGEQ_DSP_ADDITION(22)
EDGEQ_DSP_ADDITION(23)

/* ---- A factor and a constant for each channel -------------------------------------------- */

/* y = (x * p + constant) >> bits, saturated to 8 bits, for `rows` of channels by fours: factors are
 * 256 * p of four channels, then their constants. y may be x. */
typedef struct {
    const int8_t *x;
    int8_t *y;
    const int32_t *factors;
    int32_t rows;
    int32_t channels;
} edgeq_dsp_affine;

#define EDGEQ_DSP_AFFINE(bits)                                                                               \
    EDGEQ_DSP_SATURATED(edgeq_dsp_affine_code_##bits, bits)                                                  \
                                                                                                             \
    EDGEQ_CODE __attribute__((unused)) static void edgeq_dsp_affine_##bits(const edgeq_dsp_affine *a)        \
    {                                                                                                        \
        const int32_t mask = (int32_t)0xff00ff00u;                                                           \
        const int32_t *const end = a->factors + 2 * a->channels;                                             \
        const int8_t *x = a->x;                                                                              \
        int8_t *y = a->y;                                                                                    \
                                                                                                             \
        for (int32_t row = a->rows; row > 0; --row) {                                                        \
            for (const int32_t *f = a->factors; f < end; f += 8) {                                           \
                const int32_t word = edgeq_load_word(x);                                                     \
                const int32_t even = edgeq_raised_even_bytes(word, mask);                                    \
                const int32_t odd = word & mask;                                                             \
                const int32_t code0 = edgeq_dsp_affine_code_##bits(edgeq_add_scaled_low(f[4], f[0], even));  \
                const int32_t code1 = edgeq_dsp_affine_code_##bits(edgeq_add_scaled_low(f[5], f[1], odd));   \
                const int32_t code2 = edgeq_dsp_affine_code_##bits(edgeq_add_scaled_high(f[6], f[2], even)); \
                const int32_t code3 = edgeq_dsp_affine_code_##bits(edgeq_add_scaled_high(f[7], f[3], odd));  \
                                                                                                             \
                edgeq_store_word(y, edgeq_join_four_bytes(code0, code1, code2, code3));                      \
                x += 4;                                                                                      \
                y += 4;                                                                                      \
            }                                                                                                \
        }                                                                                                    \
    }

EDGEQ_DSP_AFFINE(17)
EDGEQ_DSP_AFFINE(18)
EDGEQ_DSP_AFFINE(19)
EDGEQ_DSP_AFFINE(20)
EDGEQ_DSP_AFFINE(21)
EDGEQ_DSP_AFFINE(22)
EDGEQ_DSP_AFFINE(23)

/* ---- Pooling ----------------------------------------------------------------------------- */

/* Bytes 0 and 2 of a word added to the halves of `sums`. */
EDGEQ_CODE static inline int32_t edgeq_add_even_bytes(int32_t sums, int32_t word)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t added;

    __asm__("sxtab16 %0, %1, %2"
            : "=r"(added)
            : "r"(sums), "r"(word));
    return added;
#else
    const uint32_t codes = (uint32_t)edgeq_even_bytes(word);
    const uint32_t low = ((uint32_t)sums + codes) & 0xffffu;

    return (int32_t)(low | (((uint32_t)sums & 0xffff0000u) + (codes & 0xffff0000u)));
#endif
}

/* Bytes 1 and 3 of a word added to the halves of `sums`. */
EDGEQ_CODE static inline int32_t edgeq_add_odd_bytes(int32_t sums, int32_t word)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t added;

    __asm__("sxtab16 %0, %1, %2, ror #8"
            : "=r"(added)
            : "r"(sums), "r"(word));
    return added;
#else
    return edgeq_add_even_bytes(sums, (int32_t)((uint32_t)word >> 8));
#endif
}

EDGEQ_CODE static inline void edgeq_store_sums(int16_t sums[4], int32_t even, int32_t odd)
{
    sums[0] = (int16_t)edgeq_low_half(even);
    sums[1] = (int16_t)edgeq_low_half(odd);
    sums[2] = (int16_t)edgeq_high_half(even);
    sums[3] = (int16_t)edgeq_high_half(odd);
}

/* The sums of eight channels over a window of 256 pixels at most; lines are `line` bytes apart, pixels
 * `step` bytes. */
EDGEQ_CODE static inline void edgeq_dsp_sum_window(int16_t sums[8], const int8_t *x, int32_t rows, int32_t columns, int32_t line, int32_t step)
{
    int32_t even0 = 0;
    int32_t odd0 = 0;
    int32_t even1 = 0;
    int32_t odd1 = 0;

    for (int32_t row = 0; row < rows; ++row) {
        const int8_t *p = x;

        for (int32_t column = columns; column > 0; --column) {
            const int32_t low = edgeq_load_word(p);
            const int32_t high = edgeq_load_word(p + 4);

            even0 = edgeq_add_even_bytes(even0, low);
            odd0 = edgeq_add_odd_bytes(odd0, low);
            even1 = edgeq_add_even_bytes(even1, high);
            odd1 = edgeq_add_odd_bytes(odd1, high);
            p += step;
        }
        x += line;
    }
    edgeq_store_sums(sums, even0, odd0);
    edgeq_store_sums(sums + 4, even1, odd1);
}

/* The larger of each two codes in two words. */
EDGEQ_CODE static inline int32_t edgeq_larger_bytes(int32_t a, int32_t b)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t larger;

    __asm__("ssub8 %0, %1, %2\n\t"
            "sel %0, %1, %2"
            : "=&r"(larger)
            : "r"(a), "r"(b)
            : "cc");
    return larger;
#else
    uint32_t larger = 0;

    for (int32_t shift = 0; shift < 32; shift += 8) {
        const int8_t one = (int8_t)(uint8_t)((uint32_t)a >> shift);
        const int8_t other = (int8_t)(uint8_t)((uint32_t)b >> shift);

        larger |= (uint32_t)(uint8_t)(one > other ? one : other) << shift;
    }
    return (int32_t)larger;
#endif
}

/* The largest of four channels in a window, as edgeq_dsp_sum_window. */
EDGEQ_CODE static inline int32_t edgeq_dsp_window_maximum(const int8_t *x, int32_t rows, int32_t columns, int32_t line, int32_t step)
{
    int32_t largest = edgeq_load_word(x);

    for (int32_t row = 0; row < rows; ++row) {
        const int8_t *p = x;

        for (int32_t column = columns; column > 0; --column) {
            largest = edgeq_larger_bytes(largest, edgeq_load_word(p));
            p += step;
        }
        x += line;
    }
    return largest;
}

/* The lowest half of a number in both halves of a word. */
EDGEQ_CODE static inline int32_t edgeq_pair_halves(int32_t x)
{
    return (int32_t)(((uint32_t)x & 0xffffu) * 0x10001u);
}

/* ---- Codes of products -------------------------------------------------------------------- */

/* What rescales a product: multiplier is 2 m - 2^32, addend holds the output's zero point. */
typedef struct {
    int32_t multiplier;
    int32_t addend;
    int32_t shift;
} edgeq_dsp_factors;

/* The most significant word of x * multiplier + 2^32 * addend, rounded. */
EDGEQ_CODE static inline int32_t edgeq_dsp_rounded_high(int32_t x, int32_t multiplier, int32_t addend)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t high;

    __asm__("smmlar %0, %1, %2, %3"
            : "=r"(high)
            : "r"(x), "r"(multiplier), "r"(addend));
    return high;
#else
    return (int32_t)(((int64_t)x * multiplier + ((int64_t)addend * 4294967296) + 2147483648) >> 32);
#endif
}

/* The same, not rounded. */
EDGEQ_CODE static inline int32_t edgeq_dsp_high(int32_t x, int32_t multiplier, int32_t addend)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t high;

    __asm__("smmla %0, %1, %2, %3"
            : "=r"(high)
            : "r"(x), "r"(multiplier), "r"(addend));
    return high;
#else
    return (int32_t)(((int64_t)x * multiplier + (int64_t)addend * 4294967296) >> 32);
#endif
}

EDGEQ_CODE static inline int32_t edgeq_dsp_product_gemmlowp(int32_t x, const edgeq_dsp_factors *f)
{
    const int32_t high = edgeq_dsp_rounded_high(x, f->multiplier, x + (x >> 31));

    return edgeq_clamp_s32((high + f->addend) >> f->shift, -128, 127);
}

EDGEQ_CODE static inline int32_t edgeq_dsp_product_half_up(int32_t x, const edgeq_dsp_factors *f)
{
    const int32_t high = edgeq_dsp_rounded_high(x, f->multiplier, x);

    return edgeq_clamp_s32((high + f->addend) >> f->shift, -128, 127);
}

EDGEQ_CODE static inline int32_t edgeq_dsp_product_single(int32_t x, const edgeq_dsp_factors *f)
{
    const int32_t high = edgeq_dsp_high(x, f->multiplier, x);

    return edgeq_clamp_s32((high + f->addend) >> f->shift, -128, 127);
}

#endif
