/* Rows of codes times a matrix on Cortex-M processors with the DSP extension: two 16-bit products an
 * instruction. For other processors, and wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes
 * the same. */
#ifndef EDGEQ_FULLY_CONNECTED_DSP_H
#define EDGEQ_FULLY_CONNECTED_DSP_H

#include <stdint.h>
#include <string.h>

#include "edgeq_product_dsp.h"

/* Rows of `depth` codes times the columns of a matrix, `outs` sums for each row.
 *
 * pairs: working memory, a word for each two codes, filled up to a multiple of eight codes.
 * stream, for each four outputs, then for each two of the last three: for each four places k of a
 * row, words of the weights at k and k + 2 of two outputs, the first of which has its weights raised
 * by 128, then words of those at k + 1 and k + 3; after them biases, and where each output has
 * factors of its own, multiplier, addend and shift of each.
 * zero: what every weight counts from; factors: those of all outputs. */
typedef struct {
    const int8_t *x;
    void *y;
    int32_t *pairs;
    const int32_t *stream;
    int32_t rows;
    int32_t depth;
    int32_t outs;
    int32_t zero;
    int32_t factors[3];
} edgeq_dsp_matrix;

/* One row. Two outputs share the 16-bit numbers h = 256 * second + first of their words: the sum of
 * h * x, less that of the first alone, is 256 times the sum of the second. `start` is what the sums
 * of h * x and of the first begin with, twice, and `high` the upper word of the former. */
typedef struct {
    int32_t start[4];
    const int32_t *x;
    int32_t high;
    const int32_t *end;
    const int32_t *stream;
    int32_t factors[3];
    void *y;
    int32_t fours;
    int32_t first;
    int32_t second;
} edgeq_dsp_row;

/* Bytes 0 and 2 of a word as 16-bit numbers, 0 to 255. */
EDGEQ_CODE static inline int32_t edgeq_even_unsigned_bytes(int32_t word)
{
    return (int32_t)((uint32_t)word & 0x00ff00ffu);
}

/* ---- One row in pairs -------------------------------------------------------------------- */

/* Write the pairs of `count` codes, a multiple of eight; return `sum` and all codes added. */
EDGEQ_CODE static inline int32_t edgeq_dsp_pair_row(int32_t *to, const int8_t *x, int32_t count, int32_t sum)
{
    const int32_t ones = 0x00010001;
    const int8_t *const end = x + count;

#if EDGEQ_DSP_ASSEMBLER
    if (count > 0) {
        __asm__ volatile(
            "1:\n\t"
            "ldr r8, [%[x]], #4\n\t"
            "ldr r10, [%[x]], #4\n\t"
            "sxtb16 r9, r8, ror #8\n\t"
            "sxtb16 r8, r8\n\t"
            "sxtb16 r11, r10, ror #8\n\t"
            "sxtb16 r10, r10\n\t"
            "smlad %[sum], r9, %[ones], %[sum]\n\t"
            "smlad %[sum], r8, %[ones], %[sum]\n\t"
            "smlad %[sum], r11, %[ones], %[sum]\n\t"
            "smlad %[sum], r10, %[ones], %[sum]\n\t"
            "stm %[to]!, {r8, r9, r10, r11}\n\t"
            "cmp %[x], %[end]\n\t"
            "bne 1b"
            : [to] "+&r"(to), [x] "+&r"(x), [sum] "+&r"(sum)
            : [end] "r"(end), [ones] "r"(ones)
            : "r8", "r9", "r10", "r11", "memory", "cc");
    }
#else
    for (; x < end; x += 4) {
        const int32_t word = edgeq_load_word(x);

        to[0] = edgeq_even_bytes(word);
        to[1] = edgeq_odd_bytes(word);
        sum = edgeq_add_pair_products(edgeq_add_pair_products(sum, to[0], ones), to[1], ones);
        to += 2;
    }
#endif
    return sum;
}

/* Write the pairs of row `r`, zeros up to a multiple of eight, and where its sums begin. */
EDGEQ_CODE static inline void edgeq_dsp_begin_row(edgeq_dsp_row *row, const edgeq_dsp_matrix *m, int32_t r)
{
    const int32_t left = m->depth % 8;
    const int32_t whole = m->depth - left;
    const int8_t *const x = m->x + r * m->depth;
    int32_t *const rest = m->pairs + whole / 2;
    int32_t sum = edgeq_dsp_pair_row(m->pairs, x, whole, 0);

    if (left > 0) {
        int8_t last[8] = {0, 0, 0, 0, 0, 0, 0, 0};

        memcpy(last, x + whole, (uint32_t)left);
        sum = edgeq_dsp_pair_row(rest, last, 8, sum);
    }
    row->first = -(128 + m->zero) * sum;
    row->second = -m->zero * sum;

    const int64_t both = (int64_t)row->second * 256 + row->first;

    row->start[0] = row->start[2] = (int32_t)(uint32_t)(uint64_t)both;
    row->start[1] = row->start[3] = row->first;
    row->high = (int32_t)(uint32_t)((uint64_t)both >> 32);
    row->x = m->pairs;
    row->end = left > 0 ? rest + 4 : rest;
    row->stream = m->stream;
    memcpy(row->factors, m->factors, sizeof row->factors);
    row->y = (int8_t *)m->y + r * m->outs;
    row->fours = m->outs / 4;
}

/* The sums of two outputs whose words are `step` apart, without their biases. */
EDGEQ_CODE static inline void edgeq_dsp_two_sums(const edgeq_dsp_row *row, const int32_t *words, int32_t step, int32_t sums[2])
{
    const int32_t *const end = row->end;
    int32_t first = row->first;
    int32_t second = row->second;

    for (const int32_t *x = row->x; x < end; x += 2) {
        const int32_t a = words[0];
        const int32_t b = words[step];

        first = edgeq_add_pair_products(first, x[0], edgeq_even_unsigned_bytes(a));
        second = edgeq_add_pair_products(second, x[0], edgeq_odd_bytes(a));
        first = edgeq_add_pair_products(first, x[1], edgeq_even_unsigned_bytes(b));
        second = edgeq_add_pair_products(second, x[1], edgeq_odd_bytes(b));
        words += 2 * step;
    }
    sums[0] = first;
    sums[1] = second;
}

/* ---- What becomes of a sum: factors are multiplier, addend and shift ----------------------- */

EDGEQ_CODE static inline void edgeq_dsp_put_code(void *y, int32_t at, int32_t high, const int32_t factors[3])
{
    ((int8_t *)y)[at] = (int8_t)edgeq_clamp_s32((high + factors[1]) >> factors[2], -128, 127);
}

/* With a single rounding the multiplier is m, with others 2 * m - 2^32. */
EDGEQ_CODE static inline void edgeq_dsp_put_single(void *y, int32_t at, int32_t sum, const int32_t factors[3])
{
    edgeq_dsp_put_code(y, at, edgeq_product_bits_s32(sum, factors[0], 0, 32), factors);
}

EDGEQ_CODE static inline void edgeq_dsp_put_half_up(void *y, int32_t at, int32_t sum, const int32_t factors[3])
{
    edgeq_dsp_put_code(y, at, edgeq_mulhi_positive_s32(sum, (int32_t)((uint32_t)factors[0] >> 1)), factors);
}

EDGEQ_CODE static inline void edgeq_dsp_put_gemmlowp(void *y, int32_t at, int32_t sum, const int32_t factors[3])
{
    edgeq_dsp_put_code(y, at, edgeq_mulhi_positive_s32(sum, (int32_t)((uint32_t)factors[0] >> 1)) - (sum < 0), factors);
}

EDGEQ_CODE static inline void edgeq_dsp_put_sum(void *y, int32_t at, int32_t sum, const int32_t factors[3])
{
    (void)factors;
    ((int32_t *)y)[at] = sum;
}

/* ---- Four outputs at a time -------------------------------------------------------------- */

#if EDGEQ_DSP_ASSEMBLER

/* clang-format off: it would shift each instruction to the right of the one before. */

/* r12 reads the stream, lr the row; weights are in r6 to r9. The sums of h * x are in r0 and r3, with
 * upper words in r1 and r4 where they may need 64 bits, and those of the first outputs in r2 and r5. */
#define EDGEQ_DSP_NARROW_TWO(words, x, both, first)  \
    "smlad " both ", " words ", " x ", " both "\n\t" \
    "uxtb16 " words ", " words "\n\t"                \
    "smlad " first ", " words ", " x ", " first "\n\t"
#define EDGEQ_DSP_NARROW_FOUR(x0, x1) \
    "ldm r12!, {r6, r7, r8, r9}\n\t" EDGEQ_DSP_NARROW_TWO("r6", x0, "r0", "r2") EDGEQ_DSP_NARROW_TWO("r7", x0, "r3", "r5") EDGEQ_DSP_NARROW_TWO("r8", x1, "r0", "r2") EDGEQ_DSP_NARROW_TWO("r9", x1, "r3", "r5")
#define EDGEQ_DSP_NARROW_EIGHT "ldm lr!, {r1, r4, r10, r11}\n\t" EDGEQ_DSP_NARROW_FOUR("r1", "r4") EDGEQ_DSP_NARROW_FOUR("r10", "r11")
#define EDGEQ_DSP_NARROW_EIGHT_BYTES "108"
#define EDGEQ_DSP_NARROW_START
#define EDGEQ_DSP_NARROW_SECOND(low, high, first, bias) \
    "sub " low ", " low ", " first "\n\t"               \
    "add " low ", " bias ", " low ", asr #8\n\t"

#define EDGEQ_DSP_WIDE_TWO(words, x, low, high, first) \
    "smlald " low ", " high ", " words ", " x "\n\t"   \
    "uxtb16 " words ", " words "\n\t"                  \
    "smlad " first ", " words ", " x ", " first "\n\t"
#define EDGEQ_DSP_WIDE_FOUR          \
    "ldm r12!, {r6, r7, r8, r9}\n\t" \
    "ldrd r10, r11, [lr], #8\n\t" EDGEQ_DSP_WIDE_TWO("r6", "r10", "r0", "r1", "r2") EDGEQ_DSP_WIDE_TWO("r7", "r10", "r3", "r4", "r5") EDGEQ_DSP_WIDE_TWO("r8", "r11", "r0", "r1", "r2") EDGEQ_DSP_WIDE_TWO("r9", "r11", "r3", "r4", "r5")
#define EDGEQ_DSP_WIDE_EIGHT EDGEQ_DSP_WIDE_FOUR EDGEQ_DSP_WIDE_FOUR
#define EDGEQ_DSP_WIDE_EIGHT_BYTES "112"
#define EDGEQ_DSP_WIDE_START \
    "ldr r1, [r6, #20]\n\t"  \
    "mov r4, r1\n\t"
#define EDGEQ_DSP_WIDE_SECOND(low, high, first, bias) \
    "subs " low ", " low ", " first "\n\t"            \
    "sbc " high ", " high ", " first ", asr #31\n\t"  \
    "add " bias ", " bias ", " low ", lsr #8\n\t"     \
    "add " low ", " bias ", " high ", lsl #24\n\t"

/* Rescaling by the multiplier in r4, the addend in r8 and the shift in r9; each rounding has its
 * form of the multiply. */
#define EDGEQ_DSP_SUM_SINGLE(sum) "smmla " sum ", " sum ", r4, r8\n\t"
#define EDGEQ_DSP_SUM_UP(sum)                  \
    "smmlar " sum ", " sum ", r4, " sum "\n\t" \
    "add " sum ", " sum ", r8\n\t"
#define EDGEQ_DSP_SUM_AWAY(sum)             \
    "add r6, " sum ", " sum ", asr #31\n\t" \
    "smmlar " sum ", " sum ", r4, r6\n\t"   \
    "add " sum ", " sum ", r8\n\t"
#define EDGEQ_DSP_CODE_OF_SUM(SCALE, sum) \
    SCALE(sum)                            \
    "asr " sum ", " sum ", r9\n\t"        \
    "ssat " sum ", #8, " sum "\n\t"
#define EDGEQ_DSP_STORE_CODES \
    "strb r2, [r10], #4\n\t"  \
    "strb r0, [r10, #-3]\n\t" \
    "strb r5, [r10, #-2]\n\t" \
    "strb r3, [r10, #-1]\n\t"

/* Sums are in r2, r0, r5 and r3; where to write comes to r10, how many fours are left to r11. */
#define EDGEQ_DSP_FINISH_ONE(SCALE) \
    "add r11, sp, #12\n\t"          \
    "ldm r11, {r4, r8, r9, r10, r11}\n\t" EDGEQ_DSP_CODE_OF_SUM(SCALE, "r2") EDGEQ_DSP_CODE_OF_SUM(SCALE, "r0") EDGEQ_DSP_CODE_OF_SUM(SCALE, "r5") EDGEQ_DSP_CODE_OF_SUM(SCALE, "r3") EDGEQ_DSP_STORE_CODES
#define EDGEQ_DSP_FINISH_EACH(SCALE) \
    "ldm r12!, {r4, r8, r9}\n\t" EDGEQ_DSP_CODE_OF_SUM(SCALE, "r2") "ldm r12!, {r4, r8, r9}\n\t" EDGEQ_DSP_CODE_OF_SUM(SCALE, "r0") "ldm r12!, {r4, r8, r9}\n\t" EDGEQ_DSP_CODE_OF_SUM(SCALE, "r5") "ldm r12!, {r4, r8, r9}\n\t" EDGEQ_DSP_CODE_OF_SUM(SCALE, "r3") "ldrd r10, r11, [sp, #24]\n\t" EDGEQ_DSP_STORE_CODES
#define EDGEQ_DSP_FINISH_SUMS(SCALE) \
    "ldrd r10, r11, [sp, #24]\n\t"   \
    "str r2, [r10], #16\n\t"         \
    "str r0, [r10, #-12]\n\t"        \
    "str r5, [r10, #-8]\n\t"         \
    "str r3, [r10, #-4]\n\t"

/* On the stack: row, where the loop is entered, end, multiplier, addend, shift, y, fours left. The
 * loop takes 32 codes a turn; it is entered where as many are left as do not fill turns. */
#define EDGEQ_DSP_ROW_FUNCTION(name, WIDTH, FINISH, SCALE, own)                                                                                                                                                                                         \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name##_row(edgeq_dsp_row *row __attribute__((unused)))                                                                                                                              \
    {                                                                                                                                                                                                                                                   \
        __asm__(                                                                                                                                                                                                                                        \
            "push {r4-r11, lr}\n\t"                                                                                                                                                                                                                     \
            "sub sp, #32\n\t"                                                                                                                                                                                                                           \
            "str r0, [sp]\n\t"                                                                                                                                                                                                                          \
            "add r1, r0, #16\n\t"                                                                                                                                                                                                                       \
            "ldm r1, {r1, r2, r3, r4, r5, r6, r7, r8, r9}\n\t" /* x to fours */                                                                                                                                                                         \
            "mov r12, r4\n\t"                                                                                                                                                                                                                           \
            "str r3, [sp, #8]\n\t"                                                                                                                                                                                                                      \
            "add r10, sp, #12\n\t"                                                                                                                                                                                                                      \
            "stm r10, {r5, r6, r7, r8, r9}\n\t"                                                                                                                                                                                                         \
            "sub r1, r1, r3\n\t"                                                                                                                                                                                                                        \
            "ubfx r1, r1, #4, #2\n\t" /* eights to skip: less the row's, of four */                                                                                                                                                                     \
            "mov r2, #" EDGEQ_DSP_##WIDTH##_EIGHT_BYTES "\n\t"                                                                                                                                                                                          \
                                                        "adr.w r3, 1f\n\t"                                                                                                                                                                              \
                                                        "mla r3, r1, r2, r3\n\t"                                                                                                                                                                        \
                                                        "orr r3, r3, #1\n\t"                                                                                                                                                                            \
                                                        "str r3, [sp, #4]\n"                                                                                                                                                                            \
                                                        "0:\n\t"                                                                                                                                                                                        \
                                                        "ldr r6, [sp]\n\t"                                                                                                                                                                              \
                                                        "ldm r6, {r0, r2, r3, r5, lr}\n\t" EDGEQ_DSP_##WIDTH##_START                                                                                                                                    \
            "ldr r6, [sp, #4]\n\t"                                                                                                                                                                                                                      \
            "bx r6\n"                                                                                                                                                                                                                                   \
            "1:\n\t" EDGEQ_DSP_##WIDTH##_EIGHT EDGEQ_DSP_##WIDTH##_EIGHT EDGEQ_DSP_##WIDTH##_EIGHT EDGEQ_DSP_##WIDTH##_EIGHT                                                                                                                            \
            "ldr r6, [sp, #8]\n\t"                                                                                                                                                                                                                      \
            "cmp lr, r6\n\t"                                                                                                                                                                                                                            \
            "bne 1b\n\t"                                                                                                                                                                                                                                \
            "ldm r12!, {r6, r7, r8, r9}\n\t" EDGEQ_DSP_##WIDTH##_SECOND("r0", "r1", "r2", "r7") EDGEQ_DSP_##WIDTH##_SECOND("r3", "r4", "r5", "r9") "add r2, r2, r6\n\t"                                                                                 \
                                                                                                                                                   "add r5, r5, r8\n\t" EDGEQ_DSP_FINISH_##FINISH(EDGEQ_DSP_SUM_##SCALE) "subs r11, r11, #1\n\t"        \
                                                                                                                                                                                                                         "strd r10, r11, [sp, #24]\n\t" \
                                                                                                                                                                                                                         "bne 0b\n\t"                   \
                                                                                                                                                                                                                         "add sp, #32\n\t"              \
                                                                                                                                                                                                                         "pop {r4-r11, pc}\n");         \
    }

#else

#define EDGEQ_DSP_ROW_FUNCTION(name, WIDTH, FINISH, SCALE, own)                        \
    EDGEQ_CODE static void name##_row(const edgeq_dsp_row *row)                        \
    {                                                                                  \
        const int32_t words = (int32_t)(row->end - row->x);                            \
        const int32_t *stream = row->stream;                                           \
                                                                                       \
        for (int32_t at = 0; at < 4 * row->fours; at += 4) {                           \
            const int32_t *const bias = stream + 2 * words;                            \
                                                                                       \
            name##_two(row, stream, 2, bias, bias + 4, at, 2);                         \
            name##_two(row, stream + 1, 2, bias + 2, bias + 4 + 2 * (own), at + 2, 2); \
            stream = bias + 4 + 4 * (own);                                             \
        }                                                                              \
    }

#endif
/* clang-format on */

/* ---- Whole matrices ---------------------------------------------------------------------- */

/* Matrices of fewer than four outputs have no fours. */
#define EDGEQ_DSP_NO_ROW_FUNCTION(name, WIDTH, FINISH, SCALE, own)     \
    EDGEQ_CODE static inline void name##_row(const edgeq_dsp_row *row) \
    {                                                                  \
        (void)row;                                                     \
    }

/* Each output has `own` words of factors in the stream. */
#define EDGEQ_DSP_MATRIX_FUNCTION(name, ROW_FUNCTION, WIDTH, FINISH, SCALE, PUT, own)                                                                                              \
    EDGEQ_CODE static inline void name##_two(const edgeq_dsp_row *row, const int32_t *words, int32_t step, const int32_t *bias, const int32_t *factors, int32_t at, int32_t count) \
    {                                                                                                                                                                              \
        int32_t sums[2];                                                                                                                                                           \
                                                                                                                                                                                   \
        edgeq_dsp_two_sums(row, words, step, sums);                                                                                                                                \
        for (int32_t i = 0; i < count; ++i) {                                                                                                                                      \
            PUT(row->y, at + i, sums[i] + bias[i], (own) > 0 ? factors + i * (own) : row->factors);                                                                                \
        }                                                                                                                                                                          \
    }                                                                                                                                                                              \
                                                                                                                                                                                   \
    ROW_FUNCTION(name, WIDTH, FINISH, SCALE, own)                                                                                                                                  \
                                                                                                                                                                                   \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_dsp_matrix *m)                                                                                                 \
    {                                                                                                                                                                              \
        for (int32_t r = 0; r < m->rows; ++r) {                                                                                                                                    \
            edgeq_dsp_row row;                                                                                                                                                     \
                                                                                                                                                                                   \
            edgeq_dsp_begin_row(&row, m, r);                                                                                                                                       \
            if (row.fours > 0) {                                                                                                                                                   \
                name##_row(&row);                                                                                                                                                  \
            }                                                                                                                                                                      \
                                                                                                                                                                                   \
            const int32_t words = (int32_t)(row.end - row.x);                                                                                                                      \
            const int32_t *stream = m->stream + row.fours * (2 * words + 4 + 4 * (own));                                                                                           \
                                                                                                                                                                                   \
            for (int32_t at = 4 * row.fours; at < m->outs; at += 2) {                                                                                                              \
                const int32_t *const bias = stream + words;                                                                                                                        \
                                                                                                                                                                                   \
                name##_two(&row, stream, 1, bias, bias + 2, at, at + 1 < m->outs ? 2 : 1);                                                                                         \
                stream = bias + 2 + 2 * (own);                                                                                                                                     \
            }                                                                                                                                                                      \
        }                                                                                                                                                                          \
    }

/* Few: less than four outputs. Narrow: the sums of every second output, without their biases, stay
 * within 2^23. Factors, one for all outputs or one for each, and rounding follow; or the sums
 * themselves are written. */
#define EDGEQ_DSP_MATRIX_FUNCTIONS(width, ROW_FUNCTION, WIDTH)                                                               \
    EDGEQ_DSP_MATRIX_FUNCTION(edgeq_dsp_##width##_one_gemmlowp, ROW_FUNCTION, WIDTH, ONE, AWAY, edgeq_dsp_put_gemmlowp, 0)   \
    EDGEQ_DSP_MATRIX_FUNCTION(edgeq_dsp_##width##_one_half_up, ROW_FUNCTION, WIDTH, ONE, UP, edgeq_dsp_put_half_up, 0)       \
    EDGEQ_DSP_MATRIX_FUNCTION(edgeq_dsp_##width##_one_single, ROW_FUNCTION, WIDTH, ONE, SINGLE, edgeq_dsp_put_single, 0)     \
    EDGEQ_DSP_MATRIX_FUNCTION(edgeq_dsp_##width##_each_gemmlowp, ROW_FUNCTION, WIDTH, EACH, AWAY, edgeq_dsp_put_gemmlowp, 3) \
    EDGEQ_DSP_MATRIX_FUNCTION(edgeq_dsp_##width##_each_half_up, ROW_FUNCTION, WIDTH, EACH, UP, edgeq_dsp_put_half_up, 3)     \
    EDGEQ_DSP_MATRIX_FUNCTION(edgeq_dsp_##width##_each_single, ROW_FUNCTION, WIDTH, EACH, SINGLE, edgeq_dsp_put_single, 3)   \
    EDGEQ_DSP_MATRIX_FUNCTION(edgeq_dsp_##width##_sums, ROW_FUNCTION, WIDTH, SUMS, SINGLE, edgeq_dsp_put_sum, 0)

EDGEQ_DSP_MATRIX_FUNCTIONS(few, EDGEQ_DSP_NO_ROW_FUNCTION, NARROW)
EDGEQ_DSP_MATRIX_FUNCTIONS(narrow, EDGEQ_DSP_ROW_FUNCTION, NARROW)
EDGEQ_DSP_MATRIX_FUNCTIONS(wide, EDGEQ_DSP_ROW_FUNCTION, WIDE)

#endif
