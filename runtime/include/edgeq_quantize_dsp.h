/* Codes of numbers on Cortex-M processors with the DSP extension. For other processors, those without
 * floating point, and wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_QUANTIZE_DSP_H
#define EDGEQ_QUANTIZE_DSP_H

#include <stdint.h>

#include "edgeq_elementwise_dsp.h"

#if EDGEQ_DSP_ASSEMBLER && defined(__ARM_FP)

/* 2 * value towards zero, saturated; 0 for NaN. */
EDGEQ_CODE static inline int32_t edgeq_half_units(float value)
{
    int32_t halves;

    __asm__("vcvt.s32.f32 %1, %1, #1\n\t"
            "vmov %0, %1"
            : "=r"(halves), "+t"(value));
    return halves;
}

/* The nearest integer, the even one of two, saturated; 0 for NaN. */
EDGEQ_CODE static inline int32_t edgeq_nearest_even(float value)
{
    int32_t nearest;

    __asm__("vcvtr.s32.f32 %1, %1\n\t"
            "vmov %0, %1"
            : "=r"(nearest), "+t"(value));
    return nearest;
}

#else

EDGEQ_CODE static inline int32_t edgeq_half_units(float value)
{
    const float limit = 1048576.0f; /* 2^20: beyond the distance of any two codes */
    const float inside = value < -limit ? -limit : value;

    /* A comparison with NaN is false. */
    return value == value ? (int32_t)(2.0f * (inside > limit ? limit : inside)) : 0;
}

EDGEQ_CODE static inline int32_t edgeq_nearest_even(float value)
{
    const int32_t halves = edgeq_half_units(value);
    const int32_t below = halves >> 1;
    const float part = value - (float)below;

    return below + (part > 0.5f || (part == 0.5f && (below & 1) != 0));
}

#endif

/* x + y, saturated */
EDGEQ_CODE static inline int32_t edgeq_add_saturated(int32_t x, int32_t y)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t sum;

    __asm__("qadd %0, %1, %2"
            : "=r"(sum)
            : "r"(x), "r"(y));
    return sum;
#else
    const int64_t sum = (int64_t)x + y;
    const int64_t above = sum < INT32_MIN ? INT32_MIN : sum;

    return (int32_t)(above > INT32_MAX ? INT32_MAX : above);
#endif
}

EDGEQ_DSP_SATURATED(edgeq_dsp_half_code, 1)

/* x, less by one for a negative y */
EDGEQ_CODE static inline int32_t edgeq_less_sign(int32_t x, int32_t y)
{
#if EDGEQ_DSP_ASSEMBLER
    int32_t less;

    __asm__("add %0, %1, %2, asr #31"
            : "=r"(less)
            : "r"(x), "r"(y));
    return less;
#else
    return x + (y >> 31);
#endif
}

/* The code of a quotient and twice the zero point, plus one: ties go away from zero. */
EDGEQ_CODE static inline int32_t edgeq_dsp_code_away(float quotient, int32_t twice)
{
    const int32_t halves = edgeq_half_units(quotient);

    return edgeq_dsp_half_code(edgeq_add_saturated(halves, edgeq_less_sign(twice, halves)));
}

/* As above: ties go to the even integer. */
EDGEQ_CODE static inline int32_t edgeq_dsp_code_even(float quotient, int32_t twice)
{
    const int32_t code = edgeq_add_saturated(edgeq_nearest_even(quotient), twice >> 1);

    return edgeq_dsp_half_code(edgeq_add_saturated(code, code));
}

/* y = x / scale as codes; `twice` is twice the zero point, plus one. */
#define EDGEQ_DSP_QUANTIZATION(ties)                                                                                                               \
    EDGEQ_CODE __attribute__((unused)) static void edgeq_dsp_quantize_##ties(const float *x, int8_t *y, int32_t count, float scale, int32_t twice) \
    {                                                                                                                                              \
        const float *const end = x + count;                                                                                                        \
                                                                                                                                                   \
        for (const float *const words = end - count % 4; x < words; x += 4) {                                                                      \
            const int32_t a = edgeq_dsp_code_##ties(x[0] / scale, twice);                                                                          \
            const int32_t b = edgeq_dsp_code_##ties(x[1] / scale, twice);                                                                          \
            const int32_t c = edgeq_dsp_code_##ties(x[2] / scale, twice);                                                                          \
            const int32_t d = edgeq_dsp_code_##ties(x[3] / scale, twice);                                                                          \
                                                                                                                                                   \
            edgeq_store_word(y, edgeq_join_four_bytes(a, b, c, d));                                                                                \
            y += 4;                                                                                                                                \
        }                                                                                                                                          \
        for (; x < end; ++x) {                                                                                                                     \
            *y = (int8_t)edgeq_dsp_code_##ties(*x / scale, twice);                                                                                 \
            ++y;                                                                                                                                   \
        }                                                                                                                                          \
    }

EDGEQ_DSP_QUANTIZATION(away)
EDGEQ_DSP_QUANTIZATION(even)

#endif
