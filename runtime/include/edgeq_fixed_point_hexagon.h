/* Fixed-point arithmetic of edgeq with instructions of the Hexagon DSP: names and bits of
 * edgeq_fixed_point.h, of which runtime/NUMERICS.md is the normative text. On other processors, and
 * wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_FIXED_POINT_HEXAGON_H
#define EDGEQ_FIXED_POINT_HEXAGON_H

#include <stdint.h>
#include <string.h>

#include "edgeq_fixed_point.h"

#if defined(__hexagon__) && !defined(EDGEQ_NO_ASSEMBLER)
#include <hexagon_types.h>
/* Of what follows some is macros of the above. */
#include <hexagon_protos.h>
#define EDGEQ_HEXAGON_INTRINSICS 1
#else
#define EDGEQ_HEXAGON_INTRINSICS 0
#endif

/* Before a loop whose rounds the compiler overlaps: it does not where it has unrolled them. */
#if defined(__clang__) && defined(__hexagon__)
#define EDGEQ_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define EDGEQ_ROLLED
#endif

/* ---- Products of bytes ------------------------------------------------------------------- */

/* Eight bytes at a multiple of 8. */
static inline int64_t edgeq_load_aligned_x8(const void *p)
{
    int64_t x;

    __builtin_memcpy(&x, __builtin_assume_aligned(p, 8), sizeof x);
    return x;
}

/* The lower half of a 64-bit number and its upper half are sums of four bytes of x, with sign, times
 * bytes of w without: VRMPYBSU. */
static inline int64_t edgeq_add_dots_s8u8x8(int64_t sums, int64_t x, int64_t w)
{
#if EDGEQ_HEXAGON_INTRINSICS
    return Q6_P_vrmpybsuacc_PP(sums, x, w);
#else
    uint32_t halves[2] = {(uint32_t)(uint64_t)sums, (uint32_t)((uint64_t)sums >> 32)};

    for (int i = 0; i < 8; ++i) {
        const int32_t a = (int8_t)(uint8_t)((uint64_t)x >> (8 * i));
        const int32_t b = (uint8_t)((uint64_t)w >> (8 * i));

        halves[i / 4] += (uint32_t)(a * b);
    }
    return (int64_t)(halves[0] | (uint64_t)halves[1] << 32);
#endif
}

/* Both halves together. */
static inline int32_t edgeq_total_s32x2(int64_t sums)
{
    return (int32_t)((uint32_t)(uint64_t)sums + (uint32_t)((uint64_t)sums >> 32));
}

/* ---- Short rescaling --------------------------------------------------------------------- */

/* For sums within 2^29. The offset is half a unit of the result plus its zero point, times 2^shift;
 * a nudge of 0 rounds what is below the offset's last bit down, any other to the nearest. */
static inline int32_t edgeq_short_product_s32(int32_t acc, int32_t multiplier, int32_t offset, int32_t nudge)
{
#if EDGEQ_HEXAGON_INTRINSICS
    if (nudge != 0) {
        return Q6_R_mpy_RR_rnd(2 * acc, multiplier) + offset;
    }
    return Q6_R_mpy_RR(2 * acc, multiplier) + offset;
#else
    return edgeq_product_bits_s32(acc, multiplier, nudge != 0 ? (int64_t)1 << 30 : 0, 31) + offset;
#endif
}

/* Ties go up: half_up, and single, whose nudge is 0. */
static inline int32_t edgeq_short_up_s32(int32_t acc, int32_t multiplier, int32_t offset, int32_t shift, int32_t nudge)
{
    return edgeq_short_product_s32(acc, multiplier, offset, nudge) >> shift;
}

/* Ties go away from zero: gemmlowp. A negative sum that is rounded to 0 first stays 0. */
static inline int32_t edgeq_short_away_s32(int32_t acc, int32_t multiplier, int32_t offset, int32_t shift, int32_t nudge)
{
    return (edgeq_short_product_s32(acc, multiplier, offset, nudge) + (acc >> 31)) >> shift;
}

/* ---- Windows ----------------------------------------------------------------------------- */

/* factor times the sum of the codes of a window, of a multiple of eight codes, aligned to 8. */
static inline int32_t edgeq_share_window_s32(const int8_t *x, int32_t window, int32_t factor)
{
    int64_t sums = 0;
    int32_t k = 0;

    EDGEQ_ROLLED
    do {
        sums = edgeq_add_dots_s8u8x8(sums, edgeq_load_aligned_x8(x + k), 0x0101010101010101);
        k += 8;
    } while (k < window);
    return factor * edgeq_total_s32x2(sums);
}

#endif
