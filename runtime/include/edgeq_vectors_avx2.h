/* Vectors of 8-bit codes on AVX2, and their products and sums in 16 bits. */
#ifndef EDGEQ_VECTORS_AVX2_H
#define EDGEQ_VECTORS_AVX2_H

#if !defined(__AVX2__)
#error "this code is for processors with AVX2: compile it with -mavx2"
#endif

#include <immintrin.h>
#include <stdint.h>

static inline __m256i edgeq_load_s8x32(const int8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void edgeq_store_s8x32(int8_t *p, __m256i x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}

static inline __m128i edgeq_load_s8x16(const int8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void edgeq_store_s8x16(int8_t *p, __m128i x)
{
    _mm_storeu_si128((__m128i *)(void *)p, x);
}

/* Sixteen lanes saturated to 8 bits, kept within low..high, stored. */
static inline void edgeq_store_codes_s16x16(int8_t *p, __m256i x, int8_t low, int8_t high)
{
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i above = _mm_max_epi8(bytes, _mm_set1_epi8(low));

    edgeq_store_s8x16(p, _mm_min_epi8(above, _mm_set1_epi8(high)));
}

/* Lanes 0..7 and 8..15 plus zero, saturated to 8 bits, stored. */
static inline void edgeq_store_codes_s32x16(int8_t *p, __m256i low, __m256i high, int16_t zero)
{
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    const __m256i moved = _mm256_adds_epi16(words, _mm256_set1_epi16(zero));

    edgeq_store_s8x16(p, _mm_packs_epi16(_mm256_castsi256_si128(moved), _mm256_extracti128_si256(moved, 1)));
}

/* x[2 i] * f0 + x[2 i + 1] * f1 for i in 0..15; f0 + f1 is 255 or less, so nothing saturates. */
static inline __m256i edgeq_linear_s16x16(__m256i x, uint8_t f0, uint8_t f1)
{
    return _mm256_maddubs_epi16(_mm256_set1_epi16((int16_t)(f0 | f1 << 8)), x);
}

#endif
