/* Fixed-point arithmetic of edgeq on NEON, 32 and 64 bit: the names and the bits of
 * edgeq_fixed_point.h, of which runtime/NUMERICS.md is the normative text. Nothing here needs
 * aligned memory. */
#ifndef EDGEQ_FIXED_POINT_NEON_H
#define EDGEQ_FIXED_POINT_NEON_H

#if !defined(__ARM_NEON)
#error "this code is for processors with NEON"
#endif
#if defined(__ARM_BIG_ENDIAN)
#error "this code is for little-endian processors"
#endif

#include <arm_neon.h>
#include <stdint.h>

/* ---- Requantizers: acc * multiplier * 2^(shift - 31) ------------------------------------
 *
 * multiplier is 0..INT32_MAX. shift is -31..30, positive to the left, in each lane; the _right
 * forms are for lanes without a shift to the left: shift is -31..0. */

static inline int32x4_t edgeq_requant_gemmlowp_right_s32x4(int32x4_t acc, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t product = vqrdmulhq_s32(acc, multiplier);
    /* Half away from zero is half up after negative numbers went down by one; not by shift 0,
     * whose sign bit is clear. */
    const int32x4_t fixed = vqaddq_s32(product, vshrq_n_s32(vandq_s32(product, shift), 31));

    return vrshlq_s32(fixed, shift);
}

static inline int32x4_t edgeq_requant_gemmlowp_s32x4(int32x4_t acc, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t left = vmaxq_s32(shift, vdupq_n_s32(0));

    return edgeq_requant_gemmlowp_right_s32x4(vshlq_s32(acc, left), multiplier, vsubq_s32(shift, left));
}

static inline int32x4_t edgeq_requant_half_up_right_s32x4(int32x4_t acc, int32x4_t multiplier, int32x4_t shift)
{
    return vrshlq_s32(vqrdmulhq_s32(acc, multiplier), shift);
}

static inline int32x4_t edgeq_requant_half_up_s32x4(int32x4_t acc, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t left = vmaxq_s32(shift, vdupq_n_s32(0));

    return edgeq_requant_half_up_right_s32x4(vshlq_s32(acc, left), multiplier, vsubq_s32(shift, left));
}

static inline int32x4_t edgeq_requant_single_right_s32x4(int32x4_t acc, int32x4_t multiplier, int32x4_t shift)
{
    /* Where nothing is shifted out, the rounding is that of the product. */
    const uint32x4_t none = vceqq_s32(shift, vdupq_n_s32(0));
    const int32x4_t product = vbslq_s32(none, vqrdmulhq_s32(acc, multiplier), vqdmulhq_s32(acc, multiplier));

    return vrshlq_s32(product, shift);
}

/* Low 32 bits of acc * multiplier * 2^(shift - 31), rounded half up, for two lanes. */
static inline int32x2_t edgeq_requant_single_s32x2(int32x2_t acc, int32x2_t multiplier, int64x2_t shift)
{
    const int64x2_t product = vmull_s32(acc, multiplier);

    return vmovn_s64(vrshlq_s64(product, shift));
}

static inline int32x4_t edgeq_requant_single_s32x4(int32x4_t acc, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t right = vsubq_s32(shift, vdupq_n_s32(31));
    const int32x2_t low = edgeq_requant_single_s32x2(vget_low_s32(acc), vget_low_s32(multiplier), vmovl_s32(vget_low_s32(right)));
    const int32x2_t high = edgeq_requant_single_s32x2(vget_high_s32(acc), vget_high_s32(multiplier), vmovl_s32(vget_high_s32(right)));

    return vcombine_s32(low, high);
}

/* ---- Eight 16-bit numbers from two vectors of sums --------------------------------------
 *
 * The _q0 forms saturate rescaled sums to 16 bits. The _q6 forms keep six bits of fraction, and
 * leave the last rounding to edgeq_codes_q6_*: every shift is to the right by 1..31 (by 0..31 if
 * rounded half up), and the lanes of scale are 22 less that. They saturate at +-512, beyond what
 * any code can be. */

/* The upper halves of eight 32-bit lanes. */
static inline int16x8_t edgeq_upper_halves_s16x8(int32x4_t a, int32x4_t b)
{
    const int16x8_t first = vreinterpretq_s16_s32(a);
    const int16x8_t second = vreinterpretq_s16_s32(b);

#if defined(__aarch64__)
    return vuzp2q_s16(first, second);
#else
    return vuzpq_s16(first, second).val[1];
#endif
}

static inline int32x4_t edgeq_gemmlowp_q22_s32x4(int32x4_t acc, int32x4_t multiplier, int32x4_t scale)
{
    const int32x4_t product = vqrdmulhq_s32(acc, multiplier);

    /* Half away from zero is half up after negative numbers went down by one. */
    return vqshlq_s32(vsraq_n_s32(product, product, 31), scale);
}

static inline int16x8_t edgeq_gemmlowp_q6_s16x8(int32x4_t a, int32x4_t b, int32x4_t multiplier_a, int32x4_t multiplier_b, int32x4_t scale_a, int32x4_t scale_b)
{
    return edgeq_upper_halves_s16x8(edgeq_gemmlowp_q22_s32x4(a, multiplier_a, scale_a), edgeq_gemmlowp_q22_s32x4(b, multiplier_b, scale_b));
}

/* The same where scale may be 22: lanes that are not shifted are not rounded again. */
static inline int32x4_t edgeq_gemmlowp_unshifted_q22_s32x4(int32x4_t acc, int32x4_t multiplier, int32x4_t scale)
{
    const int32x4_t product = vqrdmulhq_s32(acc, multiplier);
    const int32x4_t shifted = vreinterpretq_s32_u32(vcltq_s32(scale, vdupq_n_s32(22)));

    return vqshlq_s32(vsraq_n_s32(product, vandq_s32(product, shifted), 31), scale);
}

static inline int16x8_t edgeq_gemmlowp_unshifted_q6_s16x8(int32x4_t a, int32x4_t b, int32x4_t multiplier_a, int32x4_t multiplier_b, int32x4_t scale_a, int32x4_t scale_b)
{
    return edgeq_upper_halves_s16x8(edgeq_gemmlowp_unshifted_q22_s32x4(a, multiplier_a, scale_a), edgeq_gemmlowp_unshifted_q22_s32x4(b, multiplier_b, scale_b));
}

static inline int16x8_t edgeq_half_up_q6_s16x8(int32x4_t a, int32x4_t b, int32x4_t multiplier_a, int32x4_t multiplier_b, int32x4_t scale_a, int32x4_t scale_b)
{
    const int32x4_t first = vqshlq_s32(vqrdmulhq_s32(a, multiplier_a), scale_a);
    const int32x4_t second = vqshlq_s32(vqrdmulhq_s32(b, multiplier_b), scale_b);

    return edgeq_upper_halves_s16x8(first, second);
}

/* The doubling high multiply rounds down, as every step before the last has to. */
static inline int16x8_t edgeq_single_q6_s16x8(int32x4_t a, int32x4_t b, int32x4_t multiplier_a, int32x4_t multiplier_b, int32x4_t scale_a, int32x4_t scale_b)
{
    const int32x4_t first = vqshlq_s32(vqdmulhq_s32(a, multiplier_a), scale_a);
    const int32x4_t second = vqshlq_s32(vqdmulhq_s32(b, multiplier_b), scale_b);

    return edgeq_upper_halves_s16x8(first, second);
}

static inline int16x8_t edgeq_saturated_s16x8(int32x4_t a, int32x4_t b)
{
    return vcombine_s16(vqmovn_s32(a), vqmovn_s32(b));
}

static inline int16x8_t edgeq_gemmlowp_q0_s16x8(int32x4_t a, int32x4_t b, int32x4_t multiplier_a, int32x4_t multiplier_b, int32x4_t shift_a, int32x4_t shift_b)
{
    return edgeq_saturated_s16x8(edgeq_requant_gemmlowp_s32x4(a, multiplier_a, shift_a), edgeq_requant_gemmlowp_s32x4(b, multiplier_b, shift_b));
}

static inline int16x8_t edgeq_half_up_q0_s16x8(int32x4_t a, int32x4_t b, int32x4_t multiplier_a, int32x4_t multiplier_b, int32x4_t shift_a, int32x4_t shift_b)
{
    return edgeq_saturated_s16x8(edgeq_requant_half_up_s32x4(a, multiplier_a, shift_a), edgeq_requant_half_up_s32x4(b, multiplier_b, shift_b));
}

static inline int16x8_t edgeq_single_q0_s16x8(int32x4_t a, int32x4_t b, int32x4_t multiplier_a, int32x4_t multiplier_b, int32x4_t shift_a, int32x4_t shift_b)
{
    return edgeq_saturated_s16x8(edgeq_requant_single_s32x4(a, multiplier_a, shift_a), edgeq_requant_single_s32x4(b, multiplier_b, shift_b));
}

/* acc * scale in float32, rounded half to even, saturated at +-2^22: far beyond 16 bits. */
static inline int32x4_t edgeq_float32_q0_s32x4(int32x4_t acc, float32x4_t scale)
{
    const float32x4_t product = vmulq_f32(vcvtq_f32_s32(acc), scale);

#if defined(__aarch64__)
    return vcvtnq_s32_f32(product);
#else
    /* Added to 3 * 2^22, a number below 2^22 loses its fraction, rounded half to even. */
    const float32x4_t above = vmaxq_f32(product, vdupq_n_f32(-4194303.0f));
    const float32x4_t moved = vaddq_f32(vminq_f32(above, vdupq_n_f32(4194303.0f)), vdupq_n_f32(12582912.0f));

    return vsubq_s32(vreinterpretq_s32_f32(moved), vdupq_n_s32(0x4b400000));
#endif
}

static inline int16x8_t edgeq_float32_q0_s16x8(int32x4_t a, int32x4_t b, float32x4_t scale_a, float32x4_t scale_b)
{
    return edgeq_saturated_s16x8(edgeq_float32_q0_s32x4(a, scale_a), edgeq_float32_q0_s32x4(b, scale_b));
}

/* ---- Codes: rescaled sums plus a zero point, saturated to 8 bits ------------------------ */

static inline int8x8_t edgeq_codes_q0_s8x8(int16x8_t x, int16_t zero)
{
    return vqmovn_s16(vqaddq_s16(x, vdupq_n_s16(zero)));
}

static inline int8x16_t edgeq_codes_q0_s8x16(int16x8_t a, int16x8_t b, int16_t zero)
{
    return vcombine_s8(edgeq_codes_q0_s8x8(a, zero), edgeq_codes_q0_s8x8(b, zero));
}

static inline int8x8_t edgeq_codes_q6_s8x8(int16x8_t x, int16_t zero)
{
    return vqrshrn_n_s16(vqaddq_s16(x, vdupq_n_s16((int16_t)(zero * 64))), 6);
}

static inline int8x16_t edgeq_codes_q6_s8x16(int16x8_t a, int16x8_t b, int16_t zero)
{
    if (zero == -128) {
        /* Then codes are unsigned numbers with the upper bit flipped. */
        const uint8x16_t above = vcombine_u8(vqrshrun_n_s16(a, 6), vqrshrun_n_s16(b, 6));

        return vreinterpretq_s8_u8(veorq_u8(above, vdupq_n_u8(0x80)));
    }
    return vcombine_s8(edgeq_codes_q6_s8x8(a, zero), edgeq_codes_q6_s8x8(b, zero));
}

#endif
