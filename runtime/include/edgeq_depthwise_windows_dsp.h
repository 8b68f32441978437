/* Depthwise windows of any size on Cortex-M processors with the DSP extension: codes of two rows in a
 * word. */
#ifndef EDGEQ_DEPTHWISE_WINDOWS_DSP_H
#define EDGEQ_DEPTHWISE_WINDOWS_DSP_H

#include <stdint.h>

#include "edgeq_depthwise_dsp.h"

#define EDGEQ_DSP_MOST_PAIRS 8

/* One image, whose input and output have the same channels, four or more.
 *
 * A window is `pairs` times two rows of `taps` columns, 3, 5, 7 or more, which may be more than the
 * weights have.
 * stream, for each channel: bias; for each two columns one after the other, from one pair of rows to
 * the next, the bytes of the upper row and those of the lower one; multiplier and addend, and the
 * shift to the right where rescaling has one of each channel.
 * planes: room for four words in each pair of rows of each column that windows reach. weights: for
 * what four channels have, each tap pair a word; twice if outputs are a row apart, the second time
 * for windows that begin in the lower row of a pair. Padding reads as x_zero. */
typedef struct {
    const int8_t *x;
    const int32_t *stream;
    int8_t *y;
    int32_t *planes;
    int32_t *weights;
    int32_t channels;
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t pairs;
    int32_t taps;
    int32_t pad_top;
    int32_t pad_left;
    int32_t x_zero;
} edgeq_dsp_depthwise_windows;

/* A row of windows, some at a time: for each pair of rows where its words begin; pairs of columns;
 * bytes from an output to the next; the end of `planes`; how often, and bytes of words and of outputs
 * from one time to the next, and to the last, which may overlap. */
typedef struct {
    int32_t *const *planes;
    int32_t columns;
    int32_t step;
    int32_t *const *end;
    int32_t times;
    int32_t words;
    int32_t bytes;
    int32_t last_words;
    int32_t last_bytes;
} edgeq_dsp_window_rows;

/* ---- Windows side by side ----------------------------------------------------------------- */

#if EDGEQ_DSP_ASSEMBLER

/* Two columns of a window, for windows a column apart, or two. Sums are in r0 and up; r10 reads the
 * weights, r9 the words of two rows. */
#define EDGEQ_DSP_COLUMNS_1_1    \
    "ldrd r5, r6, [r10], #8\n\t" \
    "ldrd r7, r8, [r9], #8\n\t"  \
    "smlad r0, r7, r5, r0\n\t"   \
    "smlad r0, r8, r6, r0\n\t"
#define EDGEQ_DSP_COLUMNS_3_1    \
    "ldrd r5, r6, [r10], #8\n\t" \
    "ldrd r7, r8, [r9], #8\n\t"  \
    "smlad r0, r7, r5, r0\n\t"   \
    "smlad r0, r8, r6, r0\n\t"   \
    "smlad r1, r8, r5, r1\n\t"   \
    "ldrd r7, r8, [r9]\n\t"      \
    "smlad r1, r7, r6, r1\n\t"   \
    "smlad r2, r7, r5, r2\n\t"   \
    "smlad r2, r8, r6, r2\n\t"
#define EDGEQ_DSP_COLUMNS_5_1    \
    "ldrd r5, r6, [r10], #8\n\t" \
    "ldrd r7, r8, [r9], #8\n\t"  \
    "smlad r0, r7, r5, r0\n\t"   \
    "smlad r0, r8, r6, r0\n\t"   \
    "smlad r1, r8, r5, r1\n\t"   \
    "ldrd r7, r8, [r9]\n\t"      \
    "smlad r1, r7, r6, r1\n\t"   \
    "smlad r2, r7, r5, r2\n\t"   \
    "smlad r2, r8, r6, r2\n\t"   \
    "smlad r3, r8, r5, r3\n\t"   \
    "ldrd r7, r8, [r9, #8]\n\t"  \
    "smlad r3, r7, r6, r3\n\t"   \
    "smlad r4, r7, r5, r4\n\t"   \
    "smlad r4, r8, r6, r4\n\t"
#define EDGEQ_DSP_COLUMNS_1_2    \
    "ldrd r5, r6, [r10], #8\n\t" \
    "ldrd r7, r8, [r9], #8\n\t"  \
    "smlad r0, r7, r5, r0\n\t"   \
    "smlad r0, r8, r6, r0\n\t"
#define EDGEQ_DSP_COLUMNS_3_2    \
    "ldrd r5, r6, [r10], #8\n\t" \
    "ldrd r7, r8, [r9], #8\n\t"  \
    "smlad r0, r7, r5, r0\n\t"   \
    "smlad r0, r8, r6, r0\n\t"   \
    "ldrd r7, r8, [r9]\n\t"      \
    "smlad r1, r7, r5, r1\n\t"   \
    "smlad r1, r8, r6, r1\n\t"   \
    "ldrd r7, r8, [r9, #8]\n\t"  \
    "smlad r2, r7, r5, r2\n\t"   \
    "smlad r2, r8, r6, r2\n\t"
#define EDGEQ_DSP_COLUMNS_5_2    \
    "ldrd r5, r6, [r10], #8\n\t" \
    "ldrd r7, r8, [r9], #8\n\t"  \
    "smlad r0, r7, r5, r0\n\t"   \
    "smlad r0, r8, r6, r0\n\t"   \
    "ldrd r7, r8, [r9]\n\t"      \
    "smlad r1, r7, r5, r1\n\t"   \
    "smlad r1, r8, r6, r1\n\t"   \
    "ldrd r7, r8, [r9, #8]\n\t"  \
    "smlad r2, r7, r5, r2\n\t"   \
    "smlad r2, r8, r6, r2\n\t"   \
    "ldrd r7, r8, [r9, #16]\n\t" \
    "smlad r3, r7, r5, r3\n\t"   \
    "smlad r3, r8, r6, r3\n\t"   \
    "ldrd r7, r8, [r9, #24]\n\t" \
    "smlad r4, r7, r5, r4\n\t"   \
    "smlad r4, r8, r6, r4\n\t"
/* The last column. */
#define EDGEQ_DSP_COLUMN_1_1 \
    "ldr r5, [r10], #4\n\t"  \
    "ldr r7, [r9]\n\t"       \
    "smlad r0, r7, r5, r0\n\t"
#define EDGEQ_DSP_COLUMN_3_1   \
    "ldr r5, [r10], #4\n\t"    \
    "ldrd r7, r8, [r9]\n\t"    \
    "smlad r0, r7, r5, r0\n\t" \
    "smlad r1, r8, r5, r1\n\t" \
    "ldr r7, [r9, #8]\n\t"     \
    "smlad r2, r7, r5, r2\n\t"
#define EDGEQ_DSP_COLUMN_5_1    \
    "ldr r5, [r10], #4\n\t"     \
    "ldrd r7, r8, [r9]\n\t"     \
    "smlad r0, r7, r5, r0\n\t"  \
    "smlad r1, r8, r5, r1\n\t"  \
    "ldrd r7, r8, [r9, #8]\n\t" \
    "smlad r2, r7, r5, r2\n\t"  \
    "smlad r3, r8, r5, r3\n\t"  \
    "ldr r7, [r9, #16]\n\t"     \
    "smlad r4, r7, r5, r4\n\t"
#define EDGEQ_DSP_COLUMN_1_2 \
    "ldr r5, [r10], #4\n\t"  \
    "ldr r7, [r9]\n\t"       \
    "smlad r0, r7, r5, r0\n\t"
#define EDGEQ_DSP_COLUMN_3_2   \
    "ldr r5, [r10], #4\n\t"    \
    "ldr r7, [r9]\n\t"         \
    "smlad r0, r7, r5, r0\n\t" \
    "ldr r7, [r9, #8]\n\t"     \
    "smlad r1, r7, r5, r1\n\t" \
    "ldr r7, [r9, #16]\n\t"    \
    "smlad r2, r7, r5, r2\n\t"
#define EDGEQ_DSP_COLUMN_5_2   \
    "ldr r5, [r10], #4\n\t"    \
    "ldr r7, [r9]\n\t"         \
    "smlad r0, r7, r5, r0\n\t" \
    "ldr r7, [r9, #8]\n\t"     \
    "smlad r1, r7, r5, r1\n\t" \
    "ldr r7, [r9, #16]\n\t"    \
    "smlad r2, r7, r5, r2\n\t" \
    "ldr r7, [r9, #24]\n\t"    \
    "smlad r3, r7, r5, r3\n\t" \
    "ldr r7, [r9, #32]\n\t"    \
    "smlad r4, r7, r5, r4\n\t"
/* Sums that begin with the bias, codes of all sums, and where they go: to r9, r10 bytes apart. */
#define EDGEQ_DSP_BEGIN_1 "ldr r0, [r10], #4\n\t"
#define EDGEQ_DSP_BEGIN_3   \
    "ldr r0, [r10], #4\n\t" \
    "mov r1, r0\n\t"        \
    "mov r2, r0\n\t"
#define EDGEQ_DSP_BEGIN_5   \
    "ldr r0, [r10], #4\n\t" \
    "mov r1, r0\n\t"        \
    "mov r2, r0\n\t"        \
    "mov r3, r0\n\t"        \
    "mov r4, r0\n\t"
#define EDGEQ_DSP_CODES_1(CODE) CODE("r0")
#define EDGEQ_DSP_CODES_3(CODE) CODE("r0") CODE("r1") CODE("r2")
#define EDGEQ_DSP_CODES_5(CODE) CODE("r0") CODE("r1") CODE("r2") CODE("r3") CODE("r4")
#define EDGEQ_DSP_STORE_1 "strb r0, [r9]\n\t"
#define EDGEQ_DSP_STORE_3    \
    "strb r0, [r9]\n\t"      \
    "strb r1, [r9, r10]\n\t" \
    "strb r2, [r9, r10, lsl #1]\n\t"
#define EDGEQ_DSP_STORE_5            \
    "strb r0, [r9]\n\t"              \
    "strb r1, [r9, r10]\n\t"         \
    "strb r2, [r9, r10, lsl #1]\n\t" \
    "add r9, r9, r10, lsl #1\n\t"    \
    "strb r3, [r9, r10]\n\t"         \
    "strb r4, [r9, r10, lsl #1]\n\t"

/* Multiplier, addend and shift in r5 to r7. */
#define EDGEQ_DSP_WINDOW_MOVED(sum) \
    "add " sum ", " sum ", r6\n\t"  \
    "asr " sum ", " sum ", r7\n\t"  \
    "ssat " sum ", #8, " sum "\n\t"
#define EDGEQ_DSP_WINDOW_LINE(sum)       \
    "smmla " sum ", " sum ", r5, r6\n\t" \
    "ssat " sum ", #8, " sum ", asr #2\n\t"
#define EDGEQ_DSP_WINDOW_STEEP(sum)      \
    "smmla " sum ", " sum ", r5, r6\n\t" \
    "ssat " sum ", #8, " sum "\n\t"
#define EDGEQ_DSP_WINDOW_GEMMLOWP(sum)      \
    "add r8, " sum ", " sum ", asr #31\n\t" \
    "smmlar " sum ", " sum ", r5, r8\n\t" EDGEQ_DSP_WINDOW_MOVED(sum)
#define EDGEQ_DSP_WINDOW_HALF_UP(sum) "smmlar " sum ", " sum ", r5, " sum "\n\t" EDGEQ_DSP_WINDOW_MOVED(sum)
#define EDGEQ_DSP_WINDOW_SINGLE(sum) "smmla " sum ", " sum ", r5, " sum "\n\t" EDGEQ_DSP_WINDOW_MOVED(sum)
#define EDGEQ_DSP_READ_LINE "ldm r10, {r5, r6}\n\t"
#define EDGEQ_DSP_READ_SHIFT "ldm r10, {r5, r6, r7}\n\t"

/* On the stack are pairs of columns, bytes to the next output, the end of the planes, y, weights, the
 * record, and how many times are left; r11 reads the planes. */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_DSP_WINDOWS(name, COUNT, STRIDE, READ, CODE)                                                                                                                          \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(const edgeq_dsp_window_rows *rows __attribute__((unused)), const int32_t *weights __attribute__((unused)), \
                                                                         int32_t offset __attribute__((unused)), int8_t *y __attribute__((unused)))                                 \
    {                                                                                                                                                                               \
        __asm__(                                                                                                                                                                    \
            "push {r4-r11, lr}\n\t"                                                                                                                                                 \
            "sub sp, #28\n\t"                                                                                                                                                       \
            "ldm r0, {r4-r8}\n\t"                                                                                                                                                   \
            "stm sp, {r5-r7}\n\t"                                                                                                                                                   \
            "strd r3, r1, [sp, #12]\n\t"                                                                                                                                            \
            "strd r0, r8, [sp, #20]\n\t"                                                                                                                                            \
            "mov r12, r2\n"                                                                                                                                                         \
            "3:\n\t" /* some windows */                                                                                                                                             \
            "ldrd r10, r11, [sp, #16]\n\t"                                                                                                                                          \
            "ldr r11, [r11]\n\t" EDGEQ_DSP_BEGIN_##COUNT                                                                                                                            \
            "\n0:\n\t" /* two rows of words */                                                                                                                                      \
            "ldr r9, [r11], #4\n\t"                                                                                                                                                 \
            "ldr lr, [sp]\n\t"                                                                                                                                                      \
            "add r9, r9, r12\n"                                                                                                                                                     \
            "1:\n\t" EDGEQ_DSP_COLUMNS_##COUNT##_##STRIDE                                                                                                                           \
            "subs lr, lr, #1\n\t"                                                                                                                                                   \
            "bne 1b\n\t" EDGEQ_DSP_COLUMN_##COUNT##_##STRIDE                                                                                                                        \
            "ldr r5, [sp, #8]\n\t"                                                                                                                                                  \
            "cmp r11, r5\n\t"                                                                                                                                                       \
            "bne 0b\n\t" READ EDGEQ_DSP_CODES_##COUNT(CODE) "ldr r9, [sp, #12]\n\t"                                                                                                 \
                                                            "ldr r10, [sp, #4]\n\t" EDGEQ_DSP_STORE_##COUNT                                                                         \
            "ldrd r5, r6, [sp, #20]\n\t"                                                                                                                                            \
            "ldr r9, [sp, #12]\n\t"                                                                                                                                                 \
            "subs r6, r6, #1\n\t"                                                                                                                                                   \
            "beq 4f\n\t"                                                                                                                                                            \
            "str r6, [sp, #24]\n\t"                                                                                                                                                 \
            "ldrd r7, r8, [r5, #20]\n\t"                                                                                                                                            \
            "cmp r6, #1\n\t"                                                                                                                                                        \
            "it eq\n\t"                                                                                                                                                             \
            "ldrdeq r7, r8, [r5, #28]\n\t"                                                                                                                                          \
            "add r12, r12, r7\n\t"                                                                                                                                                  \
            "add r9, r9, r8\n\t"                                                                                                                                                    \
            "str r9, [sp, #12]\n\t"                                                                                                                                                 \
            "b 3b\n"                                                                                                                                                                \
            "4:\n\t"                                                                                                                                                                \
            "add sp, #28\n\t"                                                                                                                                                       \
            "pop {r4-r11, pc}\n");                                                                                                                                                  \
    }
/* clang-format on */

#else

#define EDGEQ_DSP_READ_LINE 2
#define EDGEQ_DSP_READ_SHIFT 3
#define EDGEQ_DSP_WINDOW_LINE edgeq_dsp_code_line
#define EDGEQ_DSP_WINDOW_STEEP edgeq_dsp_code_steep
#define EDGEQ_DSP_WINDOW_GEMMLOWP edgeq_dsp_code_gemmlowp
#define EDGEQ_DSP_WINDOW_HALF_UP edgeq_dsp_code_half_up
#define EDGEQ_DSP_WINDOW_SINGLE edgeq_dsp_code_single

#define EDGEQ_DSP_WINDOWS(name, COUNT, STRIDE, READ, CODE)                                                                                    \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_dsp_window_rows *rows, const int32_t *weights, int32_t offset, int8_t *y) \
    {                                                                                                                                         \
        for (int32_t left = rows->times; left > 0; --left) {                                                                                  \
            for (int32_t i = 0; i < COUNT; ++i) {                                                                                             \
                const int32_t *w = weights;                                                                                                   \
                uint32_t sum = (uint32_t)*w++;                                                                                                \
                                                                                                                                              \
                for (int32_t *const *plane = rows->planes; plane < rows->end; ++plane) {                                                      \
                    const int32_t *const words = *plane + offset / 4 + STRIDE * i;                                                            \
                                                                                                                                              \
                    for (int32_t x = 0; x < 2 * rows->columns + 1; ++x) {                                                                     \
                        sum = edgeq_dsp_add_halves(sum, words[x], *w++);                                                                      \
                    }                                                                                                                         \
                }                                                                                                                             \
                y[i * rows->step] = (int8_t)edgeq_clamp_s32(CODE((int32_t)sum, w), -128, 127);                                                \
            }                                                                                                                                 \
            if (left > 1) {                                                                                                                   \
                offset += left == 2 ? rows->last_words : rows->words;                                                                         \
                y += left == 2 ? rows->last_bytes : rows->bytes;                                                                              \
            }                                                                                                                                 \
        }                                                                                                                                     \
    }

#endif

#define EDGEQ_DSP_ALL_WINDOWS(name, READ, CODE)                                 \
    EDGEQ_DSP_WINDOWS(edgeq_dsp_depthwise_windows_1_1_##name, 1, 1, READ, CODE) \
    EDGEQ_DSP_WINDOWS(edgeq_dsp_depthwise_windows_3_1_##name, 3, 1, READ, CODE) \
    EDGEQ_DSP_WINDOWS(edgeq_dsp_depthwise_windows_5_1_##name, 5, 1, READ, CODE) \
    EDGEQ_DSP_WINDOWS(edgeq_dsp_depthwise_windows_1_2_##name, 1, 2, READ, CODE) \
    EDGEQ_DSP_WINDOWS(edgeq_dsp_depthwise_windows_3_2_##name, 3, 2, READ, CODE) \
    EDGEQ_DSP_WINDOWS(edgeq_dsp_depthwise_windows_5_2_##name, 5, 2, READ, CODE)

EDGEQ_DSP_ALL_WINDOWS(line, EDGEQ_DSP_READ_LINE, EDGEQ_DSP_WINDOW_LINE)
EDGEQ_DSP_ALL_WINDOWS(steep, EDGEQ_DSP_READ_LINE, EDGEQ_DSP_WINDOW_STEEP)
EDGEQ_DSP_ALL_WINDOWS(gemmlowp, EDGEQ_DSP_READ_SHIFT, EDGEQ_DSP_WINDOW_GEMMLOWP)
EDGEQ_DSP_ALL_WINDOWS(half_up, EDGEQ_DSP_READ_SHIFT, EDGEQ_DSP_WINDOW_HALF_UP)
EDGEQ_DSP_ALL_WINDOWS(single, EDGEQ_DSP_READ_SHIFT, EDGEQ_DSP_WINDOW_SINGLE)

/* ---- Images ------------------------------------------------------------------------------- */

typedef void edgeq_dsp_depthwise_windows_function(const edgeq_dsp_window_rows *rows, const int32_t *weights, int32_t offset, int8_t *y);

/* What the rows of one image share: where rows come from; words of a plane; words of one channel's
 * weights and factors, and in the stream. */
typedef struct {
    edgeq_dsp_source source;
    int32_t *planes[EDGEQ_DSP_MOST_PAIRS];
    int32_t plane;
    int32_t record;
    int32_t stored;
    int32_t row;
} edgeq_dsp_ring;

/* Weights of one channel of the stream, as words. */
EDGEQ_CODE static inline void edgeq_dsp_widen_weights(int32_t *to, const int32_t *stream, int32_t words, int32_t factors)
{
    *to++ = *stream++;
    for (int32_t i = 0; i < words; i += 2) {
        const int32_t codes = *stream++;

        to[i] = edgeq_even_bytes(codes);
        to[i + 1] = edgeq_odd_bytes(codes);
    }
    /* The first replaces what an odd count of words has left. */
    for (int32_t i = 0; i < factors; ++i) {
        to[words + i] = stream[i];
    }
}

/* The same weights for windows that begin one row further down, in the middle of a pair. */
EDGEQ_CODE static inline void edgeq_dsp_lower_weights(int32_t *to, const int32_t *weights, int32_t taps, int32_t words, int32_t factors)
{
    *to++ = *weights++;
    for (int32_t i = 0; i < taps; ++i) {
        to[i] = (int32_t)((uint32_t)weights[i] << 16);
    }
    for (int32_t i = taps; i < words; ++i) {
        to[i] = (int32_t)((uint32_t)weights[i] << 16 | (uint32_t)weights[i - taps] >> 16);
    }
    for (int32_t i = words; i < words + factors; ++i) {
        to[i] = weights[i];
    }
}

/* Before an image: every column reads as padding. */
EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_dsp_start_image(edgeq_dsp_ring *ring, const edgeq_dsp_depthwise_windows *image, int32_t stride, int32_t factors)
{
    const int32_t words = image->pairs * image->taps;
    const int32_t plane = (image->out_w - 1) * stride + image->taps;
    const int32_t reached = plane - image->pad_left;
    const int32_t zeros = edgeq_pair(image->x_zero, image->x_zero);

    ring->source.plane = 4 * plane;
    ring->source.line = image->in_w * image->channels;
    ring->source.step = image->channels;
    ring->source.columns = image->in_w < reached ? image->in_w : reached;
    ring->source.start = -ring->source.columns * image->channels;
    ring->source.in_h = image->in_h;
    for (int32_t i = 0; i < 4; ++i) {
        ring->source.outside[i] = (int8_t)image->x_zero;
    }
    ring->plane = plane;
    ring->record = 1 + words + factors;
    ring->stored = 1 + (words + 1) / 2 + factors;
    for (int32_t i = 0; i < image->pairs; ++i) {
        ring->planes[i] = image->planes + i * 4 * plane;
    }
    for (int32_t i = 0; i < image->pairs * 4 * plane; ++i) {
        image->planes[i] = zeros;
    }
}

/* The next pair of rows of four channels, from c on, to the last planes, or to some at the start. */
EDGEQ_CODE static inline void edgeq_dsp_next_pair(edgeq_dsp_ring *ring, const edgeq_dsp_depthwise_windows *image, int32_t pair, int32_t c)
{
    edgeq_dsp_next_rows(ring->planes[pair] + image->pad_left, &ring->source, image->x + c, ring->row);
    ring->row += 2;
}

/* Before four channels: their weights, and all pairs of rows but the last. */
EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_dsp_start_channels(edgeq_dsp_ring *ring, const edgeq_dsp_depthwise_windows *image, int32_t c, int32_t stride, int32_t factors)
{
    const int32_t words = image->pairs * image->taps;

    for (int32_t i = 0; i < 4; ++i) {
        int32_t *const weights = image->weights + i * ring->record;

        edgeq_dsp_widen_weights(weights, image->stream + (c + i) * ring->stored, words, factors);
        if (stride == 1 && image->out_h > 1) {
            edgeq_dsp_lower_weights(weights + 4 * ring->record, weights, image->taps, words, factors);
        }
    }
    ring->row = -image->pad_top;
    for (int32_t i = 0; i < image->pairs - 1; ++i) {
        edgeq_dsp_next_pair(ring, image, i, c);
    }
}

/* After the rows of outputs that need them, the first planes are free for the next pair of rows. */
EDGEQ_CODE static inline void edgeq_dsp_turn(edgeq_dsp_ring *ring, int32_t pairs)
{
    int32_t *const free = ring->planes[0];

    for (int32_t i = 0; i < pairs - 1; ++i) {
        ring->planes[i] = ring->planes[i + 1];
    }
    ring->planes[pairs - 1] = free;
}

/* One image, four channels at a time, `count` windows of a row at a time; `factors` are those of a
 * channel. */
EDGEQ_CODE static inline __attribute__((always_inline)) void edgeq_dsp_depthwise_all_windows(const edgeq_dsp_depthwise_windows *image, int32_t stride, int32_t factors, int32_t count, edgeq_dsp_depthwise_windows_function *windows)
{
    const int32_t channels = image->channels;
    edgeq_dsp_ring ring;
    edgeq_dsp_window_rows rows = {ring.planes, image->taps / 2, channels, ring.planes + image->pairs, 1, 4 * count * stride, count * channels, 0, 0};
    int32_t again = count - image->out_w;

    /* How many windows the last time computes again. */
    while (again < 0) {
        again += count;
        ++rows.times;
    }
    rows.last_words = rows.words - 4 * again * stride;
    rows.last_bytes = rows.bytes - again * channels;
    edgeq_dsp_start_image(&ring, image, stride, factors);
    for (int32_t group = 0; group < channels; group += 4) {
        const int32_t c = group < channels - 4 ? group : channels - 4;
        int8_t *y = image->y + c;

        edgeq_dsp_start_channels(&ring, image, c, stride, factors);
        for (int32_t oy = 0; oy < image->out_h; ++oy) {
            const int32_t is_lower = stride == 1 ? oy % 2 : 0;
            const int32_t *weights = image->weights + (is_lower ? 4 * ring.record : 0);

            if (!is_lower) {
                edgeq_dsp_next_pair(&ring, image, image->pairs - 1, c);
            }
            for (int32_t i = 0; i < 4; ++i) {
                windows(&rows, weights, 4 * i * ring.plane, y + i);
                weights += ring.record;
            }
            y += image->out_w * channels;
            if (stride == 2 || is_lower) {
                edgeq_dsp_turn(&ring, image->pairs);
            }
        }
    }
}

/* For `count` windows at a time. */
#define EDGEQ_DSP_IMAGE_WINDOWS(stride, name, factors, count)                                                                                                  \
    EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_dsp_depthwise_windows_##stride##_##name##_##count(const edgeq_dsp_depthwise_windows *image) \
    {                                                                                                                                                          \
        edgeq_dsp_depthwise_all_windows(image, stride, factors, count, edgeq_dsp_depthwise_windows_##count##_##stride##_##name);                               \
    }
#define EDGEQ_DSP_ALL_IMAGE_WINDOWS(name, factors) \
    EDGEQ_DSP_IMAGE_WINDOWS(1, name, factors, 1)   \
    EDGEQ_DSP_IMAGE_WINDOWS(1, name, factors, 3)   \
    EDGEQ_DSP_IMAGE_WINDOWS(1, name, factors, 5)   \
    EDGEQ_DSP_IMAGE_WINDOWS(2, name, factors, 1)   \
    EDGEQ_DSP_IMAGE_WINDOWS(2, name, factors, 3)   \
    EDGEQ_DSP_IMAGE_WINDOWS(2, name, factors, 5)

EDGEQ_DSP_ALL_IMAGE_WINDOWS(line, 2)
EDGEQ_DSP_ALL_IMAGE_WINDOWS(steep, 2)
EDGEQ_DSP_ALL_IMAGE_WINDOWS(gemmlowp, 3)
EDGEQ_DSP_ALL_IMAGE_WINDOWS(half_up, 3)
EDGEQ_DSP_ALL_IMAGE_WINDOWS(single, 3)

#endif
