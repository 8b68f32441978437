/* The place of the largest of some neighbouring codes, for 64 rows at a time, on HVX. */
#ifndef EDGEQ_ARG_MAX_HVX_H
#define EDGEQ_ARG_MAX_HVX_H

#include "edgeq_fixed_point_hvx.h"

/* A step of transposing: bytes at even places of neighbouring vectors, then those at odd ones. */
static inline void edgeq_deal_bytes_x16(HVX_Vector *restrict y, const HVX_Vector *restrict x)
{
    for (int32_t i = 0; i < 8; ++i) {
        const HVX_VectorPair dealt = Q6_W_vdeal_VVR(x[2 * i + 1], x[2 * i], -1);

        y[i] = Q6_V_lo_W(dealt);
        y[8 + i] = Q6_V_hi_W(dealt);
    }
}

/* The first place of the largest code of 64 rows of 2 to 32, as 16 bits. `spread` moves four rows to
 * multiples of 32; 127 bytes after the rows are read. */
static inline HVX_Vector edgeq_arg_max_s8x64(const int8_t *x, int32_t length, HVX_Vector spread)
{
    const HVX_VectorPred at_even = Q6_Q_vcmp_gt_VbVb(Q6_Vh_vsplat_R(1), Q6_V_vzero());
    const HVX_Vector one = Q6_Vb_vsplat_R(1);
    HVX_Vector a[16];
    HVX_Vector b[16];

    for (int32_t i = 0; i < 16; ++i) {
        a[i] = Q6_V_vdelta_VV(edgeq_load_x128(x + i * 4 * length), spread);
    }
    edgeq_deal_bytes_x16(b, a);
    edgeq_deal_bytes_x16(a, b);
    edgeq_deal_bytes_x16(b, a);
    edgeq_deal_bytes_x16(a, b);

    /* Vector i has codes i of all rows at even places, and codes 16 + i at odd ones. */
    HVX_Vector largest = a[0];
    HVX_Vector here = Q6_Vh_vsplat_R(16 << 8);
    HVX_Vector place = here;

    if (length <= 16) {
        largest = Q6_V_vmux_QVV(at_even, largest, Q6_Vb_vsplat_R(-128));
    }
    for (int32_t i = 1; i < 16; ++i) {
        if (i < length) {
            const HVX_Vector code = 16 + i < length ? a[i] : Q6_V_vmux_QVV(at_even, a[i], Q6_Vb_vsplat_R(-128));
            const HVX_VectorPred larger = Q6_Q_vcmp_gt_VbVb(code, largest);

            here = Q6_Vb_vadd_VbVb(here, one);
            place = Q6_V_vmux_QVV(larger, here, place);
            largest = Q6_Vb_vmax_VbVb(largest, code);
        }
    }

    const HVX_VectorPred larger = Q6_Q_vcmp_gt_VbVb(Q6_V_vror_VR(largest, 1), largest);

    return Q6_V_vand_VV(Q6_V_vmux_QVV(larger, Q6_V_vror_VR(place, 1), place), Q6_Vh_vsplat_R(255));
}

static inline void edgeq_store_places_s32(int32_t *y, HVX_Vector places)
{
    const HVX_VectorPair words = Q6_Wuw_vunpack_Vuh(places);

    edgeq_store_x128(y, Q6_V_lo_W(words));
    edgeq_store_x128(y + 32, Q6_V_hi_W(words));
}

static inline void edgeq_store_places_s64(int64_t *y, HVX_Vector places)
{
    const HVX_VectorPair words = Q6_Wuw_vunpack_Vuh(places);
    const HVX_VectorPair first = Q6_W_vshuff_VVR(Q6_V_vzero(), Q6_V_lo_W(words), -4);
    const HVX_VectorPair second = Q6_W_vshuff_VVR(Q6_V_vzero(), Q6_V_hi_W(words), -4);

    edgeq_store_x128(y, Q6_V_lo_W(first));
    edgeq_store_x128(y + 16, Q6_V_hi_W(first));
    edgeq_store_x128(y + 32, Q6_V_lo_W(second));
    edgeq_store_x128(y + 48, Q6_V_hi_W(second));
}

#endif
