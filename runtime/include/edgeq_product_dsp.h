/* Products of windows and weights on Cortex-M processors with the DSP extension: two 16-bit products
 * an instruction. The bits are those of edgeq_fixed_point.h; for other processors, and wherever
 * EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_PRODUCT_DSP_H
#define EDGEQ_PRODUCT_DSP_H

#include <stdint.h>
#include <string.h>

#include "edgeq_fixed_point.h"

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(EDGEQ_NO_ASSEMBLER)
#define EDGEQ_DSP_ASSEMBLER 1
#else
#define EDGEQ_DSP_ASSEMBLER 0
#endif

/* Four windows and the outputs of a run of channels.
 *
 * x to end: the codes of four windows, in pairs, as words: for each four codes k to k + 3 of a
 * window the pairs (k, k + 2) of all four windows, then the pairs (k + 1, k + 3).
 * stream, for each two channels: two biases; for each four codes the weights (k, of both channels;
 * k + 2, of both), then (k + 1; k + 3); then for each channel its multiplier, addend and shift.
 * corrections: what is added to every sum of a window.
 * y: the first of the channels in the first window; step: bytes to the next window. */
typedef struct {
    const int32_t *x;
    const int32_t *end;
    const int32_t *stream;
    int8_t *y;
    int32_t step;
    int32_t pairs;
    int32_t corrections[4];
} edgeq_dsp_tile;

/* ---- Codes of four windows in pairs ------------------------------------------------------ */

EDGEQ_CODE static inline int32_t edgeq_load_word(const int8_t *p)
{
    int32_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

/* Bytes 0 and 2 of a word as 16-bit numbers. */
EDGEQ_CODE static inline int32_t edgeq_even_bytes(int32_t word)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t pair;

    __asm__("sxtb16 %0, %1"
            : "=r"(pair)
            : "r"(word));
    return pair;
#else
    const uint32_t low = (uint32_t)(int8_t)(uint8_t)(uint32_t)word & 0xffffu;
    const uint32_t high = (uint32_t)(int8_t)(uint8_t)((uint32_t)word >> 16) & 0xffffu;

    return (int32_t)(low | high << 16);
#endif
}

/* Bytes 1 and 3 of a word as 16-bit numbers. */
EDGEQ_CODE static inline int32_t edgeq_odd_bytes(int32_t word)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t pair;

    __asm__("sxtb16 %0, %1, ror #8"
            : "=r"(pair)
            : "r"(word));
    return pair;
#else
    return edgeq_even_bytes((int32_t)((uint32_t)word >> 8));
#endif
}

/* Write the pairs of `count` codes of four windows, a multiple of four; return what follows them. */
EDGEQ_CODE static inline int32_t *edgeq_pair_codes(int32_t *to, const int8_t *a, const int8_t *b, const int8_t *c, const int8_t *d, int32_t count)
{
    for (int32_t k = 0; k < count; k += 4) {
        const int32_t wa = edgeq_load_word(a + k);
        const int32_t wb = edgeq_load_word(b + k);
        const int32_t wc = edgeq_load_word(c + k);
        const int32_t wd = edgeq_load_word(d + k);

        to[0] = edgeq_even_bytes(wa);
        to[1] = edgeq_even_bytes(wb);
        to[2] = edgeq_even_bytes(wc);
        to[3] = edgeq_even_bytes(wd);
        to[4] = edgeq_odd_bytes(wa);
        to[5] = edgeq_odd_bytes(wb);
        to[6] = edgeq_odd_bytes(wc);
        to[7] = edgeq_odd_bytes(wd);
        to += 8;
    }
    return to;
}

EDGEQ_CODE static inline int32_t edgeq_low_half(int32_t pair)
{
    return (int16_t)(uint16_t)(uint32_t)pair;
}

EDGEQ_CODE static inline int32_t edgeq_high_half(int32_t pair)
{
    return (int16_t)(uint16_t)((uint32_t)pair >> 16);
}

/* sum + a.low * b.low + a.high * b.high */
EDGEQ_CODE static inline int32_t edgeq_add_pair_products(int32_t sum, int32_t a, int32_t b)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t total;

    __asm__("smlad %0, %1, %2, %3"
            : "=r"(total)
            : "r"(a), "r"(b), "r"(sum));
    return total;
#else
    return sum + edgeq_low_half(a) * edgeq_low_half(b) + edgeq_high_half(a) * edgeq_high_half(b);
#endif
}

/* corrections[i] = factor * the sum of the codes of window i */
EDGEQ_CODE static inline void edgeq_correct_sums(edgeq_dsp_tile *tile, int32_t factor)
{
    int32_t sums[4] = {0, 0, 0, 0};

    for (const int32_t *x = tile->x; x < tile->end; x += 4) {
        for (int32_t i = 0; i < 4; ++i) {
            sums[i] = edgeq_add_pair_products(sums[i], x[i], 0x00010001);
        }
    }
    for (int32_t i = 0; i < 4; ++i) {
        tile->corrections[i] = factor * sums[i];
    }
}

/* ---- Four windows times two channels at a time ------------------------------------------- */

#if EDGEQ_DSP_ASSEMBLER

/* Two pairs of each window times two weights of each channel. Sums are in r0 to r7, window after
 * window; r12 reads the stream, lr the windows. */
#define EDGEQ_DSP_QUAD            \
    "ldr r8, [r12], #4\n\t"       \
    "ldrd r10, r11, [lr], #8\n\t" \
    "sxtb16 r9, r8, ror #8\n\t"   \
    "sxtb16 r8, r8\n\t"           \
    "smlad r0, r10, r8, r0\n\t"   \
    "smlad r1, r10, r9, r1\n\t"   \
    "smlad r2, r11, r8, r2\n\t"   \
    "smlad r3, r11, r9, r3\n\t"   \
    "ldrd r10, r11, [lr], #8\n\t" \
    "smlad r4, r10, r8, r4\n\t"   \
    "smlad r5, r10, r9, r5\n\t"   \
    "smlad r6, r11, r8, r6\n\t"   \
    "smlad r7, r11, r9, r7\n\t"
#define EDGEQ_DSP_FOUR_CODES EDGEQ_DSP_QUAD EDGEQ_DSP_QUAD

/* The most significant word of sum * multiplier, which is 2 * m - 2^32: 2 * sum * m / 2^32 after
 * sum itself is added. Each rounding has its addend and its form of the multiply. */
#define EDGEQ_DSP_AWAY(sum)                  \
    "add r11, " sum ", " sum ", asr #31\n\t" \
    "smmlar " sum ", " sum ", r8, r11\n\t"
#define EDGEQ_DSP_UP(sum) "smmlar " sum ", " sum ", r8, " sum "\n\t"
#define EDGEQ_DSP_SINGLE(sum) "smmla " sum ", " sum ", r8, " sum "\n\t"
#define EDGEQ_DSP_CODE(SCALE, sum)  \
    SCALE(sum)                      \
    "add " sum ", " sum ", r9\n\t"  \
    "asr " sum ", " sum ", r10\n\t" \
    "ssat " sum ", #8, " sum "\n\t"

/* On the stack: tile, end, y, pairs left, whether an odd count of four codes begins in the middle. */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_DSP_FUNCTION(name, SCALE)                                                                                                                   \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(edgeq_dsp_tile *tile __attribute__((unused)))                                    \
    {                                                                                                                                                     \
        __asm__(                                                                                                                                          \
            "push {r4-r11, lr}\n\t"                                                                                                                       \
            "sub sp, #20\n\t"                                                                                                                             \
            "ldm r0, {r1, r2, r12}\n\t" /* x, end, stream */                                                                                              \
            "str r0, [sp]\n\t"                                                                                                                            \
            "str r2, [sp, #4]\n\t"                                                                                                                        \
            "ldr r3, [r0, #12]\n\t" /* y */                                                                                                               \
            "str r3, [sp, #8]\n\t"                                                                                                                        \
            "ldr r3, [r0, #20]\n\t" /* pairs */                                                                                                           \
            "str r3, [sp, #12]\n\t"                                                                                                                       \
            "subs r2, r2, r1\n\t"                                                                                                                         \
            "and r2, r2, #32\n\t"                                                                                                                         \
            "str r2, [sp, #16]\n"                                                                                                                         \
            "0:\n\t"                                                                                                                                      \
            "ldr r8, [sp]\n\t"                                                                                                                            \
            "ldr lr, [r8]\n\t"                                                                                                                            \
            "add r8, r8, #24\n\t" /* corrections */                                                                                                       \
            "ldm r8, {r0, r2, r4, r6}\n\t"                                                                                                                \
            "ldrd r8, r9, [r12], #8\n\t"                                                                                                                  \
            "ldr r10, [sp, #16]\n\t"                                                                                                                      \
            "add r1, r0, r9\n\t"                                                                                                                          \
            "add r0, r0, r8\n\t"                                                                                                                          \
            "add r3, r2, r9\n\t"                                                                                                                          \
            "add r2, r2, r8\n\t"                                                                                                                          \
            "add r5, r4, r9\n\t"                                                                                                                          \
            "add r4, r4, r8\n\t"                                                                                                                          \
            "add r7, r6, r9\n\t"                                                                                                                          \
            "add r6, r6, r8\n\t"                                                                                                                          \
            "cmp r10, #0\n\t"                                                                                                                             \
            "bne 2f\n"                                                                                                                                    \
            "1:\n\t" EDGEQ_DSP_FOUR_CODES                                                                                                                 \
            "2:\n\t" EDGEQ_DSP_FOUR_CODES                                                                                                                 \
            "ldr r8, [sp, #4]\n\t"                                                                                                                        \
            "cmp lr, r8\n\t"                                                                                                                              \
            "bne 1b\n\t"                                                                                                                                  \
            "ldm r12!, {r8, r9, r10}\n\t" EDGEQ_DSP_CODE(SCALE, "r0") EDGEQ_DSP_CODE(SCALE, "r2")                                                         \
            EDGEQ_DSP_CODE(SCALE, "r4") EDGEQ_DSP_CODE(SCALE, "r6") "ldm r12!, {r8, r9, r10}\n\t" EDGEQ_DSP_CODE(SCALE, "r1") EDGEQ_DSP_CODE(SCALE, "r3") \
            EDGEQ_DSP_CODE(SCALE, "r5") EDGEQ_DSP_CODE(SCALE, "r7") "ldr r9, [sp]\n\t"                                                                    \
            "ldr r8, [sp, #8]\n\t"                                                                                                                        \
            "ldr r9, [r9, #16]\n\t" /* step */                                                                                                            \
            "add r10, r8, #2\n\t"                                                                                                                         \
            "str r10, [sp, #8]\n\t"                                                                                                                       \
            "ldr r11, [sp, #12]\n\t"                                                                                                                      \
            "strb r0, [r8]\n\t"                                                                                                                           \
            "strb r1, [r8, #1]\n\t"                                                                                                                       \
            "add r8, r8, r9\n\t"                                                                                                                          \
            "strb r2, [r8]\n\t"                                                                                                                           \
            "strb r3, [r8, #1]\n\t"                                                                                                                       \
            "add r8, r8, r9\n\t"                                                                                                                          \
            "strb r4, [r8]\n\t"                                                                                                                           \
            "strb r5, [r8, #1]\n\t"                                                                                                                       \
            "add r8, r8, r9\n\t"                                                                                                                          \
            "strb r6, [r8]\n\t"                                                                                                                           \
            "strb r7, [r8, #1]\n\t"                                                                                                                       \
            "subs r11, r11, #1\n\t"                                                                                                                       \
            "str r11, [sp, #12]\n\t"                                                                                                                      \
            "bne 0b\n\t"                                                                                                                                  \
            "add sp, #20\n\t"                                                                                                                             \
            "pop {r4-r11, pc}\n");                                                                                                                        \
    }
/* clang-format on */

#else

EDGEQ_CODE static inline int32_t edgeq_dsp_away(int32_t sum, int32_t multiplier)
{
    return edgeq_mulhi_positive_s32(sum, multiplier) - (sum < 0);
}

EDGEQ_CODE static inline int32_t edgeq_dsp_up(int32_t sum, int32_t multiplier)
{
    return edgeq_mulhi_positive_s32(sum, multiplier);
}

EDGEQ_CODE static inline int32_t edgeq_dsp_single(int32_t sum, int32_t multiplier)
{
    return edgeq_product_bits_s32(sum, multiplier, 0, 31);
}

#define EDGEQ_DSP_AWAY edgeq_dsp_away
#define EDGEQ_DSP_UP edgeq_dsp_up
#define EDGEQ_DSP_SINGLE edgeq_dsp_single

/* The multiplier from the form that the assembler reads: 2 * m - 2^32. */
EDGEQ_CODE static inline int32_t edgeq_dsp_multiplier(int32_t doubled)
{
    return (int32_t)((uint32_t)doubled >> 1);
}

EDGEQ_CODE static inline int32_t edgeq_dsp_sum(const edgeq_dsp_tile *tile, int32_t window, int32_t channel, const int32_t *weights)
{
    int32_t sum = tile->corrections[window];

    for (const int32_t *x = tile->x + window; x < tile->end; x += 4) {
        const int32_t w = channel == 0 ? edgeq_even_bytes(*weights) : edgeq_odd_bytes(*weights);

        sum = edgeq_add_pair_products(sum, *x, w);
        ++weights;
    }
    return sum;
}

#define EDGEQ_DSP_FUNCTION(name, SCALE)                                                              \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_dsp_tile *tile)                  \
    {                                                                                                \
        const int32_t *stream = tile->stream;                                                        \
                                                                                                     \
        for (int32_t pair = 0; pair < tile->pairs; ++pair) {                                         \
            const int32_t *const weights = stream + 2;                                               \
            const int32_t *const factors = weights + (tile->end - tile->x) / 4;                      \
                                                                                                     \
            for (int32_t channel = 0; channel < 2; ++channel) {                                      \
                const int32_t *const f = factors + 3 * channel;                                      \
                                                                                                     \
                for (int32_t window = 0; window < 4; ++window) {                                     \
                    const int32_t sum = edgeq_dsp_sum(tile, window, channel, weights);               \
                    const int32_t scaled = SCALE(sum + stream[channel], edgeq_dsp_multiplier(f[0])); \
                    const int32_t code = edgeq_clamp_s32((scaled + f[1]) >> f[2], -128, 127);        \
                                                                                                     \
                    tile->y[window * tile->step + 2 * pair + channel] = (int8_t)code;                \
                }                                                                                    \
            }                                                                                        \
            stream = factors + 6;                                                                    \
        }                                                                                            \
    }

#endif

EDGEQ_DSP_FUNCTION(edgeq_dsp_tile_gemmlowp, EDGEQ_DSP_AWAY)
EDGEQ_DSP_FUNCTION(edgeq_dsp_tile_half_up, EDGEQ_DSP_UP)
EDGEQ_DSP_FUNCTION(edgeq_dsp_tile_single, EDGEQ_DSP_SINGLE)

#endif
