/* Codes of numbers on Cortex-M processors with Helium. For other processors, those without vectors of
 * floating point, and wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_QUANTIZE_MVE_H
#define EDGEQ_QUANTIZE_MVE_H

#include <stdint.h>

#include "edgeq_product_mve.h"
#include "edgeq_quantize_dsp.h"

#if EDGEQ_MVE_ASSEMBLER
#define EDGEQ_MVE_FLOAT (__ARM_FEATURE_MVE & 2)
#else
#define EDGEQ_MVE_FLOAT 0
#endif

#if EDGEQ_MVE_FLOAT

/* Four numbers at a time are divided one by one; conversions saturate, and NaN becomes 0. */
#define EDGEQ_MVE_QUANTIZATION(name, CONVERT)                                                                                          \
    EDGEQ_CODE __attribute__((noinline, unused)) static void name(const float *x, int8_t *y, int32_t count, float scale, int32_t zero) \
    {                                                                                                                                  \
        __asm__ volatile(                                                                                                              \
            "wlstp.32 lr, %[count], 2f\n"                                                                                              \
            "1:\n\t"                                                                                                                   \
            "vldrw.u32 q0, [%[x]], #16\n\t"                                                                                            \
            "vdiv.f32 s0, s0, %[scale]\n\t"                                                                                            \
            "vdiv.f32 s1, s1, %[scale]\n\t"                                                                                            \
            "vdiv.f32 s2, s2, %[scale]\n\t"                                                                                            \
            "vdiv.f32 s3, s3, %[scale]\n\t" CONVERT ".s32.f32 q0, q0\n\t"                                                              \
            "vqadd.s32 q0, q0, %[zero]\n\t"                                                                                            \
            "vqmovnb.s32 q0, q0\n\t"                                                                                                   \
            "vqmovnb.s16 q0, q0\n\t"                                                                                                   \
            "vstrb.32 q0, [%[y]], #4\n\t"                                                                                              \
            "letp lr, 1b\n"                                                                                                            \
            "2:"                                                                                                                       \
            : [x] "+&l"(x), [y] "+&l"(y)                                                                                               \
            : [count] "r"(count), [scale] "t"(scale), [zero] "r"(zero)                                                                 \
            : "lr", "q0", "memory", "cc");                                                                                             \
    }

EDGEQ_MVE_QUANTIZATION(edgeq_mve_quantize_away, "vcvta")
EDGEQ_MVE_QUANTIZATION(edgeq_mve_quantize_even, "vcvtn")

#else

#define EDGEQ_MVE_QUANTIZATION(name, code_of)                                                                                \
    EDGEQ_CODE __attribute__((unused)) static void name(const float *x, int8_t *y, int32_t count, float scale, int32_t zero) \
    {                                                                                                                        \
        for (int32_t i = 0; i < count; ++i) {                                                                                \
            y[i] = (int8_t)code_of(x[i] / scale, 2 * zero + 1);                                                              \
        }                                                                                                                    \
    }

EDGEQ_MVE_QUANTIZATION(edgeq_mve_quantize_away, edgeq_dsp_code_away)
EDGEQ_MVE_QUANTIZATION(edgeq_mve_quantize_even, edgeq_dsp_code_even)

#endif

#endif
