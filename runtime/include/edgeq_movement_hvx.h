/* Copies of runs of bytes by whole vectors, some of them through tables, on HVX. */
#ifndef EDGEQ_MOVEMENT_HVX_H
#define EDGEQ_MOVEMENT_HVX_H

#include "edgeq_lookup_hvx.h"

/* Copy at least so many bytes: up to 127 after them are read and written. */
static inline void edgeq_copy_wide_s8(int8_t *restrict y, const int8_t *restrict x, int32_t count)
{
    for (int32_t i = 0; i < count; i += 128) {
        edgeq_move_x128(y + i, x + i);
    }
}

/* The same through a table whose halves are interleaved. */
static inline void edgeq_translate_wide_s8(int8_t *restrict y, const int8_t *restrict x, int32_t count, const uint8_t *restrict table)
{
    const HVX_Vector low = edgeq_load_aligned_x128(table);
    const HVX_Vector high = edgeq_load_aligned_x128(table + 128);

    for (int32_t i = 0; i < count; i += 128) {
        edgeq_store_x128(y + i, edgeq_look_up_x128(edgeq_load_x128(x + i), low, high));
    }
}

/* No other bytes are touched. */
static inline void edgeq_translate_run_s8(int8_t *restrict y, const int8_t *restrict x, int32_t count, const uint8_t *restrict table)
{
    const int32_t rest = count % 128;

    edgeq_translate_wide_s8(y, x, count - rest, table);
    if (rest > 0) {
        const HVX_Vector codes = edgeq_load_part_x128(x + count - rest, rest);

        edgeq_store_part_x128(y + count - rest, edgeq_answers_x128(codes, table), rest);
    }
}

#endif
