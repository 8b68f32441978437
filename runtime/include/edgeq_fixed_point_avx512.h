/* Fixed-point arithmetic of edgeq on sixteen 32-bit lanes of AVX-512, and dot products of four
 * bytes with VNNI: the names and the bits of edgeq_fixed_point.h, of which runtime/NUMERICS.md is
 * the normative text. Nothing here needs aligned memory. */
#ifndef EDGEQ_FIXED_POINT_AVX512_H
#define EDGEQ_FIXED_POINT_AVX512_H

#if defined(EDGEQ_EMULATE_AVX512)
#include "edgeq_avx512_model.h"
#elif defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
#include <immintrin.h>
#else
#error "this code is for processors with AVX-512 VNNI: compile it with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni"
#endif

#include <stdint.h>
#include <string.h>

/* ---- Memory ---------------------------------------------------------------------------- */

/* A bit for each of the first lanes; count is 1..16. */
static inline __mmask16 edgeq_lanes_x16(int32_t count)
{
    return (__mmask16)((1u << count) - 1u);
}

static inline __m128i edgeq_load_codes_x16(const int8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* The codes of some lanes, zeros in the others, whose memory is not touched. */
static inline __m128i edgeq_load_codes_lanes_x16(const int8_t *p, __mmask16 lanes)
{
    return _mm_maskz_loadu_epi8(lanes, p);
}

static inline __m512i edgeq_load_s8x64(const int8_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline __m512i edgeq_load_s32x16(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline void edgeq_store_s32x16(int32_t *p, __m512i x)
{
    _mm512_storeu_si512(p, x);
}

/* Sixteen codes as 32-bit lanes. */
static inline __m512i edgeq_widen_codes_x16(const int8_t *p)
{
    return _mm512_cvtepi8_epi32(edgeq_load_codes_x16(p));
}

/* Four neighbouring bytes in each of the sixteen lanes. */
static inline __m512i edgeq_broadcast_quad_u8x64(const uint8_t *p)
{
    int32_t quad;

    memcpy(&quad, p, sizeof quad);
    return _mm512_set1_epi32(quad);
}

/* y[i] = x[i] + 128 for i in 0..count-1: codes as VPDPBUSD multiplies them. */
static inline void edgeq_raise_run_s8(uint8_t *y, const int8_t *x, int32_t count)
{
    const __m512i top_bits = _mm512_set1_epi8(-128);
    int32_t i = 0;

    for (; i <= count - 64; i += 64) {
        _mm512_storeu_si512(y + i, _mm512_xor_si512(_mm512_loadu_si512(x + i), top_bits));
    }
    if (i < count) {
        const __mmask64 rest = ~(__mmask64)0 >> (64 - (count - i));

        _mm512_mask_storeu_epi8(y + i, rest, _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, x + i), top_bits));
    }
}

/* The lanes of sum with x[0] + ... + x[count-1] spread over them. */
static inline __m512i edgeq_add_run_u8(__m512i sum, const uint8_t *x, int32_t count)
{
    const __m512i ones = _mm512_set1_epi8(1);
    int32_t i = 0;

    for (; i <= count - 64; i += 64) {
        sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(x + i), ones);
    }
    if (i < count) {
        const __mmask64 rest = ~(__mmask64)0 >> (64 - (count - i));

        sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_loadu_epi8(rest, x + i), ones);
    }
    return sum;
}

/* Lanes saturated to 8 bits, and stored. */
static inline void edgeq_store_codes_x16(int8_t *y, __m512i x)
{
    _mm_storeu_si128((__m128i *)(void *)y, _mm512_cvtsepi32_epi8(x));
}

/* The same for some lanes; the memory of the others is not touched. */
static inline void edgeq_store_codes_lanes_x16(int8_t *y, __m512i x, __mmask16 lanes)
{
    _mm_mask_storeu_epi8(y, lanes, _mm512_cvtsepi32_epi8(x));
}

/* low..high in each lane. */
static inline __m512i edgeq_clamp_s32x16(__m512i x, int32_t low, int32_t high)
{
    return _mm512_min_epi32(_mm512_max_epi32(x, _mm512_set1_epi32(low)), _mm512_set1_epi32(high));
}

/* ---- Dot products ---------------------------------------------------------------------- */

/* sum[c] + x[4 c] * w[4 c] + ... + x[4 c + 3] * w[4 c + 3] for c in 0..15. */
static inline __m512i edgeq_add_dots_u8s8x64(__m512i sum, __m512i x, __m512i w)
{
    __m512i total = _mm512_dpbusd_epi32(sum, x, w);

#if defined(__GNUC__) && !defined(__clang__) && !defined(EDGEQ_EMULATE_AVX512)
    /* GCC 12 otherwise keeps two names for each sum of a loop, and spills half of them. */
    __asm__("" : "+v"(total));
#endif
    return total;
}

/* The bytes of a, b, c and d at one place beside each other, plus 128, in sixteen lanes. */
static inline __m512i edgeq_raise_columns_s8x16(__m128i a, __m128i b, __m128i c, __m128i d)
{
    const __m512i lanes = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i bytes = _mm512_set4_epi32(0x0f0b0703, 0x0e0a0602, 0x0d090501, 0x0c080400);
    const __m512i one = _mm512_castsi128_si512(a);
    const __m512i two = _mm512_inserti32x4(one, b, 1);
    const __m512i rows = _mm512_inserti32x4(_mm512_inserti32x4(two, c, 2), d, 3);
    const __m512i columns = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(lanes, rows), bytes);

    return _mm512_xor_si512(columns, _mm512_set1_epi8(-128));
}

/* ---- Building blocks ------------------------------------------------------------------- */

static inline __m512i edgeq_shift_right_up_s32x16(__m512i x, __m512i e)
{
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, e), one);
    const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(x, mask), _mm512_srli_epi32(mask, 1));
    const __m512i down = _mm512_srav_epi32(x, e);

    return _mm512_mask_add_epi32(down, up, down, one);
}

static inline __m512i edgeq_shift_right_away_s32x16(__m512i x, __m512i e)
{
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, e), one);
    const __m512i half = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(x, 31));
    const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(x, mask), half);
    const __m512i down = _mm512_srav_epi32(x, e);

    return _mm512_mask_add_epi32(down, up, down, one);
}

/* Low 32 bits of (a * b + nudge) / 2^e, e in 0..31; nudge is 0..2^31-1 in each lane. */
static inline __m512i edgeq_product_bits_s32x16(__m512i a, __m512i b, __m512i nudge, __m512i e)
{
    const __m512i low_half = _mm512_set1_epi64(0xffffffff);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(a, b), _mm512_and_si512(nudge, low_half));
    const __m512i products = _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));
    const __m512i odd = _mm512_add_epi64(products, _mm512_srli_epi64(nudge, 32));
    const __m512i first = _mm512_srlv_epi64(even, _mm512_and_si512(e, low_half));
    const __m512i second = _mm512_srlv_epi64(odd, _mm512_srli_epi64(e, 32));

    return _mm512_mask_blend_epi32(0xaaaa, first, _mm512_slli_epi64(second, 32));
}

static inline __m512i edgeq_mulhi_positive_s32x16(__m512i acc, __m512i multiplier)
{
    return edgeq_product_bits_s32x16(acc, multiplier, _mm512_set1_epi32(1 << 30), _mm512_set1_epi32(31));
}

static inline __m512i edgeq_left_part_s32x16(__m512i shift)
{
    return _mm512_max_epi32(shift, _mm512_setzero_si512());
}

/* ---- Requantizers: acc * multiplier * 2^(shift - 31) ------------------------------------ */

static inline __m512i edgeq_requant_gemmlowp_right_s32x16(__m512i acc, __m512i multiplier, __m512i right)
{
    return edgeq_shift_right_away_s32x16(edgeq_mulhi_positive_s32x16(acc, multiplier), right);
}

static inline __m512i edgeq_requant_gemmlowp_s32x16(__m512i acc, __m512i multiplier, __m512i shift)
{
    const __m512i left = edgeq_left_part_s32x16(shift);
    const __m512i shifted = _mm512_sllv_epi32(acc, left);

    return edgeq_requant_gemmlowp_right_s32x16(shifted, multiplier, _mm512_sub_epi32(left, shift));
}

static inline __m512i edgeq_requant_half_up_right_s32x16(__m512i acc, __m512i multiplier, __m512i right)
{
    return edgeq_shift_right_up_s32x16(edgeq_mulhi_positive_s32x16(acc, multiplier), right);
}

static inline __m512i edgeq_requant_half_up_s32x16(__m512i acc, __m512i multiplier, __m512i shift)
{
    const __m512i left = edgeq_left_part_s32x16(shift);
    const __m512i shifted = _mm512_sllv_epi32(acc, left);

    return edgeq_requant_half_up_right_s32x16(shifted, multiplier, _mm512_sub_epi32(left, shift));
}

static inline __m512i edgeq_requant_single_s32x16(__m512i acc, __m512i multiplier, __m512i shift)
{
    const __m512i left = edgeq_left_part_s32x16(shift);
    const __mmask16 rounds = _mm512_cmpgt_epi32_mask(shift, _mm512_set1_epi32(-1));
    const __m512i one = _mm512_maskz_mov_epi32(rounds, _mm512_set1_epi32(1));
    const __m512i nudge = _mm512_sllv_epi32(one, _mm512_sub_epi32(_mm512_set1_epi32(30), left));
    const __m512i e = _mm512_sub_epi32(_mm512_set1_epi32(31), left);

    return edgeq_shift_right_up_s32x16(edgeq_product_bits_s32x16(acc, multiplier, nudge, e), _mm512_sub_epi32(left, shift));
}

static inline __m512i edgeq_requant_single_right_s32x16(__m512i acc, __m512i multiplier, __m512i right)
{
    return edgeq_requant_single_s32x16(acc, multiplier, _mm512_sub_epi32(_mm512_setzero_si512(), right));
}

/* The conversion rounds half to even in the default rounding mode, as (float)acc does in the
 * scalar form; beyond int32 it is undone by the clamp before it. */
static inline __m512i edgeq_requant_float32_s32x16(__m512i acc, __m512 scale)
{
    const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
    const __m512 above = _mm512_max_ps(product, _mm512_set1_ps(-2147483520.0f));

    return _mm512_cvtps_epi32(_mm512_min_ps(above, _mm512_set1_ps(2147483520.0f)));
}

/* ---- Short rescaling --------------------------------------------------------------------- */

/* Factors of sixteen channels for sums within 2^29: multipliers and what is added to 64-bit
 * products, for even and odd lanes, then the right shifts. */
typedef struct {
    __m512i even;
    __m512i odd;
    __m512i even_offset;
    __m512i odd_offset;
    __m512i shift;
} edgeq_factors_s32x16;

/* The offset is half a unit of the result plus its zero point, times 2^shift; the nudge rounds
 * what is below the offset's last bit. */
static inline edgeq_factors_s32x16 edgeq_short_factors_s32x16(__m512i multiplier, __m512i offset, __m512i shift, int32_t nudge)
{
    const __m512i low = _mm512_set1_epi32(nudge);
    edgeq_factors_s32x16 factors;

    factors.even = multiplier;
    factors.odd = _mm512_srli_epi64(multiplier, 32);
    factors.even_offset = _mm512_mask_blend_epi32(0xaaaa, low, _mm512_slli_epi64(offset, 32));
    factors.odd_offset = _mm512_mask_blend_epi32(0xaaaa, low, offset);
    factors.shift = shift;
    return factors;
}

/* (acc * multiplier / 2^31 rounded, plus offset) before the shift: the high half of a product
 * of twice the sum. */
static inline __m512i edgeq_short_product_s32x16(__m512i acc, const edgeq_factors_s32x16 *f)
{
    const __m512i twice = _mm512_add_epi32(acc, acc);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(twice, f->even), f->even_offset);
    const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(twice, 32), f->odd), f->odd_offset);

    /* The high halves: those of the odd lanes are in place. */
    return _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
}

/* Ties go up: half_up, and single, whose nudge is 0. */
static inline __m512i edgeq_short_up_s32x16(__m512i acc, const edgeq_factors_s32x16 *f)
{
    return _mm512_srav_epi32(edgeq_short_product_s32x16(acc, f), f->shift);
}

/* Ties go away from zero: gemmlowp. A negative sum that is rounded to 0 first stays 0. */
static inline __m512i edgeq_short_away_s32x16(__m512i acc, const edgeq_factors_s32x16 *f)
{
    const __m512i sign = _mm512_srai_epi32(acc, 31);

    return _mm512_srav_epi32(_mm512_add_epi32(edgeq_short_product_s32x16(acc, f), sign), f->shift);
}

#endif
