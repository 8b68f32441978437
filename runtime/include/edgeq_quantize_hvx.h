/* Float32 numbers to codes on HVX, which has no such numbers: from their bits, in integers. */
#ifndef EDGEQ_QUANTIZE_HVX_H
#define EDGEQ_QUANTIZE_HVX_H

#include "edgeq_fixed_point_hvx.h"

/* Twice the size of 32 quotients, rounded down, below 2^12, from the bits of numbers without sign.
 * The product of a significand and 1 / scale, 2^29 to 2^31, is rounded to the nearest that has 24
 * bits, as a quotient in float32 is; start and factor are of 1 / scale. What is below least, or not a
 * number, becomes 0. */
static inline HVX_Vector edgeq_quotients_s32x32(HVX_Vector size, int32_t factor, int32_t start, int32_t nearest, int32_t least)
{
    const HVX_Vector significand = Q6_V_vor_VV(Q6_V_vand_VV(Q6_Vw_vasl_VwR(size, 7), Q6_V_vsplat_R(0x3fffff80)), Q6_V_vsplat_R(0x40000000));
    const HVX_Vector by = Q6_V_vsplat_R(factor);
    const HVX_Vector product = nearest != 0 ? edgeq_mulhi_positive_s32x32(significand, by) : edgeq_mulhi_down_s32x32(significand, by);
    /* Half of the last of 24 bits: 64 from 2^30 on, 32 below. */
    const HVX_Vector more = Q6_V_vand_VV(Q6_Vuw_vlsr_VuwR(product, 25), Q6_V_vsplat_R(32));
    const HVX_Vector sum = Q6_Vw_vadd_VwVw(Q6_Vw_vadd_VwVw(product, Q6_V_vsplat_R(32)), more);
    const HVX_Vector shift = Q6_Vw_vsub_VwVw(Q6_V_vsplat_R(start), Q6_Vuw_vlsr_VuwR(size, 23));
    const HVX_Vector twice = Q6_Vw_vlsr_VwVw(sum, Q6_Vw_vmax_VwVw(shift, Q6_V_vsplat_R(20)));
    const HVX_Vector above = Q6_Vw_vsub_VwVw(size, Q6_V_vsplat_R(least));

    return Q6_V_vmux_QVV(Q6_Q_vcmp_gt_VuwVuw(above, Q6_V_vsplat_R(0x7f800000 - least)), Q6_V_vzero(), twice);
}

static inline HVX_Vector edgeq_size_f32x32(HVX_Vector number)
{
    return Q6_V_vand_VV(number, Q6_V_vsplat_R(INT32_MAX));
}

/* The same with one more, or less, for one number. */
static inline HVX_Vector edgeq_mend_s32x32(HVX_Vector quotient, HVX_Vector size, int32_t bits, int32_t change)
{
    return Q6_Vw_condacc_QVwVw(Q6_Q_vcmp_eq_VwVw(size, Q6_V_vsplat_R(bits)), quotient, Q6_V_vsplat_R(change));
}

/* 64 codes in 16 bits, of two vectors of numbers and twice their quotients: halves go away from 0. */
static inline HVX_Vector edgeq_signed_codes_s16x64(HVX_Vector first, HVX_Vector second, HVX_Vector twice0, HVX_Vector twice1, int32_t zero)
{
    const HVX_Vector rounded = Q6_Vh_vavg_VhVh_rnd(Q6_Vh_vpack_VwVw_sat(twice1, twice0), Q6_V_vzero());
    const HVX_Vector sign = Q6_Vh_vasr_VhR(Q6_Vh_vpacko_VwVw(second, first), 15);

    return Q6_Vh_vadd_VhVh(Q6_Vh_vsub_VhVh(Q6_V_vxor_VV(rounded, sign), sign), Q6_Vh_vsplat_R(zero));
}

#endif
