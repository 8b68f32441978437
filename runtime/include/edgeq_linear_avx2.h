/* Products of 8-bit codes and 8-bit coefficients on AVX2, summed in 16 bits. */
#ifndef EDGEQ_LINEAR_AVX2_H
#define EDGEQ_LINEAR_AVX2_H

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

/* x[2 i] * f0 + x[2 i + 1] * f1 for i in 0..15; f0 + f1 is 255 or less, so nothing saturates. */
static inline __m256i edgeq_linear_s16x16(__m256i x, uint8_t f0, uint8_t f1)
{
    return _mm256_maddubs_epi16(_mm256_set1_epi16((int16_t)(f0 | f1 << 8)), x);
}

#endif
