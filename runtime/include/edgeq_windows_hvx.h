/* Windows of convolutions in a row, as HVX multiplies them, and the sums of their codes. */
#ifndef EDGEQ_WINDOWS_HVX_H
#define EDGEQ_WINDOWS_HVX_H

#include "edgeq_fixed_point_hvx.h"

/* y[i] = x[i] in whole vectors: up to 127 codes after the last are read and written too. */
static inline void edgeq_gather_run_s8(int8_t *restrict y, const int8_t *restrict x, int32_t count)
{
    for (int32_t i = 0; i < count; i += 128) {
        edgeq_move_x128(y + i, x + i);
    }
}

/* Rows of depth codes, each filled up with zeros to pitch; up to 127 bytes after y are written. */
static inline void edgeq_gather_rows_s8(int8_t *restrict y, int32_t pitch, const int8_t *restrict x, int32_t depth, int32_t count)
{
    if (pitch == depth) {
        edgeq_copy_run_s8(y, x, count * depth);
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        if ((count - i) * depth >= depth + 127) {
            edgeq_gather_run_s8(y, x, depth);
        } else {
            memcpy(y, x, (size_t)depth);
        }
        edgeq_store_x128(y + depth, Q6_V_vzero());
        x += depth;
        y += pitch;
    }
}

/* share[i] = factor times the sum of the codes of window i, for windows of a multiple of 8 codes and
 * a factor of 0..255. Of eight windows or more, up to 7 windows and 127 codes after the last are read
 * too, and up to 39 shares written. */
static inline void edgeq_share_windows_s32(int32_t *restrict share, const int8_t *restrict x, int32_t window, int32_t count, int32_t factor)
{
    const HVX_Vector whole = Q6_Vb_vsplat_R(factor);
    const HVX_Vector part = Q6_V_vmux_QVV(Q6_Q_vsetq2_R(window & 127), whole, Q6_V_vzero());
    const int32_t step = count < 8 ? 1 : 8;

    for (int32_t i = 0; i < count; i += step) {
        const int8_t *p = x + i * window;
        HVX_Vector a = Q6_V_vzero();
        HVX_Vector b = a;
        HVX_Vector c = a;
        HVX_Vector d = a;
        HVX_Vector e = a;
        HVX_Vector f = a;
        HVX_Vector g = a;
        HVX_Vector h = a;

        /* Unrolled, it would need more registers than there are. */
        EDGEQ_ROLLED
        for (int32_t k = 0; k < window; k += 128) {
            const HVX_Vector factors = window - k >= 128 ? whole : part;

            a = Q6_Vw_vrmpyacc_VwVubVb(a, factors, edgeq_load_x128(p + k));
            if (step == 8) {
                b = Q6_Vw_vrmpyacc_VwVubVb(b, factors, edgeq_load_x128(p + k + window));
                c = Q6_Vw_vrmpyacc_VwVubVb(c, factors, edgeq_load_x128(p + k + 2 * window));
                d = Q6_Vw_vrmpyacc_VwVubVb(d, factors, edgeq_load_x128(p + k + 3 * window));
                e = Q6_Vw_vrmpyacc_VwVubVb(e, factors, edgeq_load_x128(p + k + 4 * window));
                f = Q6_Vw_vrmpyacc_VwVubVb(f, factors, edgeq_load_x128(p + k + 5 * window));
                g = Q6_Vw_vrmpyacc_VwVubVb(g, factors, edgeq_load_x128(p + k + 6 * window));
                h = Q6_Vw_vrmpyacc_VwVubVb(h, factors, edgeq_load_x128(p + k + 7 * window));
            }
        }
        edgeq_store_x128(share + i, edgeq_fold_s32x32x8(a, b, c, d, e, f, g, h));
    }
}

/* The smaller of two places. */
static inline int32_t edgeq_last_s32(int32_t at, int32_t last)
{
    return at < last ? at : last;
}

/* Between two groups of loads that together are more than registers hold: the compiler keeps them
 * apart. */
#define EDGEQ_APART __asm__ volatile("" ::: "memory")

/* The lanes add up to factor times the sum of a window's codes: rows times columns of runs, whose
 * distances are given. Up to 127 codes after each run are read too. */
static inline HVX_Vector edgeq_share_runs_s32x32(const int8_t *x, int32_t rows, int32_t row, int32_t columns, int32_t column, int32_t run, int32_t factor)
{
    const HVX_Vector whole = Q6_Vb_vsplat_R(factor);
    const HVX_Vector part = Q6_V_vmux_QVV(Q6_Q_vsetq2_R(run & 127), whole, Q6_V_vzero());
    HVX_Vector sum = Q6_V_vzero();

    for (int32_t i = 0; i < rows * columns; ++i) {
        const int8_t *const from = x + i / columns * row + i % columns * column;

        for (int32_t k = 0; k < run; k += 128) {
            sum = Q6_Vw_vrmpyacc_VwVubVb(sum, run - k >= 128 ? whole : part, edgeq_load_x128(from + k));
        }
    }
    return sum;
}

#endif
