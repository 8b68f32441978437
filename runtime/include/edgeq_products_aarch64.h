/* Products of int8 codes and weights, as in edgeq_products_neon.h, on 64-bit ARM: the tiles that fill
 * its registers. */
#ifndef EDGEQ_PRODUCTS_AARCH64_H
#define EDGEQ_PRODUCTS_AARCH64_H

#include "edgeq_products_neon.h"

#if defined(__GNUC__) && !defined(EDGEQ_NO_ASM)
/* Compilers spill the sixteen sums of four pixels times four channels, or load one vector at a
 * time; this order also keeps the pipelines of processors that execute in order busy.
 *
 * v0 to v7 are weights, v8 to v10 codes, v11 to v15 products, v16 to v31 sums. */
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Woverlength-strings"
#endif
#define EDGEQ_LDP(a, b, from) "ldp q" #a ", q" #b ", [%[" #from "]], #32\n"
#define EDGEQ_LDR(a, from) "ldr q" #a ", [%[" #from "]], #16\n"
#define EDGEQ_LDR8(a, from) "ldr d" #a ", [%[" #from "]], #8\n"
#define EDGEQ_MUL(t, x, w) "smull v" #t ".8h, v" #x ".8b, v" #w ".8b\n"
#define EDGEQ_MLA(t, x, w) "smlal2 v" #t ".8h, v" #x ".16b, v" #w ".16b\n"
#define EDGEQ_SET(a, t) "saddlp v" #a ".4s, v" #t ".8h\n"
#define EDGEQ_ADD(a, t) "sadalp v" #a ".4s, v" #t ".8h\n"

/* 32 places. START is EDGEQ_SET for the first of all; the others name the pixels' registers. */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_BLOCK_32(START, second, third, fourth)                                       \
    EDGEQ_LDP(8, 9, x0)                                                                    \
    "ld1 {v0.16b-v3.16b}, [%[w]], #64\n"                                                   \
    "ld1 {v4.16b-v7.16b}, [%[w]], #64\n" EDGEQ_MUL(11, 8, 0)                               \
        EDGEQ_MUL(12, 8, 1)                                                                \
            EDGEQ_MUL(13, 8, 2) EDGEQ_MLA(11, 8, 0)                                        \
            EDGEQ_MUL(14, 8, 3) EDGEQ_MLA(12, 8, 1)                                        \
            EDGEQ_MUL(15, 9, 4) EDGEQ_MLA(13, 8, 2) START(16, 11)                          \
            EDGEQ_MUL(11, 9, 5) EDGEQ_MLA(14, 8, 3) EDGEQ_LDP(8, 10, second) START(17, 12) \
            EDGEQ_MUL(12, 9, 6) EDGEQ_MLA(15, 9, 4) START(18, 13)                          \
            EDGEQ_MUL(13, 9, 7) EDGEQ_MLA(11, 9, 5) START(19, 14)                          \
            EDGEQ_MUL(14, 8, 0) EDGEQ_MLA(12, 9, 6) EDGEQ_ADD(16, 15)                      \
            EDGEQ_MUL(15, 8, 1) EDGEQ_MLA(13, 9, 7) EDGEQ_ADD(17, 11)                      \
            EDGEQ_MUL(11, 8, 2) EDGEQ_MLA(14, 8, 0) EDGEQ_ADD(18, 12)                      \
            EDGEQ_MUL(12, 8, 3) EDGEQ_MLA(15, 8, 1) EDGEQ_ADD(19, 13)                      \
            EDGEQ_MUL(13, 10, 4) EDGEQ_MLA(11, 8, 2) START(20, 14)                         \
            EDGEQ_MUL(14, 10, 5) EDGEQ_MLA(12, 8, 3) EDGEQ_LDP(8, 9, third) START(21, 15)  \
            EDGEQ_MUL(15, 10, 6) EDGEQ_MLA(13, 10, 4) START(22, 11)                        \
            EDGEQ_MUL(11, 10, 7) EDGEQ_MLA(14, 10, 5) START(23, 12)                        \
            EDGEQ_MUL(12, 8, 0) EDGEQ_MLA(15, 10, 6) EDGEQ_ADD(20, 13)                     \
            EDGEQ_MUL(13, 8, 1) EDGEQ_MLA(11, 10, 7) EDGEQ_ADD(21, 14)                     \
            EDGEQ_MUL(14, 8, 2) EDGEQ_MLA(12, 8, 0) EDGEQ_ADD(22, 15)                      \
            EDGEQ_MUL(15, 8, 3) EDGEQ_MLA(13, 8, 1) EDGEQ_ADD(23, 11)                      \
            EDGEQ_MUL(11, 9, 4) EDGEQ_MLA(14, 8, 2) START(24, 12)                          \
            EDGEQ_MUL(12, 9, 5) EDGEQ_MLA(15, 8, 3) EDGEQ_LDP(8, 10, fourth) START(25, 13) \
            EDGEQ_MUL(13, 9, 6) EDGEQ_MLA(11, 9, 4) START(26, 14)                          \
            EDGEQ_MUL(14, 9, 7) EDGEQ_MLA(12, 9, 5) START(27, 15)                          \
            EDGEQ_MUL(15, 8, 0) EDGEQ_MLA(13, 9, 6) EDGEQ_ADD(24, 11)                      \
            EDGEQ_MUL(11, 8, 1) EDGEQ_MLA(14, 9, 7) EDGEQ_ADD(25, 12)                      \
            EDGEQ_MUL(12, 8, 2) EDGEQ_MLA(15, 8, 0) EDGEQ_ADD(26, 13)                      \
            EDGEQ_MUL(13, 8, 3) EDGEQ_MLA(11, 8, 1) EDGEQ_ADD(27, 14)                      \
            EDGEQ_MUL(14, 10, 4) EDGEQ_MLA(12, 8, 2) START(28, 15)                         \
            EDGEQ_MUL(15, 10, 5) EDGEQ_MLA(13, 8, 3) START(29, 11)                         \
            EDGEQ_MUL(11, 10, 6) EDGEQ_MLA(14, 10, 4) START(30, 12)                        \
            EDGEQ_MUL(12, 10, 7) EDGEQ_MLA(15, 10, 5) START(31, 13)                        \
            EDGEQ_MLA(11, 10, 6) EDGEQ_ADD(28, 14)                                         \
            EDGEQ_MLA(12, 10, 7) EDGEQ_ADD(29, 15)                                         \
            EDGEQ_ADD(30, 11)                                                              \
            EDGEQ_ADD(31, 12)
/* clang-format on */

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_BLOCK_16(START)                                                      \
    EDGEQ_LDR(4, x0)                                                               \
    "ld1 {v0.16b-v3.16b}, [%[w]], #64\n" EDGEQ_MUL(11, 4, 0) EDGEQ_LDR(5, x1)      \
        EDGEQ_MUL(12, 4, 1)                                                        \
            EDGEQ_MUL(13, 4, 2) EDGEQ_MLA(11, 4, 0)                                \
            EDGEQ_MUL(14, 4, 3) EDGEQ_MLA(12, 4, 1) EDGEQ_LDR(6, x2)               \
            EDGEQ_MUL(15, 5, 0) EDGEQ_MLA(13, 4, 2) START(16, 11)                  \
            EDGEQ_MUL(11, 5, 1) EDGEQ_MLA(14, 4, 3) START(17, 12)                  \
            EDGEQ_MUL(12, 5, 2) EDGEQ_MLA(15, 5, 0) START(18, 13)                  \
            EDGEQ_MUL(13, 5, 3) EDGEQ_MLA(11, 5, 1) EDGEQ_LDR(7, x3) START(19, 14) \
            EDGEQ_MUL(14, 6, 0) EDGEQ_MLA(12, 5, 2) START(20, 15)                  \
            EDGEQ_MUL(15, 6, 1) EDGEQ_MLA(13, 5, 3) START(21, 11)                  \
            EDGEQ_MUL(11, 6, 2) EDGEQ_MLA(14, 6, 0) START(22, 12)                  \
            EDGEQ_MUL(12, 6, 3) EDGEQ_MLA(15, 6, 1) START(23, 13)                  \
            EDGEQ_MUL(13, 7, 0) EDGEQ_MLA(11, 6, 2) START(24, 14)                  \
            EDGEQ_MUL(14, 7, 1) EDGEQ_MLA(12, 6, 3) START(25, 15)                  \
            EDGEQ_MUL(15, 7, 2) EDGEQ_MLA(13, 7, 0) START(26, 11)                  \
            EDGEQ_MUL(11, 7, 3) EDGEQ_MLA(14, 7, 1) START(27, 12)                  \
            EDGEQ_MLA(15, 7, 2) START(28, 13)                                      \
            EDGEQ_MLA(11, 7, 3) START(29, 14)                                      \
            START(30, 15)                                                          \
            START(31, 11)
/* clang-format on */

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_BLOCK_8(START)                                                \
    EDGEQ_LDR8(4, x0)                                                       \
    "ld1 {v0.8b-v3.8b}, [%[w]], #32\n" EDGEQ_MUL(8, 4, 0) EDGEQ_LDR8(5, x1) \
        EDGEQ_MUL(9, 4, 1)                                                  \
            EDGEQ_MUL(10, 4, 2)                                             \
            EDGEQ_MUL(11, 4, 3) EDGEQ_LDR8(6, x2)                           \
            EDGEQ_MUL(12, 5, 0) START(16, 8)                                \
            EDGEQ_MUL(8, 5, 1) START(17, 9)                                 \
            EDGEQ_MUL(9, 5, 2) START(18, 10)                                \
            EDGEQ_MUL(10, 5, 3) EDGEQ_LDR8(7, x3) START(19, 11)             \
            EDGEQ_MUL(11, 6, 0) START(20, 12)                               \
            EDGEQ_MUL(12, 6, 1) START(21, 8)                                \
            EDGEQ_MUL(8, 6, 2) START(22, 9)                                 \
            EDGEQ_MUL(9, 6, 3) START(23, 10)                                \
            EDGEQ_MUL(10, 7, 0) START(24, 11)                               \
            EDGEQ_MUL(11, 7, 1) START(25, 12)                               \
            EDGEQ_MUL(12, 7, 2) START(26, 8)                                \
            EDGEQ_MUL(8, 7, 3) START(27, 9)                                 \
            START(28, 10)                                                   \
            START(29, 11)                                                   \
            START(30, 12)                                                   \
            START(31, 8)
/* clang-format on */

#define EDGEQ_LANE_SUMS               \
    "addp v16.4s, v16.4s, v17.4s\n"   \
    "addp v18.4s, v18.4s, v19.4s\n"   \
    "addp v20.4s, v20.4s, v21.4s\n"   \
    "addp v22.4s, v22.4s, v23.4s\n"   \
    "addp v24.4s, v24.4s, v25.4s\n"   \
    "addp v26.4s, v26.4s, v27.4s\n"   \
    "addp v28.4s, v28.4s, v29.4s\n"   \
    "addp v30.4s, v30.4s, v31.4s\n"   \
    "addp %[s0].4s, v16.4s, v18.4s\n" \
    "addp %[s1].4s, v20.4s, v22.4s\n" \
    "addp %[s2].4s, v24.4s, v26.4s\n" \
    "addp %[s3].4s, v28.4s, v30.4s\n"

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_LOOP_32                                                      \
    "1:\n" EDGEQ_BLOCK_32(EDGEQ_ADD, x1, x2, x3) "subs %w[n], %w[n], #1\n" \
            "b.ne 1b\n"
/* clang-format on */

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_PRODUCT_4X4(blocks)                                                                                                                                                     \
    __asm__ __volatile__(blocks EDGEQ_LANE_SUMS                                                                                                                                       \
            : [s0] "=&w"(sums[0]), [s1] "=&w"(sums[1]), [s2] "=&w"(sums[2]), [s3] "=&w"(sums[3]), [x0] "+r"(x), [x1] "+r"(x1), [x2] "+r"(x2), [x3] "+r"(x3), [w] "+r"(w), [n] "+r"(n) \
            :                                                                                                                                                                         \
            : "cc", "memory", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31")
/* clang-format on */

/* Four pixels of 32 places, one after the other: one register passes over all. */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_PRODUCT_4X4_OF_32                                                                                             \
    __asm__ __volatile__(EDGEQ_BLOCK_32(EDGEQ_SET, x0, x0, x0) EDGEQ_LANE_SUMS                                              \
            : [s0] "=&w"(sums[0]), [s1] "=&w"(sums[1]), [s2] "=&w"(sums[2]), [s3] "=&w"(sums[3]), [x0] "+r"(x), [w] "+r"(w) \
            :                                                                                                               \
            : "cc", "memory", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31")
/* clang-format on */

/* A block of 16 places, one of 8, or both follow those of 32. */
#define EDGEQ_REST(product, blocks, sixteen, eight) \
    do {                                            \
        if (depth % 32 == 0) {                      \
            product(blocks);                        \
        } else if (depth % 32 == 8) {               \
            product(blocks eight);                  \
        } else if (depth % 32 == 16) {              \
            product(blocks sixteen);                \
        } else {                                    \
            product(blocks sixteen eight);          \
        }                                           \
    } while (0)

/* Four pixels, depth apart, times four channels. Returns the end of the pixels' codes. */
EDGEQ_INLINE const int8_t *edgeq_product_4x4_s8(int32x4_t *sums, const int8_t *x, const int8_t *w, int32_t depth)
{
    const int8_t *x1 = x + depth;
    const int8_t *x2 = x1 + depth;
    const int8_t *x3 = x2 + depth;
    int32_t n = depth / 32 - 1;

    if (depth == 32) {
        EDGEQ_PRODUCT_4X4_OF_32;
        return x;
    }
    if (n > 0) {
        EDGEQ_REST(EDGEQ_PRODUCT_4X4, EDGEQ_BLOCK_32(EDGEQ_SET, x1, x2, x3) EDGEQ_LOOP_32, EDGEQ_BLOCK_16(EDGEQ_ADD), EDGEQ_BLOCK_8(EDGEQ_ADD));
    } else if (n == 0) {
        EDGEQ_REST(EDGEQ_PRODUCT_4X4, EDGEQ_BLOCK_32(EDGEQ_SET, x1, x2, x3), EDGEQ_BLOCK_16(EDGEQ_ADD), EDGEQ_BLOCK_8(EDGEQ_ADD));
    } else if (depth == 8) {
        EDGEQ_PRODUCT_4X4(EDGEQ_BLOCK_8(EDGEQ_SET));
    } else if (depth == 16) {
        EDGEQ_PRODUCT_4X4(EDGEQ_BLOCK_16(EDGEQ_SET));
    } else {
        EDGEQ_PRODUCT_4X4(EDGEQ_BLOCK_16(EDGEQ_SET) EDGEQ_BLOCK_8(EDGEQ_ADD));
    }
    return x3;
}
#define EDGEQ_LD1(a, b, c, d) "ld1 {v" #a ".16b, v" #b ".16b, v" #c ".16b, v" #d ".16b}, [%[w]], #64\n"

/* One pixel times eight channels: v0 to v7 and v24 to v31 are weights, v16 to v23 sums. */
/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_ROW_32(START)                                             \
    EDGEQ_LDP(8, 9, x0)                                                 \
    EDGEQ_LD1(0, 1, 2, 3)                                               \
    EDGEQ_LD1(4, 5, 6, 7)                                               \
    EDGEQ_LD1(24, 25, 26, 27)                                           \
    EDGEQ_LD1(28, 29, 30, 31)                                           \
    EDGEQ_MUL(11, 8, 0)                                                 \
    EDGEQ_MUL(12, 8, 1)                                                 \
    EDGEQ_MUL(13, 8, 2)                                                 \
    EDGEQ_MLA(11, 8, 0)                                                 \
    EDGEQ_MUL(14, 8, 3)                                                 \
    EDGEQ_MLA(12, 8, 1)                                                 \
        EDGEQ_MUL(15, 8, 4) EDGEQ_MLA(13, 8, 2) START(16, 11)           \
            EDGEQ_MUL(11, 8, 5) EDGEQ_MLA(14, 8, 3) START(17, 12)       \
            EDGEQ_MUL(12, 8, 6) EDGEQ_MLA(15, 8, 4) START(18, 13)       \
            EDGEQ_MUL(13, 8, 7) EDGEQ_MLA(11, 8, 5) START(19, 14)       \
            EDGEQ_MUL(14, 9, 24) EDGEQ_MLA(12, 8, 6) START(20, 15)      \
            EDGEQ_MUL(15, 9, 25) EDGEQ_MLA(13, 8, 7) START(21, 11)      \
            EDGEQ_MUL(11, 9, 26) EDGEQ_MLA(14, 9, 24) START(22, 12)     \
            EDGEQ_MUL(12, 9, 27) EDGEQ_MLA(15, 9, 25) START(23, 13)     \
            EDGEQ_MUL(13, 9, 28) EDGEQ_MLA(11, 9, 26) EDGEQ_ADD(16, 14) \
            EDGEQ_MUL(14, 9, 29) EDGEQ_MLA(12, 9, 27) EDGEQ_ADD(17, 15) \
            EDGEQ_MUL(15, 9, 30) EDGEQ_MLA(13, 9, 28) EDGEQ_ADD(18, 11) \
            EDGEQ_MUL(11, 9, 31) EDGEQ_MLA(14, 9, 29) EDGEQ_ADD(19, 12) \
            EDGEQ_MLA(15, 9, 30) EDGEQ_ADD(20, 13)                      \
            EDGEQ_MLA(11, 9, 31) EDGEQ_ADD(21, 14)                      \
            EDGEQ_ADD(22, 15)                                           \
            EDGEQ_ADD(23, 11)
/* clang-format on */

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_ROW_16(START)                                       \
    EDGEQ_LDR(8, x0)                                              \
    EDGEQ_LD1(0, 1, 2, 3)                                         \
    EDGEQ_LD1(4, 5, 6, 7)                                         \
    EDGEQ_MUL(11, 8, 0)                                           \
    EDGEQ_MUL(12, 8, 1)                                           \
    EDGEQ_MUL(13, 8, 2)                                           \
    EDGEQ_MLA(11, 8, 0)                                           \
    EDGEQ_MUL(14, 8, 3)                                           \
    EDGEQ_MLA(12, 8, 1)                                           \
        EDGEQ_MUL(15, 8, 4) EDGEQ_MLA(13, 8, 2) START(16, 11)     \
            EDGEQ_MUL(11, 8, 5) EDGEQ_MLA(14, 8, 3) START(17, 12) \
            EDGEQ_MUL(12, 8, 6) EDGEQ_MLA(15, 8, 4) START(18, 13) \
            EDGEQ_MUL(13, 8, 7) EDGEQ_MLA(11, 8, 5) START(19, 14) \
            EDGEQ_MLA(12, 8, 6) START(20, 15)                     \
            EDGEQ_MLA(13, 8, 7) START(21, 11)                     \
            START(22, 12)                                         \
            START(23, 13)
/* clang-format on */

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_ROW_8(START)                                 \
    EDGEQ_LDR8(8, x0)                                      \
    "ld1 {v0.8b-v3.8b}, [%[w]], #32\n"                     \
    "ld1 {v4.8b-v7.8b}, [%[w]], #32\n" EDGEQ_MUL(11, 8, 0) \
        EDGEQ_MUL(12, 8, 1)                                \
            EDGEQ_MUL(13, 8, 2)                            \
            EDGEQ_MUL(14, 8, 3)                            \
            EDGEQ_MUL(15, 8, 4) START(16, 11)              \
            EDGEQ_MUL(11, 8, 5) START(17, 12)              \
            EDGEQ_MUL(12, 8, 6) START(18, 13)              \
            EDGEQ_MUL(13, 8, 7) START(19, 14)              \
            START(20, 15)                                  \
            START(21, 11)                                  \
            START(22, 12)                                  \
            START(23, 13)
/* clang-format on */

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_ROW_LOOP_32                                    \
    "1:\n" EDGEQ_ROW_32(EDGEQ_ADD) "subs %w[n], %w[n], #1\n" \
            "b.ne 1b\n"
/* clang-format on */

#define EDGEQ_ROW_SUMS                \
    "addp v16.4s, v16.4s, v17.4s\n"   \
    "addp v18.4s, v18.4s, v19.4s\n"   \
    "addp v20.4s, v20.4s, v21.4s\n"   \
    "addp v22.4s, v22.4s, v23.4s\n"   \
    "addp %[s0].4s, v16.4s, v18.4s\n" \
    "addp %[s1].4s, v20.4s, v22.4s\n"

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_PRODUCT_1X8(blocks)                                                              \
    __asm__ __volatile__(blocks EDGEQ_ROW_SUMS                                                 \
            : [s0] "=&w"(sums[0]), [s1] "=&w"(sums[1]), [x0] "+r"(x), [w] "+r"(w), [n] "+r"(n) \
            :                                                                                  \
            : "cc", "memory", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31")
/* clang-format on */

EDGEQ_INLINE void edgeq_product_1x8_s8(int32x4_t *sums, const int8_t *x, const int8_t *w, int32_t depth)
{
    int32_t n = depth / 32 - 1;

    if (n > 0) {
        EDGEQ_REST(EDGEQ_PRODUCT_1X8, EDGEQ_ROW_32(EDGEQ_SET) EDGEQ_ROW_LOOP_32, EDGEQ_ROW_16(EDGEQ_ADD), EDGEQ_ROW_8(EDGEQ_ADD));
    } else if (n == 0) {
        EDGEQ_REST(EDGEQ_PRODUCT_1X8, EDGEQ_ROW_32(EDGEQ_SET), EDGEQ_ROW_16(EDGEQ_ADD), EDGEQ_ROW_8(EDGEQ_ADD));
    } else if (depth == 8) {
        EDGEQ_PRODUCT_1X8(EDGEQ_ROW_8(EDGEQ_SET));
    } else if (depth == 16) {
        EDGEQ_PRODUCT_1X8(EDGEQ_ROW_16(EDGEQ_SET));
    } else {
        EDGEQ_PRODUCT_1X8(EDGEQ_ROW_16(EDGEQ_SET) EDGEQ_ROW_8(EDGEQ_ADD));
    }
}
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
#else
EDGEQ_INLINE void edgeq_product_1x8_s8(int32x4_t *sums, const int8_t *x, const int8_t *w, int32_t depth)
{
    edgeq_sums_1x4 first = edgeq_no_sums_1x4();
    edgeq_sums_1x4 second = edgeq_no_sums_1x4();
    int32_t k = 0;

    for (; k <= depth - 32; k += 32) {
        const int8x16_t a = vld1q_s8(x + k);
        const int8x16_t b = vld1q_s8(x + k + 16);

        edgeq_add_16_1x4(&first, a, edgeq_load_s8x16x4(w));
        edgeq_add_16_1x4(&second, a, edgeq_load_s8x16x4(w + 64));
        edgeq_add_16_1x4(&first, b, edgeq_load_s8x16x4(w + 128));
        edgeq_add_16_1x4(&second, b, edgeq_load_s8x16x4(w + 192));
        w += 256;
    }
    if (depth % 32 >= 16) {
        const int8x16_t a = vld1q_s8(x + k);

        edgeq_add_16_1x4(&first, a, edgeq_load_s8x16x4(w));
        edgeq_add_16_1x4(&second, a, edgeq_load_s8x16x4(w + 64));
        w += 128;
    }
    if (depth % 16 >= 8) {
        edgeq_add_8_1x4(&first, vld1_s8(x + depth - 8), w);
        edgeq_add_8_1x4(&second, vld1_s8(x + depth - 8), w + 32);
    }
    sums[0] = edgeq_lane_sums_1x4(first);
    sums[1] = edgeq_lane_sums_1x4(second);
}

EDGEQ_INLINE const int8_t *edgeq_product_4x4_s8(int32x4_t *sums, const int8_t *x, const int8_t *w, int32_t depth)
{
    x = edgeq_product_2x4_s8(sums, x, w, depth);
    return edgeq_product_2x4_s8(sums + 2, x, w, depth);
}
#endif

#endif
