/* The AVX-512 and VNNI intrinsics that edgeq's kernels use, in plain C, written from their
 * documented semantics: the same sources give the same bits on processors without them.
 * Speed is no aim. Intrinsics of 128 bits are the compiler's own where it has them. */
#ifndef EDGEQ_AVX512_MODEL_H
#define EDGEQ_AVX512_MODEL_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
/* First: what is defined below must not rewrite the compiler's header. */
#include <immintrin.h>
/* Some are macros there. */
#undef _MM_PERM_DDBB
#undef _mm_maskz_loadu_epi8
#undef _mm_mask_storeu_epi8
#undef _mm512_loadu_si512
#undef _mm512_storeu_si512
#undef _mm512_loadu_ps
#undef _mm512_maskz_loadu_epi8
#undef _mm512_mask_storeu_epi8
#undef _mm512_setzero_si512
#undef _mm512_set1_epi8
#undef _mm512_set1_epi32
#undef _mm512_set1_epi64
#undef _mm512_set1_ps
#undef _mm512_setr_epi32
#undef _mm512_set4_epi32
#undef _mm512_and_si512
#undef _mm512_xor_si512
#undef _mm512_add_epi32
#undef _mm512_sub_epi32
#undef _mm512_add_epi64
#undef _mm512_min_epi32
#undef _mm512_max_epi32
#undef _mm512_mul_epi32
#undef _mm512_sllv_epi32
#undef _mm512_srav_epi32
#undef _mm512_srlv_epi64
#undef _mm512_permutexvar_epi32
#undef _mm512_shuffle_epi8
#undef _mm512_srai_epi32
#undef _mm512_srli_epi32
#undef _mm512_srli_epi64
#undef _mm512_slli_epi64
#undef _mm512_mask_blend_epi32
#undef _mm512_maskz_mov_epi32
#undef _mm512_mask_add_epi32
#undef _mm512_cmpgt_epi32_mask
#undef _mm512_mask_shuffle_epi32
#undef _mm512_dpbusd_epi32
#undef _mm512_reduce_add_epi32
#undef _mm512_castsi128_si512
#undef _mm512_inserti32x4
#undef _mm512_cvtepi8_epi32
#undef _mm512_cvtsepi32_epi8
#undef _mm512_mul_ps
#undef _mm512_max_ps
#undef _mm512_min_ps
#undef _mm512_cvtepi32_ps
#undef _mm512_cvtps_epi32
typedef __m128i edgeq_model_m128i;
#else
typedef struct {
    uint8_t bytes[16];
} edgeq_model_m128i;
#define __m128i edgeq_model_m128i
#endif

typedef union {
    int8_t s8[64];
    uint8_t u8[64];
    int32_t s32[16];
    uint32_t u32[16];
    int64_t s64[8];
    uint64_t u64[8];
} edgeq_model_m512i;

typedef struct {
    float f32[16];
} edgeq_model_m512;

#define __m512i edgeq_model_m512i
#define __m512 edgeq_model_m512
#define __mmask16 uint16_t
#define __mmask64 uint64_t
#define _MM_PERM_DDBB 0xf5

/* What an instruction leaves undefined: no kernel may depend on it. */
#define EDGEQ_MODEL_UNDEFINED 0xa5

/* ---- 128 bits ---------------------------------------------------------------------------- */

#if !defined(__SSE2__)
#define _mm_loadu_si128 edgeq_model_loadu_si128
static inline __m128i edgeq_model_loadu_si128(const void *p)
{
    __m128i y;

    memcpy(&y, p, sizeof y);
    return y;
}

#define _mm_storeu_si128 edgeq_model_storeu_si128
static inline void edgeq_model_storeu_si128(void *p, __m128i x)
{
    memcpy(p, &x, sizeof x);
}
#endif

#define _mm_maskz_loadu_epi8 edgeq_model_maskz_loadu_epi8_x16
static inline __m128i edgeq_model_maskz_loadu_epi8_x16(__mmask16 k, const void *p)
{
    int8_t bytes[16] = {0};
    __m128i y;

    for (int i = 0; i < 16; ++i) {
        if (k >> i & 1) {
            bytes[i] = ((const int8_t *)p)[i];
        }
    }
    memcpy(&y, bytes, sizeof y);
    return y;
}

#define _mm_mask_storeu_epi8 edgeq_model_mask_storeu_epi8_x16
static inline void edgeq_model_mask_storeu_epi8_x16(void *p, __mmask16 k, __m128i x)
{
    int8_t bytes[16];

    memcpy(bytes, &x, sizeof bytes);
    for (int i = 0; i < 16; ++i) {
        if (k >> i & 1) {
            ((int8_t *)p)[i] = bytes[i];
        }
    }
}

/* ---- Memory ------------------------------------------------------------------------------ */

#define _mm512_loadu_si512 edgeq_model_loadu_si512
static inline __m512i edgeq_model_loadu_si512(const void *p)
{
    __m512i y;

    memcpy(&y, p, sizeof y);
    return y;
}

#define _mm512_storeu_si512 edgeq_model_storeu_si512
static inline void edgeq_model_storeu_si512(void *p, __m512i x)
{
    memcpy(p, &x, sizeof x);
}

#define _mm512_loadu_ps edgeq_model_loadu_ps
static inline __m512 edgeq_model_loadu_ps(const void *p)
{
    __m512 y;

    memcpy(&y, p, sizeof y);
    return y;
}

#define _mm512_maskz_loadu_epi8 edgeq_model_maskz_loadu_epi8
static inline __m512i edgeq_model_maskz_loadu_epi8(__mmask64 k, const void *p)
{
    __m512i y;

    for (int i = 0; i < 64; ++i) {
        y.s8[i] = (k >> i & 1) != 0 ? ((const int8_t *)p)[i] : 0;
    }
    return y;
}

#define _mm512_mask_storeu_epi8 edgeq_model_mask_storeu_epi8
static inline void edgeq_model_mask_storeu_epi8(void *p, __mmask64 k, __m512i x)
{
    for (int i = 0; i < 64; ++i) {
        if ((k >> i & 1) != 0) {
            ((int8_t *)p)[i] = x.s8[i];
        }
    }
}

/* ---- Constants --------------------------------------------------------------------------- */

#define _mm512_setzero_si512 edgeq_model_setzero_si512
static inline __m512i edgeq_model_setzero_si512(void)
{
    __m512i y;

    memset(&y, 0, sizeof y);
    return y;
}

#define _mm512_set1_epi8 edgeq_model_set1_epi8
static inline __m512i edgeq_model_set1_epi8(int8_t a)
{
    __m512i y;

    for (int i = 0; i < 64; ++i) {
        y.s8[i] = a;
    }
    return y;
}

#define _mm512_set1_epi32 edgeq_model_set1_epi32
static inline __m512i edgeq_model_set1_epi32(int32_t a)
{
    __m512i y;

    for (int i = 0; i < 16; ++i) {
        y.s32[i] = a;
    }
    return y;
}

#define _mm512_set1_epi64 edgeq_model_set1_epi64
static inline __m512i edgeq_model_set1_epi64(int64_t a)
{
    __m512i y;

    for (int i = 0; i < 8; ++i) {
        y.s64[i] = a;
    }
    return y;
}

#define _mm512_set1_ps edgeq_model_set1_ps
static inline __m512 edgeq_model_set1_ps(float a)
{
    __m512 y;

    for (int i = 0; i < 16; ++i) {
        y.f32[i] = a;
    }
    return y;
}

/* From the lowest lane up, and from the highest of four down. */
#define _mm512_setr_epi32(...) edgeq_model_loadu_si512((const int32_t[16]){__VA_ARGS__})
#define _mm512_set4_epi32(d, c, b, a) edgeq_model_loadu_si512((const int32_t[16]){a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d})

/* ---- Lane by lane ------------------------------------------------------------------------ */

/* One function for each line: y[i] of a lane's type from a[i] and b[i]; sums wrap. */
#define EDGEQ_MODEL_LANES(name, count, lane, value)                \
    static inline __m512i edgeq_model_##name(__m512i a, __m512i b) \
    {                                                              \
        __m512i y;                                                 \
                                                                   \
        for (int i = 0; i < (count); ++i) {                        \
            y.lane[i] = (value);                                   \
        }                                                          \
        return y;                                                  \
    }

/* A shift to the right that keeps the sign, by 0..31. */
static inline int32_t edgeq_model_sra(int32_t x, uint32_t e)
{
    return x < 0 ? ~(~x >> e) : x >> e;
}

EDGEQ_MODEL_LANES(and_si512, 8, u64, a.u64[i] & b.u64[i])
EDGEQ_MODEL_LANES(xor_si512, 8, u64, a.u64[i] ^ b.u64[i])
EDGEQ_MODEL_LANES(add_epi32, 16, u32, a.u32[i] + b.u32[i])
EDGEQ_MODEL_LANES(sub_epi32, 16, u32, a.u32[i] - b.u32[i])
EDGEQ_MODEL_LANES(add_epi64, 8, u64, a.u64[i] + b.u64[i])
EDGEQ_MODEL_LANES(min_epi32, 16, s32, a.s32[i] < b.s32[i] ? a.s32[i] : b.s32[i])
EDGEQ_MODEL_LANES(max_epi32, 16, s32, a.s32[i] > b.s32[i] ? a.s32[i] : b.s32[i])
/* The signed low halves of 64-bit lanes. */
EDGEQ_MODEL_LANES(mul_epi32, 8, s64, (int64_t)a.s32[2 * i] * b.s32[2 * i])
/* Counts are unsigned; those as long as the lane or longer shift everything out. */
EDGEQ_MODEL_LANES(sllv_epi32, 16, u32, b.u32[i] > 31 ? 0 : a.u32[i] << b.u32[i])
EDGEQ_MODEL_LANES(srav_epi32, 16, s32, edgeq_model_sra(a.s32[i], b.u32[i] > 31 ? 31 : b.u32[i]))
EDGEQ_MODEL_LANES(srlv_epi64, 8, u64, b.u64[i] > 63 ? 0 : a.u64[i] >> b.u64[i])
/* Lanes of b, chosen by the low four bits of those of a. */
EDGEQ_MODEL_LANES(permutexvar_epi32, 16, u32, b.u32[a.u32[i] & 15])
/* Bytes of a within each 16, chosen by those of b; a set top bit makes 0. */
EDGEQ_MODEL_LANES(shuffle_epi8, 64, u8, (uint8_t)(b.s8[i] < 0 ? 0 : a.u8[(i & 48) | (b.u8[i] & 15)]))

#define _mm512_and_si512 edgeq_model_and_si512
#define _mm512_xor_si512 edgeq_model_xor_si512
#define _mm512_add_epi32 edgeq_model_add_epi32
#define _mm512_sub_epi32 edgeq_model_sub_epi32
#define _mm512_add_epi64 edgeq_model_add_epi64
#define _mm512_min_epi32 edgeq_model_min_epi32
#define _mm512_max_epi32 edgeq_model_max_epi32
#define _mm512_mul_epi32 edgeq_model_mul_epi32
#define _mm512_sllv_epi32 edgeq_model_sllv_epi32
#define _mm512_srav_epi32 edgeq_model_srav_epi32
#define _mm512_srlv_epi64 edgeq_model_srlv_epi64
#define _mm512_permutexvar_epi32 edgeq_model_permutexvar_epi32
#define _mm512_shuffle_epi8 edgeq_model_shuffle_epi8

/* ---- Shifts by one count ------------------------------------------------------------------ */

#define _mm512_srai_epi32(a, e) edgeq_model_srav_epi32(a, edgeq_model_set1_epi32(e))

#define _mm512_srli_epi32 edgeq_model_srli_epi32
static inline __m512i edgeq_model_srli_epi32(__m512i a, unsigned e)
{
    for (int i = 0; i < 16; ++i) {
        a.u32[i] = e > 31 ? 0 : a.u32[i] >> e;
    }
    return a;
}

#define _mm512_srli_epi64(a, e) edgeq_model_srlv_epi64(a, edgeq_model_set1_epi64(e))

#define _mm512_slli_epi64 edgeq_model_slli_epi64
static inline __m512i edgeq_model_slli_epi64(__m512i a, unsigned e)
{
    for (int i = 0; i < 8; ++i) {
        a.u64[i] = e > 63 ? 0 : a.u64[i] << e;
    }
    return a;
}

/* ---- Masks -------------------------------------------------------------------------------- */

/* The lanes of b where a bit of k is set, those of a elsewhere. */
#define _mm512_mask_blend_epi32 edgeq_model_mask_blend_epi32
static inline __m512i edgeq_model_mask_blend_epi32(__mmask16 k, __m512i a, __m512i b)
{
    for (int i = 0; i < 16; ++i) {
        a.s32[i] = k >> i & 1 ? b.s32[i] : a.s32[i];
    }
    return a;
}

#define _mm512_maskz_mov_epi32(k, a) edgeq_model_mask_blend_epi32(k, edgeq_model_setzero_si512(), a)
#define _mm512_mask_add_epi32(src, k, a, b) edgeq_model_mask_blend_epi32(k, src, edgeq_model_add_epi32(a, b))

#define _mm512_cmpgt_epi32_mask edgeq_model_cmpgt_epi32_mask
static inline __mmask16 edgeq_model_cmpgt_epi32_mask(__m512i a, __m512i b)
{
    uint32_t k = 0;

    for (int i = 0; i < 16; ++i) {
        k |= (uint32_t)(a.s32[i] > b.s32[i]) << i;
    }
    return (__mmask16)k;
}

/* Of each four lanes, those that two bits of the order choose, where a bit of k is set. */
#define _mm512_mask_shuffle_epi32 edgeq_model_mask_shuffle_epi32
static inline __m512i edgeq_model_mask_shuffle_epi32(__m512i src, __mmask16 k, __m512i a, int order)
{
    __m512i y;

    for (int i = 0; i < 16; ++i) {
        y.s32[i] = a.s32[(i & 12) | (order >> 2 * (i & 3) & 3)];
    }
    return edgeq_model_mask_blend_epi32(k, src, y);
}

/* ---- Dot products -------------------------------------------------------------------------- */

/* VPDPBUSD: four products of unsigned by signed bytes join a lane, which wraps. */
#define _mm512_dpbusd_epi32 edgeq_model_dpbusd_epi32
static inline __m512i edgeq_model_dpbusd_epi32(__m512i src, __m512i a, __m512i b)
{
    for (int i = 0; i < 16; ++i) {
        int32_t sum = 0;

        for (int j = 4 * i; j < 4 * i + 4; ++j) {
            sum += a.u8[j] * b.s8[j];
        }
        src.u32[i] += (uint32_t)sum;
    }
    return src;
}

#define _mm512_reduce_add_epi32 edgeq_model_reduce_add_epi32
static inline int32_t edgeq_model_reduce_add_epi32(__m512i a)
{
    __m512i sum = edgeq_model_setzero_si512();

    for (int i = 0; i < 16; ++i) {
        sum.u32[0] += a.u32[i];
    }
    return sum.s32[0];
}

/* ---- Between widths and types --------------------------------------------------------------- */

#define _mm512_castsi128_si512 edgeq_model_castsi128_si512
static inline __m512i edgeq_model_castsi128_si512(__m128i a)
{
    __m512i y;

    memset(&y, EDGEQ_MODEL_UNDEFINED, sizeof y);
    memcpy(&y, &a, sizeof a);
    return y;
}

#define _mm512_inserti32x4 edgeq_model_inserti32x4
static inline __m512i edgeq_model_inserti32x4(__m512i a, __m128i b, int place)
{
    memcpy(a.u8 + 16 * (place & 3), &b, sizeof b);
    return a;
}

#define _mm512_cvtepi8_epi32 edgeq_model_cvtepi8_epi32
static inline __m512i edgeq_model_cvtepi8_epi32(__m128i a)
{
    int8_t bytes[16];
    __m512i y;

    memcpy(bytes, &a, sizeof bytes);
    for (int i = 0; i < 16; ++i) {
        y.s32[i] = bytes[i];
    }
    return y;
}

/* Saturated to 8 bits. */
#define _mm512_cvtsepi32_epi8 edgeq_model_cvtsepi32_epi8
static inline __m128i edgeq_model_cvtsepi32_epi8(__m512i a)
{
    int8_t bytes[16];
    __m128i y;

    for (int i = 0; i < 16; ++i) {
        const int32_t above = a.s32[i] > -128 ? a.s32[i] : -128;

        bytes[i] = (int8_t)(above < 127 ? above : 127);
    }
    memcpy(&y, bytes, sizeof y);
    return y;
}

/* ---- Floating point, in the default rounding mode -------------------------------------------- */

#define _mm512_mul_ps edgeq_model_mul_ps
static inline __m512 edgeq_model_mul_ps(__m512 a, __m512 b)
{
    for (int i = 0; i < 16; ++i) {
        a.f32[i] *= b.f32[i];
    }
    return a;
}

/* The second operand when one is no number. */
#define _mm512_max_ps edgeq_model_max_ps
static inline __m512 edgeq_model_max_ps(__m512 a, __m512 b)
{
    for (int i = 0; i < 16; ++i) {
        a.f32[i] = a.f32[i] > b.f32[i] ? a.f32[i] : b.f32[i];
    }
    return a;
}

#define _mm512_min_ps edgeq_model_min_ps
static inline __m512 edgeq_model_min_ps(__m512 a, __m512 b)
{
    for (int i = 0; i < 16; ++i) {
        a.f32[i] = a.f32[i] < b.f32[i] ? a.f32[i] : b.f32[i];
    }
    return a;
}

#define _mm512_cvtepi32_ps edgeq_model_cvtepi32_ps
static inline __m512 edgeq_model_cvtepi32_ps(__m512i a)
{
    __m512 y;

    for (int i = 0; i < 16; ++i) {
        y.f32[i] = (float)a.s32[i];
    }
    return y;
}

/* Ties to even; what no 32 bits hold, and what is no number, becomes the least of them. */
#define _mm512_cvtps_epi32 edgeq_model_cvtps_epi32
static inline __m512i edgeq_model_cvtps_epi32(__m512 a)
{
    __m512i y;

    for (int i = 0; i < 16; ++i) {
        y.s32[i] = INT32_MIN;
        if (a.f32[i] >= -2147483648.0f && a.f32[i] < 2147483648.0f) {
            const int32_t down = (int32_t)a.f32[i] - (a.f32[i] < (float)(int32_t)a.f32[i]);
            const float above = a.f32[i] - (float)down;

            y.s32[i] = down + (above > 0.5f || (above == 0.5f && (down & 1) != 0));
        }
    }
    return y;
}

#endif
