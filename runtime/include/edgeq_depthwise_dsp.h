/* Depthwise 3x3 windows on Cortex-M processors with the DSP extension: codes of two rows in a word. */
#ifndef EDGEQ_DEPTHWISE_DSP_H
#define EDGEQ_DEPTHWISE_DSP_H

#include <stdint.h>

#include "edgeq_product_dsp.h"

/* ---- Products of 16-bit halves ------------------------------------------------------------ */

/* The lower halves of a and b, that of a below. */
EDGEQ_CODE static inline int32_t edgeq_join_low(int32_t a, int32_t b)
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
EDGEQ_CODE static inline int32_t edgeq_join_high(int32_t a, int32_t b)
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
EDGEQ_CODE static inline int32_t edgeq_add_low_high(int32_t sum, int32_t a, int32_t b)
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

/* ---- Rescaling: multiplier is 2 m - 2^32, addend holds the output's zero point ------------ */

typedef struct {
    int32_t multiplier;
    int32_t addend;
    int32_t shift;
} edgeq_dsp_factors;

#if EDGEQ_DSP_ASSEMBLER

/* The most significant word of sum * multiplier + 2^32 * addend, rounded. */
EDGEQ_CODE static inline int32_t edgeq_dsp_mulhi(int32_t sum, int32_t multiplier, int32_t addend)
{
    int32_t high;

    __asm__("smmlar %0, %1, %2, %3"
            : "=r"(high)
            : "r"(sum), "r"(multiplier), "r"(addend));
    return high;
}

EDGEQ_CODE static inline int32_t edgeq_dsp_scaled_gemmlowp(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_mulhi(sum, multiplier, sum + (sum >> 31));
}

EDGEQ_CODE static inline int32_t edgeq_dsp_scaled_half_up(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_mulhi(sum, multiplier, sum);
}

EDGEQ_CODE static inline int32_t edgeq_dsp_scaled_single(int32_t sum, int32_t multiplier)
{
    int32_t high;

    __asm__("smmla %0, %1, %2, %1"
            : "=r"(high)
            : "r"(sum), "r"(multiplier));
    return high;
}

EDGEQ_CODE static inline int8_t edgeq_dsp_saturated(int32_t x)
{
    int32_t code;

    __asm__("ssat %0, #8, %1"
            : "=r"(code)
            : "r"(x));
    return (int8_t)code;
}

#else

EDGEQ_CODE static inline int32_t edgeq_dsp_scaled_gemmlowp(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_away(sum, edgeq_dsp_multiplier(multiplier));
}

EDGEQ_CODE static inline int32_t edgeq_dsp_scaled_half_up(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_up(sum, edgeq_dsp_multiplier(multiplier));
}

EDGEQ_CODE static inline int32_t edgeq_dsp_scaled_single(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_single(sum, edgeq_dsp_multiplier(multiplier));
}

EDGEQ_CODE static inline int8_t edgeq_dsp_saturated(int32_t x)
{
    return (int8_t)edgeq_clamp_s32(x, -128, 127);
}

#endif

EDGEQ_CODE static inline int8_t edgeq_dsp_code_gemmlowp(int32_t sum, const edgeq_dsp_factors *f)
{
    return edgeq_dsp_saturated((edgeq_dsp_scaled_gemmlowp(sum, f->multiplier) + f->addend) >> f->shift);
}

EDGEQ_CODE static inline int8_t edgeq_dsp_code_half_up(int32_t sum, const edgeq_dsp_factors *f)
{
    return edgeq_dsp_saturated((edgeq_dsp_scaled_half_up(sum, f->multiplier) + f->addend) >> f->shift);
}

EDGEQ_CODE static inline int8_t edgeq_dsp_code_single(int32_t sum, const edgeq_dsp_factors *f)
{
    return edgeq_dsp_saturated((edgeq_dsp_scaled_single(sum, f->multiplier) + f->addend) >> f->shift);
}

/* ---- Codes of two rows -------------------------------------------------------------------- */

/* Four channels of two rows of an image, channel by channel `plane` words apart, into every second
 * word of two buffers: a code of row a, and above it the one of row b. They are the lower two rows
 * of the outputs computed now, and the upper two of the next. step: bytes from a column to the next,
 * 0 outside the image. */
EDGEQ_CODE static inline void edgeq_pair_rows(int32_t *to, int32_t *next, int32_t plane, const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b, int32_t columns)
{
    for (int32_t x = 0; x < columns; ++x) {
        const int32_t word_a = edgeq_load_word(a);
        const int32_t word_b = edgeq_load_word(b);
        const int32_t even_a = edgeq_even_bytes(word_a);
        const int32_t even_b = edgeq_even_bytes(word_b);
        const int32_t odd_a = edgeq_odd_bytes(word_a);
        const int32_t odd_b = edgeq_odd_bytes(word_b);
        const int32_t c0 = edgeq_join_low(even_a, even_b);
        const int32_t c1 = edgeq_join_low(odd_a, odd_b);
        const int32_t c2 = edgeq_join_high(even_a, even_b);
        const int32_t c3 = edgeq_join_high(odd_a, odd_b);

        to[0] = c0;
        to[plane] = c1;
        to[2 * plane] = c2;
        to[3 * plane] = c3;
        next[0] = c0;
        next[plane] = c1;
        next[2 * plane] = c2;
        next[3 * plane] = c3;
        to += 2;
        next += 2;
        a += step_a;
        b += step_b;
    }
}

/* The weights of one channel in pairs: for each column rows 0 and 1, then rows 1 and 2. */
EDGEQ_CODE static inline void edgeq_pair_weights(int32_t *pairs, const int8_t *w, int32_t zero)
{
    for (int32_t x = 0; x < 3; ++x) {
        pairs[2 * x] = edgeq_join_low(w[x] - zero, w[3 + x] - zero);
        pairs[2 * x + 1] = edgeq_join_low(w[3 + x] - zero, w[6 + x] - zero);
    }
}

/* ---- Two rows and two columns of outputs at a time, stride 1 ------------------------------ */

/* Blocks of 2x2 outputs of `channels` channels that lie side by side.
 *
 * p: for each column a word of the upper two rows and one of the lower two; plane: bytes to the next
 * channel. weights: six words for each channel. factors: bias, multiplier, addend, shift of each.
 * y: the first output; row and column: bytes to the next, 0 where there is none: what lies outside
 * is written first, to the place of what lies inside. */
typedef struct {
    const int32_t *p;
    const int32_t *weights;
    const int32_t *factors;
    int8_t *y;
    int32_t plane;
    int32_t row;
    int32_t column;
    int32_t blocks;
    int32_t channels;
} edgeq_dsp_blocks;

#if EDGEQ_DSP_ASSEMBLER

/* Words r10 and r11 of a column times a column of the weights, into an upper and a lower sum that
 * begin with another, or with the bias in lr. */
#define EDGEQ_DSP_COLUMN(wa, wb, upper, from_upper, lower, from_lower) \
    "smlad " upper ", r10, " wa ", " from_upper "\n\t"                 \
    "smlatb " lower ", r10, " wa ", " from_lower "\n\t"                \
    "smlabt " upper ", r11, " wb ", " upper "\n\t"                     \
    "smlad " lower ", r11, " wb ", " lower "\n\t"

#define EDGEQ_DSP_UPWARDS(sum) "smmlar " sum ", " sum ", r0, " sum "\n\t"
#define EDGEQ_DSP_ONCE(sum) "smmla " sum ", " sum ", r0, " sum "\n\t"
#define EDGEQ_DSP_TWICE(sum)                 \
    "add r10, " sum ", " sum ", asr #31\n\t" \
    "smmlar " sum ", " sum ", r0, r10\n\t"
#define EDGEQ_DSP_FINISH(SCALE, sum) \
    SCALE(sum)                       \
    "add " sum ", " sum ", r1\n\t"   \
    "asr " sum ", " sum ", r2\n\t"   \
    "ssat " sum ", #8, " sum "\n\t"

/* Sums are in r6 to r9, upper row first; weights in r0 to r5; r12 reads the columns. On the stack:
 * blocks (the record), columns of this channel, weights, factors, y of the block, of the channel,
 * blocks left, channels left. */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_DSP_BLOCKS(name, SCALE)                                                                                                                                                 \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(edgeq_dsp_blocks *blocks __attribute__((unused)))                                                            \
    {                                                                                                                                                                                 \
        __asm__(                                                                                                                                                                      \
            "push {r4-r11, lr}\n\t"                                                                                                                                                   \
            "sub sp, #32\n\t"                                                                                                                                                         \
            "ldm r0, {r1, r2, r3, r4}\n\t" /* p, weights, factors, y */                                                                                                               \
            "strd r0, r1, [sp]\n\t"                                                                                                                                                   \
            "strd r2, r3, [sp, #8]\n\t"                                                                                                                                               \
            "ldr r5, [r0, #32]\n\t"                                                                                                                                                   \
            "str r4, [sp, #20]\n\t"                                                                                                                                                   \
            "str r5, [sp, #28]\n"                                                                                                                                                     \
            "0:\n\t" /* a channel */                                                                                                                                                  \
            "ldr r10, [sp]\n\t"                                                                                                                                                       \
            "ldrd r12, r11, [sp, #4]\n\t"                                                                                                                                             \
            "ldr r9, [sp, #12]\n\t"                                                                                                                                                   \
            "ldr r8, [sp, #20]\n\t"                                                                                                                                                   \
            "ldr r7, [r10, #28]\n\t"                                                                                                                                                  \
            "ldr lr, [r9]\n\t"                                                                                                                                                        \
            "str r8, [sp, #16]\n\t"                                                                                                                                                   \
            "str r7, [sp, #24]\n\t"                                                                                                                                                   \
            "ldm r11, {r0-r5}\n"                                                                                                                                                      \
            "1:\n\t" /* a block */                                                                                                                                                    \
            "ldrd r10, r11, [r12], #16\n\t" EDGEQ_DSP_COLUMN("r0", "r1", "r6", "lr", "r8", "lr") "ldrd r10, r11, [r12, #-8]\n\t" EDGEQ_DSP_COLUMN("r2", "r3", "r6", "r6", "r8", "r8") \
            EDGEQ_DSP_COLUMN("r0", "r1", "r7", "lr", "r9", "lr") "ldrd r10, r11, [r12]\n\t" EDGEQ_DSP_COLUMN("r4", "r5", "r6", "r6", "r8", "r8")                                      \
            EDGEQ_DSP_COLUMN("r2", "r3", "r7", "r7", "r9", "r9") "ldrd r10, r11, [r12, #8]\n\t" EDGEQ_DSP_COLUMN("r4", "r5", "r7", "r7", "r9", "r9") "ldr r11, [sp, #12]\n\t"         \
            "ldrd r0, r1, [r11, #4]\n\t"                                                                                                                                              \
            "ldr r2, [r11, #12]\n\t" EDGEQ_DSP_FINISH(SCALE, "r6") EDGEQ_DSP_FINISH(SCALE, "r7")                                                                                      \
            EDGEQ_DSP_FINISH(SCALE, "r8") EDGEQ_DSP_FINISH(SCALE, "r9") "ldr r0, [sp]\n\t"                                                                                            \
            "ldr r11, [sp, #16]\n\t"                                                                                                                                                  \
            "ldrd r1, r2, [r0, #20]\n\t" /* row, column */                                                                                                                            \
            "add r10, r1, r2\n\t"                                                                                                                                                     \
            "strb r9, [r11, r10]\n\t"                                                                                                                                                 \
            "strb r8, [r11, r1]\n\t"                                                                                                                                                  \
            "strb r7, [r11, r2]\n\t"                                                                                                                                                  \
            "strb r6, [r11]\n\t"                                                                                                                                                      \
            "add r11, r11, r2, lsl #1\n\t"                                                                                                                                            \
            "ldr r10, [sp, #8]\n\t"                                                                                                                                                   \
            "str r11, [sp, #16]\n\t"                                                                                                                                                  \
            "ldr r11, [sp, #24]\n\t"                                                                                                                                                  \
            "ldm r10, {r0-r2}\n\t"                                                                                                                                                    \
            "subs r11, r11, #1\n\t"                                                                                                                                                   \
            "str r11, [sp, #24]\n\t"                                                                                                                                                  \
            "bne 1b\n\t"                                                                                                                                                              \
            "ldr r0, [sp]\n\t"                                                                                                                                                        \
            "ldrd r1, r2, [sp, #4]\n\t"                                                                                                                                               \
            "ldr r6, [r0, #16]\n\t" /* plane */                                                                                                                                       \
            "ldr r3, [sp, #12]\n\t"                                                                                                                                                   \
            "ldr r4, [sp, #20]\n\t"                                                                                                                                                   \
            "ldr r5, [sp, #28]\n\t"                                                                                                                                                   \
            "add r1, r1, r6\n\t"                                                                                                                                                      \
            "add r2, r2, #24\n\t"                                                                                                                                                     \
            "add r3, r3, #16\n\t"                                                                                                                                                     \
            "add r4, r4, #1\n\t"                                                                                                                                                      \
            "strd r1, r2, [sp, #4]\n\t"                                                                                                                                               \
            "str r3, [sp, #12]\n\t"                                                                                                                                                   \
            "str r4, [sp, #20]\n\t"                                                                                                                                                   \
            "subs r5, r5, #1\n\t"                                                                                                                                                     \
            "str r5, [sp, #28]\n\t"                                                                                                                                                   \
            "bne 0b\n\t"                                                                                                                                                              \
            "add sp, #32\n\t"                                                                                                                                                         \
            "pop {r4-r11, pc}\n");                                                                                                                                                    \
    }
/* clang-format on */

#else

EDGEQ_CODE static inline int32_t edgeq_dsp_window(const int32_t *p, const int32_t *w, int32_t bias, int32_t is_lower)
{
    int32_t sum = bias;

    for (int32_t x = 0; x < 3; ++x) {
        const int32_t upper = p[2 * x];
        const int32_t lower = p[2 * x + 1];

        if (is_lower) {
            sum = edgeq_add_low_high(sum, w[2 * x], upper);
            sum = edgeq_add_pair_products(sum, lower, w[2 * x + 1]);
        } else {
            sum = edgeq_add_pair_products(sum, upper, w[2 * x]);
            sum = edgeq_add_low_high(sum, lower, w[2 * x + 1]);
        }
    }
    return sum;
}

#define EDGEQ_DSP_UPWARDS edgeq_dsp_scaled_half_up
#define EDGEQ_DSP_ONCE edgeq_dsp_scaled_single
#define EDGEQ_DSP_TWICE edgeq_dsp_scaled_gemmlowp

#define EDGEQ_DSP_BLOCKS(name, SCALE)                                                                      \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_dsp_blocks *b)                         \
    {                                                                                                      \
        for (int32_t c = 0; c < b->channels; ++c) {                                                        \
            const int32_t *const columns = b->p + c * (b->plane / 4);                                      \
            const int32_t *const f = b->factors + 4 * c;                                                   \
                                                                                                           \
            for (int32_t i = 4 * b->blocks - 1; i >= 0; --i) {                                             \
                const int32_t x = i / 4 * 2 + i % 2;                                                       \
                const int32_t is_lower = i / 2 % 2;                                                        \
                const int32_t sum = edgeq_dsp_window(columns + 2 * x, b->weights + 6 * c, f[0], is_lower); \
                const int32_t scaled = (SCALE(sum, f[1]) + f[2]) >> f[3];                                  \
                                                                                                           \
                b->y[c + is_lower * b->row + x * b->column] = edgeq_dsp_saturated(scaled);                 \
            }                                                                                              \
        }                                                                                                  \
    }

#endif

EDGEQ_DSP_BLOCKS(edgeq_dsp_blocks_gemmlowp, EDGEQ_DSP_TWICE)
EDGEQ_DSP_BLOCKS(edgeq_dsp_blocks_half_up, EDGEQ_DSP_UPWARDS)
EDGEQ_DSP_BLOCKS(edgeq_dsp_blocks_single, EDGEQ_DSP_ONCE)

#endif
