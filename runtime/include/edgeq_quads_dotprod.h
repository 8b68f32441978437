/* Depthwise convolution of edgeq with the dot product instructions of 64-bit ARM: several rows of
 * eight channels become vectors whose lanes hold one column of one channel. Nothing here needs
 * aligned memory. */
#ifndef EDGEQ_QUADS_DOTPROD_H
#define EDGEQ_QUADS_DOTPROD_H

#if !defined(__ARM_FEATURE_DOTPROD)
#error "this code is for processors with the dot product instructions"
#endif

#include <arm_neon.h>
#include <stdint.h>

/* Four codes of each of eight channels: of the first four, and of the others. */
typedef struct {
    int8x16_t low;
    int8x16_t high;
} edgeq_quads_s8;

/* Eight codes in the lower half; nothing reads the upper one. */
static inline int8x16_t edgeq_lower_s8(const int8_t *x)
{
    return vcombine_s8(vld1_s8(x), vdup_n_s8(0));
}

/* The codes of two rows, in turns. */
static inline int16x8_t edgeq_pairs_s8(const int8_t *a, const int8_t *b)
{
    return vreinterpretq_s16_s8(vzip1q_s8(edgeq_lower_s8(a), edgeq_lower_s8(b)));
}

static inline edgeq_quads_s8 edgeq_joined_s8(int16x8_t ab, int16x8_t cd)
{
    const edgeq_quads_s8 quads = {vreinterpretq_s8_s16(vzip1q_s16(ab, cd)), vreinterpretq_s8_s16(vzip2q_s16(ab, cd))};

    return quads;
}

static inline edgeq_quads_s8 edgeq_column_s8(const int8_t *a, const int8_t *b, const int8_t *c, const int8_t *d)
{
    return edgeq_joined_s8(edgeq_pairs_s8(a, b), edgeq_pairs_s8(c, d));
}

static inline edgeq_quads_s8 edgeq_fill_s8(int8_t code)
{
    const edgeq_quads_s8 quads = {vdupq_n_s8(code), vdupq_n_s8(code)};

    return quads;
}

/* Those at an address: 32 codes. */
static inline edgeq_quads_s8 edgeq_load_quads_s8(const int8_t *w)
{
    const edgeq_quads_s8 quads = {vld1q_s8(w), vld1q_s8(w + 16)};

    return quads;
}

static inline int8x16_t edgeq_down_s8x16(int8x16_t w)
{
    return vreinterpretq_s8_s32(vshlq_n_s32(vreinterpretq_s32_s8(w), 8));
}

/* The same weights one row further down; that of the fourth row is lost. */
static inline edgeq_quads_s8 edgeq_down_s8(edgeq_quads_s8 w)
{
    const edgeq_quads_s8 quads = {edgeq_down_s8x16(w.low), edgeq_down_s8x16(w.high)};

    return quads;
}

static inline int32x4_t edgeq_dot3_s32x4(int32x4_t sum, int8x16_t a, int8x16_t wa, int8x16_t b, int8x16_t wb, int8x16_t c, int8x16_t wc)
{
    return vdotq_s32(vdotq_s32(vdotq_s32(sum, a, wa), b, wb), c, wc);
}

/* The same address, but not for the compiler: what is there gets loaded again, into the registers
 * in which sums begin, in place of a copy from registers that weights need more. */
static inline const int32_t *edgeq_again_s32(const int32_t *p)
{
#if defined(__clang__)
    /* Columns do not mix either: that needs more registers than there are. */
    __asm__("" : "+r"(p) : : "memory");
#elif defined(__GNUC__)
    __asm__("" : "+r"(p));
#endif
    return p;
}

static inline const int8_t *edgeq_again_s8(const int8_t *p)
{
#if defined(__GNUC__)
    __asm__("" : "+r"(p));
#endif
    return p;
}

static inline void edgeq_store_quads_s8(int8_t *p, edgeq_quads_s8 quads)
{
    vst1q_s8(p, quads.low);
    vst1q_s8(p + 16, quads.high);
}

/* Quads of a line whose elements are eight channels each: four elements that are `dilation` apart,
 * from every element at a multiple of `step`. Their count is a multiple of four. */
static inline void edgeq_quads_of_line_s8(int8_t *quads, const int8_t *line, int32_t count, int32_t step, int32_t dilation)
{
    const int32_t apart = dilation * 8;

    for (int32_t i = 0; i < count; i += 4) {
        const int8_t *const at0 = line + i * step * 8;
        const int8_t *const at1 = at0 + step * 8;
        const int8_t *const at2 = at1 + step * 8;
        const int8_t *const at3 = at2 + step * 8;
        /* All are made before one is stored: they have codes in common. */
        const edgeq_quads_s8 q0 = edgeq_column_s8(at0, at0 + apart, at0 + apart * 2, at0 + apart * 3);
        const edgeq_quads_s8 q1 = edgeq_column_s8(at1, at1 + apart, at1 + apart * 2, at1 + apart * 3);
        const edgeq_quads_s8 q2 = edgeq_column_s8(at2, at2 + apart, at2 + apart * 2, at2 + apart * 3);
        const edgeq_quads_s8 q3 = edgeq_column_s8(at3, at3 + apart, at3 + apart * 2, at3 + apart * 3);

        edgeq_store_quads_s8(quads + i * 32, q0);
        edgeq_store_quads_s8(quads + i * 32 + 32, q1);
        edgeq_store_quads_s8(quads + i * 32 + 64, q2);
        edgeq_store_quads_s8(quads + i * 32 + 96, q3);
    }
}

/* Codes whose zero point is -128, saturated: numbers from 0 to 255, then moved. */
static inline int8x8_t edgeq_codes_q6_lowest_s8x8(int16x8_t x)
{
    return vreinterpret_s8_u8(veor_u8(vqrshrun_n_s16(x, 6), vdup_n_u8(128)));
}

static inline int8x16_t edgeq_codes_q6_lowest_s8x16(int16x8_t a, int16x8_t b)
{
    return vreinterpretq_s8_u8(veorq_u8(vqrshrun_high_n_s16(vqrshrun_n_s16(a, 6), b, 6), vdupq_n_u8(128)));
}

#endif
