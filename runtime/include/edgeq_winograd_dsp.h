/* Convolution with 3x3 windows one pixel apart, two pixels of a row at a time, on Cortex-M
 * processors with the DSP extension: Winograd's F(2, 3), exact in integers.
 *
 * With weights g0 to g2 and codes d0 to d3 of a row,
 *     m0 = (d0 - d2) * 2 g0               m1 = (d1 + d2) * (g0 + g1 + g2)
 *     m3 = (d1 - d3) * -2 g2              m2 = (d2 - d1) * (g0 - g1 + g2)
 *     m1 + m2 + m0 = 2 (g0 d0 + g1 d1 + g2 d2)
 *     m1 - m2 + m3 = 2 (g0 d1 + g1 d2 + g2 d3)
 * so that four products do the work of six; each is summed over rows and channels first. */
#ifndef EDGEQ_WINOGRAD_DSP_H
#define EDGEQ_WINOGRAD_DSP_H

#include <stdint.h>

#include "edgeq_product_dsp.h"

/* ---- Differences of codes ------------------------------------------------------------------ */

/* a + b, in each half */
EDGEQ_CODE static inline int32_t edgeq_add_halves(int32_t a, int32_t b)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t sum;

    __asm__("sadd16 %0, %1, %2"
            : "=r"(sum)
            : "r"(a), "r"(b));
    return sum;
#else
    const uint32_t low = ((uint32_t)a + (uint32_t)b) & 0xffffu;
    const uint32_t high = ((uint32_t)a >> 16) + ((uint32_t)b >> 16);

    return (int32_t)(low | high << 16);
#endif
}

#if EDGEQ_DSP_ASSEMBLER

/* Columns in r4 to r7 to d1 + d2, d2 - d1, d0 - d2 and d1 - d3, of two codes each. */
#define EDGEQ_DSP_DIFFERENCES(turn) \
    "sxtb16 r8, r4" turn "\n\t"     \
    "sxtb16 r9, r5" turn "\n\t"     \
    "sxtb16 r10, r6" turn "\n\t"    \
    "sxtb16 r11, r7" turn "\n\t"    \
    "ssub16 r8, r8, r10\n\t"        \
    "ssub16 r11, r9, r11\n\t"       \
    "str r8, [r0, r12, lsl #1]\n\t" \
    "str r11, [r0, lr]\n\t"         \
    "ssub16 r8, r10, r9\n\t"        \
    "sadd16 r9, r9, r10\n\t"        \
    "str r8, [r0, r12]\n\t"         \
    "str r9, [r0], #12\n\t"

/* Four codes of each column, twice: r1 reads, r0 writes. */
#define EDGEQ_DSP_COLUMNS          \
    ".rept 2\n\t"                  \
    "ldr r5, [r1, r2]\n\t"         \
    "ldr r6, [r1, r2, lsl #1]\n\t" \
    "ldr r7, [r1, r3]\n\t"         \
    "ldr r4, [r1], #4\n\t" EDGEQ_DSP_DIFFERENCES("") EDGEQ_DSP_DIFFERENCES(", ror #8") ".endr\n\t"

/* On the stack: the end of a row, rows left, windows left, the windows, x. */
EDGEQ_CODE __attribute__((naked, noinline, unused)) static void edgeq_winograd_windows(int32_t *x __attribute__((unused)), const edgeq_dsp_windows *windows __attribute__((unused)), int32_t channels __attribute__((unused)))
{
    __asm__(
        "push {r4-r11, lr}\n\t"
        "sub sp, #20\n\t"
        "mov r3, #3\n\t"
        "strd r3, r1, [sp, #8]\n\t"
        "str r0, [sp, #16]\n\t"
        "add r12, r2, r2, lsl #3\n\t"
        "lsl r12, r12, #1\n\t" /* bytes of one of the four: 18 channels */
        "add lr, r12, r12, lsl #1\n\t"
        "add r3, r2, r2, lsl #1\n"
        "0:\n\t"
        "ldr r4, [sp, #12]\n\t"
        "ldr r1, [r4], #4\n\t"
        "str r4, [sp, #12]\n\t"
        "mov r4, #3\n\t"
        "str r4, [sp, #4]\n"
        "1:\n\t"
        "add r4, r1, r2\n\t"
        "str r4, [sp]\n"
        "2:\n\t" EDGEQ_DSP_COLUMNS
        "ldr r8, [sp]\n\t"
        "cmp r1, r8\n\t"
        "bne 2b\n\t"
        "ldrd r4, r5, [sp, #4]\n\t" /* rows, windows */
        "ldr r6, [sp, #12]\n\t"
        "ldr r7, [r6, #8]\n\t" /* skip */
        "add r1, r1, r3\n\t"
        "add r1, r1, r7\n\t"
        "subs r4, r4, #1\n\t"
        "str r4, [sp, #4]\n\t"
        "bne 1b\n\t"
        "ldr r0, [sp, #16]\n\t"
        "add r0, r0, #4\n\t"
        "str r0, [sp, #16]\n\t"
        "subs r5, r5, #1\n\t"
        "str r5, [sp, #8]\n\t"
        "bne 0b\n\t"
        "add sp, #20\n\t"
        "pop {r4-r11, pc}\n");
}

#else

/* Write, for three rows of four pixels of three windows, d1 + d2, d2 - d1, d0 - d2 and d1 - d3: of
 * each all codes in pairs, the windows side by side. */
EDGEQ_CODE __attribute__((unused)) static void edgeq_winograd_windows(int32_t *x, const edgeq_dsp_windows *windows, int32_t channels)
{
    const int32_t next = channels * 9 / 2;

    for (int32_t i = 0; i < 3; ++i) {
        const int8_t *from = windows->at[i];
        int32_t *to = x + i;

        for (int32_t row = 0; row < 3; ++row) {
            for (int32_t c = 0; c < channels; c += 4) {
                for (int32_t odd = 0; odd < 2; ++odd) {
                    int32_t d[4];

                    for (int32_t column = 0; column < 4; ++column) {
                        const int32_t word = edgeq_load_word(from + column * channels + c);

                        d[column] = odd ? edgeq_odd_bytes(word) : edgeq_even_bytes(word);
                    }
                    to[0] = edgeq_add_halves(d[1], d[2]);
                    to[next] = edgeq_subtract_halves(d[2], d[1]);
                    to[2 * next] = edgeq_subtract_halves(d[0], d[2]);
                    to[3 * next] = edgeq_subtract_halves(d[1], d[3]);
                    to += 3;
                }
            }
            from += 4 * channels + windows->skip[i];
        }
    }
}

#endif

/* ---- Three windows times two channels at a time -------------------------------------------- */

/* x: what edgeq_winograd_windows wrote.
 * y: the first of the channels in the first pixel, stop: the end of the channels there; step: bytes
 * from a window to the next, second: to the second pixel of the same.
 * rounds: 12 codes each, of the codes of three rows.
 * stream, for each two channels: two biases; for m1, m2, m0, m3 the pairs of 16-bit weights of both
 * channels in turn; after those of m0 and those of m3 for each channel its multiplier m, addend and
 * shift. */
typedef struct {
    const int32_t *x;
    const int8_t *stop;
    int32_t step;
    int32_t second;
    int32_t rounds;
    int8_t *y;
    const int32_t *stream;
} edgeq_dsp_winograd;

#if EDGEQ_DSP_ASSEMBLER

/* Sums are in r0 to r5, window after window; r12 reads the stream, lr x. */
#define EDGEQ_WINOGRAD_SUMS(label) \
    "ldr r11, [sp, #16]\n" label   \
    ":\n\t"                        \
    ".rept 6\n\t"                  \
    "ldrd r6, r7, [r12], #8\n\t"   \
    "ldm lr!, {r8, r9, r10}\n\t"   \
    "smlad r0, r8, r6, r0\n\t"     \
    "smlad r1, r8, r7, r1\n\t"     \
    "smlad r2, r9, r6, r2\n\t"     \
    "smlad r3, r9, r7, r3\n\t"     \
    "smlad r4, r10, r6, r4\n\t"    \
    "smlad r5, r10, r7, r5\n\t"    \
    ".endr\n\t"                    \
    "subs r11, r11, #1\n\t"        \
    "bne " label "b\n\t"

/* r7 to r9 are sums of m1, a to c of m2: m1 - m2 and m1 + m2. */
#define EDGEQ_WINOGRAD_BOTH(a, b, c)   \
    "ldm r6, {r7, r8, r9}\n\t"         \
    "sub r7, r7, " a "\n\t"            \
    "sub r8, r8, " b "\n\t"            \
    "sub r9, r9, " c "\n\t"            \
    "stm r6!, {r7, r8, r9}\n\t"        \
    "add " a ", r7, " a ", lsl #1\n\t" \
    "add " b ", r8, " b ", lsl #1\n\t" \
    "add " c ", r9, " c ", lsl #1\n\t"

/* Twice a sum times m / 2^32, rounded, plus the addend. */
#define EDGEQ_WINOGRAD_AWAY(sum)       \
    "add r9, r7, " sum ", asr #31\n\t" \
    "smmlar " sum ", " sum ", r6, r9\n\t"
#define EDGEQ_WINOGRAD_UP(sum) "smmlar " sum ", " sum ", r6, r7\n\t"
#define EDGEQ_WINOGRAD_SINGLE(sum) "smmla " sum ", " sum ", r6, r7\n\t"
#define EDGEQ_WINOGRAD_CODES(SCALE) EDGEQ_DSP_CODES(SCALE, "r0", "r2", "r4") EDGEQ_DSP_CODES(SCALE, "r1", "r3", "r5")

/* To the pixel at r8, r6 bytes apart. */
#define EDGEQ_WINOGRAD_STORE        \
    "strb r2, [r8, r6]\n\t"         \
    "strb r4, [r8, r6, lsl #1]\n\t" \
    "strb r0, [r8], #1\n\t"         \
    "strb r3, [r8, r6]\n\t"         \
    "strb r5, [r8, r6, lsl #1]\n\t" \
    "strb r1, [r8]\n\t"

/* On the stack: x, stop, step, second, rounds, y, six sums. */
#define EDGEQ_WINOGRAD_ENTER     \
    "push {r4-r11, lr}\n\t"      \
    "sub sp, #48\n\t"            \
    "ldm r0, {r1-r6, r12}\n\t"   \
    "stm sp, {r1-r6}\n"          \
    "0:\n\t"                     \
    "ldr lr, [sp]\n\t"           \
    "ldrd r0, r1, [r12], #8\n\t" \
    "mov r2, r0\n\t"             \
    "mov r3, r1\n\t"             \
    "mov r4, r0\n\t"             \
    "mov r5, r1\n\t"
#define EDGEQ_WINOGRAD_KEEP \
    "add r6, sp, #24\n\t"   \
    "stm r6, {r0-r5}\n\t"   \
    "mov r0, #0\n\t"        \
    "mov r1, #0\n\t"        \
    "mov r2, #0\n\t"        \
    "mov r3, #0\n\t"        \
    "mov r4, #0\n\t"        \
    "mov r5, #0\n\t"
#define EDGEQ_WINOGRAD_ADD "add r6, sp, #24\n\t" EDGEQ_WINOGRAD_BOTH("r0", "r1", "r2") EDGEQ_WINOGRAD_BOTH("r3", "r4", "r5")
#define EDGEQ_WINOGRAD_FIRST "ldr r6, [sp, #8]\n\tldr r8, [sp, #20]\n\t" EDGEQ_WINOGRAD_STORE "add r6, sp, #24\n\tldm r6, {r0-r5}\n\t"
#define EDGEQ_WINOGRAD_SECOND   \
    "ldrd r6, r7, [sp, #8]\n\t" \
    "ldr r9, [sp, #20]\n\t"     \
    "add r8, r9, r7\n\t"        \
    "add r9, r9, #2\n\t"        \
    "str r9, [sp, #20]\n\t" EDGEQ_WINOGRAD_STORE
#define EDGEQ_WINOGRAD_LEAVE \
    "ldr r7, [sp, #4]\n\t"   \
    "cmp r9, r7\n\t"         \
    "bne 0b\n\t"             \
    "add sp, #48\n\t"        \
    "pop {r4-r11, pc}\n"

#define EDGEQ_WINOGRAD_FUNCTION(name, SCALE)                                                                                                       \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(const edgeq_dsp_winograd *tile __attribute__((unused)))                   \
    {                                                                                                                                              \
        __asm__(EDGEQ_WINOGRAD_ENTER EDGEQ_WINOGRAD_SUMS("1") EDGEQ_WINOGRAD_KEEP EDGEQ_WINOGRAD_SUMS("2") EDGEQ_WINOGRAD_ADD                      \
                    EDGEQ_WINOGRAD_SUMS("3") EDGEQ_WINOGRAD_CODES(SCALE) EDGEQ_WINOGRAD_FIRST EDGEQ_WINOGRAD_SUMS("4") EDGEQ_WINOGRAD_CODES(SCALE) \
                        EDGEQ_WINOGRAD_SECOND EDGEQ_WINOGRAD_LEAVE);                                                                               \
    }

EDGEQ_WINOGRAD_FUNCTION(edgeq_winograd_gemmlowp, EDGEQ_WINOGRAD_AWAY)
EDGEQ_WINOGRAD_FUNCTION(edgeq_winograd_half_up, EDGEQ_WINOGRAD_UP)
EDGEQ_WINOGRAD_FUNCTION(edgeq_winograd_single, EDGEQ_WINOGRAD_SINGLE)

#else

EDGEQ_CODE static inline int32_t edgeq_winograd_up(int32_t twice, int32_t multiplier)
{
    return edgeq_product_bits_s32(twice, multiplier, (int64_t)1 << 31, 32);
}

EDGEQ_CODE static inline int32_t edgeq_winograd_away(int32_t twice, int32_t multiplier)
{
    return edgeq_winograd_up(twice, multiplier) - (twice < 0);
}

EDGEQ_CODE static inline int32_t edgeq_winograd_once(int32_t twice, int32_t multiplier)
{
    return edgeq_product_bits_s32(twice, multiplier, 0, 32);
}

/* The sum of one of the four products, of a window and a channel. */
EDGEQ_CODE static inline uint32_t edgeq_winograd_sum(const int32_t *x, const int32_t *weights, int32_t pairs)
{
    uint32_t sum = 0;

    for (int32_t k = 0; k < pairs; ++k) {
        sum = edgeq_dsp_add_products(sum, x[3 * k], weights[2 * k]);
    }
    return sum;
}

#define EDGEQ_WINOGRAD_FUNCTION(name, SCALE)                                                     \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_dsp_winograd *tile)          \
    {                                                                                            \
        const int32_t pairs = 6 * tile->rounds;                                                  \
        const int32_t *stream = tile->stream;                                                    \
                                                                                                 \
        for (int8_t *y = tile->y; y != tile->stop; y += 2) {                                     \
            for (int32_t i = 0; i < 6; ++i) {                                                    \
                const int32_t channel = i % 2;                                                   \
                const int32_t *const x = tile->x + i / 2;                                        \
                const int32_t *const w = stream + 2 + channel;                                   \
                const int32_t *const f = stream + 2 + 6 * pairs + 3 * channel;                   \
                const uint32_t bias = (uint32_t)stream[channel];                                 \
                const uint32_t m1 = edgeq_winograd_sum(x, w, pairs) + bias;                      \
                const uint32_t m2 = edgeq_winograd_sum(x + 3 * pairs, w + 2 * pairs, pairs);     \
                const uint32_t m0 = edgeq_winograd_sum(x + 6 * pairs, w + 4 * pairs, pairs);     \
                const uint32_t m3 = edgeq_winograd_sum(x + 9 * pairs, w + 6 * pairs + 6, pairs); \
                const int32_t first = (SCALE((int32_t)(m1 + m2 + m0), f[0]) + f[1]) >> f[2];     \
                const int32_t second = (SCALE((int32_t)(m1 - m2 + m3), f[0]) + f[1]) >> f[2];    \
                int8_t *const to = y + i / 2 * tile->step + channel;                             \
                                                                                                 \
                to[0] = (int8_t)edgeq_clamp_s32(first, -128, 127);                               \
                to[tile->second] = (int8_t)edgeq_clamp_s32(second, -128, 127);                   \
            }                                                                                    \
            stream += 2 + 8 * pairs + 12;                                                        \
        }                                                                                        \
    }

EDGEQ_WINOGRAD_FUNCTION(edgeq_winograd_gemmlowp, edgeq_winograd_away)
EDGEQ_WINOGRAD_FUNCTION(edgeq_winograd_half_up, edgeq_winograd_up)
EDGEQ_WINOGRAD_FUNCTION(edgeq_winograd_single, edgeq_winograd_once)

#endif

#endif
