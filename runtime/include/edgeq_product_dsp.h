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

/* ---- Pairs of codes ---------------------------------------------------------------------- */

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

/* a - b, in each half */
EDGEQ_CODE static inline int32_t edgeq_subtract_halves(int32_t a, int32_t b)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t difference;

    __asm__("ssub16 %0, %1, %2"
            : "=r"(difference)
            : "r"(a), "r"(b));
    return difference;
#else
    const uint32_t low = ((uint32_t)a - (uint32_t)b) & 0xffffu;
    const uint32_t high = ((uint32_t)a >> 16) - ((uint32_t)b >> 16);

    return (int32_t)(low | high << 16);
#endif
}

/* ---- Codes of three windows in pairs ------------------------------------------------------ */

/* Rows of three windows: where the first of each is, and what leads from the end of a row to the
 * next. A row is `words` times four codes and `tail` more. Tails follow all words, as 16-bit numbers
 * in twos, at `tails`. */
typedef struct {
    const int8_t *at[3];
    int32_t skip[3];
    int32_t words;
    int32_t tail;
    int32_t rows;
    int32_t *tails;
} edgeq_dsp_windows;

#if EDGEQ_DSP_ASSEMBLER

/* Four codes of each window: r1 to r3 read, r0 writes. */
#define EDGEQ_DSP_WORDS         \
    "ldr r7, [r1], #4\n\t"      \
    "ldr r8, [r2], #4\n\t"      \
    "ldr r9, [r3], #4\n\t"      \
    "sxtb16 r4, r7\n\t"         \
    "sxtb16 r5, r8\n\t"         \
    "sxtb16 r6, r9\n\t"         \
    "sxtb16 r7, r7, ror #8\n\t" \
    "sxtb16 r8, r8, ror #8\n\t" \
    "sxtb16 r9, r9, ror #8\n\t" \
    "stm r0!, {r4, r5, r6, r7, r8, r9}\n\t"

/* One code of each window, to a half of the words at r11. */
#define EDGEQ_DSP_TAIL       \
    "ldrsb r4, [r1], #1\n\t" \
    "ldrsb r5, [r2], #1\n\t" \
    "ldrsb r6, [r3], #1\n\t" \
    "strh r4, [r11]\n\t"     \
    "strh r5, [r11, #4]\n\t" \
    "strh r6, [r11, #8]\n\t" \
    "eor r11, r11, #2\n\t"   \
    "tst r11, #2\n\t"        \
    "it eq\n\t"              \
    "addeq r11, r11, #12\n\t"

/* An odd count of words begins in the middle of twice one word. */
EDGEQ_CODE __attribute__((naked, noinline, unused)) static void edgeq_pair_windows(int32_t *to __attribute__((unused)), const edgeq_dsp_windows *windows __attribute__((unused)))
{
    __asm__(
        "push {r4-r11, lr}\n\t"
        "add r12, r1, #12\n\t" /* skip, words, tail, rows, tails */
        "ldm r1, {r1, r2, r3}\n\t"
        "ldrd r10, r11, [r12, #20]\n"
        "0:\n\t"
        "ldr lr, [r12, #12]\n\t"
        "lsrs lr, lr, #1\n\t"
        "adc lr, lr, #0\n\t"
        "bcs 2f\n\t"
        "beq 3f\n"
        "1:\n\t" EDGEQ_DSP_WORDS
        "2:\n\t" EDGEQ_DSP_WORDS
        "subs lr, lr, #1\n\t"
        "bne 1b\n"
        "3:\n\t"
        "ldr lr, [r12, #16]\n\t"
        "cmp lr, #0\n\t"
        "beq 5f\n"
        "4:\n\t" EDGEQ_DSP_TAIL
        "subs lr, lr, #1\n\t"
        "bne 4b\n"
        "5:\n\t"
        "ldm r12, {r4, r5, r6}\n\t"
        "add r1, r1, r4\n\t"
        "add r2, r2, r5\n\t"
        "add r3, r3, r6\n\t"
        "subs r10, r10, #1\n\t"
        "bne 0b\n\t"
        "pop {r4-r11, pc}\n");
}

#else

/* Write the codes of three windows in pairs. */
EDGEQ_CODE __attribute__((unused)) static void edgeq_pair_windows(int32_t *to, const edgeq_dsp_windows *windows)
{
    for (int32_t i = 0; i < 3; ++i) {
        const int8_t *from = windows->at[i];
        int32_t *out = to + i;
        int32_t *tail = windows->tails + i;
        uint32_t half = 0;

        for (int32_t row = 0; row < windows->rows; ++row) {
            for (int32_t k = 0; k < windows->words; ++k) {
                const int32_t word = edgeq_load_word(from);

                out[0] = edgeq_even_bytes(word);
                out[3] = edgeq_odd_bytes(word);
                out += 6;
                from += 4;
            }
            for (int32_t k = 0; k < windows->tail; ++k) {
                const uint32_t code = (uint32_t)*from++ & 0xffffu;

                *tail = (int32_t)(((uint32_t)*tail & ~(0xffffu << half)) | code << half);
                tail += half == 16 ? 3 : 0;
                half ^= 16;
            }
            from += windows->skip[i];
        }
    }
}

#endif

/* Write minus the sums of the codes from `x` to `end`, in words of four for each 255 words. */
EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_pair_sums(int32_t *to, const int32_t *x, const int32_t *end)
{
    while (x < end) {
        const int32_t *const stop = end - x > 6 * 255 ? x + 6 * 255 : end;

        for (int32_t i = 0; i < 6; ++i) {
            int32_t sums = 0;

            for (const int32_t *from = x + i; from < stop; from += 6) {
                sums = edgeq_subtract_halves(sums, *from);
            }
            *to++ = sums;
        }
        x = stop;
    }
}

/* ---- Windows that reach beyond the image -------------------------------------------------- */

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_w;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t last_top; /* where the last windows are that lie inside */
    int32_t last_left;
    int32_t next;    /* from the end of a row of a window to the next */
    int32_t row;     /* bytes of a row of a copy */
    int32_t outside; /* what padding reads as */
} edgeq_dsp_image;

/* Copy a window with its upper left corner at (top, left). */
EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_copy_window(int8_t *to, const edgeq_dsp_image *image, const int8_t *x, int32_t top, int32_t left)
{
    const int32_t step = image->dilation_w;
    const int32_t before = left < 0 ? (step - 1 - left) / step : 0;
    const int32_t reach = (image->in_w - left + step - 1) / step;
    const int32_t end = reach < image->kernel_w ? reach : image->kernel_w;
    const int32_t run = step == 1 ? end - before : 1;

    memset(to, image->outside, (size_t)(image->kernel_h * image->row));
    for (int32_t ky = 0; ky < image->kernel_h; ++ky) {
        const int32_t iy = top + ky * image->dilation_h;
        const int inside = iy >= 0 && iy < image->in_h;

        for (int32_t kx = before; inside && kx < end; kx += run) {
            const int8_t *const from = x + (iy * image->in_w + left + kx * step) * image->in_c;

            memcpy(to + ky * image->row + kx * image->in_c, from, (size_t)(run * image->in_c));
        }
    }
}

/* Find the windows of three output pixels from `base` on, and copy those that reach beyond. */
EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_place_windows(edgeq_dsp_windows *windows, const edgeq_dsp_image *image, const int8_t *x, int32_t base, int8_t *copies)
{
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t top = (base + i) / image->out_w * image->stride_h - image->pad_top;
        const int32_t left = (base + i) % image->out_w * image->stride_w - image->pad_left;

        if (top >= 0 && top <= image->last_top && left >= 0 && left <= image->last_left) {
            windows->at[i] = x + (top * image->in_w + left) * image->in_c;
            windows->skip[i] = image->next;
        } else {
            edgeq_copy_window(copies, image, x, top, left);
            windows->at[i] = copies;
            windows->skip[i] = 0;
        }
        copies += image->kernel_h * image->row;
    }
}

/* ---- Three windows times two channels at a time ------------------------------------------- */

/* Three windows and the outputs of a run of channels.
 *
 * x to end: the codes of three windows, in pairs, as words: for each four codes k to k + 3 of a
 * window the pairs (k, k + 2) of all three windows, then the pairs (k + 1, k + 3).
 * stream, for each two channels: two biases; for each four codes the weights k and k + 2, then
 * k + 1 and k + 3; then for each channel its multiplier, addend and shift.
 * y: the first of the channels in the first window, stop: the end of the channels there; step:
 * bytes to the next window.
 * rest: how many times four codes, beside the first four, do not fill a round of the loop.
 *
 * There are two forms of the stream. "wide": a half of a word of weights is two bytes, one of each
 * channel; a multiplier is 2 m - 2^32. "packed": a half is the number h = 256 w1 + w0, so that its
 * lower byte still is w0. The sum of products with h is 256 S1 + S0, where S1 and S0 are the sums
 * of the channels, and less S0 it is 256 S1: no weight w1 is ever needed alone. The first bias is
 * that of S0, the second 256 times that of S1 plus the first; the multiplier of S1 is m, its addend
 * and its shift are made for 128 times the number (half a unit for the first of two roundings
 * included). Sums of the second channel need to be less than 2^23. "straight": packed, where one
 * product gives every code: of each channel only a multiplier and an addend, of 2^shift times the
 * code of the first and 2^(8 + shift) times that of the second; the shift is in the function's name.
 * Biases hold what makes the line meet all codes. "plain": packed, and all channels have one addend:
 * the bias of the second channel; weights; the multipliers of both, for 256 times their sums and
 * 2^shift times their codes; 256 times the bias of the first. */
typedef struct {
    const int32_t *x;
    const int32_t *end;
    const int32_t *stream;
    int8_t *y;
    int32_t step;
    const int8_t *stop;
    int32_t rest;
    int32_t shift;  /* of "plain" */
    int32_t addend; /* of the same */
} edgeq_dsp_tile;

#if EDGEQ_DSP_ASSEMBLER

/* Four codes. Sums are in r0 to r5, window after window; r12 reads the stream, lr the windows; r11
 * is y. */
#define EDGEQ_DSP_PACKED_PAIR(word)   \
    "ldm lr!, {r8, r9, r10}\n\t"      \
    "smlad r1, r8, " word ", r1\n\t"  \
    "smlad r3, r9, " word ", r3\n\t"  \
    "smlad r5, r10, " word ", r5\n\t" \
    "sxtb16 " word ", " word "\n\t"   \
    "smlad r0, r8, " word ", r0\n\t"  \
    "smlad r2, r9, " word ", r2\n\t"  \
    "smlad r4, r10, " word ", r4\n\t"
#define EDGEQ_DSP_PACKED "ldrd r6, r7, [r12], #8\n\t" EDGEQ_DSP_PACKED_PAIR("r6") EDGEQ_DSP_PACKED_PAIR("r7")
#define EDGEQ_DSP_PACKED_BYTES "68"

/* The first four codes: sums start from the biases, r4 and r5. */
#define EDGEQ_DSP_PACKED_FIRST   \
    "ldrd r6, r7, [r12], #8\n\t" \
    "ldm lr!, {r8, r9, r10}\n\t" \
    "smlad r1, r8, r6, r5\n\t"   \
    "smlad r3, r9, r6, r5\n\t"   \
    "smlad r5, r10, r6, r5\n\t"  \
    "sxtb16 r6, r6\n\t"          \
    "smlad r0, r8, r6, r4\n\t"   \
    "smlad r2, r9, r6, r4\n\t"   \
    "smlad r4, r10, r6, r4\n\t" EDGEQ_DSP_PACKED_PAIR("r7")

#define EDGEQ_DSP_WIDE_PAIR      \
    "ldr r6, [r12], #4\n\t"      \
    "ldm lr!, {r8, r9, r10}\n\t" \
    "sxtb16 r7, r6, ror #8\n\t"  \
    "sxtb16 r6, r6\n\t"          \
    "smlad r0, r8, r6, r0\n\t"   \
    "smlad r1, r8, r7, r1\n\t"   \
    "smlad r2, r9, r6, r2\n\t"   \
    "smlad r3, r9, r7, r3\n\t"   \
    "smlad r4, r10, r6, r4\n\t"  \
    "smlad r5, r10, r7, r5\n\t"
#define EDGEQ_DSP_WIDE EDGEQ_DSP_WIDE_PAIR EDGEQ_DSP_WIDE_PAIR
#define EDGEQ_DSP_WIDE_BYTES "80"
#define EDGEQ_DSP_WIDE_FIRST \
    "mov r0, r4\n\t"         \
    "mov r1, r5\n\t"         \
    "mov r2, r4\n\t"         \
    "mov r3, r5\n\t" EDGEQ_DSP_WIDE

/* The most significant word of sum * multiplier, which is 2 * m - 2^32: 2 * sum * m / 2^32 after
 * sum itself is added. Each rounding has its addend and its form of the multiply. */
#define EDGEQ_DSP_AWAY(sum)                 \
    "add r9, " sum ", " sum ", asr #31\n\t" \
    "smmlar " sum ", " sum ", r6, r9\n\t"   \
    "add " sum ", " sum ", r7\n\t"
#define EDGEQ_DSP_UP(sum)                      \
    "smmlar " sum ", " sum ", r6, " sum "\n\t" \
    "add " sum ", " sum ", r7\n\t"
#define EDGEQ_DSP_SINGLE(sum)                 \
    "smmla " sum ", " sum ", r6, " sum "\n\t" \
    "add " sum ", " sum ", r7\n\t"

/* The same of 256 times the sum, for 128 times the number. */
#define EDGEQ_DSP_AWAY_256(sum)  \
    "asr r9, " sum ", #31\n\t"   \
    "add r9, r7, r9, lsl #7\n\t" \
    "smmla " sum ", " sum ", r6, r9\n\t"
#define EDGEQ_DSP_UP_256(sum) "smmla " sum ", " sum ", r6, r7\n\t"

#define EDGEQ_DSP_CODE(SCALE, sum) \
    SCALE(sum)                     \
    "asr " sum ", " sum ", r8\n\t" \
    "ssat " sum ", #8, " sum "\n\t"
#define EDGEQ_DSP_CODES(SCALE, a, b, c) \
    "ldm r12!, {r6, r7, r8}\n\t" EDGEQ_DSP_CODE(SCALE, a) EDGEQ_DSP_CODE(SCALE, b) EDGEQ_DSP_CODE(SCALE, c)

#define EDGEQ_DSP_PACKED_APART \
    "sub r1, r1, r0\n\t"       \
    "sub r3, r3, r2\n\t"       \
    "sub r5, r5, r4\n\t"
#define EDGEQ_DSP_WIDE_APART

/* On the stack: x, end, step, stop, where the loop begins, shift, addend; r8 is the bytes of four codes'
 * code. */
#define EDGEQ_DSP_ENTER          \
    "push {r4-r11, lr}\n\t"      \
    "sub sp, #28\n\t"            \
    "ldm r0!, {r1, r2, r12}\n\t" \
    "ldm r0, {r3-r8}\n\t"        \
    "mov r11, r3\n\t"            \
    "strd r1, r2, [sp]\n\t"      \
    "strd r4, r5, [sp, #8]\n\t"  \
    "strd r7, r8, [sp, #20]\n\t" \
    "adr.w r7, 2f\n\t"
#define EDGEQ_DSP_BEGIN      \
    "mls r7, r6, r8, r7\n\t" \
    "add r7, r7, #1\n\t"     \
    "str r7, [sp, #16]\n"    \
    "0:\n\t"                 \
    "ldr lr, [sp]\n\t"
#define EDGEQ_DSP_BIASES "ldrd r4, r5, [r12], #8\n\t"
#define EDGEQ_DSP_BIAS      \
    "ldr r5, [r12], #4\n\t" \
    "mov r4, #0\n\t"
#define EDGEQ_DSP_LOOP    \
    "ldr pc, [sp, #16]\n" \
    "1:\n\t"              \
    ".rept 8\n\t"
#define EDGEQ_DSP_AGAIN    \
    ".endr\n"              \
    "2:\n\t"               \
    "ldr r6, [sp, #4]\n\t" \
    "cmp lr, r6\n\t"       \
    "bne 1b\n\t"
#define EDGEQ_DSP_STORE              \
    "ldrd r6, r7, [sp, #8]\n\t"      \
    "strb r2, [r11, r6]\n\t"         \
    "strb r4, [r11, r6, lsl #1]\n\t" \
    "strb r0, [r11], #1\n\t"         \
    "strb r3, [r11, r6]\n\t"         \
    "strb r5, [r11, r6, lsl #1]\n\t" \
    "strb r1, [r11], #1\n\t"         \
    "cmp r11, r7\n\t"                \
    "bne 0b\n\t"                     \
    "add sp, #28\n\t"                \
    "pop {r4-r11, pc}\n"

/* Sums of the first channel and of the second to codes. */
#define EDGEQ_DSP_STRAIGHT_CODE(sum, multiplier, addend, shift) \
    "smmla " sum ", " sum ", " multiplier ", " addend "\n\t"    \
    "ssat " sum ", #8, " sum ", asr #" shift "\n\t"
#define EDGEQ_DSP_STRAIGHT_CODES(first, second) \
    "ldm r12!, {r6, r7, r8, r9}\n\t" EDGEQ_DSP_STRAIGHT_CODE("r0", "r6", "r7", first) EDGEQ_DSP_STRAIGHT_CODE("r2", "r6", "r7", first) EDGEQ_DSP_STRAIGHT_CODE("r4", "r6", "r7", first) EDGEQ_DSP_STRAIGHT_CODE("r1", "r8", "r9", second) EDGEQ_DSP_STRAIGHT_CODE("r3", "r8", "r9", second) EDGEQ_DSP_STRAIGHT_CODE("r5", "r8", "r9", second)
#define EDGEQ_DSP_PLAIN_CODE(sum, multiplier)         \
    "smmla " sum ", " sum ", " multiplier ", r10\n\t" \
    "asr " sum ", " sum ", r9\n\t"                    \
    "ssat " sum ", #8, " sum "\n\t"
#define EDGEQ_DSP_PLAIN_FIRST(sum) "add " sum ", r8, " sum ", lsl #8\n\t" EDGEQ_DSP_PLAIN_CODE(sum, "r6")
#define EDGEQ_DSP_PLAIN_CODES "ldm r12!, {r6, r7, r8}\n\tldrd r9, r10, [sp, #20]\n\t" EDGEQ_DSP_PLAIN_FIRST("r0") EDGEQ_DSP_PLAIN_FIRST("r2") EDGEQ_DSP_PLAIN_FIRST("r4") EDGEQ_DSP_PLAIN_CODE("r1", "r7") EDGEQ_DSP_PLAIN_CODE("r3", "r7") EDGEQ_DSP_PLAIN_CODE("r5", "r7")
#define EDGEQ_DSP_BOTH_CODES(SCALE0, SCALE1) EDGEQ_DSP_CODES(SCALE0, "r0", "r2", "r4") EDGEQ_DSP_CODES(SCALE1, "r1", "r3", "r5")

#define EDGEQ_DSP_FUNCTION(name, FORM, BIASES, CODES)                                                                                                                        \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(const edgeq_dsp_tile *tile __attribute__((unused)))                                                 \
    {                                                                                                                                                                        \
        __asm__(EDGEQ_DSP_ENTER "mov r8, #" FORM##_BYTES "\n\t" EDGEQ_DSP_BEGIN BIASES FORM##_FIRST EDGEQ_DSP_LOOP FORM EDGEQ_DSP_AGAIN FORM##_APART CODES EDGEQ_DSP_STORE); \
    }

EDGEQ_DSP_FUNCTION(edgeq_dsp_plain, EDGEQ_DSP_PACKED, EDGEQ_DSP_BIAS, EDGEQ_DSP_PLAIN_CODES)
EDGEQ_DSP_FUNCTION(edgeq_dsp_straight_2, EDGEQ_DSP_PACKED, EDGEQ_DSP_BIASES, EDGEQ_DSP_STRAIGHT_CODES("2", "10"))
EDGEQ_DSP_FUNCTION(edgeq_dsp_straight_6, EDGEQ_DSP_PACKED, EDGEQ_DSP_BIASES, EDGEQ_DSP_STRAIGHT_CODES("6", "14"))
EDGEQ_DSP_FUNCTION(edgeq_dsp_packed_gemmlowp, EDGEQ_DSP_PACKED, EDGEQ_DSP_BIASES, EDGEQ_DSP_BOTH_CODES(EDGEQ_DSP_AWAY, EDGEQ_DSP_AWAY_256))
EDGEQ_DSP_FUNCTION(edgeq_dsp_packed_half_up, EDGEQ_DSP_PACKED, EDGEQ_DSP_BIASES, EDGEQ_DSP_BOTH_CODES(EDGEQ_DSP_UP, EDGEQ_DSP_UP_256))
EDGEQ_DSP_FUNCTION(edgeq_dsp_packed_single, EDGEQ_DSP_PACKED, EDGEQ_DSP_BIASES, EDGEQ_DSP_BOTH_CODES(EDGEQ_DSP_SINGLE, EDGEQ_DSP_UP_256))
EDGEQ_DSP_FUNCTION(edgeq_dsp_wide_gemmlowp, EDGEQ_DSP_WIDE, EDGEQ_DSP_BIASES, EDGEQ_DSP_BOTH_CODES(EDGEQ_DSP_AWAY, EDGEQ_DSP_AWAY))
EDGEQ_DSP_FUNCTION(edgeq_dsp_wide_half_up, EDGEQ_DSP_WIDE, EDGEQ_DSP_BIASES, EDGEQ_DSP_BOTH_CODES(EDGEQ_DSP_UP, EDGEQ_DSP_UP))
EDGEQ_DSP_FUNCTION(edgeq_dsp_wide_single, EDGEQ_DSP_WIDE, EDGEQ_DSP_BIASES, EDGEQ_DSP_BOTH_CODES(EDGEQ_DSP_SINGLE, EDGEQ_DSP_SINGLE))

#else

/* sum + a.low * b.low + a.high * b.high, modulo 2^32 */
EDGEQ_CODE static inline uint32_t edgeq_dsp_add_products(uint32_t sum, int32_t a, int32_t b)
{
    return sum + (uint32_t)(edgeq_low_half(a) * edgeq_low_half(b)) + (uint32_t)(edgeq_high_half(a) * edgeq_high_half(b));
}

/* The sums of both channels in one window, from biases on; the second 256 times where weights are
 * packed. */
EDGEQ_CODE static inline void edgeq_dsp_sums(int32_t sums[2], const edgeq_dsp_tile *tile, int32_t window, const int32_t *stream, int packed)
{
    uint32_t first = (uint32_t)sums[0];
    uint32_t second = (uint32_t)sums[1];

    for (const int32_t *x = tile->x + window; x < tile->end; x += 3) {
        const int32_t w = *stream++;

        first = edgeq_dsp_add_products(first, *x, edgeq_even_bytes(w));
        second = edgeq_dsp_add_products(second, *x, packed ? w : edgeq_odd_bytes(w));
    }
    sums[0] = (int32_t)first;
    sums[1] = (int32_t)(packed ? second - first : second);
}

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

/* The multiplier from the form that the assembler reads: 2 * m - 2^32. */
EDGEQ_CODE static inline int32_t edgeq_dsp_multiplier(int32_t doubled)
{
    return (int32_t)((uint32_t)doubled >> 1);
}

/* 256 times a sum, for 128 times the number: half a unit of the first rounding is in the addend. */
EDGEQ_CODE static inline int32_t edgeq_dsp_up_256(int32_t sum, int32_t multiplier)
{
    return edgeq_product_bits_s32(sum, multiplier, 0, 32);
}

EDGEQ_CODE static inline int32_t edgeq_dsp_away_256(int32_t sum, int32_t multiplier)
{
    return edgeq_dsp_up_256(sum, multiplier) - (sum < 0 ? 128 : 0);
}

#define EDGEQ_DSP_FUNCTION(name, packed, SCALE0, SCALE1)                            \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_dsp_tile *tile) \
    {                                                                               \
        const int32_t *stream = tile->stream;                                       \
                                                                                    \
        for (int8_t *y = tile->y; y != tile->stop; y += 2) {                        \
            const int32_t *const f = stream + 2 + (tile->end - tile->x) / 3;        \
            const int32_t second = packed ? f[3] : edgeq_dsp_multiplier(f[3]);      \
                                                                                    \
            for (int32_t window = 0; window < 3; ++window) {                        \
                int8_t *const to = y + window * tile->step;                         \
                int32_t sums[2] = {stream[0], stream[1]};                           \
                                                                                    \
                edgeq_dsp_sums(sums, tile, window, stream + 2, packed);             \
                sums[0] = SCALE0(sums[0], edgeq_dsp_multiplier(f[0])) + f[1];       \
                sums[1] = SCALE1(sums[1], second) + f[4];                           \
                to[0] = (int8_t)edgeq_clamp_s32(sums[0] >> f[2], -128, 127);        \
                to[1] = (int8_t)edgeq_clamp_s32(sums[1] >> f[5], -128, 127);        \
            }                                                                       \
            stream = f + 6;                                                         \
        }                                                                           \
    }

/* Codes are those of 2^shift and 2^(8 + shift) times the number. */
EDGEQ_CODE static inline void edgeq_dsp_straight(const edgeq_dsp_tile *tile, int shift)
{
    const int32_t *stream = tile->stream;

    for (int8_t *y = tile->y; y != tile->stop; y += 2) {
        const int32_t *const f = stream + 2 + (tile->end - tile->x) / 3;

        for (int32_t window = 0; window < 3; ++window) {
            int8_t *const to = y + window * tile->step;
            int32_t sums[2] = {stream[0], stream[1]};

            edgeq_dsp_sums(sums, tile, window, stream + 2, 1);
            sums[0] = edgeq_product_bits_s32(sums[0], f[0], 0, 32) + f[1];
            sums[1] = edgeq_product_bits_s32(sums[1], f[2], 0, 32) + f[3];
            to[0] = (int8_t)edgeq_clamp_s32(sums[0] >> shift, -128, 127);
            to[1] = (int8_t)edgeq_clamp_s32(sums[1] >> (8 + shift), -128, 127);
        }
        stream = f + 4;
    }
}

/* One product for 256 times both sums. */
EDGEQ_CODE __attribute__((unused)) static void edgeq_dsp_plain(const edgeq_dsp_tile *tile)
{
    const int32_t *stream = tile->stream;

    for (int8_t *y = tile->y; y != tile->stop; y += 2) {
        const int32_t *const f = stream + 1 + (tile->end - tile->x) / 3;

        for (int32_t window = 0; window < 3; ++window) {
            int8_t *const to = y + window * tile->step;
            int32_t sums[2] = {0, stream[0]};

            edgeq_dsp_sums(sums, tile, window, stream + 1, 1);
            sums[0] = (int32_t)((uint32_t)f[2] + ((uint32_t)sums[0] << 8));
            for (int32_t i = 0; i < 2; ++i) {
                const int32_t scaled = edgeq_product_bits_s32(sums[i], f[i], 0, 32) + tile->addend;

                to[i] = (int8_t)edgeq_clamp_s32(scaled >> tile->shift, -128, 127);
            }
        }
        stream = f + 3;
    }
}

EDGEQ_CODE __attribute__((unused)) static void edgeq_dsp_straight_2(const edgeq_dsp_tile *tile)
{
    edgeq_dsp_straight(tile, 2);
}

EDGEQ_CODE __attribute__((unused)) static void edgeq_dsp_straight_6(const edgeq_dsp_tile *tile)
{
    edgeq_dsp_straight(tile, 6);
}

EDGEQ_DSP_FUNCTION(edgeq_dsp_packed_gemmlowp, 1, edgeq_dsp_away, edgeq_dsp_away_256)
EDGEQ_DSP_FUNCTION(edgeq_dsp_packed_half_up, 1, edgeq_dsp_up, edgeq_dsp_up_256)
EDGEQ_DSP_FUNCTION(edgeq_dsp_packed_single, 1, edgeq_dsp_single, edgeq_dsp_up_256)
EDGEQ_DSP_FUNCTION(edgeq_dsp_wide_gemmlowp, 0, edgeq_dsp_away, edgeq_dsp_away)
EDGEQ_DSP_FUNCTION(edgeq_dsp_wide_half_up, 0, edgeq_dsp_up, edgeq_dsp_up)
EDGEQ_DSP_FUNCTION(edgeq_dsp_wide_single, 0, edgeq_dsp_single, edgeq_dsp_single)

#endif

#endif
