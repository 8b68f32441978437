/* Fixed-point arithmetic of edgeq on vectors of 128 bytes, Hexagon HVX: the names and the bits of
 * edgeq_fixed_point.h on 32 lanes, of which runtime/NUMERICS.md is the normative text. Memory needs
 * to be aligned only where a name says so. */
#ifndef EDGEQ_FIXED_POINT_HVX_H
#define EDGEQ_FIXED_POINT_HVX_H

#include <stdint.h>
#include <string.h>

#include "edgeq_fixed_point_hexagon.h"

#if defined(EDGEQ_EMULATE_HVX)
#include "edgeq_hvx_model.h"
#elif defined(__HVX__) && __HVX_LENGTH__ == 128
#include <hexagon_types.h>
/* Of what follows some is macros of the above. */
#include <hexagon_protos.h>
#include <hvx_hexagon_protos.h>
#else
#error "this code is for Hexagon with HVX: compile it with -mcpu=hexagonv66 -mhvx -mhvx-length=128b"
#endif

/* ---- Memory ---------------------------------------------------------------------------- */

/* The builtin functions are single instructions, whether or not there is a C library. */
static inline HVX_Vector edgeq_load_x128(const void *p)
{
    HVX_Vector x;

    __builtin_memcpy(&x, p, sizeof x);
    return x;
}

static inline void edgeq_store_x128(void *p, HVX_Vector x)
{
    __builtin_memcpy(p, &x, sizeof x);
}

/* The same at multiples of 128. */
static inline HVX_Vector edgeq_load_aligned_x128(const void *p)
{
    HVX_Vector x;

    __builtin_memcpy(&x, __builtin_assume_aligned(p, 128), sizeof x);
    return x;
}

static inline void edgeq_store_aligned_x128(void *p, HVX_Vector x)
{
    __builtin_memcpy(__builtin_assume_aligned(p, 128), &x, sizeof x);
}

/* The same pointer, of which a compiler knows nothing: what a loop reads by it is read each time, not
 * kept on the stack when there are too few registers. */
static inline const int32_t *edgeq_reread_s32(const int32_t *p)
{
    __asm__ volatile(""
                     : "+r"(p));
    return p;
}

static inline const int8_t *edgeq_reread_s8(const int8_t *p)
{
    __asm__ volatile(""
                     : "+r"(p));
    return p;
}

/* A pointer to a multiple of 128, said to the compiler. */
static inline const int8_t *edgeq_aligned_s8x128(const int8_t *p)
{
    return (const int8_t *)__builtin_assume_aligned(p, 128);
}

/* The first bytes of a vector, 1 to 128; no other memory is touched. */
static inline void edgeq_store_part_x128(void *p, HVX_Vector x, int32_t count)
{
    const int32_t start = (int32_t)((uintptr_t)p & 127u);
    uint8_t *const block = (uint8_t *)p - start;
    const HVX_Vector moved = Q6_V_vror_VR(x, 128 - start);
    const int32_t end = start + count;

    Q6_vmem_QRIV(Q6_Q_and_QQn(Q6_Q_vsetq2_R(end < 128 ? end : 128), Q6_Q_vsetq_R(start)), (HVX_Vector *)(void *)block, moved);
    if (end > 128) {
        Q6_vmem_QRIV(Q6_Q_vsetq2_R(end - 128), (HVX_Vector *)(void *)(block + 128), moved);
    }
}

/* Some bytes, 0 to 128, then zeros; no other memory is touched. */
static inline HVX_Vector edgeq_load_part_x128(const void *p, int32_t count)
{
    uint8_t bytes[128] = {0};

    memcpy(bytes, p, (size_t)count);
    return edgeq_load_x128(bytes);
}

/* 128 bytes from x[at] on, of which those beyond x[bytes - 1] are others of x; bytes is 128 or more. */
static inline HVX_Vector edgeq_load_near_end_x128(const int8_t *x, int32_t at, int32_t bytes)
{
    const int32_t start = at < bytes - 128 ? at : bytes - 128;

    return Q6_V_vror_VR(edgeq_load_x128(x + start), at - start);
}

/* A vector on its way from one place to another: compilers do not see a copy, for which they would
 * call a function that takes no vectors. */
static inline void edgeq_move_x128(void *y, const void *x)
{
    edgeq_store_x128(y, Q6_V_equals_V(edgeq_load_x128(x)));
}

static inline void edgeq_copy_run_s8(int8_t *restrict y, const int8_t *restrict x, int32_t count)
{
    if (count < 128) {
        memcpy(y, x, (size_t)count);
        return;
    }
    int32_t i = 0;

    for (; i <= count - 512; i += 512) {
        const HVX_Vector a = edgeq_load_x128(x + i);
        const HVX_Vector b = edgeq_load_x128(x + i + 128);
        const HVX_Vector c = edgeq_load_x128(x + i + 256);
        const HVX_Vector d = edgeq_load_x128(x + i + 384);

        edgeq_store_x128(y + i, a);
        edgeq_store_x128(y + i + 128, b);
        edgeq_store_x128(y + i + 256, c);
        edgeq_store_x128(y + i + 384, d);
    }
    for (; i <= count - 128; i += 128) {
        edgeq_move_x128(y + i, x + i);
    }
    /* The last may overlap those before. */
    edgeq_move_x128(y + count - 128, x + count - 128);
}

/* The same for whole vectors at multiples of 128; four at a time overlap. */
static inline void edgeq_copy_vectors_s8(int8_t *restrict y, const int8_t *restrict x, int32_t count)
{
    int32_t i = 0;

    for (; i <= count - 512; i += 512) {
        const HVX_Vector a = edgeq_load_aligned_x128(x + i);
        const HVX_Vector b = edgeq_load_aligned_x128(x + i + 128);
        const HVX_Vector c = edgeq_load_aligned_x128(x + i + 256);
        const HVX_Vector d = edgeq_load_aligned_x128(x + i + 384);

        edgeq_store_aligned_x128(y + i, a);
        edgeq_store_aligned_x128(y + i + 128, b);
        edgeq_store_aligned_x128(y + i + 256, c);
        edgeq_store_aligned_x128(y + i + 384, d);
    }
    for (; i < count; i += 128) {
        edgeq_store_aligned_x128(y + i, Q6_V_equals_V(edgeq_load_aligned_x128(x + i)));
    }
}

static inline void edgeq_fill_run_s8(int8_t *y, int32_t code, int32_t count)
{
    const HVX_Vector codes = Q6_Vb_vsplat_R(code);
    int32_t i = 0;

    for (; i <= count - 128; i += 128) {
        edgeq_store_x128(y + i, codes);
    }
    if (i < count) {
        edgeq_store_part_x128(y + i, codes, count - i);
    }
}

/* ---- Building blocks ------------------------------------------------------------------- */

static inline HVX_Vector edgeq_clamp_s32x32(HVX_Vector x, int32_t low, int32_t high)
{
    return Q6_Vw_vmin_VwVw(Q6_Vw_vmax_VwVw(x, Q6_V_vsplat_R(low)), Q6_V_vsplat_R(high));
}

static inline HVX_Vector edgeq_clamp_s8x128(HVX_Vector x, int32_t low, int32_t high)
{
    return Q6_Vb_vmin_VbVb(Q6_Vb_vmax_VbVb(x, Q6_Vb_vsplat_R(low)), Q6_Vb_vsplat_R(high));
}

/* Lanes of four vectors as 128 bytes in order, saturated. */
static inline HVX_Vector edgeq_narrow_s32x128(HVX_Vector a, HVX_Vector b, HVX_Vector c, HVX_Vector d)
{
    return Q6_Vb_vpack_VhVh_sat(Q6_Vh_vpack_VwVw_sat(d, c), Q6_Vh_vpack_VwVw_sat(b, a));
}

/* a * b / 2^31 rounded half up, for b >= 0. */
static inline HVX_Vector edgeq_mulhi_positive_s32x32(HVX_Vector a, HVX_Vector b)
{
    return Q6_Vw_vmpyoacc_VwVwVh_s1_rnd_sat_shift(Q6_Vw_vmpye_VwVuh(a, b), a, b);
}

/* a * b / 2^31 rounded down, for b >= 0. */
static inline HVX_Vector edgeq_mulhi_down_s32x32(HVX_Vector a, HVX_Vector b)
{
    return Q6_Vw_vmpyoacc_VwVwVh_s1_sat_shift(Q6_Vw_vmpye_VwVuh(a, b), a, b);
}

/* What is below the last bit that a shift to the right by e keeps, and half a unit of it. */
static inline HVX_Vector edgeq_low_bits_s32x32(HVX_Vector e)
{
    const HVX_Vector one = Q6_V_vsplat_R(1);

    return Q6_Vw_vsub_VwVw(Q6_Vw_vasl_VwVw(one, e), one);
}

/* e is 0..31 in each lane. */
static inline HVX_Vector edgeq_shift_right_up_s32x32(HVX_Vector x, HVX_Vector e)
{
    const HVX_Vector mask = edgeq_low_bits_s32x32(e);
    const HVX_VectorPred up = Q6_Q_vcmp_gt_VwVw(Q6_V_vand_VV(x, mask), Q6_Vuw_vlsr_VuwR(mask, 1));

    return Q6_Vw_condacc_QVwVw(up, Q6_Vw_vasr_VwVw(x, e), Q6_V_vsplat_R(1));
}

static inline HVX_Vector edgeq_shift_right_away_s32x32(HVX_Vector x, HVX_Vector e)
{
    const HVX_Vector mask = edgeq_low_bits_s32x32(e);
    const HVX_Vector half = Q6_Vw_vsub_VwVw(Q6_Vuw_vlsr_VuwR(mask, 1), Q6_Vw_vasr_VwR(x, 31));
    const HVX_VectorPred up = Q6_Q_vcmp_gt_VwVw(Q6_V_vand_VV(x, mask), half);

    return Q6_Vw_condacc_QVwVw(up, Q6_Vw_vasr_VwVw(x, e), Q6_V_vsplat_R(1));
}

static inline HVX_Vector edgeq_left_part_s32x32(HVX_Vector shift)
{
    return Q6_Vw_vmax_VwVw(shift, Q6_V_vzero());
}

/* Low 32 bits of (a * b + nudge) / 2^e, e in 1..31 and nudge >= 0 in each lane. */
static inline HVX_Vector edgeq_product_bits_s32x32(HVX_Vector a, HVX_Vector b, HVX_Vector nudge, HVX_Vector e)
{
    const HVX_VectorPair product = Q6_W_vmpyoacc_WVwVh(Q6_W_vmpye_VwVuh(a, b), a, b);
    const HVX_Vector low = Q6_Vw_vadd_VwVw(Q6_V_lo_W(product), nudge);
    const HVX_VectorPred carry = Q6_Q_vcmp_gt_VuwVuw(nudge, low);
    const HVX_Vector high = Q6_Vw_condacc_QVwVw(carry, Q6_V_hi_W(product), Q6_V_vsplat_R(1));
    const HVX_Vector upper = Q6_Vw_vasl_VwVw(high, Q6_Vw_vsub_VwVw(Q6_V_vsplat_R(32), e));

    return Q6_V_vor_VV(upper, Q6_Vw_vlsr_VwVw(low, e));
}

/* ---- Requantizers: acc * multiplier * 2^(shift - 31) ------------------------------------ */

static inline HVX_Vector edgeq_requant_gemmlowp_right_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector right)
{
    return edgeq_shift_right_away_s32x32(edgeq_mulhi_positive_s32x32(acc, multiplier), right);
}

static inline HVX_Vector edgeq_requant_gemmlowp_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector shift)
{
    const HVX_Vector left = edgeq_left_part_s32x32(shift);
    const HVX_Vector shifted = Q6_Vw_vasl_VwVw(acc, left);

    return edgeq_requant_gemmlowp_right_s32x32(shifted, multiplier, Q6_Vw_vsub_VwVw(left, shift));
}

static inline HVX_Vector edgeq_requant_half_up_right_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector right)
{
    return edgeq_shift_right_up_s32x32(edgeq_mulhi_positive_s32x32(acc, multiplier), right);
}

static inline HVX_Vector edgeq_requant_half_up_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector shift)
{
    const HVX_Vector left = edgeq_left_part_s32x32(shift);
    const HVX_Vector shifted = Q6_Vw_vasl_VwVw(acc, left);

    return edgeq_requant_half_up_right_s32x32(shifted, multiplier, Q6_Vw_vsub_VwVw(left, shift));
}

static inline HVX_Vector edgeq_requant_single_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector shift)
{
    const HVX_Vector left = edgeq_left_part_s32x32(shift);
    const HVX_Vector one = Q6_V_vand_VV(Q6_V_vsplat_R(1), Q6_V_vnot_V(Q6_Vw_vasr_VwR(shift, 31)));
    const HVX_Vector nudge = Q6_Vw_vasl_VwVw(one, Q6_Vw_vsub_VwVw(Q6_V_vsplat_R(30), left));
    const HVX_Vector e = Q6_Vw_vsub_VwVw(Q6_V_vsplat_R(31), left);

    return edgeq_shift_right_up_s32x32(edgeq_product_bits_s32x32(acc, multiplier, nudge, e), Q6_Vw_vsub_VwVw(left, shift));
}

static inline HVX_Vector edgeq_requant_single_right_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector right)
{
    return edgeq_requant_single_s32x32(acc, multiplier, Q6_Vw_vsub_VwVw(Q6_V_vzero(), right));
}

/* ---- Short rescaling --------------------------------------------------------------------- */

/* For sums within 2^29. The offset is half a unit of the result plus its zero point, times 2^shift;
 * a nudge of 0 rounds what is below the offset's last bit down, any other to the nearest. */
static inline HVX_Vector edgeq_short_product_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector offset, int32_t nudge)
{
    const HVX_Vector product = nudge == 0 ? edgeq_mulhi_down_s32x32(acc, multiplier) : edgeq_mulhi_positive_s32x32(acc, multiplier);

    return Q6_Vw_vadd_VwVw(product, offset);
}

/* Ties go up: half_up, and single, whose nudge is 0. */
static inline HVX_Vector edgeq_short_up_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector offset, HVX_Vector shift, int32_t nudge)
{
    return Q6_Vw_vasr_VwVw(edgeq_short_product_s32x32(acc, multiplier, offset, nudge), shift);
}

/* Ties go away from zero: gemmlowp. A negative sum that is rounded to 0 first stays 0. */
static inline HVX_Vector edgeq_short_away_s32x32(HVX_Vector acc, HVX_Vector multiplier, HVX_Vector offset, HVX_Vector shift, int32_t nudge)
{
    const HVX_Vector product = edgeq_short_product_s32x32(acc, multiplier, offset, nudge);

    return Q6_Vw_vasr_VwVw(Q6_Vw_vasracc_VwVwR(product, acc, 31), shift);
}

/* ---- Sums across lanes ------------------------------------------------------------------- */

/* Neighbouring groups of bytes of a and b in turn, each with what is 64 bytes further added. */
static inline HVX_Vector edgeq_fold_pair_s32x32(HVX_Vector a, HVX_Vector b, int32_t bytes)
{
    const HVX_VectorPair both = Q6_W_vshuff_VVR(b, a, -bytes);

    return Q6_Vw_vadd_VwVw(Q6_V_lo_W(both), Q6_V_hi_W(both));
}

/* The sum of the lanes of each of eight vectors, in the first eight lanes. */
static inline HVX_Vector edgeq_fold_s32x32x8(HVX_Vector a, HVX_Vector b, HVX_Vector c, HVX_Vector d, HVX_Vector e, HVX_Vector f, HVX_Vector g, HVX_Vector h)
{
    const HVX_Vector abcd = edgeq_fold_pair_s32x32(edgeq_fold_pair_s32x32(a, b, 4), edgeq_fold_pair_s32x32(c, d, 4), 8);
    const HVX_Vector efgh = edgeq_fold_pair_s32x32(edgeq_fold_pair_s32x32(e, f, 4), edgeq_fold_pair_s32x32(g, h, 4), 8);
    const HVX_Vector all = edgeq_fold_pair_s32x32(abcd, efgh, 16);
    const HVX_Vector twice = Q6_Vw_vadd_VwVw(all, Q6_V_vror_VR(all, 64));

    return Q6_Vw_vadd_VwVw(twice, Q6_V_vror_VR(twice, 32));
}

#endif
