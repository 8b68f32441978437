/* Fixed-point arithmetic of edgeq on eight 32-bit lanes of AVX2: the names and the bits of
 * edgeq_fixed_point.h, of which runtime/NUMERICS.md is the normative text. Nothing here needs
 * aligned memory. */
#ifndef EDGEQ_FIXED_POINT_AVX2_H
#define EDGEQ_FIXED_POINT_AVX2_H

#if !defined(__AVX2__)
#error "this code is for processors with AVX2: compile it with -mavx2"
#endif

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* ---- Memory ---------------------------------------------------------------------------- */

static inline __m128i edgeq_load_s8x8(const int8_t *p)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)p);
}

static inline __m256i edgeq_load_s32x8(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void edgeq_store_s32x8(int32_t *p, __m256i x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}

/* Eight codes as 32-bit lanes. */
static inline __m256i edgeq_widen_s8x8(const int8_t *p)
{
    return _mm256_cvtepi8_epi32(edgeq_load_s8x8(p));
}

/* Sixteen codes as 16-bit lanes. */
static inline __m256i edgeq_widen_s8x16(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* Sixteen lanes of 16 bits. */
static inline __m256i edgeq_load_s16x16(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Two neighbouring 16-bit numbers in each of the eight lanes. */
static inline __m256i edgeq_broadcast_pair_s16x16(const int16_t *p)
{
    int32_t pair;

    memcpy(&pair, p, sizeof pair);
    return _mm256_set1_epi32(pair);
}

/* y[i] = x[i] for i in 0..count-1: by sixteens, the last of which overlap. */
static inline void edgeq_widen_run_s8(int16_t *y, const int8_t *x, int32_t count)
{
    if (count < 16) {
        for (int32_t i = 0; i < count; ++i) {
            y[i] = x[i];
        }
        return;
    }
    for (int32_t i = 0; i < count; i += 16) {
        const int32_t at = i < count - 16 ? i : count - 16;

        _mm256_storeu_si256((__m256i *)(void *)(y + at), edgeq_widen_s8x16(x + at));
    }
}

/* y[i] = value for i in 0..count-1. */
static inline void edgeq_fill_s16(int16_t *y, int16_t value, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        y[i] = value;
    }
}

/* Lanes plus zero, saturated to 8 bits, kept within low..high, stored. The two saturations
 * on the way cannot change a result: all steps are monotone and the last is the narrowest. */
static inline void edgeq_store_s8x8(int8_t *y, __m256i x, int16_t zero, int8_t low, int8_t high)
{
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i moved = _mm_adds_epi16(words, _mm_set1_epi16(zero));
    const __m128i bytes = _mm_packs_epi16(moved, moved);
    const __m128i above = _mm_max_epi8(bytes, _mm_set1_epi8(low));

    _mm_storel_epi64((__m128i *)(void *)y, _mm_min_epi8(above, _mm_set1_epi8(high)));
}

/* low..high in each lane. */
static inline __m256i edgeq_clamp_s32x8(__m256i x, int32_t low, int32_t high)
{
    return _mm256_min_epi32(_mm256_max_epi32(x, _mm256_set1_epi32(low)), _mm256_set1_epi32(high));
}

/* Codes of eight lanes, and of eight more, saturated to 8 bits. */
static inline __m128i edgeq_pack_codes_x16(__m256i a, __m256i b)
{
    const __m256i words = _mm256_packs_epi32(a, b);
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));

    return _mm_shuffle_epi32(bytes, 0xd8);
}

/* Both eights stored, one after the other or apart. */
static inline void edgeq_store_pair_s8x16(int8_t *y, __m256i a, __m256i b)
{
    _mm_storeu_si128((__m128i *)(void *)y, edgeq_pack_codes_x16(a, b));
}

static inline void edgeq_store_apart_s8x16(int8_t *y, int8_t *z, __m256i a, __m256i b)
{
    const __m128i codes = edgeq_pack_codes_x16(a, b);

    _mm_storel_epi64((__m128i *)(void *)y, codes);
    _mm_storel_epi64((__m128i *)(void *)z, _mm_unpackhi_epi64(codes, codes));
}

/* One eight. */
static inline void edgeq_store_codes_x8(int8_t *y, __m256i a)
{
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));

    _mm_storel_epi64((__m128i *)(void *)y, _mm_packs_epi16(words, words));
}

/* The lanes of sum with x[0] + ... + x[count - 1] spread over them. */
static inline __m256i edgeq_add_run_s16(__m256i sum, const int16_t *x, int32_t count)
{
    int32_t few = 0;
    int32_t i = 0;

    for (; i <= count - 16; i += 16) {
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(edgeq_load_s16x16(x + i), _mm256_set1_epi16(1)));
    }
    for (; i < count; ++i) {
        few += x[i];
    }
    return _mm256_add_epi32(sum, _mm256_setr_epi32(few, 0, 0, 0, 0, 0, 0, 0));
}

/* The sum of all lanes. */
static inline int32_t edgeq_total_s32x8(__m256i x)
{
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));

    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

/* The codes of two rows at one place beside each other, in eight lanes. */
static inline __m256i edgeq_pair_rows_s8x8(const int8_t *a, const int8_t *b)
{
    return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(edgeq_load_s8x8(a), edgeq_load_s8x8(b)));
}

/* sum[c] + x[2 c] * w[2 c] + x[2 c + 1] * w[2 c + 1] for c in 0..7. */
static inline __m256i edgeq_add_products_s16x16(__m256i sum, __m256i x, __m256i w)
{
    const __m256i products = _mm256_madd_epi16(x, w);

#if defined(__GNUC__) && !defined(__clang__)
    /* GCC 12 otherwise gives the new sum another register, and copies it back. */
    __asm__("vpaddd %1, %0, %0" : "+x"(sum) : "x"(products));
    return sum;
#else
    return _mm256_add_epi32(sum, products);
#endif
}

/* The same with weights in memory. */
static inline __m256i edgeq_add_pairs_s16x16(__m256i sum, __m256i x, const int16_t *w)
{
    const __m256i weights = _mm256_loadu_si256((const __m256i *)(const void *)w);

    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, weights));
}

/* ---- Building blocks ------------------------------------------------------------------- */

static inline __m256i edgeq_shift_right_up_s32x8(__m256i x, __m256i e)
{
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), e), _mm256_set1_epi32(1));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(x, mask), _mm256_srli_epi32(mask, 1));

    return _mm256_sub_epi32(_mm256_srav_epi32(x, e), up);
}

static inline __m256i edgeq_shift_right_away_s32x8(__m256i x, __m256i e)
{
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), e), _mm256_set1_epi32(1));
    const __m256i half = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(x, 31));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(x, mask), half);

    return _mm256_sub_epi32(_mm256_srav_epi32(x, e), up);
}

/* Products of the odd lanes: those of the even ones are _mm256_mul_epi32 itself. */
static inline __m256i edgeq_mul_odd_s32x8(__m256i a, __m256i b)
{
    return _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
}

/* Low 32 bits of (a * b + nudge) / 2^31; nudge is 0..2^31-1 in each lane. */
static inline __m256i edgeq_product_bits_31_s32x8(__m256i a, __m256i b, __m256i nudge)
{
    const __m256i low_half = _mm256_set1_epi64x(0xffffffff);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, b), _mm256_and_si256(nudge, low_half));
    const __m256i odd = _mm256_add_epi64(edgeq_mul_odd_s32x8(a, b), _mm256_srli_epi64(nudge, 32));

    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
}

/* Low 32 bits of (a * b + nudge) / 2^e, e in 0..31; nudge is 0..2^31-1 in each lane. */
static inline __m256i edgeq_product_bits_s32x8(__m256i a, __m256i b, __m256i nudge, __m256i e)
{
    const __m256i low_half = _mm256_set1_epi64x(0xffffffff);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, b), _mm256_and_si256(nudge, low_half));
    const __m256i odd = _mm256_add_epi64(edgeq_mul_odd_s32x8(a, b), _mm256_srli_epi64(nudge, 32));
    const __m256i first = _mm256_srlv_epi64(even, _mm256_and_si256(e, low_half));
    const __m256i second = _mm256_srlv_epi64(odd, _mm256_srli_epi64(e, 32));

    return _mm256_blend_epi32(first, _mm256_slli_epi64(second, 32), 0xaa);
}

static inline __m256i edgeq_mulhi_positive_s32x8(__m256i acc, __m256i multiplier)
{
    /* The nudge of both kinds of lanes is one constant here. */
    const __m256i nudge = _mm256_set1_epi64x((int64_t)1 << 30);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(acc, multiplier), nudge);
    const __m256i odd = _mm256_add_epi64(edgeq_mul_odd_s32x8(acc, multiplier), nudge);

    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
}

static inline __m256i edgeq_left_part_s32x8(__m256i shift)
{
    return _mm256_max_epi32(shift, _mm256_setzero_si256());
}

/* ---- Requantizers: acc * multiplier * 2^(shift - 31) ------------------------------------ */

static inline __m256i edgeq_requant_gemmlowp_right_s32x8(__m256i acc, __m256i multiplier, __m256i right)
{
    return edgeq_shift_right_away_s32x8(edgeq_mulhi_positive_s32x8(acc, multiplier), right);
}

static inline __m256i edgeq_requant_gemmlowp_s32x8(__m256i acc, __m256i multiplier, __m256i shift)
{
    const __m256i left = edgeq_left_part_s32x8(shift);
    const __m256i shifted = _mm256_sllv_epi32(acc, left);

    return edgeq_requant_gemmlowp_right_s32x8(shifted, multiplier, _mm256_sub_epi32(left, shift));
}

static inline __m256i edgeq_requant_half_up_right_s32x8(__m256i acc, __m256i multiplier, __m256i right)
{
    return edgeq_shift_right_up_s32x8(edgeq_mulhi_positive_s32x8(acc, multiplier), right);
}

static inline __m256i edgeq_requant_half_up_s32x8(__m256i acc, __m256i multiplier, __m256i shift)
{
    const __m256i left = edgeq_left_part_s32x8(shift);
    const __m256i shifted = _mm256_sllv_epi32(acc, left);

    return edgeq_requant_half_up_right_s32x8(shifted, multiplier, _mm256_sub_epi32(left, shift));
}

static inline __m256i edgeq_requant_single_right_s32x8(__m256i acc, __m256i multiplier, __m256i right)
{
    const __m256i none = _mm256_cmpeq_epi32(right, _mm256_setzero_si256());
    const __m256i nudge = _mm256_and_si256(none, _mm256_set1_epi32(1 << 30));

    return edgeq_shift_right_up_s32x8(edgeq_product_bits_31_s32x8(acc, multiplier, nudge), right);
}

static inline __m256i edgeq_requant_single_s32x8(__m256i acc, __m256i multiplier, __m256i shift)
{
    const __m256i left = edgeq_left_part_s32x8(shift);
    const __m256i one = _mm256_andnot_si256(_mm256_srai_epi32(shift, 31), _mm256_set1_epi32(1));
    const __m256i nudge = _mm256_sllv_epi32(one, _mm256_sub_epi32(_mm256_set1_epi32(30), left));
    const __m256i e = _mm256_sub_epi32(_mm256_set1_epi32(31), left);

    return edgeq_shift_right_up_s32x8(edgeq_product_bits_s32x8(acc, multiplier, nudge, e), _mm256_sub_epi32(left, shift));
}

/* The conversion rounds half to even in the default rounding mode, as (float)acc does in the
 * scalar form; beyond int32 it is undone by the clamp before it. */
static inline __m256i edgeq_requant_float32_s32x8(__m256i acc, __m256 scale)
{
    const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale);
    const __m256 above = _mm256_max_ps(product, _mm256_set1_ps(-2147483520.0f));

    return _mm256_cvtps_epi32(_mm256_min_ps(above, _mm256_set1_ps(2147483520.0f)));
}

/* ---- Short rescaling --------------------------------------------------------------------- */

/* Factors of eight channels for sums within 2^29: multipliers and what is added to 64-bit
 * products, for even and odd lanes, then the right shifts. */
typedef struct {
    __m256i even;
    __m256i odd;
    __m256i even_offset;
    __m256i odd_offset;
    __m256i shift;
} edgeq_factors_s32x8;

/* The offset is half a unit of the result plus its zero point, times 2^shift; the nudge rounds
 * what is below the offset's last bit. */
static inline edgeq_factors_s32x8 edgeq_short_factors_s32x8(__m256i multiplier, __m256i offset, __m256i shift, int32_t nudge)
{
    const __m256i low = _mm256_set1_epi32(nudge);
    edgeq_factors_s32x8 factors;

    factors.even = multiplier;
    factors.odd = _mm256_srli_epi64(multiplier, 32);
    factors.even_offset = _mm256_blend_epi32(low, _mm256_slli_epi64(offset, 32), 0xaa);
    factors.odd_offset = _mm256_blend_epi32(low, offset, 0xaa);
    factors.shift = shift;
    return factors;
}

/* (acc * multiplier / 2^31 rounded, plus offset) before the shift: the high half of a product
 * of twice the sum. */
static inline __m256i edgeq_short_product_s32x8(__m256i acc, const edgeq_factors_s32x8 *f)
{
    const __m256i twice = _mm256_add_epi32(acc, acc);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(twice, f->even), f->even_offset);
    const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(twice, 32), f->odd), f->odd_offset);

    /* The high halves: those of the odd lanes are in place. */
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

/* Ties go up: half_up, and single, whose nudge is 0. */
static inline __m256i edgeq_short_up_s32x8(__m256i acc, const edgeq_factors_s32x8 *f)
{
    return _mm256_srav_epi32(edgeq_short_product_s32x8(acc, f), f->shift);
}

/* Ties go away from zero: gemmlowp. A negative sum that is rounded to 0 first stays 0. */
static inline __m256i edgeq_short_away_s32x8(__m256i acc, const edgeq_factors_s32x8 *f)
{
    const __m256i sign = _mm256_srai_epi32(acc, 31);

    return _mm256_srav_epi32(_mm256_add_epi32(edgeq_short_product_s32x8(acc, f), sign), f->shift);
}

#endif
