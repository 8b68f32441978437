/* Depthwise windows of any size on Cortex-M processors with Helium: a channel of the image is copied
 * between its padding, and one vector holds sixteen codes of a window, wherever they are. For other
 * processors, and wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_DEPTHWISE_WINDOWS_MVE_H
#define EDGEQ_DEPTHWISE_WINDOWS_MVE_H

#include <stdint.h>

#include "edgeq_depthwise_mve.h"

/* The channels of one image.
 *
 * taps: weights of the channel, to a multiple of sixteen zeros; offsets: from the first code of a
 * window to those of its taps, sixteen times `sixteens`; windows: from the plane to the first code of
 * each window, to a multiple of four the last again; count: of windows.
 * plane: one channel with its padding, rows of `width` bytes; inside: where the image begins. */
typedef struct {
    int8_t *plane;
    const uint8_t *offsets;
    int8_t *taps;
    int32_t sixteens;
    const int16_t *windows;
    int32_t count;
    int32_t channels;
    int32_t zero;
    int8_t *inside;
    int32_t in_h;
    int32_t in_w;
    int32_t width;
} edgeq_mve_channels;

#if EDGEQ_MVE_ASSEMBLER

/* One channel, from x on, between its padding. */
EDGEQ_CODE __attribute__((naked, noinline, unused)) static void edgeq_mve_fill_channel(const edgeq_mve_channels *image __attribute__((unused)), const int8_t *x __attribute__((unused)))
{
    __asm__(
        "push {r4-r10, lr}\n\t"
        "ldr r9, [r0, #24]\n\t"
        "add r0, r0, #32\n\t"
        "ldm r0, {r3, r4, r5, r10}\n\t"
        "mov r0, #0\n\t"
        "vidup.u16 q1, r0, #1\n\t"
        "vmul.i16 q1, q1, r9\n\t"
        "mul r2, r5, r9\n" EDGEQ_MVE_PLANE
        "pop {r4-r10, pc}\n");
}

/* The windows of one channel, four at a time, to y; factors: bias, multiplier, shift to the left.
 * On the stack: offsets, taps, sixteens, plane, bias, multiplier, shift, zero point, bytes of four
 * outputs. */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_MVE_CHANNEL(name, SCALE)                                                                                                                                                                               \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(const edgeq_mve_channels *image __attribute__((unused)), int8_t *y __attribute__((unused)), const int32_t *factors __attribute__((unused))) \
    {                                                                                                                                                                                                                \
        __asm__ volatile(                                                                                                                                                                                            \
            "push {r4-r11, lr}\n\t"                                                                                                                                                                                  \
            "sub sp, #36\n\t"                                                                                                                                                                                        \
            "mov r11, r1\n\t"                                                                                                                                                                                        \
            "ldm r0!, {r4-r7}\n\t"                                                                                                                                                                                   \
            "ldm r2, {r8-r10}\n\t"                                                                                                                                                                                   \
            "strd r5, r6, [sp]\n\t"                                                                                                                                                                                  \
            "strd r7, r4, [sp, #8]\n\t"                                                                                                                                                                              \
            "strd r8, r9, [sp, #16]\n\t"                                                                                                                                                                             \
            "str r10, [sp, #24]\n\t"                                                                                                                                                                                 \
            "ldm r0, {r4-r7}\n\t"                                                                                                                                                                                    \
            "str r7, [sp, #28]\n\t"                                                                                                                                                                                  \
            "mov r10, r4\n\t"                                                                                                                                                                                        \
            "mov r12, r5\n\t"                                                                                                                                                                                        \
            "mov r0, #0\n\t"                                                                                                                                                                                         \
            "vidup.u32 q3, r0, #1\n\t"                                                                                                                                                                               \
            "vmul.i32 q3, q3, r6\n\t"                                                                                                                                                                                \
            "lsl r6, r6, #2\n\t"                                                                                                                                                                                     \
            "str r6, [sp, #32]\n"                                                                                                                                                                                    \
            "1:\n\t" /* four windows */                                                                                                                                                                              \
            "mov r0, r10\n\t"                                                                                                                                                                                        \
            "vldrh.u32 q0, [r0]\n\t"                                                                                                                                                                                 \
            "add r10, r10, #8\n\t"                                                                                                                                                                                   \
            "ldrd r9, r8, [sp, #8]\n\t"                                                                                                                                                                              \
            "vadd.i32 q0, q0, r8\n\t"                                                                                                                                                                                \
            "vmov r1, r5, q0[2], q0[0]\n\t"                                                                                                                                                                          \
            "vmov r3, r7, q0[3], q0[1]\n\t"                                                                                                                                                                          \
            "dls lr, r9\n\t"                                                                                                                                                                                         \
            "ldr r0, [sp, #16]\n\t"                                                                                                                                                                                  \
            "ldrd r8, r9, [sp]\n\t"                                                                                                                                                                                  \
            "mov r2, r0\n\t"                                                                                                                                                                                         \
            "mov r4, r0\n\t"                                                                                                                                                                                         \
            "mov r6, r0\n"                                                                                                                                                                                           \
            "2:\n\t" /* sixteen taps */                                                                                                                                                                              \
            "vldrb.8 q1, [r8], #16\n\t"                                                                                                                                                                              \
            "vldrb.8 q2, [r9], #16\n\t"                                                                                                                                                                              \
            "vldrb.u8 q0, [r1, q1]\n\t"                                                                                                                                                                              \
            "vmladava.s8 r0, q2, q0\n\t"                                                                                                                                                                             \
            "vldrb.u8 q0, [r3, q1]\n\t"                                                                                                                                                                              \
            "vmladava.s8 r2, q2, q0\n\t"                                                                                                                                                                             \
            "vldrb.u8 q0, [r5, q1]\n\t"                                                                                                                                                                              \
            "vmladava.s8 r4, q2, q0\n\t"                                                                                                                                                                             \
            "vldrb.u8 q0, [r7, q1]\n\t"                                                                                                                                                                              \
            "vmladava.s8 r6, q2, q0\n\t"                                                                                                                                                                             \
            "le lr, 2b\n\t"                                                                                                                                                                                          \
            "ldrd r5, r7, [sp, #20]\n\t"                                                                                                                                                                             \
            "ldrd r8, r9, [sp, #28]\n\t"                                                                                                                                                                             \
            "vmov q0[2], q0[0], r0, r4\n\t"                                                                                                                                                                          \
            "vmov q0[3], q0[1], r2, r6\n\t" SCALE                                                                                                                                                                    \
            "vrshl.s32 q0, r7\n\t"                                                                                                                                                                                   \
            "vadd.i32 q0, q0, r8\n\t"                                                                                                                                                                                \
            "vqmovnb.s32 q0, q0\n\t"                                                                                                                                                                                 \
            "vqmovnb.s16 q0, q0\n\t"                                                                                                                                                                                 \
            "vctp.32 r12\n\t"                                                                                                                                                                                        \
            "vpst\n\t"                                                                                                                                                                                               \
            "vstrbt.32 q0, [r11, q3]\n\t"                                                                                                                                                                            \
            "add r11, r11, r9\n\t"                                                                                                                                                                                   \
            "subs r12, #4\n\t"                                                                                                                                                                                       \
            "bgt 1b\n\t"                                                                                                                                                                                             \
            "add sp, #36\n\t"                                                                                                                                                                                        \
            "pop {r4-r11, pc}\n");                                                                                                                                                                                   \
    }
/* clang-format on */

EDGEQ_MVE_CHANNEL(edgeq_mve_channel_gemmlowp, EDGEQ_MVE_AWAY_ALL)
EDGEQ_MVE_CHANNEL(edgeq_mve_channel_half_up, EDGEQ_MVE_UP_ALL)
EDGEQ_MVE_CHANNEL(edgeq_mve_channel_single, EDGEQ_MVE_SINGLE_ALL)

#else

EDGEQ_CODE static inline void edgeq_mve_fill_channel(const edgeq_mve_channels *image, const int8_t *x)
{
    for (int32_t row = 0; row < image->in_h; ++row) {
        for (int32_t column = 0; column < image->in_w; ++column) {
            image->inside[row * image->width + column] = x[(row * image->in_w + column) * image->channels];
        }
    }
}

#define EDGEQ_MVE_CHANNEL(name, SCALE)                                                                                      \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_mve_channels *image, int8_t *y, const int32_t *factors) \
    {                                                                                                                       \
        for (int32_t i = 0; i < image->count; ++i) {                                                                        \
            const int8_t *const window = image->plane + image->windows[i];                                                  \
            int32_t sum = factors[0];                                                                                       \
                                                                                                                            \
            for (int32_t t = 0; t < 16 * image->sixteens; ++t) {                                                            \
                sum += window[image->offsets[t]] * image->taps[t];                                                          \
            }                                                                                                               \
            sum = SCALE(sum, factors[1], -factors[2]) + image->zero;                                                        \
            y[i * image->channels] = (int8_t)edgeq_clamp_s32(sum, -128, 127);                                               \
        }                                                                                                                   \
    }

EDGEQ_MVE_CHANNEL(edgeq_mve_channel_gemmlowp, EDGEQ_MVE_AWAY)
EDGEQ_MVE_CHANNEL(edgeq_mve_channel_half_up, EDGEQ_MVE_UP)
EDGEQ_MVE_CHANNEL(edgeq_mve_channel_single, EDGEQ_MVE_SINGLE)

#endif

#endif
