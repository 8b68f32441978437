/* Sums of two arrays, products and pooling on Cortex-M processors with Helium. For other processors,
 * and wherever EDGEQ_NO_ASSEMBLER is defined, plain C computes the same. */
#ifndef EDGEQ_ELEMENTWISE_MVE_H
#define EDGEQ_ELEMENTWISE_MVE_H

#include <stdint.h>

#include "edgeq_product_mve.h"

/* y = total(x0 * unit0 + add0 + second(x1 * unit1 + add1)) + zero, saturated to 8 bits, where `total`
 * and `second` rescale; shifts are to the left, -31 to -1. y may be x0 or x1. */
typedef struct {
    const int8_t *x0;
    const int8_t *x1;
    int8_t *y;
    int32_t count;
    int32_t unit0;
    int32_t add0;
    int32_t unit1;
    int32_t add1;
    int32_t second_multiplier;
    int32_t second_shift;
    int32_t multiplier;
    int32_t shift;
    int32_t zero;
} edgeq_mve_addition;

#if EDGEQ_MVE_ASSEMBLER

#define EDGEQ_MVE_AWAY_BY(sums, multiplier, shift)        \
    "vqrdmulh.s32 " sums ", " sums ", " multiplier "\n\t" \
    "vshr.s32 q2, " sums ", #31\n\t"                      \
    "vadd.i32 " sums ", " sums ", q2\n\t"                 \
    "vrshl.s32 " sums ", " shift "\n\t"
#define EDGEQ_MVE_UP_BY(sums, multiplier, shift)          \
    "vqrdmulh.s32 " sums ", " sums ", " multiplier "\n\t" \
    "vrshl.s32 " sums ", " shift "\n\t"
#define EDGEQ_MVE_SINGLE_BY(sums, multiplier, shift)     \
    "vqdmulh.s32 " sums ", " sums ", " multiplier "\n\t" \
    "vrshl.s32 " sums ", " shift "\n\t"

#define EDGEQ_MVE_ADDITION(name, SCALE)                                                                                                         \
    EDGEQ_CODE __attribute__((naked, noinline, unused)) static void name(                                                                       \
        const edgeq_mve_addition *sum __attribute__((unused)))                                                                                  \
    {                                                                                                                                           \
        __asm__ volatile(                                                                                                                       \
            "push {r4-r11, lr}\n\t"                                                                                                             \
            "vpush {d8-d9}\n\t"                                                                                                                 \
            "ldm r0!, {r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12}\n\t"                                                                  \
            "ldr r0, [r0]\n\t"                                                                                                                  \
            "vdup.32 q3, r5\n\t"                                                                                                                \
            "vdup.32 q4, r7\n\t"                                                                                                                \
            "wlstp.32 lr, r4, 2f\n"                                                                                                             \
            "1:\n\t"                                                                                                                            \
            "vldrb.s32 q0, [r1], #4\n\t"                                                                                                        \
            "vldrb.s32 q1, [r2], #4\n\t"                                                                                                        \
            "vmlas.s32 q0, q3, r6\n\t"                                                                                                          \
            "vmlas.s32 q1, q4, r8\n\t" SCALE("q1", "r9", "r10") "vadd.i32 q0, q0, q1\n\t" SCALE("q0", "r11", "r12") "vadd.i32 q0, q0, r0\n\t"   \
                                                                                                                    "vqmovnb.s32 q0, q0\n\t"    \
                                                                                                                    "vqmovnb.s16 q0, q0\n\t"    \
                                                                                                                    "vstrb.32 q0, [r3], #4\n\t" \
                                                                                                                    "letp lr, 1b\n"             \
                                                                                                                    "2:\n\t"                    \
                                                                                                                    "vpop {d8-d9}\n\t"          \
                                                                                                                    "pop {r4-r11, pc}\n");      \
    }

EDGEQ_MVE_ADDITION(edgeq_mve_add_gemmlowp, EDGEQ_MVE_AWAY_BY)
EDGEQ_MVE_ADDITION(edgeq_mve_add_half_up, EDGEQ_MVE_UP_BY)
EDGEQ_MVE_ADDITION(edgeq_mve_add_single, EDGEQ_MVE_SINGLE_BY)

#else

#define EDGEQ_MVE_ADDITION(name, SCALE)                                                                                    \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_mve_addition *sum)                                     \
    {                                                                                                                      \
        for (int32_t i = 0; i < sum->count; ++i) {                                                                         \
            const int32_t first = sum->x0[i] * sum->unit0 + sum->add0;                                                     \
            const int32_t second = SCALE(sum->x1[i] * sum->unit1 + sum->add1, sum->second_multiplier, -sum->second_shift); \
            const int32_t code = SCALE(first + second, sum->multiplier, -sum->shift) + sum->zero;                          \
                                                                                                                           \
            sum->y[i] = (int8_t)edgeq_clamp_s32(code, -128, 127);                                                          \
        }                                                                                                                  \
    }

EDGEQ_MVE_ADDITION(edgeq_mve_add_gemmlowp, EDGEQ_MVE_AWAY)
EDGEQ_MVE_ADDITION(edgeq_mve_add_half_up, EDGEQ_MVE_UP)
EDGEQ_MVE_ADDITION(edgeq_mve_add_single, EDGEQ_MVE_SINGLE)

#endif

/* ---- Proven forms of sums and products ---------------------------------------------------- */

/* y = (x0 * p + x1 * q + constant) >> bits, saturated to 8 bits; y may be x0 or x1. */
typedef struct {
    const int8_t *x0;
    const int8_t *x1;
    int8_t *y;
    int32_t count;
    int32_t p;
    int32_t q;
    int32_t constant;
} edgeq_mve_linear_sum;

/* y = (x * p + constant) >> bits, saturated to 8 bits, for `rows` of channels by fours: factors are p
 * of four channels, then their constants. y may be x. */
typedef struct {
    const int8_t *x;
    int8_t *y;
    const int32_t *factors;
    int32_t rows;
    int32_t channels;
} edgeq_mve_affine;

#if EDGEQ_MVE_ASSEMBLER

#define EDGEQ_MVE_LINEAR(bits)                                                                                \
    EDGEQ_CODE __attribute__((unused)) static void edgeq_mve_linear_sum_##bits(const edgeq_mve_linear_sum *s) \
    {                                                                                                         \
        const int8_t *x0 = s->x0;                                                                             \
        const int8_t *x1 = s->x1;                                                                             \
        int8_t *y = s->y;                                                                                     \
                                                                                                              \
        __asm__ volatile(                                                                                     \
            "vdup.32 q2, %[p]\n\t"                                                                            \
            "wlstp.32 lr, %[count], 2f\n"                                                                     \
            "1:\n\t"                                                                                          \
            "vldrb.s32 q0, [%[x0]], #4\n\t"                                                                   \
            "vldrb.s32 q1, [%[x1]], #4\n\t"                                                                   \
            "vmlas.s32 q0, q2, %[constant]\n\t"                                                               \
            "vmla.s32 q0, q1, %[q]\n\t"                                                                       \
            "vshr.s32 q0, q0, #" #bits "\n\t"                                                                 \
            "vqmovnb.s32 q0, q0\n\t"                                                                          \
            "vqmovnb.s16 q0, q0\n\t"                                                                          \
            "vstrb.32 q0, [%[y]], #4\n\t"                                                                     \
            "letp lr, 1b\n"                                                                                   \
            "2:"                                                                                              \
            : [x0] "+&l"(x0), [x1] "+&l"(x1), [y] "+&l"(y)                                                    \
            : [count] "r"(s->count), [p] "r"(s->p), [q] "r"(s->q), [constant] "r"(s->constant)                \
            : "lr", "q0", "q1", "q2", "memory", "cc");                                                        \
    }                                                                                                         \
                                                                                                              \
    EDGEQ_CODE __attribute__((unused)) static void edgeq_mve_affine_##bits(const edgeq_mve_affine *a)         \
    {                                                                                                         \
        const int8_t *x = a->x;                                                                               \
        int8_t *y = a->y;                                                                                     \
                                                                                                              \
        for (int32_t row = a->rows; row > 0; --row) {                                                         \
            const int32_t *factors = a->factors;                                                              \
                                                                                                              \
            __asm__ volatile(                                                                                 \
                "wlstp.32 lr, %[channels], 2f\n"                                                              \
                "1:\n\t"                                                                                      \
                "vldrb.s32 q0, [%[x]], #4\n\t"                                                                \
                "vldrw.u32 q1, [%[factors]], #16\n\t"                                                         \
                "vldrw.u32 q2, [%[factors]], #16\n\t"                                                         \
                "vmul.i32 q0, q0, q1\n\t"                                                                     \
                "vadd.i32 q0, q0, q2\n\t"                                                                     \
                "vshr.s32 q0, q0, #" #bits "\n\t"                                                             \
                "vqmovnb.s32 q0, q0\n\t"                                                                      \
                "vqmovnb.s16 q0, q0\n\t"                                                                      \
                "vstrb.32 q0, [%[y]], #4\n\t"                                                                 \
                "letp lr, 1b\n"                                                                               \
                "2:"                                                                                          \
                : [x] "+&l"(x), [y] "+&l"(y), [factors] "+&r"(factors)                                        \
                : [channels] "r"(a->channels)                                                                 \
                : "lr", "q0", "q1", "q2", "memory", "cc");                                                    \
        }                                                                                                     \
    }

#else

#define EDGEQ_MVE_LINEAR(bits)                                                                                \
    EDGEQ_CODE __attribute__((unused)) static void edgeq_mve_linear_sum_##bits(const edgeq_mve_linear_sum *s) \
    {                                                                                                         \
        for (int32_t i = 0; i < s->count; ++i) {                                                              \
            const int32_t sum = s->x0[i] * s->p + s->x1[i] * s->q + s->constant;                              \
                                                                                                              \
            s->y[i] = (int8_t)edgeq_clamp_s32(sum >> (bits), -128, 127);                                      \
        }                                                                                                     \
    }                                                                                                         \
                                                                                                              \
    EDGEQ_CODE __attribute__((unused)) static void edgeq_mve_affine_##bits(const edgeq_mve_affine *a)         \
    {                                                                                                         \
        for (int32_t i = 0; i < a->rows * a->channels; ++i) {                                                 \
            const int32_t c = i % a->channels;                                                                \
            const int32_t *const f = a->factors + c / 4 * 8 + c % 4;                                          \
                                                                                                              \
            a->y[i] = (int8_t)edgeq_clamp_s32((a->x[i] * f[0] + f[4]) >> (bits), -128, 127);                  \
        }                                                                                                     \
    }

#endif

EDGEQ_MVE_LINEAR(17)
EDGEQ_MVE_LINEAR(18)
EDGEQ_MVE_LINEAR(19)
EDGEQ_MVE_LINEAR(20)
EDGEQ_MVE_LINEAR(21)
EDGEQ_MVE_LINEAR(22)
EDGEQ_MVE_LINEAR(23)

/* ---- Products with a constant for each channel -------------------------------------------- */

/* y = total((x - x_zero) * weight) + zero, saturated to 8 bits, where `total` rescales by a shift to
 * the left of -31 to -1. y may be x. */
typedef struct {
    const int8_t *x;
    int8_t *y;
    const int16_t *weights;
    int32_t rows;
    int32_t channels;
    int32_t x_zero;
    int32_t multiplier;
    int32_t shift;
    int32_t zero;
} edgeq_mve_products;

#if EDGEQ_MVE_ASSEMBLER

/* clang-format off: it would shift each instruction to the right of the one before. */
#define EDGEQ_MVE_PRODUCTS(name, SCALE)                                                          \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_mve_products *p)             \
    {                                                                                            \
        const int8_t *x = p->x;                                                                  \
        int8_t *y = p->y;                                                                        \
                                                                                                 \
        for (int32_t row = p->rows; row > 0; --row) {                                            \
            const int16_t *weights = p->weights;                                                 \
                                                                                                 \
            __asm__ volatile(                                                                    \
                "add lr, %[p], #20\n\t"                                                          \
                "ldm lr, {r8, r9, r10, r11}\n\t" /* x_zero, multiplier, shift, zero */           \
                "wlstp.32 lr, %[channels], 2f\n"                                                 \
                "1:\n\t"                                                                         \
                "vldrb.s32 q0, [%[x]], #4\n\t"                                                   \
                "vldrh.s32 q1, [%[weights]], #8\n\t"                                             \
                "vsub.i32 q0, q0, r8\n\t"                                                        \
                "vmul.i32 q0, q0, q1\n\t" SCALE("q0", "r9", "r10") "vadd.i32 q0, q0, r11\n\t"    \
                                                                   "vqmovnb.s32 q0, q0\n\t"      \
                                                                   "vqmovnb.s16 q0, q0\n\t"      \
                                                                   "vstrb.32 q0, [%[y]], #4\n\t" \
                                                                   "letp lr, 1b\n"               \
                                                                   "2:"                          \
                : [x] "+&l"(x), [y] "+&l"(y), [weights] "+&l"(weights)                           \
                : [p] "r"(p), [channels] "r"(p->channels)                                        \
                : "r8", "r9", "r10", "r11", "lr", "q0", "q1", "q2", "memory", "cc");             \
        }                                                                                        \
    }
/* clang-format on */

EDGEQ_MVE_PRODUCTS(edgeq_mve_products_gemmlowp, EDGEQ_MVE_AWAY_BY)
EDGEQ_MVE_PRODUCTS(edgeq_mve_products_half_up, EDGEQ_MVE_UP_BY)
EDGEQ_MVE_PRODUCTS(edgeq_mve_products_single, EDGEQ_MVE_SINGLE_BY)

#else

#define EDGEQ_MVE_PRODUCTS(name, SCALE)                                                  \
    EDGEQ_CODE __attribute__((unused)) static void name(const edgeq_mve_products *p)     \
    {                                                                                    \
        for (int32_t i = 0; i < p->rows * p->channels; ++i) {                            \
            const int32_t product = (p->x[i] - p->x_zero) * p->weights[i % p->channels]; \
            const int32_t code = SCALE(product, p->multiplier, -p->shift) + p->zero;     \
                                                                                         \
            p->y[i] = (int8_t)edgeq_clamp_s32(code, -128, 127);                          \
        }                                                                                \
    }

EDGEQ_MVE_PRODUCTS(edgeq_mve_products_gemmlowp, EDGEQ_MVE_AWAY)
EDGEQ_MVE_PRODUCTS(edgeq_mve_products_half_up, EDGEQ_MVE_UP)
EDGEQ_MVE_PRODUCTS(edgeq_mve_products_single, EDGEQ_MVE_SINGLE)

#endif

/* ---- Pooling ----------------------------------------------------------------------------- */

/* The largest of sixteen channels in a window; lines are `line` bytes apart, pixels `step` bytes. */
EDGEQ_CODE static inline void edgeq_mve_largest(int8_t *y, const int8_t *x, int32_t rows, int32_t columns, int32_t line, int32_t step)
{
#if EDGEQ_MVE_ASSEMBLER
    const int8_t *p;

    __asm__ volatile(
        "vldrb.u8 q0, [%[x]]\n"
        "1:\n\t"
        "mov %[p], %[x]\n\t"
        "dls lr, %[columns]\n"
        "2:\n\t"
        "vldrb.u8 q1, [%[p]]\n\t"
        "add %[p], %[p], %[step]\n\t"
        "vmax.s8 q0, q0, q1\n\t"
        "le lr, 2b\n\t"
        "add %[x], %[x], %[line]\n\t"
        "subs %[rows], #1\n\t"
        "bne 1b\n\t"
        "vstrb.8 q0, [%[y]]"
        : [x] "+&r"(x), [rows] "+&r"(rows), [p] "=&r"(p)
        : [y] "r"(y), [columns] "r"(columns), [line] "r"(line), [step] "r"(step)
        : "lr", "q0", "q1", "memory", "cc");
#else
    for (int32_t c = 0; c < 16; ++c) {
        int8_t largest = x[c];

        for (int32_t row = 0; row < rows; ++row) {
            for (int32_t column = 0; column < columns; ++column) {
                const int8_t code = x[row * line + column * step + c];

                largest = code > largest ? code : largest;
            }
        }
        y[c] = largest;
    }
#endif
}

/* The sums of eight channels over `count` pixels that are `step` bytes apart, 1 to 256 of them. */
EDGEQ_CODE static inline void edgeq_mve_sum_pixels(int16_t sums[8], const int8_t *x, int32_t count, int32_t step)
{
#if EDGEQ_MVE_ASSEMBLER
    __asm__ volatile(
        "vmov.i32 q1, #0\n\t"
        "dls lr, %[count]\n"
        "1:\n\t"
        "vldrb.s16 q0, [%[x]]\n\t"
        "add %[x], %[x], %[step]\n\t"
        "vadd.i16 q1, q1, q0\n\t"
        "le lr, 1b\n\t"
        "vstrh.16 q1, [%[sums]]\n\t"
        : [x] "+&l"(x)
        : [sums] "l"(sums), [count] "r"(count), [step] "r"(step)
        : "lr", "q0", "q1", "memory", "cc");
#else
    for (int32_t c = 0; c < 8; ++c) {
        int32_t sum = 0;

        for (int32_t i = 0; i < count; ++i) {
            sum += x[i * step + c];
        }
        sums[c] = (int16_t)sum;
    }
#endif
}

#endif
