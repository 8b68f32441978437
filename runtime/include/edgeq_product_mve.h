/* Products of windows and weights on Cortex-M processors with Helium: sixteen 8-bit products an
 * instruction. For other processors, and wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes
 * the same. */
#ifndef EDGEQ_PRODUCT_MVE_H
#define EDGEQ_PRODUCT_MVE_H

#include <stdint.h>
#include <string.h>

#include "edgeq_fixed_point.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(EDGEQ_NO_ASSEMBLER)
#define EDGEQ_MVE_ASSEMBLER 1
#else
#define EDGEQ_MVE_ASSEMBLER 0
#endif

/* Fill bytes with a code. */
EDGEQ_CODE static inline void edgeq_mve_fill(int8_t *to, int32_t code, int32_t count)
{
#if EDGEQ_MVE_ASSEMBLER
    __asm__ volatile(
        "vdup.8 q0, %[code]\n\t"
        "wlstp.8 lr, %[count], 2f\n"
        "1:\n\t"
        "vstrb.8 q0, [%[to]], #16\n\t"
        "letp lr, 1b\n"
        "2:"
        : [to] "+&r"(to)
        : [code] "r"(code), [count] "r"(count)
        : "lr", "q0", "memory", "cc");
#else
    memset(to, code, (size_t)count);
#endif
}

/* Copy `rows` rows of `count` bytes, one at least of each; the steps are from a row to the next. */
EDGEQ_CODE static inline void edgeq_mve_copy_rows(int8_t *to, int32_t to_step, const int8_t *from, int32_t from_step, int32_t count, int32_t rows)
{
#if EDGEQ_MVE_ASSEMBLER
    const int32_t moved = (count + 15) / 16 * 16;

    __asm__ volatile(
        "1:\n\t"
        "wlstp.8 lr, %[count], 3f\n"
        "2:\n\t"
        "vldrb.8 q0, [%[from]], #16\n\t"
        "vstrb.8 q0, [%[to]], #16\n\t"
        "letp lr, 2b\n"
        "3:\n\t"
        "add %[from], %[from], %[from_step]\n\t"
        "add %[to], %[to], %[to_step]\n\t"
        "subs %[rows], #1\n\t"
        "bne 1b\n\t"
        : [to] "+&r"(to), [from] "+&r"(from), [rows] "+&r"(rows)
        : [count] "r"(count), [from_step] "r"(from_step - moved), [to_step] "r"(to_step - moved)
        : "lr", "q0", "memory", "cc");
#else
    for (int32_t row = 0; row < rows; ++row) {
        memcpy(to + row * to_step, from + row * from_step, (size_t)count);
    }
#endif
}

/* Windows that lie one after the other, and the outputs of a run of channels, four at a time.
 *
 * x: the first window; depth: codes in a window.
 * stream, for each four channels: for each sixteen codes the weights of one channel after the
 * other, after zeros in front that fill the first sixteen; then four biases, and, unless all channels
 * have the same, four multipliers and four bytes of shifts to the left, which are -31 to -1.
 * y: the first of the channels in the first window; step: bytes to the next window. */
typedef struct {
    const int8_t *x;
    const int32_t *stream;
    int8_t *y;
    int32_t depth;
    int32_t step;
    int32_t count;
    int32_t groups;
    int32_t zero;
    int32_t multiplier;
    int32_t shift;
} edgeq_mve_windows;

#if EDGEQ_MVE_ASSEMBLER

/* Two windows (r3, r5) times sixteen weights of four channels (r1). Sums are in the even registers:
 * r0, r4, r8, r12 of the first window. */
#define EDGEQ_MVE_WEIGHTS       \
    "vldrb.8 q0, [r1], #16\n\t" \
    "vldrb.8 q1, [r1], #16\n\t" \
    "vldrb.8 q2, [r1], #16\n\t" \
    "vldrb.8 q3, [r1], #16\n\t"
#define EDGEQ_MVE_FIRST_WINDOW(multiply) \
    multiply " r0, q0, q4\n\t" multiply " r4, q1, q4\n\t" multiply " r8, q2, q4\n\t" multiply " r12, q3, q4\n\t"
#define EDGEQ_MVE_SECOND_WINDOW(multiply) \
    multiply " r2, q0, q5\n\t" multiply " r6, q1, q5\n\t" multiply " r10, q2, q5\n\t" multiply " lr, q3, q5\n\t"

/* The first codes of a window may be less than sixteen: lanes of none are not loaded. */
#define EDGEQ_MVE_START_2         \
    EDGEQ_MVE_WEIGHTS             \
    "vpstt\n\t"                   \
    "vldrbt.u8 q4, [r3], #16\n\t" \
    "vldrbt.u8 q5, [r5], #16\n\t" EDGEQ_MVE_FIRST_WINDOW("vmladav.s8") EDGEQ_MVE_SECOND_WINDOW("vmladav.s8")
#define EDGEQ_MVE_NEXT_2        \
    EDGEQ_MVE_WEIGHTS           \
    "vldrb.8 q4, [r3], #16\n\t" \
    "vldrb.8 q5, [r5], #16\n\t" EDGEQ_MVE_FIRST_WINDOW("vmladava.s8") EDGEQ_MVE_SECOND_WINDOW("vmladava.s8")
#define EDGEQ_MVE_START_1 \
    EDGEQ_MVE_WEIGHTS     \
    "vpst\n\t"            \
    "vldrbt.u8 q4, [r3], #16\n\t" EDGEQ_MVE_FIRST_WINDOW("vmladav.s8")
#define EDGEQ_MVE_NEXT_1 \
    EDGEQ_MVE_WEIGHTS    \
    "vldrb.8 q4, [r3], #16\n\t" EDGEQ_MVE_FIRST_WINDOW("vmladava.s8")

/* Sums times q3, for shifts in q4; q5 is free. */
#define EDGEQ_MVE_AWAY(sums)                  \
    "vqrdmulh.s32 " sums ", " sums ", q3\n\t" \
    "vshr.s32 q5, " sums ", #31\n\t"          \
    "vadd.i32 " sums ", " sums ", q5\n\t"     \
    "vrshl.s32 " sums ", " sums ", q4\n\t"
#define EDGEQ_MVE_UP(sums)                    \
    "vqrdmulh.s32 " sums ", " sums ", q3\n\t" \
    "vrshl.s32 " sums ", " sums ", q4\n\t"
#define EDGEQ_MVE_SINGLE(sums)               \
    "vqdmulh.s32 " sums ", " sums ", q3\n\t" \
    "vrshl.s32 " sums ", " sums ", q4\n\t"

/* Biases to q2, multipliers to q3 and shifts to q4: of each channel, or the same for all. */
#define EDGEQ_MVE_FACTORS_OF_EACH \
    "vldrw.32 q2, [r1], #16\n\t"  \
    "vldrw.32 q3, [r1], #16\n\t"  \
    "vldrb.s32 q4, [r1], #4\n\t"
#define EDGEQ_MVE_FACTORS_OF_ALL \
    "vldrw.32 q2, [r1], #16\n\t" \
    "ldr r7, [sp, #12]\n\t"      \
    "ldrd r3, r5, [r7, #32]\n\t" \
    "vdup.32 q3, r3\n\t"         \
    "vdup.32 q4, r5\n\t"
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_MVE_STORE_2(SCALE, FACTORS)                                          \
    "vmov q0[2], q0[0], r0, r8\n\t"                                                \
    "vmov q0[3], q0[1], r4, r12\n\t"                                               \
    "vmov q1[2], q1[0], r2, r10\n\t"                                               \
    "vmov q1[3], q1[1], r6, lr\n\t" FACTORS                                        \
    "vadd.i32 q0, q0, q2\n\t"                                                      \
    "vadd.i32 q1, q1, q2\n\t" SCALE("q0") SCALE("q1") "vqmovnb.s32 q0, q0\n\t"     \
                                                      "vqmovnt.s32 q0, q1\n\t"     \
                                                      "vqadd.s16 q0, q0, q6\n\t"   \
                                                      "vqmovnb.s16 q0, q0\n\t"     \
                                                      "vstrb.16 q0, [r11, q7]\n\t" \
                                                      "adds r11, #4\n\t"
/* clang-format on */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_MVE_STORE_1(SCALE, FACTORS)                            \
    "vmov q0[2], q0[0], r0, r8\n\t"                                  \
    "vmov q0[3], q0[1], r4, r12\n\t" FACTORS                         \
    "vadd.i32 q0, q0, q2\n\t" SCALE("q0") "vqmovnb.s32 q0, q0\n\t"   \
                                          "vqadd.s16 q0, q0, q6\n\t" \
                                          "vqmovnb.s16 q0, q0\n\t"   \
                                          "mov r5, r11\n\t"          \
                                          "vstrb.32 q0, [r5]\n\t"    \
                                          "adds r11, #4\n\t"
/* clang-format on */

/* At sp: two windows, sixteens of codes after the first, windows, y, turns left. A turn takes
 * 2^LOG windows. */
#define EDGEQ_MVE_FUNCTION(name, LOG, TURNS, START, NEXT, STORE)            \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(   \
        const edgeq_mve_windows *windows __attribute__((unused)))           \
    {                                                                       \
        __asm__ volatile(                                                   \
            "push {r4-r11, lr}\n\t"                                         \
            "vpush {d8-d15}\n\t"                                            \
            "sub sp, #28\n\t"                                               \
            "ldm r0, {r1, r2, r3, r4, r5, r6, r7, r8}\n\t" TURNS            \
            "add r9, r4, #15\n\t"                                           \
            "lsr r9, r9, #4\n\t"          /* sixteens */                    \
            "rsb r10, r4, r9, lsl #4\n\t" /* lanes before the first code */ \
            "mvn r11, #0\n\t"                                               \
            "lsl r11, r11, r10\n\t"                                         \
            "uxth r11, r11\n\t"                                             \
            "vmsr p0, r11\n\t"                                              \
            "sub r1, r1, r10\n\t"                                           \
            "add r4, r4, r1\n\t"                                            \
            "sub r9, r9, #1\n\t"                                            \
            "strd r1, r4, [sp]\n\t"                                         \
            "strd r9, r0, [sp, #8]\n\t"                                     \
            "strd r3, r6, [sp, #16]\n\t"                                    \
            "mov r11, r3\n\t"                                               \
            "mov r1, r2\n\t"                                                \
            "mov r9, r7\n\t"                                                \
            "vdup.16 q6, r8\n\t"                                            \
            "mov r2, #0\n\t"                                                \
            "vidup.u32 q7, r2, #1\n\t"                                      \
            "lsl r4, r5, #16\n\t"                                           \
            "vdup.32 q0, r4\n\t"                                            \
            "vadd.i32 q7, q7, q0\n\t"                                       \
            "vshl.i32 q0, q7, #16\n\t"                                      \
            "vadd.i32 q7, q7, q0\n"                                         \
            "0:\n\t"                                                        \
            "ldm sp, {r3, r5, r7}\n\t" START                                \
            "lsrs r7, r7, #1\n\t"                                           \
            "bcs 2f\n\t"                                                    \
            "subs r7, #1\n\t"                                               \
            "bmi 3f\n"                                                      \
            "1:\n\t" NEXT                                                   \
            "2:\n\t" NEXT                                                   \
            "subs r7, #1\n\t"                                               \
            "bpl 1b\n"                                                      \
            "3:\n\t" STORE                                                  \
            "subs r9, #1\n\t"                                               \
            "bne 0b\n\t"                                                    \
            "ldrd r0, r11, [sp, #12]\n\t"                                   \
            "ldrd r3, r5, [sp]\n\t"                                         \
            "ldrd r2, r4, [r0, #12]\n\t" /* depth, step */                  \
            "add r3, r3, r2, lsl #" LOG "\n\t"                              \
            "add r5, r5, r2, lsl #" LOG "\n\t"                              \
            "strd r3, r5, [sp]\n\t"                                         \
            "add r11, r11, r4, lsl #" LOG "\n\t"                            \
            "ldr r6, [sp, #20]\n\t"                                         \
            "ldr r1, [r0, #4]\n\t"                                          \
            "ldr r9, [r0, #24]\n\t"                                         \
            "subs r6, #1\n\t"                                               \
            "strd r11, r6, [sp, #16]\n\t"                                   \
            "bne 0b\n\t"                                                    \
            "add sp, #28\n\t"                                               \
            "vpop {d8-d15}\n\t"                                             \
            "pop {r4-r11, pc}\n");                                          \
    }

#else

#define EDGEQ_MVE_AWAY edgeq_requant_gemmlowp_right_s32
#define EDGEQ_MVE_UP edgeq_requant_half_up_right_s32
#define EDGEQ_MVE_SINGLE edgeq_requant_single_right_s32

/* The sum of a window times the weights of one of four channels. */
EDGEQ_CODE static inline int32_t edgeq_mve_sum(const int8_t *x, const int8_t *weights, int32_t depth, int32_t before)
{
    int32_t sum = 0;

    for (int32_t k = 0; k < depth; ++k) {
        const int32_t lane = before + k;

        sum += x[k] * weights[lane / 16 * 64 + lane % 16];
    }
    return sum;
}

#define EDGEQ_MVE_C_FUNCTION(name, SCALE, IS_EACH)                                                                \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_mve_windows *windows)                         \
    {                                                                                                             \
        const int32_t depth = windows->depth;                                                                     \
        const int32_t sixteens = (depth + 15) / 16;                                                               \
                                                                                                                  \
        for (int32_t i = 0; i < windows->count; ++i) {                                                            \
            const int32_t *stream = windows->stream;                                                              \
                                                                                                                  \
            for (int32_t c = 0; c < 4 * windows->groups; ++c) {                                                   \
                const int8_t *const weights = (const int8_t *)stream + c % 4 * 16;                                \
                const int32_t *const factors = stream + 16 * sixteens;                                            \
                const int32_t multiplier = IS_EACH ? factors[4 + c % 4] : windows->multiplier;                    \
                const int32_t shift = IS_EACH ? ((const int8_t *)(factors + 8))[c % 4] : windows->shift;          \
                const int32_t sum = edgeq_mve_sum(windows->x + i * depth, weights, depth, 16 * sixteens - depth); \
                const int32_t code = SCALE(sum + factors[c % 4], multiplier, -shift) + windows->zero;             \
                                                                                                                  \
                windows->y[i * windows->step + c] = (int8_t)edgeq_clamp_s32(code, -128, 127);                     \
                stream += c % 4 == 3 ? 16 * sixteens + (IS_EACH ? 9 : 4) : 0;                                     \
            }                                                                                                     \
        }                                                                                                         \
    }

#endif

#if EDGEQ_MVE_ASSEMBLER

/* Pairs of windows, then the last of an odd count. */
#define EDGEQ_MVE_PASSES(name, SCALE, FACTORS)                                                                                          \
    EDGEQ_MVE_FUNCTION(name##_pairs, "1", "lsr r6, r6, #1\n\t", EDGEQ_MVE_START_2, EDGEQ_MVE_NEXT_2, EDGEQ_MVE_STORE_2(SCALE, FACTORS)) \
    EDGEQ_MVE_FUNCTION(name##_single, "0", "", EDGEQ_MVE_START_1, EDGEQ_MVE_NEXT_1, EDGEQ_MVE_STORE_1(SCALE, FACTORS))                  \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_mve_windows *windows)                                               \
    {                                                                                                                                   \
        edgeq_mve_windows last = *windows;                                                                                              \
                                                                                                                                        \
        if (windows->count > 1) {                                                                                                       \
            name##_pairs(windows);                                                                                                      \
        }                                                                                                                               \
        if (windows->count % 2 != 0) {                                                                                                  \
            last.x += (windows->count - 1) * windows->depth;                                                                            \
            last.y += (windows->count - 1) * windows->step;                                                                             \
            last.count = 1;                                                                                                             \
            name##_single(&last);                                                                                                       \
        }                                                                                                                               \
    }

#define EDGEQ_MVE_ROUNDING(name, SCALE)                      \
    EDGEQ_MVE_PASSES(name, SCALE, EDGEQ_MVE_FACTORS_OF_EACH) \
    EDGEQ_MVE_PASSES(name##_of_all, SCALE, EDGEQ_MVE_FACTORS_OF_ALL)

#else

#define EDGEQ_MVE_ROUNDING(name, SCALE)  \
    EDGEQ_MVE_C_FUNCTION(name, SCALE, 1) \
    EDGEQ_MVE_C_FUNCTION(name##_of_all, SCALE, 0)

#endif

EDGEQ_MVE_ROUNDING(edgeq_mve_windows_gemmlowp, EDGEQ_MVE_AWAY)
EDGEQ_MVE_ROUNDING(edgeq_mve_windows_half_up, EDGEQ_MVE_UP)
EDGEQ_MVE_ROUNDING(edgeq_mve_windows_single, EDGEQ_MVE_SINGLE)

#endif
