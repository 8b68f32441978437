/* Sums of two arrays and means of pixels on Cortex-M processors with Helium. For other processors,
 * and wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_ELEMENTWISE_MVE_H
#define EDGEQ_ELEMENTWISE_MVE_H

#include <stdint.h>

#include "edgeq_product_mve.h"

/* y = total(x0 * unit0 + add0 + second(x1 * unit1 + add1)) + zero, saturated to 8 bits, where `total`
 * and `second` rescale; shifts are to the left, -31 to -1. y may be x0 or x1. */
typedef struct {
    const int8_t *x0;
    const int8_t *x1;
    int8_t *y;
    int32_t count;
    int32_t unit0;
    int32_t add0;
    int32_t unit1;
    int32_t add1;
    int32_t second_multiplier;
    int32_t second_shift;
    int32_t multiplier;
    int32_t shift;
    int32_t zero;
} edgeq_mve_addition;

#if EDGEQ_MVE_ASSEMBLER

#define EDGEQ_MVE_AWAY_BY(sums, multiplier, shift)        \
    "vqrdmulh.s32 " sums ", " sums ", " multiplier "\n\t" \
    "vshr.s32 q2, " sums ", #31\n\t"                      \
    "vadd.i32 " sums ", " sums ", q2\n\t"                 \
    "vrshl.s32 " sums ", " shift "\n\t"
#define EDGEQ_MVE_UP_BY(sums, multiplier, shift)          \
    "vqrdmulh.s32 " sums ", " sums ", " multiplier "\n\t" \
    "vrshl.s32 " sums ", " shift "\n\t"
#define EDGEQ_MVE_SINGLE_BY(sums, multiplier, shift)     \
    "vqdmulh.s32 " sums ", " sums ", " multiplier "\n\t" \
    "vrshl.s32 " sums ", " shift "\n\t"

#define EDGEQ_MVE_ADDITION(name, SCALE)                                                                                                         \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(                                                                       \
        const edgeq_mve_addition *sum __attribute__((unused)))                                                                                  \
    {                                                                                                                                           \
        __asm__ volatile(                                                                                                                       \
            "push {r4-r11, lr}\n\t"                                                                                                             \
            "vpush {d8-d9}\n\t"                                                                                                                 \
            "ldm r0!, {r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12}\n\t"                                                                  \
            "ldr r0, [r0]\n\t"                                                                                                                  \
            "vdup.32 q3, r5\n\t"                                                                                                                \
            "vdup.32 q4, r7\n\t"                                                                                                                \
            "wlstp.32 lr, r4, 2f\n"                                                                                                             \
            "1:\n\t"                                                                                                                            \
            "vldrb.s32 q0, [r1], #4\n\t"                                                                                                        \
            "vldrb.s32 q1, [r2], #4\n\t"                                                                                                        \
            "vmlas.s32 q0, q3, r6\n\t"                                                                                                          \
            "vmlas.s32 q1, q4, r8\n\t" SCALE("q1", "r9", "r10") "vadd.i32 q0, q0, q1\n\t" SCALE("q0", "r11", "r12") "vadd.i32 q0, q0, r0\n\t"   \
                                                                                                                    "vqmovnb.s32 q0, q0\n\t"    \
                                                                                                                    "vqmovnb.s16 q0, q0\n\t"    \
                                                                                                                    "vstrb.32 q0, [r3], #4\n\t" \
                                                                                                                    "letp lr, 1b\n"             \
                                                                                                                    "2:\n\t"                    \
                                                                                                                    "vpop {d8-d9}\n\t"          \
                                                                                                                    "pop {r4-r11, pc}\n");      \
    }

EDGEQ_MVE_ADDITION(edgeq_mve_add_gemmlowp, EDGEQ_MVE_AWAY_BY)
EDGEQ_MVE_ADDITION(edgeq_mve_add_half_up, EDGEQ_MVE_UP_BY)
EDGEQ_MVE_ADDITION(edgeq_mve_add_single, EDGEQ_MVE_SINGLE_BY)

#else

#define EDGEQ_MVE_ADDITION(name, SCALE)                                                                                    \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_mve_addition *sum)                                     \
    {                                                                                                                      \
        for (int32_t i = 0; i < sum->count; ++i) {                                                                         \
            const int32_t first = sum->x0[i] * sum->unit0 + sum->add0;                                                     \
            const int32_t second = SCALE(sum->x1[i] * sum->unit1 + sum->add1, sum->second_multiplier, -sum->second_shift); \
            const int32_t code = SCALE(first + second, sum->multiplier, -sum->shift) + sum->zero;                          \
                                                                                                                           \
            sum->y[i] = (int8_t)edgeq_clamp_s32(code, -128, 127);                                                          \
        }                                                                                                                  \
    }

EDGEQ_MVE_ADDITION(edgeq_mve_add_gemmlowp, EDGEQ_MVE_AWAY)
EDGEQ_MVE_ADDITION(edgeq_mve_add_half_up, EDGEQ_MVE_UP)
EDGEQ_MVE_ADDITION(edgeq_mve_add_single, EDGEQ_MVE_SINGLE)

#endif

/* The sums of eight channels over `count` pixels that are `step` bytes apart, 1 to 256 of them. */
EDGEQ_CODE static inline void edgeq_mve_sum_pixels(int16_t sums[8], const int8_t *x, int32_t count, int32_t step)
{
#if EDGEQ_MVE_ASSEMBLER
    __asm__ volatile(
        "vmov.i32 q1, #0\n\t"
        "dls lr, %[count]\n"
        "1:\n\t"
        "vldrb.s16 q0, [%[x]]\n\t"
        "add %[x], %[x], %[step]\n\t"
        "vadd.i16 q1, q1, q0\n\t"
        "le lr, 1b\n\t"
        "vstrh.16 q1, [%[sums]]\n\t"
        : [x] "+l"(x)
        : [sums] "l"(sums), [count] "r"(count), [step] "r"(step)
        : "lr", "q0", "q1", "memory", "cc");
#else
    for (int32_t c = 0; c < 8; ++c) {
        int32_t sum = 0;

        for (int32_t i = 0; i < count; ++i) {
            sum += x[i * step + c];
        }
        sums[c] = (int16_t)sum;
    }
#endif
}

#endif
