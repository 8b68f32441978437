/* Depthwise 3x3 windows on Cortex-M processors with the DSP extension: codes of two rows in a word. */
#ifndef EDGEQ_DEPTHWISE_DSP_H
#define EDGEQ_DEPTHWISE_DSP_H

#include <stdint.h>

#include "edgeq_product_dsp.h"

/* ---- Products of 16-bit halves ------------------------------------------------------------ */

/* The lower halves of a and b, that of a below. */
static inline int32_t edgeq_join_low(int32_t a, int32_t b)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t joined;

    __asm__("pkhbt %0, %1, %2, lsl #16"
            : "=r"(joined)
            : "r"(a), "r"(b));
    return joined;
#else
    return (int32_t)(((uint32_t)a & 0xffffu) | (uint32_t)b << 16);
#endif
}

/* The upper halves of a and b, that of a below. */
static inline int32_t edgeq_join_high(int32_t a, int32_t b)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t joined;

    __asm__("pkhtb %0, %1, %2, asr #16"
            : "=r"(joined)
            : "r"(b), "r"(a));
    return joined;
#else
    return (int32_t)((uint32_t)a >> 16 | ((uint32_t)b & 0xffff0000u));
#endif
}

/* sum + a.low * b.high */
static inline int32_t edgeq_add_low_high(int32_t sum, int32_t a, int32_t b)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t total;

    __asm__("smlabt %0, %1, %2, %3"
            : "=r"(total)
            : "r"(a), "r"(b), "r"(sum));
    return total;
#else
    return sum + edgeq_low_half(a) * edgeq_high_half(b);
#endif
}

/* sum + a.high * b.low */
static inline int32_t edgeq_add_high_low(int32_t sum, int32_t a, int32_t b)
{
    return edgeq_add_low_high(sum, b, a);
}

/* ---- Rescaling: multiplier is 2 m - 2^32, addend holds the output's zero point ------------ */

typedef struct {
    int32_t multiplier;
    int32_t addend;
    int32_t shift;
} edgeq_dsp_factors;

#if EDGEQ_DSP_ASSEMBLER

/* The most significant word of sum * multiplier + 2^32 * addend, rounded. */
static inline int32_t edgeq_dsp_mulhi(int32_t sum, int32_t multiplier, int32_t addend)
{
    int32_t high;

    __asm__("smmlar %0, %1, %2, %3"
            : "=r"(high)
            : "r"(sum), "r"(multiplier), "r"(addend));
    return high;
}

static inline int32_t edgeq_dsp_scaled_gemmlowp(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_mulhi(sum, multiplier, sum + (sum >> 31));
}

static inline int32_t edgeq_dsp_scaled_half_up(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_mulhi(sum, multiplier, sum);
}

static inline int32_t edgeq_dsp_scaled_single(int32_t sum, int32_t multiplier)
{
    int32_t high;

    __asm__("smmla %0, %1, %2, %1"
            : "=r"(high)
            : "r"(sum), "r"(multiplier));
    return high;
}

static inline int8_t edgeq_dsp_saturated(int32_t x)
{
    int32_t code;

    __asm__("ssat %0, #8, %1"
            : "=r"(code)
            : "r"(x));
    return (int8_t)code;
}

#else

static inline int32_t edgeq_dsp_scaled_gemmlowp(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_away(sum, edgeq_dsp_multiplier(multiplier));
}

static inline int32_t edgeq_dsp_scaled_half_up(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_up(sum, edgeq_dsp_multiplier(multiplier));
}

static inline int32_t edgeq_dsp_scaled_single(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_single(sum, edgeq_dsp_multiplier(multiplier));
}

static inline int8_t edgeq_dsp_saturated(int32_t x)
{
    return (int8_t)edgeq_clamp_s32(x, -128, 127);
}

#endif

static inline int8_t edgeq_dsp_code_gemmlowp(int32_t sum, const edgeq_dsp_factors *f)
{
    return edgeq_dsp_saturated((edgeq_dsp_scaled_gemmlowp(sum, f->multiplier) + f->addend) >> f->shift);
}

static inline int8_t edgeq_dsp_code_half_up(int32_t sum, const edgeq_dsp_factors *f)
{
    return edgeq_dsp_saturated((edgeq_dsp_scaled_half_up(sum, f->multiplier) + f->addend) >> f->shift);
}

static inline int8_t edgeq_dsp_code_single(int32_t sum, const edgeq_dsp_factors *f)
{
    return edgeq_dsp_saturated((edgeq_dsp_scaled_single(sum, f->multiplier) + f->addend) >> f->shift);
}

/* ---- Codes of two rows -------------------------------------------------------------------- */

/* Four channels of two rows of an image, channel by channel `plane` words apart: in each word a code
 * of row a and below it the one of row b. step: bytes from a column to the next, 0 outside the image. */
static inline void edgeq_pair_rows(int32_t *to, int32_t plane, const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b, int32_t columns)
{
    for (int32_t x = 0; x < columns; ++x) {
        const int32_t word_a = edgeq_load_word(a);
        const int32_t word_b = edgeq_load_word(b);
        const int32_t even_a = edgeq_even_bytes(word_a);
        const int32_t even_b = edgeq_even_bytes(word_b);
        const int32_t odd_a = edgeq_odd_bytes(word_a);
        const int32_t odd_b = edgeq_odd_bytes(word_b);

        to[0] = edgeq_join_low(even_a, even_b);
        to[plane] = edgeq_join_low(odd_a, odd_b);
        to[2 * plane] = edgeq_join_high(even_a, even_b);
        to[3 * plane] = edgeq_join_high(odd_a, odd_b);
        ++to;
        a += step_a;
        b += step_b;
    }
}

/* The weights of one channel in pairs: for each column rows 0 and 1, then rows 1 and 2. */
static inline void edgeq_pair_weights(int32_t *pairs, const int8_t *w, int32_t zero)
{
    for (int32_t x = 0; x < 3; ++x) {
        pairs[2 * x] = edgeq_join_low(w[x] - zero, w[3 + x] - zero);
        pairs[2 * x + 1] = edgeq_join_low(w[3 + x] - zero, w[6 + x] - zero);
    }
}

#endif
