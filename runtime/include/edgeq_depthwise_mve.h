/* Depthwise 3x3 windows on Cortex-M processors with Helium: a channel of the image is copied between
 * its padding, and one vector holds the codes of two or four windows. For other processors, and
 * wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_DEPTHWISE_MVE_H
#define EDGEQ_DEPTHWISE_MVE_H

#include <stdint.h>

#include "edgeq_product_mve.h"

/* One image, whose input and output have the same channels.
 *
 * stream, for each channel: twelve bytes of weights, bias, multiplier, and the shift to the left,
 * which is -31 to -1, or the addend of one product. Weights for stride 1 are rows of three and a 0, those for stride 2 columns of
 * three, and 0 at the end.
 * plane: one channel with its padding, rows of `width` bytes; inside: where the image begins. */
typedef struct {
    const int8_t *x;
    const int32_t *stream;
    int8_t *y;
    const int8_t *plane;
    int8_t *inside;
    int32_t channels;
    int32_t in_h;
    int32_t in_w;
    int32_t width;
    int32_t out_h;
    int32_t out_w;
    int32_t zero;
} edgeq_mve_depthwise;

#if EDGEQ_MVE_ASSEMBLER

/* One channel from r1 on, in r4 rows of r5 codes, to r3; r9: channels, r10: width of the plane. Eight
 * columns at a time: q1 has their distances. */
#define EDGEQ_MVE_PLANE           \
    "0:\n\t"                      \
    "mov r6, r1\n\t"              \
    "mov r7, r3\n\t"              \
    "vctp.16 r5\n\t"              \
    "dls lr, r4\n"                \
    "1:\n\t"                      \
    "vpstt\n\t"                   \
    "vldrbt.u16 q0, [r6, q1]\n\t" \
    "vstrbt.16 q0, [r7]\n\t"      \
    "add r6, r6, r2\n\t"          \
    "add r7, r7, r10\n\t"         \
    "le lr, 1b\n\t"               \
    "add r1, r1, r9, lsl #3\n\t"  \
    "adds r3, #8\n\t"             \
    "subs r5, #8\n\t"             \
    "bgt 0b\n\t"

/* Weights where the codes of a window are in q0, for windows further to the right and further down:
 * in q4 to q7 for stride 1, and in q4 and q5 for stride 2. r0 is 0, and stays so. */
#define EDGEQ_MVE_SHIFTED_1 \
    "vmov q5, q4\n\t"       \
    "vshlc q5, r0, #8\n\t"  \
    "vmov q6, q4\n\t"       \
    "vshlc q6, r0, #32\n\t" \
    "vmov q7, q5\n\t"       \
    "vshlc q7, r0, #32\n\t"
#define EDGEQ_MVE_SHIFTED_2 \
    "vmov q5, q4\n\t"       \
    "vshlc q5, r0, #32\n\t" \
    "vshlc q5, r0, #16\n\t"

/* Sums of two by two windows. */
#define EDGEQ_MVE_SUMS_1         \
    "vldrh.u16 q0, [r1, q2]\n\t" \
    "subs r1, #2\n\t"            \
    "vmladav.s8 r0, q4, q0\n\t"  \
    "vmladav.s8 r2, q5, q0\n\t"  \
    "vmladav.s8 r4, q6, q0\n\t"  \
    "vmladav.s8 r6, q7, q0\n\t"
#define EDGEQ_MVE_SUMS_2        \
    "vldrb.u8 q0, [r1, q2]\n\t" \
    "vldrb.u8 q1, [r1, q6]\n\t" \
    "subs r1, #4\n\t"           \
    "vmladav.s8 r0, q4, q0\n\t" \
    "vmladav.s8 r2, q5, q0\n\t" \
    "vmladav.s8 r4, q4, q1\n\t" \
    "vmladav.s8 r6, q5, q1\n\t"

/* Sums times r5, for a shift in r7; q1 is free. */
#define EDGEQ_MVE_AWAY_ALL        \
    "vqrdmulh.s32 q0, q0, r5\n\t" \
    "vshr.s32 q1, q0, #31\n\t"    \
    "vadd.i32 q0, q0, q1\n\t"
#define EDGEQ_MVE_UP_ALL "vqrdmulh.s32 q0, q0, r5\n\t"
#define EDGEQ_MVE_SINGLE_ALL "vqdmulh.s32 q0, q0, r5\n\t"
/* Codes of four sums; r8 holds the bias. Two roundings with a shift in r7 and the zero point in r9 ... */
#define EDGEQ_MVE_SHIFTED(SCALE)    \
    "vadd.i32 q0, q0, r8\n\t" SCALE \
    "vrshl.s32 q0, r7\n\t"          \
    "vadd.i32 q0, q0, r9\n\t"       \
    "vqmovnb.s32 q0, q0\n\t"        \
    "vqmovnb.s16 q0, q0\n\t"
/* ... or one product with a multiplier in each lane, and its addend in r7, less what rounding adds. */
#define EDGEQ_MVE_STRAIGHT(multipliers)     \
    "vadd.i32 q0, q0, r8\n\t"               \
    "vmulh.s32 q0, q0, " multipliers "\n\t" \
    "vadd.i32 q0, q0, r7\n\t"               \
    "vqrshrnb.s32 q0, q0, #2\n\t"           \
    "vqmovnb.s16 q0, q0\n\t"
#define EDGEQ_MVE_FOUR(SUMS, CODES, STORE)          \
    SUMS                                            \
        "vmov q0[2], q0[0], r0, r4\n\t"             \
        "vmov q0[3], q0[1], r2, r6\n\t" CODES STORE \
        "sub r3, r3, r10\n\t"
#define EDGEQ_MVE_ALL_FOUR "vstrb.32 q0, [r3, q3]\n\t"
#define EDGEQ_MVE_SOME_OF_FOUR "vpst\n\tvstrbt.32 q0, [r3, q3]\n\t"

/* Two rows of outputs at a time, from the right to the left: of an odd count of columns, what is
 * computed right of the last goes to the next row, whose first column comes later. Only the last
 * two rows must not write beyond the end.
 * At sp: image, stream, y, channels left, pairs of columns, bytes from left of the plane to the
 * right of the rows below, masks of the last two rows: of the pair to the right, and of others, and
 * the record. OFFSETS sets q2, and q6 for stride 2; STEP is the logarithm of the rows and columns of
 * the plane that two outputs are apart. */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_MVE_DEPTHWISE(name, OFFSETS, SHIFTED, SUMS, SET, CODES, STEP)                               \
    __attribute__((naked, noinline, unused)) static void name(                                            \
        const edgeq_mve_depthwise *image __attribute__((unused)))                                         \
    {                                                                                                     \
        __asm__ volatile(                                                                                 \
            "push {r4-r11, lr}\n\t"                                                                       \
            "vpush {d8-d15}\n\t"                                                                          \
            "sub sp, #44\n\t"                                                                             \
            "str r0, [sp, #32]\n\t"                                                                       \
            "ldm r0, {r1, r2, r3}\n\t"                                                                    \
            "ldr r9, [r0, #20]\n\t"  /* channels */                                                       \
            "ldr r10, [r0, #32]\n\t" /* width */                                                          \
            "strd r1, r2, [sp]\n\t"                                                                       \
            "ldrd r6, r7, [r0, #36]\n\t" /* out_h, out_w */                                               \
            "add r8, r7, #1\n\t"                                                                          \
            "lsr r8, r8, #1\n\t" /* pairs of columns */                                                   \
            "lsl r4, r10, #" STEP "\n\t"                                                                  \
            "add r4, r4, r8, lsl #" STEP "\n\t"                                                           \
            "strd r8, r4, [sp, #16]\n\t"                                                                  \
            "movw r4, #0xffff\n\t"                                                                        \
            "tst r6, #1\n\t"                                                                              \
            "it ne\n\t"                                                                                   \
            "movne r4, #0xff\n\t"                                                                         \
            "mov r5, r4\n\t"                                                                              \
            "tst r7, #1\n\t"                                                                              \
            "it ne\n\t"                                                                                   \
            "andne r5, r4, #0x0f0f0f0f\n\t"                                                               \
            "strd r5, r4, [sp, #24]\n\t"                                                                  \
            "sub r8, r8, #1\n\t"                                                                          \
            "mul r8, r8, r9\n\t"                                                                          \
            "add r3, r3, r8, lsl #1\n\t"        /* the last two columns */                                \
            "strd r3, r9, [sp, #8]\n\t" OFFSETS /* y: right by `channels`, down by a row of outputs */    \
            "mul r4, r7, r9\n\t"                                                                          \
            "mov r5, #0\n\t"                                                                              \
            "add r6, r4, r9\n\t"                                                                          \
            "vmov q3[2], q3[0], r5, r4\n\t"                                                               \
            "vmov q3[3], q3[1], r9, r6\n"                                                                 \
            "9:\n\t"                                                                                      \
            "ldr r11, [sp, #32]\n\t"                                                                      \
            "ldr r9, [r11, #20]\n\t"                                                                      \
            "ldr r10, [r11, #32]\n\t"                                                                     \
            "mov r0, #0\n\t"                                                                              \
            "vidup.u16 q1, r0, #1\n\t"                                                                    \
            "vmul.i16 q1, q1, r9\n\t"                                                                     \
            "ldr r1, [sp]\n\t"                                                                            \
            "ldr r3, [r11, #16]\n\t"                                                                      \
            "ldrd r4, r5, [r11, #24]\n\t" /* in_h, in_w */                                                \
            "mul r2, r5, r9\n\t" EDGEQ_MVE_PLANE                                                          \
            "ldr r12, [sp, #4]\n\t"                                                                       \
            "movw r4, #0x0fff\n\t"                                                                        \
            "vmsr p0, r4\n\t"                                                                             \
            "mov r0, #0\n\t"                                                                              \
            "vpst\n\t"                                                                                    \
            "vldrbt.u8 q4, [r12]\n\t" SHIFTED                                                             \
            "ldr r8, [r12, #12]\n\t"                                                                      \
            "ldrd r5, r7, [r12, #16]\n\t" SET                                                             \
            "add r12, r12, #24\n\t"                                                                       \
            "str r12, [sp, #4]\n\t"                                                                       \
            "lsl r10, r9, #1\n\t"                                                                         \
            "ldr r9, [r11, #44]\n\t"                                                                      \
            "ldrd r12, r4, [r11, #36]\n\t" /* out_h, out_w */                                             \
            "ldr r0, [sp, #16]\n\t"                                                                       \
            "ldr r1, [r11, #12]\n\t"                                                                      \
            "sub r2, r0, #1\n\t"                                                                          \
            "add r1, r1, r2, lsl #" STEP "\n\t"                                                           \
            "ldr r3, [sp, #8]\n\t"                                                                        \
            "add r4, r4, r0\n\t"                                                                          \
            "mul r11, r4, r10\n\t" /* from left of a row to the right of the row after the next */        \
            "b 5f\n"                                                                                      \
            "3:\n\t"                                                                                      \
            "ldr r0, [sp, #16]\n\t"                                                                       \
            "dls lr, r0\n"                                                                                \
            "4:\n\t" EDGEQ_MVE_FOUR(SUMS, CODES, EDGEQ_MVE_ALL_FOUR) "le lr, 4b\n\t"                      \
            "ldr r2, [sp, #20]\n\t"                                                                       \
            "add r1, r1, r2\n\t"                                                                          \
            "add r3, r3, r11\n"                                                                           \
            "5:\n\t"                                                                                      \
            "subs r12, #2\n\t"                                                                            \
            "bgt 3b\n\t"                                                                                  \
            "ldr r2, [sp, #24]\n\t"                                                                       \
            "vmsr p0, r2\n\t" EDGEQ_MVE_FOUR(SUMS, CODES, EDGEQ_MVE_SOME_OF_FOUR) "ldr r0, [sp, #16]\n\t" \
            "ldr r2, [sp, #28]\n\t"                                                                       \
            "vmsr p0, r2\n\t"                                                                             \
            "subs r0, #1\n\t"                                                                             \
            "wls lr, r0, 7f\n"                                                                            \
            "6:\n\t" EDGEQ_MVE_FOUR(SUMS, CODES, EDGEQ_MVE_SOME_OF_FOUR) "le lr, 6b\n"                    \
            "7:\n\t"                                                                                      \
            "ldr r1, [sp]\n\t"                                                                            \
            "adds r1, #1\n\t"                                                                             \
            "str r1, [sp]\n\t"                                                                            \
            "ldrd r3, r9, [sp, #8]\n\t"                                                                   \
            "adds r3, #1\n\t"                                                                             \
            "subs r9, #1\n\t"                                                                             \
            "strd r3, r9, [sp, #8]\n\t"                                                                   \
            "bne 9b\n\t"                                                                                  \
            "add sp, #44\n\t"                                                                             \
            "vpop {d8-d15}\n\t"                                                                           \
            "pop {r4-r11, pc}\n");                                                                        \
    }
/* clang-format on */

/* Distances of codes from the first: four rows of two 16-bit words, `width` (r10) apart ... */
#define EDGEQ_MVE_OFFSETS_1         \
    "mov r4, #0\n\t"                \
    "vidup.u32 q2, r4, #1\n\t"      \
    "add r4, r10, r10, lsl #16\n\t" \
    "vmul.i32 q2, q2, r4\n\t"       \
    "mov r4, #0x20000\n\t"          \
    "vadd.i32 q2, q2, r4\n\t"
/* ... or five columns of three bytes, where 86 / 256 makes thirds; again from two rows below. The
 * last lane is the first of a sixth column, and has no weight. */
#define EDGEQ_MVE_OFFSETS_2        \
    "mov r4, #0\n\t"               \
    "vidup.u8 q2, r4, #1\n\t"      \
    "mov r4, #86\n\t"              \
    "vdup.8 q0, r4\n\t"            \
    "vmulh.u8 q0, q2, q0\n\t"      \
    "vmul.i8 q2, q2, r10\n\t"      \
    "add r4, r10, r10, lsl #1\n\t" \
    "rsb r4, r4, #1\n\t"           \
    "vmul.i8 q0, q0, r4\n\t"       \
    "vadd.i8 q2, q2, q0\n\t"       \
    "lsl r4, r10, #1\n\t"          \
    "vadd.i8 q6, q2, r4\n\t"

#define EDGEQ_MVE_STRIDE_1(name, SET, CODES) \
    EDGEQ_MVE_DEPTHWISE(name, EDGEQ_MVE_OFFSETS_1, EDGEQ_MVE_SHIFTED_1, EDGEQ_MVE_SUMS_1, SET, CODES, "1")
#define EDGEQ_MVE_STRIDE_2(name, SET, CODES) \
    EDGEQ_MVE_DEPTHWISE(name, EDGEQ_MVE_OFFSETS_2, EDGEQ_MVE_SHIFTED_2, EDGEQ_MVE_SUMS_2, SET, CODES, "2")

EDGEQ_MVE_STRIDE_1(edgeq_mve_depthwise_1_line, "vdup.32 q1, r5\n\t", EDGEQ_MVE_STRAIGHT("q1"))
EDGEQ_MVE_STRIDE_1(edgeq_mve_depthwise_1_gemmlowp, "", EDGEQ_MVE_SHIFTED(EDGEQ_MVE_AWAY_ALL))
EDGEQ_MVE_STRIDE_1(edgeq_mve_depthwise_1_half_up, "", EDGEQ_MVE_SHIFTED(EDGEQ_MVE_UP_ALL))
EDGEQ_MVE_STRIDE_1(edgeq_mve_depthwise_1_single, "", EDGEQ_MVE_SHIFTED(EDGEQ_MVE_SINGLE_ALL))
EDGEQ_MVE_STRIDE_2(edgeq_mve_depthwise_2_line, "vdup.32 q7, r5\n\t", EDGEQ_MVE_STRAIGHT("q7"))
EDGEQ_MVE_STRIDE_2(edgeq_mve_depthwise_2_gemmlowp, "", EDGEQ_MVE_SHIFTED(EDGEQ_MVE_AWAY_ALL))
EDGEQ_MVE_STRIDE_2(edgeq_mve_depthwise_2_half_up, "", EDGEQ_MVE_SHIFTED(EDGEQ_MVE_UP_ALL))
EDGEQ_MVE_STRIDE_2(edgeq_mve_depthwise_2_single, "", EDGEQ_MVE_SHIFTED(EDGEQ_MVE_SINGLE_ALL))

#else

static inline void edgeq_mve_fill_plane(const edgeq_mve_depthwise *image, int32_t channel)
{
    for (int32_t row = 0; row < image->in_h; ++row) {
        for (int32_t column = 0; column < image->in_w; ++column) {
            image->inside[row * image->width + column] = image->x[(row * image->in_w + column) * image->channels + channel];
        }
    }
}

/* The sum of one window, whose weights are `down` bytes apart along columns and `right` along rows. */
static inline int32_t edgeq_mve_window_sum(const edgeq_mve_depthwise *image, const int8_t *first, const int8_t *weights, int32_t down, int32_t right)
{
    int32_t sum = 0;

    for (int32_t ky = 0; ky < 3; ++ky) {
        for (int32_t kx = 0; kx < 3; ++kx) {
            sum += first[ky * image->width + kx] * weights[ky * down + kx * right];
        }
    }
    return sum;
}

/* The code of a sum, not yet saturated: by a multiplier and a shift to the left, or an addend. */
#define EDGEQ_MVE_LINE_CODE(sum, multiplier, addend, zero) (((int32_t)((int64_t)(sum) * (multiplier) >> 32) + (addend) + 2) >> 2)
#define EDGEQ_MVE_AWAY_CODE(sum, multiplier, shift, zero) (EDGEQ_MVE_AWAY(sum, multiplier, -(shift)) + (zero))
#define EDGEQ_MVE_UP_CODE(sum, multiplier, shift, zero) (EDGEQ_MVE_UP(sum, multiplier, -(shift)) + (zero))
#define EDGEQ_MVE_SINGLE_CODE(sum, multiplier, shift, zero) (EDGEQ_MVE_SINGLE(sum, multiplier, -(shift)) + (zero))

#define EDGEQ_MVE_DEPTHWISE(name, CODE, STRIDE, DOWN, RIGHT)                                                            \
    __attribute__((unused)) static void name(const edgeq_mve_depthwise *image)                                          \
    {                                                                                                                   \
        for (int32_t c = 0; c < image->channels; ++c) {                                                                 \
            const int8_t *const weights = (const int8_t *)(image->stream + 6 * c);                                      \
            const int32_t *const factors = image->stream + 6 * c + 3;                                                   \
                                                                                                                        \
            edgeq_mve_fill_plane(image, c);                                                                             \
            for (int32_t i = 0; i < image->out_h * image->out_w; ++i) {                                                 \
                const int8_t *const row = image->plane + i / image->out_w * STRIDE * image->width;                      \
                const int32_t sum = edgeq_mve_window_sum(image, row + i % image->out_w * STRIDE, weights, DOWN, RIGHT); \
                const int32_t code = CODE(sum + factors[0], factors[1], factors[2], image->zero);                       \
                                                                                                                        \
                image->y[i * image->channels + c] = (int8_t)edgeq_clamp_s32(code, -128, 127);                           \
            }                                                                                                           \
        }                                                                                                               \
    }

EDGEQ_MVE_DEPTHWISE(edgeq_mve_depthwise_1_line, EDGEQ_MVE_LINE_CODE, 1, 4, 1)
EDGEQ_MVE_DEPTHWISE(edgeq_mve_depthwise_2_line, EDGEQ_MVE_LINE_CODE, 2, 1, 3)
EDGEQ_MVE_DEPTHWISE(edgeq_mve_depthwise_1_gemmlowp, EDGEQ_MVE_AWAY_CODE, 1, 4, 1)
EDGEQ_MVE_DEPTHWISE(edgeq_mve_depthwise_1_half_up, EDGEQ_MVE_UP_CODE, 1, 4, 1)
EDGEQ_MVE_DEPTHWISE(edgeq_mve_depthwise_1_single, EDGEQ_MVE_SINGLE_CODE, 1, 4, 1)
EDGEQ_MVE_DEPTHWISE(edgeq_mve_depthwise_2_gemmlowp, EDGEQ_MVE_AWAY_CODE, 2, 1, 3)
EDGEQ_MVE_DEPTHWISE(edgeq_mve_depthwise_2_half_up, EDGEQ_MVE_UP_CODE, 2, 1, 3)
EDGEQ_MVE_DEPTHWISE(edgeq_mve_depthwise_2_single, EDGEQ_MVE_SINGLE_CODE, 2, 1, 3)

#endif

#endif
