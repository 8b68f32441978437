/* Depthwise 3x3 windows on Cortex-M processors with the DSP extension: codes of two rows in a word. */
#ifndef EDGEQ_DEPTHWISE_DSP_H
#define EDGEQ_DEPTHWISE_DSP_H

#include <stdint.h>

#include "edgeq_product_dsp.h"

/* One image, whose input and output have the same channels, four or more.
 *
 * weights, for each channel: of each column those of rows 0 to 2. factors, for each channel, four
 * words: bias, multiplier, addend and shift to the right; or only bias and multiplier, the shift
 * being what its lowest five bits are, and the addend y_zero times 2^shift. Products are `scale` times
 * as large. pairs: room for eight words of each column that windows reach. Padding reads as x_zero. */
typedef struct {
    const int8_t *x;
    const int8_t *weights;
    const int32_t *factors;
    int8_t *y;
    int32_t *pairs;
    int32_t channels;
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t x_zero;
    int32_t w_zero;
    int32_t y_zero;
    int32_t scale;
    int32_t words; /* of factors: 4 or 2 */
} edgeq_dsp_depthwise;

/* What the rows of four channels share.
 *
 * start: minus the bytes of a row of outputs, without the last of an odd count; column and row:
 * bytes from an output to the next; plane: bytes from a channel's pairs to the next's.
 * records, for each channel: for each column its weights (0, 1) and (1, 2), then its factors. */
typedef struct {
    int32_t start;
    int32_t column;
    int32_t row;
    int32_t plane;
    int32_t odd;
    int32_t records[40];
} edgeq_dsp_rows;

/* Where rows come from; columns: those of the image that windows reach.
 *
 * plane: bytes from a channel's pairs to the next's; line and step: bytes of a row and of a column;
 * start: minus the bytes of all columns; outside: what four channels beside the image read as. */
typedef struct {
    int32_t plane;
    int32_t line;
    int32_t step;
    int32_t start;
    int32_t columns;
    int32_t in_h;
    int8_t outside[4];
} edgeq_dsp_source;

/* ---- Codes of two rows -------------------------------------------------------------------- */

/* The lower halves of two numbers, that of a below. */
EDGEQ_CODE static inline int32_t edgeq_pair(int32_t a, int32_t b)
{
    return (int32_t)(((uint32_t)a & 0xffffu) | (uint32_t)b << 16);
}

#if EDGEQ_DSP_ASSEMBLER

/* Of words va and vb, which are lost, the pairs of each channel. */
#define EDGEQ_DSP_FOUR_PAIRS(to, plane, third, va, vb, t) \
    "pkhbt " t ", " va ", " vb ", lsl #16\n\t"            \
    "pkhtb " vb ", " vb ", " va ", asr #16\n\t"           \
    "sxtb16 " va ", " t "\n\t"                            \
    "sxtb16 " t ", " t ", ror #8\n\t"                     \
    "str " t ", [" to ", " plane "]\n\t"                  \
    "sxtb16 " t ", " vb "\n\t"                            \
    "str " t ", [" to ", " plane ", lsl #1]\n\t"          \
    "sxtb16 " vb ", " vb ", ror #8\n\t"                   \
    "str " vb ", [" to ", " third "]\n\t"                 \
    "str " va ", [" to "], #4\n\t"

/* Four channels of two rows of an image, to their planes: a code of row a, and above it the one of
 * row b. step: bytes from a column to the next, 0 outside the image. */
EDGEQ_CODE static inline void edgeq_dsp_pair_rows(int32_t *to, const edgeq_dsp_source *source, const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b)
{
    int32_t columns = source->columns;
    int32_t va, vb, t;

    __asm__ volatile(
        "1:\n\t"
        "ldr %[va], [%[a]]\n\t"
        "ldr %[vb], [%[b]]\n\t"
        "add %[a], %[a], %[step_a]\n\t"
        "add %[b], %[b], %[step_b]\n\t" EDGEQ_DSP_FOUR_PAIRS("%[to]", "%[plane]", "%[third]", "%[va]", "%[vb]", "%[t]") "subs %[columns], %[columns], #1\n\t"
                                                                                                                        "bne 1b"
        : [to] "+&r"(to), [columns] "+&r"(columns), [a] "+&r"(a), [b] "+&r"(b), [va] "=&r"(va), [vb] "=&r"(vb), [t] "=&r"(t)
        : [step_a] "r"(step_a), [step_b] "r"(step_b), [plane] "r"(source->plane), [third] "r"(3 * source->plane)
        : "cc", "memory");
}

/* The same for row a of the image and the one below it. */
EDGEQ_CODE __attribute__((naked, noinline, unused)) static void edgeq_dsp_pair_inner_rows(int32_t *to __attribute__((unused)), const edgeq_dsp_source *source __attribute__((unused)), const int8_t *a __attribute__((unused)))
{
    __asm__(
        "push {r4-r8, lr}\n\t"
        "ldm r1, {r1, r3, r4, r5}\n\t" /* plane, line, step, start */
        "add r6, r1, r1, lsl #1\n\t"
        "sub r2, r2, r5\n\t"
        "add r3, r3, r2\n"
        "1:\n\t"
        "ldr r7, [r2, r5]\n\t"
        "ldr r8, [r3, r5]\n\t"
        "adds r5, r5, r4\n\t" EDGEQ_DSP_FOUR_PAIRS("r0", "r1", "r6", "r7", "r8", "r12") "bmi 1b\n\t"
                                                                                        "pop {r4-r8, pc}\n");
}

/* ---- Rows of outputs ---------------------------------------------------------------------- */

/* Weights are in r0 to r5 and the bias in r7, as a record begins; r12 and lr read the words of the
 * upper and of the lower two rows. Sums are in r6 and r7, of the row below in r8 and r9.
 * On the stack are multiplier, addend, place of an output, ends of the upper and of the lower row,
 * bytes of a column; record, first place, words of the upper rows and of the lower, bytes of a plane,
 * end of the records, whether the count of columns is odd, and a shift.
 *
 * PLACES reads the first six words of the stack into r0 to r5, and the shift into r10; CODE is of one
 * sum. */
#define EDGEQ_DSP_PLACES "ldm sp, {r0-r5}\n\tldr r10, [sp, #52]\n\t"
#define EDGEQ_DSP_SHIFTED(sum)      \
    "asr " sum ", " sum ", r10\n\t" \
    "ssat " sum ", #8, " sum "\n\t"
#define EDGEQ_DSP_MOVED(sum) "add " sum ", " sum ", r1\n\t" EDGEQ_DSP_SHIFTED(sum)

#define EDGEQ_DSP_CODE_PLAIN(sum) "smmla " sum ", " sum ", r0, r1\n\t" EDGEQ_DSP_SHIFTED(sum)
#define EDGEQ_DSP_CODE_GEMMLOWP(sum)         \
    "add r11, " sum ", " sum ", asr #31\n\t" \
    "smmlar " sum ", " sum ", r0, r11\n\t" EDGEQ_DSP_MOVED(sum)
#define EDGEQ_DSP_CODE_HALF_UP(sum) "smmlar " sum ", " sum ", r0, " sum "\n\t" EDGEQ_DSP_MOVED(sum)
#define EDGEQ_DSP_CODE_SINGLE(sum) "smmla " sum ", " sum ", r0, " sum "\n\t" EDGEQ_DSP_MOVED(sum)

/* Two columns of both rows, one column after the other of the words. */
#define EDGEQ_DSP_TWO_BY_TWO(SCALE)                                                                                      \
    "ldrd r10, r11, [r12], #8\n\t"                                                                                       \
    "smlad r6, r10, r0, r7\n\t"                                                                                          \
    "smlatb r8, r10, r0, r7\n\t"                                                                                         \
    "smlatb r9, r11, r0, r7\n\t"                                                                                         \
    "smlad r7, r11, r0, r7\n\t"                                                                                          \
    "smlad r6, r11, r2, r6\n\t"                                                                                          \
    "smlatb r8, r11, r2, r8\n\t"                                                                                         \
    "ldrd r10, r11, [r12]\n\t"                                                                                           \
    "smlad r6, r10, r4, r6\n\t"                                                                                          \
    "smlatb r8, r10, r4, r8\n\t"                                                                                         \
    "smlad r7, r10, r2, r7\n\t"                                                                                          \
    "smlatb r9, r10, r2, r9\n\t"                                                                                         \
    "smlad r7, r11, r4, r7\n\t"                                                                                          \
    "smlatb r9, r11, r4, r9\n\t"                                                                                         \
    "ldrd r10, r11, [lr], #8\n\t"                                                                                        \
    "smlabt r6, r10, r1, r6\n\t"                                                                                         \
    "smlad r8, r10, r1, r8\n\t"                                                                                          \
    "smlabt r7, r11, r1, r7\n\t"                                                                                         \
    "smlad r9, r11, r1, r9\n\t"                                                                                          \
    "smlabt r6, r11, r3, r6\n\t"                                                                                         \
    "smlad r8, r11, r3, r8\n\t"                                                                                          \
    "ldrd r10, r11, [lr]\n\t"                                                                                            \
    "smlabt r6, r10, r5, r6\n\t"                                                                                         \
    "smlad r8, r10, r5, r8\n\t"                                                                                          \
    "smlabt r7, r10, r3, r7\n\t"                                                                                         \
    "smlad r9, r10, r3, r9\n\t"                                                                                          \
    "smlabt r7, r11, r5, r7\n\t"                                                                                         \
    "smlad r9, r11, r5, r9\n\t" EDGEQ_DSP_PLACES SCALE("r6") SCALE("r7") SCALE("r8") SCALE("r9") "strb r6, [r3, r2]\n\t" \
                                                                                                 "strb r8, [r4, r2]\n\t" \
                                                                                                 "add r2, r2, r5\n\t"    \
                                                                                                 "strb r7, [r3, r2]\n\t" \
                                                                                                 "strb r9, [r4, r2]\n\t" \
                                                                                                 "adds r2, r2, r5\n\t"   \
                                                                                                 "str r2, [sp, #8]\n\t"
/* Two columns of one row. */
#define EDGEQ_DSP_TWO(SCALE)                                                                      \
    "ldrd r10, r11, [r12], #8\n\t"                                                                \
    "smlad r6, r10, r0, r7\n\t"                                                                   \
    "smlad r7, r11, r0, r7\n\t"                                                                   \
    "smlad r6, r11, r2, r6\n\t"                                                                   \
    "ldrd r10, r11, [r12]\n\t"                                                                    \
    "smlad r6, r10, r4, r6\n\t"                                                                   \
    "smlad r7, r10, r2, r7\n\t"                                                                   \
    "smlad r7, r11, r4, r7\n\t"                                                                   \
    "ldrd r10, r11, [lr], #8\n\t"                                                                 \
    "smlabt r6, r10, r1, r6\n\t"                                                                  \
    "smlabt r7, r11, r1, r7\n\t"                                                                  \
    "smlabt r6, r11, r3, r6\n\t"                                                                  \
    "ldrd r10, r11, [lr]\n\t"                                                                     \
    "smlabt r6, r10, r5, r6\n\t"                                                                  \
    "smlabt r7, r10, r3, r7\n\t"                                                                  \
    "smlabt r7, r11, r5, r7\n\t" EDGEQ_DSP_PLACES SCALE("r6") SCALE("r7") "strb r6, [r3, r2]\n\t" \
                                                                          "add r2, r2, r5\n\t"    \
                                                                          "strb r7, [r3, r2]\n\t" \
                                                                          "adds r2, r2, r5\n\t"   \
                                                                          "str r2, [sp, #8]\n\t"
/* The same for stride 2. */
#define EDGEQ_DSP_TWO_APART(SCALE)                                                                \
    "ldrd r10, r11, [r12], #16\n\t"                                                               \
    "smlad r6, r10, r0, r7\n\t"                                                                   \
    "smlad r6, r11, r2, r6\n\t"                                                                   \
    "ldrd r10, r11, [r12, #-8]\n\t"                                                               \
    "smlad r6, r10, r4, r6\n\t"                                                                   \
    "smlad r7, r10, r0, r7\n\t"                                                                   \
    "smlad r7, r11, r2, r7\n\t"                                                                   \
    "ldr r10, [r12]\n\t"                                                                          \
    "smlad r7, r10, r4, r7\n\t"                                                                   \
    "ldrd r10, r11, [lr], #16\n\t"                                                                \
    "smlabt r6, r10, r1, r6\n\t"                                                                  \
    "smlabt r6, r11, r3, r6\n\t"                                                                  \
    "ldrd r10, r11, [lr, #-8]\n\t"                                                                \
    "smlabt r6, r10, r5, r6\n\t"                                                                  \
    "smlabt r7, r10, r1, r7\n\t"                                                                  \
    "smlabt r7, r11, r3, r7\n\t"                                                                  \
    "ldr r10, [lr]\n\t"                                                                           \
    "smlabt r7, r10, r5, r7\n\t" EDGEQ_DSP_PLACES SCALE("r6") SCALE("r7") "strb r6, [r3, r2]\n\t" \
                                                                          "add r2, r2, r5\n\t"    \
                                                                          "strb r7, [r3, r2]\n\t" \
                                                                          "adds r2, r2, r5\n\t"   \
                                                                          "str r2, [sp, #8]\n\t"
/* The last column of an odd count. */
#define EDGEQ_DSP_LAST_OF_BOTH(SCALE)                                                            \
    "ldrd r10, r11, [r12]\n\t"                                                                   \
    "smlad r6, r10, r0, r7\n\t"                                                                  \
    "smlatb r8, r10, r0, r7\n\t"                                                                 \
    "smlad r6, r11, r2, r6\n\t"                                                                  \
    "smlatb r8, r11, r2, r8\n\t"                                                                 \
    "ldr r10, [r12, #8]\n\t"                                                                     \
    "smlad r6, r10, r4, r6\n\t"                                                                  \
    "smlatb r8, r10, r4, r8\n\t"                                                                 \
    "ldrd r10, r11, [lr]\n\t"                                                                    \
    "smlabt r6, r10, r1, r6\n\t"                                                                 \
    "smlad r8, r10, r1, r8\n\t"                                                                  \
    "smlabt r6, r11, r3, r6\n\t"                                                                 \
    "smlad r8, r11, r3, r8\n\t"                                                                  \
    "ldr r10, [lr, #8]\n\t"                                                                      \
    "smlabt r6, r10, r5, r6\n\t"                                                                 \
    "smlad r8, r10, r5, r8\n\t" EDGEQ_DSP_PLACES SCALE("r6") SCALE("r8") "strb r6, [r3, r2]\n\t" \
                                                                         "strb r8, [r4, r2]\n\t"
#define EDGEQ_DSP_LAST(SCALE)    \
    "ldrd r10, r11, [r12]\n\t"   \
    "smlad r6, r10, r0, r7\n\t"  \
    "smlad r6, r11, r2, r6\n\t"  \
    "ldr r10, [r12, #8]\n\t"     \
    "smlad r6, r10, r4, r6\n\t"  \
    "ldrd r10, r11, [lr]\n\t"    \
    "smlabt r6, r10, r1, r6\n\t" \
    "smlabt r6, r11, r3, r6\n\t" \
    "ldr r10, [lr, #8]\n\t"      \
    "smlabt r6, r10, r5, r6\n\t" EDGEQ_DSP_PLACES SCALE("r6") "strb r6, [r3, r2]\n\t"

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_DSP_ROWS(name, BLOCK, LAST, FORM)                                                                                                                            \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(const edgeq_dsp_rows *rows __attribute__((unused)), const int32_t *upper __attribute__((unused)), \
                                                                         const int32_t *lower __attribute__((unused)), int8_t *y __attribute__((unused)))                  \
    {                                                                                                                                                                      \
        __asm__(                                                                                                                                                           \
            "push {r4-r11, lr}\n\t"                                                                                                                                        \
            "sub sp, #60\n\t"                                                                                                                                              \
            "ldm r0!, {r4-r8}\n\t"                                                                                                                                         \
            "sub r3, r3, r4\n\t"                                                                                                                                           \
            "add r6, r3, r6\n\t"                                                                                                                                           \
            "strd r3, r6, [sp, #12]\n\t"                                                                                                                                   \
            "str r5, [sp, #20]\n\t"                                                                                                                                        \
            "strd r0, r4, [sp, #24]\n\t"                                                                                                                                   \
            "strd r1, r2, [sp, #32]\n\t"                                                                                                                                   \
            "add r9, r0, #160\n\t"                                                                                                                                         \
            "strd r7, r9, [sp, #40]\n\t"                                                                                                                                   \
            "str r8, [sp, #48]\n"                                                                                                                                          \
            "0:\n\t" /* a channel */                                                                                                                                       \
            "ldrd r10, r11, [sp, #24]\n\t"                                                                                                                                 \
            "ldrd r12, lr, [sp, #32]\n\t"                                                                                                                                  \
            "ldm r10, {r0-r5, r7-r9}\n\t"                                                                                                                                  \
            "strd r8, r9, [sp]\n\t"                                                                                                                                        \
            "ldr r9, [r10, #36]\n\t"                                                                                                                                       \
            "str r9, [sp, #52]\n\t"                                                                                                                                        \
            "str r11, [sp, #8]\n\t"                                                                                                                                        \
            "cmp r11, #0\n\t"                                                                                                                                              \
            "bpl 2f\n"                                                                                                                                                     \
            "1:\n\t" BLOCK(EDGEQ_DSP_CODE_##FORM) "ldr r10, [sp, #24]\n\t"                                                                                                 \
                                                  "ldm r10, {r0-r5, r7}\n\t"                                                                                               \
                                                  "bmi 1b\n"                                                                                                               \
                                                  "2:\n\t"                                                                                                                 \
                                                  "ldr r6, [sp, #48]\n\t"                                                                                                  \
                                                  "cmp r6, #0\n\t"                                                                                                         \
                                                  "beq 3f\n\t" LAST(EDGEQ_DSP_CODE_##FORM) "3:\n\t"                                                                        \
                                                                                           "add r0, sp, #24\n\t"                                                           \
                                                                                           "ldm r0, {r1-r6}\n\t"                                                           \
                                                                                           "adds r1, #40\n\t"                                                              \
                                                                                           "adds r2, #1\n\t"                                                               \
                                                                                           "add r3, r3, r5\n\t"                                                            \
                                                                                           "add r4, r4, r5\n\t"                                                            \
                                                                                           "stm r0, {r1-r4}\n\t"                                                           \
                                                                                           "cmp r1, r6\n\t"                                                                \
                                                                                           "bne 0b\n\t"                                                                    \
                                                                                           "add sp, #60\n\t"                                                               \
                                                                                           "pop {r4-r11, pc}\n");                                                          \
    }
/* clang-format on */

#else

EDGEQ_CODE static inline void edgeq_dsp_pair_rows(int32_t *to, const edgeq_dsp_source *source, const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b)
{
    for (int32_t x = 0; x < source->columns; ++x) {
        for (int32_t c = 0; c < 4; ++c) {
            to[c * (source->plane / 4) + x] = edgeq_pair(a[c + x * step_a], b[c + x * step_b]);
        }
    }
}

EDGEQ_CODE static inline void edgeq_dsp_pair_inner_rows(int32_t *to, const edgeq_dsp_source *source, const int8_t *a)
{
    edgeq_dsp_pair_rows(to, source, a, source->step, a + source->line, source->step);
}

/* Both products of halves, added to a sum modulo 2^32. */
EDGEQ_CODE static inline uint32_t edgeq_dsp_add_halves(uint32_t sum, int32_t a, int32_t b)
{
    return sum + (uint32_t)(edgeq_low_half(a) * edgeq_low_half(b)) + (uint32_t)(edgeq_high_half(a) * edgeq_high_half(b));
}

/* The sum of a window of three rows, the first of which is the lower or the upper half of words. */
EDGEQ_CODE static inline int32_t edgeq_dsp_window(const int32_t *upper, const int32_t *lower, const int32_t *record, int32_t is_below)
{
    uint32_t sum = (uint32_t)record[6];

    for (int32_t x = 0; x < 3; ++x) {
        const int32_t *const w = record + 2 * x;

        if (is_below) {
            sum += (uint32_t)(edgeq_high_half(upper[x]) * edgeq_low_half(w[0]));
            sum = edgeq_dsp_add_halves(sum, lower[x], w[1]);
        } else {
            sum = edgeq_dsp_add_halves(sum, upper[x], w[0]);
            sum += (uint32_t)(edgeq_low_half(lower[x]) * edgeq_high_half(w[1]));
        }
    }
    return (int32_t)sum;
}

/* Codes of sums: factors are multiplier, addend and shift. */
EDGEQ_CODE static inline int32_t edgeq_dsp_code_steep(int32_t sum, const int32_t *factors)
{
    return (int32_t)((int64_t)sum * factors[0] >> 32) + factors[1];
}

EDGEQ_CODE static inline int32_t edgeq_dsp_code_line(int32_t sum, const int32_t *factors)
{
    return edgeq_dsp_code_steep(sum, factors) >> 2;
}

EDGEQ_CODE static inline int32_t edgeq_dsp_code_plain(int32_t sum, const int32_t *factors)
{
    return edgeq_dsp_code_steep(sum, factors) >> factors[2];
}

EDGEQ_CODE static inline int32_t edgeq_dsp_code_gemmlowp(int32_t sum, const int32_t *factors)
{
    return (edgeq_dsp_away(sum, edgeq_dsp_multiplier(factors[0])) + factors[1]) >> factors[2];
}

EDGEQ_CODE static inline int32_t edgeq_dsp_code_half_up(int32_t sum, const int32_t *factors)
{
    return (edgeq_dsp_up(sum, edgeq_dsp_multiplier(factors[0])) + factors[1]) >> factors[2];
}

EDGEQ_CODE static inline int32_t edgeq_dsp_code_single(int32_t sum, const int32_t *factors)
{
    return (edgeq_dsp_single(sum, edgeq_dsp_multiplier(factors[0])) + factors[1]) >> factors[2];
}

#define EDGEQ_DSP_CODE_PLAIN edgeq_dsp_code_plain
#define EDGEQ_DSP_CODE_GEMMLOWP edgeq_dsp_code_gemmlowp
#define EDGEQ_DSP_CODE_HALF_UP edgeq_dsp_code_half_up
#define EDGEQ_DSP_CODE_SINGLE edgeq_dsp_code_single

/* Rows and stride of each kind of block. */
#define EDGEQ_DSP_TWO_BY_TWO 2, 1
#define EDGEQ_DSP_TWO 1, 1
#define EDGEQ_DSP_TWO_APART 1, 2

#define EDGEQ_DSP_ROWS(name, BLOCK, LAST, FORM) EDGEQ_DSP_PLAIN_ROWS(name, BLOCK, EDGEQ_DSP_CODE_##FORM)
#define EDGEQ_DSP_PLAIN_ROWS(...) EDGEQ_DSP_ROWS_IN_C(__VA_ARGS__)
#define EDGEQ_DSP_ROWS_IN_C(name, ROWS, STRIDE, CODE)                                                                                      \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_dsp_rows *rows, const int32_t *upper, const int32_t *lower, int8_t *y) \
    {                                                                                                                                      \
        const int32_t columns = rows->odd - rows->start / rows->column;                                                                    \
                                                                                                                                           \
        for (int32_t c = 0; c < 4; ++c) {                                                                                                  \
            const int32_t *const record = rows->records + 10 * c;                                                                          \
            const int32_t plane = c * (rows->plane / 4);                                                                                   \
                                                                                                                                           \
            for (int32_t i = 0; i < ROWS * columns; ++i) {                                                                                 \
                const int32_t x = i % columns;                                                                                             \
                const int32_t is_below = i / columns;                                                                                      \
                const int32_t sum = edgeq_dsp_window(upper + plane + STRIDE * x, lower + plane + STRIDE * x, record, is_below);            \
                                                                                                                                           \
                y[c + is_below * rows->row + x * rows->column] = (int8_t)edgeq_clamp_s32(CODE(sum, record + 7), -128, 127);                \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

#endif

#define EDGEQ_DSP_ALL_ROWS(name, FORM)                                                            \
    EDGEQ_DSP_ROWS(edgeq_dsp_two_rows_##name, EDGEQ_DSP_TWO_BY_TWO, EDGEQ_DSP_LAST_OF_BOTH, FORM) \
    EDGEQ_DSP_ROWS(edgeq_dsp_row_##name, EDGEQ_DSP_TWO, EDGEQ_DSP_LAST, FORM)                     \
    EDGEQ_DSP_ROWS(edgeq_dsp_row_apart_##name, EDGEQ_DSP_TWO_APART, EDGEQ_DSP_LAST, FORM)

EDGEQ_DSP_ALL_ROWS(plain, PLAIN)
EDGEQ_DSP_ALL_ROWS(gemmlowp, GEMMLOWP)
EDGEQ_DSP_ALL_ROWS(half_up, HALF_UP)
EDGEQ_DSP_ALL_ROWS(single, SINGLE)

/* ---- Images ------------------------------------------------------------------------------- */

typedef void edgeq_dsp_row_function(const edgeq_dsp_rows *rows, const int32_t *upper, const int32_t *lower, int8_t *y);

/* Records of four channels from channel c on. */
EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_dsp_records(int32_t *to, const edgeq_dsp_depthwise *image, int32_t c)
{
    const int8_t *w = image->weights + 9 * c;
    const int32_t *from = image->factors + image->words * c;
    const int32_t zero = image->w_zero;
    const int32_t scale = image->scale;

    for (int32_t i = 0; i < 4; ++i) {
        for (int32_t column = 0; column < 3; ++column) {
            const int32_t middle = (w[1] - zero) * scale;

            *to++ = edgeq_pair((w[0] - zero) * scale, middle);
            *to++ = edgeq_pair(middle, (w[2] - zero) * scale);
            w += 3;
        }
        *to++ = from[0];
        *to++ = from[1];
        if (image->words == 2) {
            const int32_t shift = from[1] & 31;

            *to++ = image->y_zero * ((int32_t)1 << shift);
            *to++ = shift;
        } else {
            *to++ = from[2];
            *to++ = from[3];
        }
        from += image->words;
    }
}

/* Four channels, from `from` on, of rows `row` and the next, one of which is outside the image. */
EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_dsp_pair_outer_rows(int32_t *to, const edgeq_dsp_source *source, const int8_t *from, int32_t row)
{
    const int8_t *a = source->outside;
    const int8_t *b = source->outside;
    int32_t step_a = 0;
    int32_t step_b = 0;

    if (row >= 0 && row < source->in_h) {
        a = from + row * source->line;
        step_a = source->step;
    }
    if (row >= -1 && row + 1 < source->in_h) {
        b = from + (row + 1) * source->line;
        step_b = source->step;
    }
    edgeq_dsp_pair_rows(to, source, a, step_a, b, step_b);
}

/* Four channels, from `from` on, of rows `row` and the next. */
EDGEQ_CODE static inline void edgeq_dsp_next_rows(int32_t *to, const edgeq_dsp_source *source, const int8_t *from, int32_t row)
{
    if (row >= 0 && row + 1 < source->in_h) {
        edgeq_dsp_pair_inner_rows(to, source, from + row * source->line);
    } else {
        edgeq_dsp_pair_outer_rows(to, source, from, row);
    }
}

/* Columns beside the image, of both buffers of four planes. */
EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_dsp_pad_columns(const edgeq_dsp_depthwise *image, int32_t plane)
{
    const int32_t zeros = edgeq_pair(image->x_zero, image->x_zero);

    for (int32_t i = 0; i < 8; ++i) {
        int32_t *const to = image->pairs + i * plane;

        for (int32_t x = 0; x < image->pad_left; ++x) {
            to[x] = zeros;
        }
        for (int32_t x = image->pad_left + image->in_w; x < plane; ++x) {
            to[x] = zeros;
        }
    }
}

/* One image, four channels at a time. `two` computes two rows of outputs, for stride 1, and `one` the last of an odd count, or every one for stride 2. */
EDGEQ_CODE static inline __attribute__((always_inline)) void edgeq_dsp_depthwise_image(const edgeq_dsp_depthwise *image, int32_t stride, edgeq_dsp_row_function *two, edgeq_dsp_row_function *one)
{
    const int32_t channels = image->channels;
    const int32_t line = image->out_w * channels;
    const int32_t plane = (image->out_w - 1) * stride + 3;
    int32_t *upper = image->pairs;
    int32_t *lower = image->pairs + 4 * plane;
    const int32_t reached = plane - image->pad_left;
    const int32_t columns = image->in_w < reached ? image->in_w : reached;
    const int8_t zero = (int8_t)image->x_zero;
    const edgeq_dsp_source source = {4 * plane, image->in_w * channels, channels, -columns * channels, columns, image->in_h, {zero, zero, zero, zero}};
    edgeq_dsp_rows rows;

    rows.odd = image->out_w & 1;
    rows.start = -(image->out_w - rows.odd) * channels;
    rows.column = channels;
    rows.row = line;
    rows.plane = 4 * plane;
    edgeq_dsp_pad_columns(image, plane);
    for (int32_t group = 0; group < channels; group += 4) {
        const int32_t c = group < channels - 4 ? group : channels - 4;
        const int8_t *const from = image->x + c;
        int32_t row = -image->pad_top;
        int8_t *y = image->y + c;

        edgeq_dsp_records(rows.records, image, c);
        edgeq_dsp_next_rows(upper + image->pad_left, &source, from, row);
        for (int32_t left = image->out_h; left > 0; left -= 3 - stride) {
            int32_t *const free = upper;

            row += 2;
            edgeq_dsp_next_rows(lower + image->pad_left, &source, from, row);
            if (stride == 1 && left > 1) {
                two(&rows, upper, lower, y);
                y += line;
            } else {
                one(&rows, upper, lower, y);
            }
            y += line;
            upper = lower;
            lower = free;
        }
    }
}

#define EDGEQ_DSP_DEPTHWISE(name)                                                                                           \
    EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_dsp_depthwise_1_##name(const edgeq_dsp_depthwise *image) \
    {                                                                                                                       \
        edgeq_dsp_depthwise_image(image, 1, edgeq_dsp_two_rows_##name, edgeq_dsp_row_##name);                               \
    }                                                                                                                       \
    EDGEQ_CODE __attribute__((noinline, unused)) static void edgeq_dsp_depthwise_2_##name(const edgeq_dsp_depthwise *image) \
    {                                                                                                                       \
        edgeq_dsp_depthwise_image(image, 2, edgeq_dsp_row_apart_##name, edgeq_dsp_row_apart_##name);                        \
    }

EDGEQ_DSP_DEPTHWISE(plain)
EDGEQ_DSP_DEPTHWISE(gemmlowp)
EDGEQ_DSP_DEPTHWISE(half_up)
EDGEQ_DSP_DEPTHWISE(single)

#endif
