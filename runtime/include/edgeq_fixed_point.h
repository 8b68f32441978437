/* Fixed-point arithmetic of edgeq, one lane at a time. Normative text: runtime/NUMERICS.md.
 *
 * Qm.f is a two's complement number of 1 + m + f bits that stands for raw * 2^-f.
 * Everything is a pure function without loops over data, tables or library calls. The
 * requantizers have no branches, so that a loop over channels becomes vector code:
 *     out = edgeq_clamp_s32(edgeq_requant_gemmlowp_s32(acc[c], mult[c], shift[c]), lo, hi);
 *
 * Two things C99 leaves to the compiler are relied on, as every supported compiler defines
 * them: >> of a negative number is the floor, and a conversion to a signed type wraps. */
#ifndef EDGEQ_FIXED_POINT_H
#define EDGEQ_FIXED_POINT_H

#include <stdint.h>

/* Generated code defines this where its functions have a section of their own. */
#ifndef EDGEQ_CODE
#define EDGEQ_CODE
#endif

/* Processors without an instruction for 64-bit products (Cortex-M0, M0+, M23): compilers call a
 * function of their library for each, which multiplies all 64 bits of both factors. */
#ifndef EDGEQ_HALF_PRODUCTS
#if defined(__thumb__) && !defined(__thumb2__)
#define EDGEQ_HALF_PRODUCTS 1
#else
#define EDGEQ_HALF_PRODUCTS 0
#endif
#endif

typedef char edgeq_requires_arithmetic_shift[((-3) >> 1) == -2 ? 1 : -1];
typedef char edgeq_requires_wrapping_cast[(int32_t)UINT32_MAX == -1 ? 1 : -1];

/* ---- Building blocks ------------------------------------------------------------------- */

/* Keep x within lo..hi; lo <= hi. Equals SMAX then SMIN. */
EDGEQ_CODE static inline int32_t edgeq_clamp_s32(int32_t x, int32_t lo, int32_t hi)
{
    const int32_t above = x < lo ? lo : x;
    return above > hi ? hi : above;
}

EDGEQ_CODE static inline int16_t edgeq_saturate_s16(int32_t x)
{
    return (int16_t)edgeq_clamp_s32(x, INT16_MIN, INT16_MAX);
}

/* Zeros above the highest set bit, 0..32. Equals CLZ. */
EDGEQ_CODE static inline int edgeq_count_leading_zeros_u32(uint32_t x)
{
#if defined(__GNUC__)
    return x == 0u ? 32 : __builtin_clz(x);
#else
    int zeros = 32;
    for (; x != 0u; x >>= 1) {
        --zeros;
    }
    return zeros;
#endif
}

/* Wrapping sums and products: for what the reference lets wrap, and where signed overflow
 * would be undefined. */
EDGEQ_CODE static inline int32_t edgeq_shift_left_wrap_s32(int32_t x, int e)
{
    return (int32_t)((uint32_t)x << e);
}

/* x * 2^e, e in 0..31, saturated. Equals SQSHL. */
EDGEQ_CODE static inline int32_t edgeq_shift_left_sat_s32(int32_t x, int e)
{
    const int32_t top = INT32_MAX >> e;
    const int32_t limit = x < 0 ? INT32_MIN : INT32_MAX;
    /* x fits when -top - 1 <= x <= top; -top - 1 cannot overflow. */
    return x > top || x < -top - 1 ? limit : edgeq_shift_left_wrap_s32(x, e);
}

/* x * 2^e, e in 0..15, saturated. Equals SQSHL on 16-bit lanes. */
EDGEQ_CODE static inline int16_t edgeq_shift_left_sat_s16(int16_t x, int e)
{
    return edgeq_saturate_s16(edgeq_shift_left_wrap_s32(x, e));
}

/* x / 2^e rounded half up, e in 0..31; cannot overflow. Equals SRSHL by -e. */
EDGEQ_CODE static inline int32_t edgeq_shift_right_up_s32(int32_t x, int e)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << e) - 1u);
    return (x >> e) + ((x & mask) > (mask >> 1));
}

/* x / 2^e rounded half away from zero, e in 0..31; cannot overflow.
 * Equals, where e > 0: subtract 1 from negative x with saturation, then SRSHL by -e. */
EDGEQ_CODE static inline int32_t edgeq_shift_right_away_s32(int32_t x, int e)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << e) - 1u);
    return (x >> e) + ((x & mask) > (mask >> 1) + (x < 0));
}

/* The same two on 16 bits, e in 0..15: a right shift never leaves the type. */
EDGEQ_CODE static inline int16_t edgeq_shift_right_up_s16(int16_t x, int e)
{
    return (int16_t)edgeq_shift_right_up_s32(x, e);
}

EDGEQ_CODE static inline int16_t edgeq_shift_right_away_s16(int16_t x, int e)
{
    return (int16_t)edgeq_shift_right_away_s32(x, e);
}

#if EDGEQ_HALF_PRODUCTS
/* a * b by four products of 16-bit halves; no sum of them leaves 32 bits. Inlined, it would need more
 * registers than there are. */
EDGEQ_CODE __attribute__((noinline, unused)) static int64_t edgeq_product_of_halves_s64(int32_t a, int32_t b)
{
    const int32_t low = (int32_t)(((uint32_t)a & 0xffffu) * ((uint32_t)b & 0xffffu) >> 16);
    const int32_t one = (a >> 16) * (int32_t)((uint32_t)b & 0xffffu) + low;
    const int32_t two = (int32_t)((uint32_t)a & 0xffffu) * (b >> 16) + (one & 0xffff);
    const int32_t high = (a >> 16) * (b >> 16) + (one >> 16) + (two >> 16);
    return (int64_t)((uint64_t)(uint32_t)high << 32 | (uint32_t)a * (uint32_t)b);
}
#endif

/* Low 32 bits of (acc * b + nudge) / 2^e, e in 0..32. A logical shift is right, because
 * bits e..e+31 of the sum are taken and its sign does not reach below bit 63; AVX2 has no
 * arithmetic shift of 64-bit lanes. |acc * b + nudge| < 2^63 for every acc and b. */
EDGEQ_CODE static inline int32_t edgeq_product_bits_s32(int32_t a, int32_t b, int64_t nudge, int e)
{
#if EDGEQ_HALF_PRODUCTS
    const int64_t sum = edgeq_product_of_halves_s64(a, b) + nudge;
    const uint32_t top = (uint32_t)((uint64_t)sum >> 32);
    const uint32_t bottom = (uint32_t)sum;
    return (int32_t)(e == 0 ? bottom : (bottom >> (e - 1) >> 1) | (e < 32 ? top << (32 - e) : top));
#else
    const int64_t sum = (int64_t)a * b + nudge;
    return (int32_t)(uint32_t)((uint64_t)sum >> e);
#endif
}

/* a * b / 2^31 rounded half up: the product of two Q0.31 numbers. Only INT32_MIN squared
 * overflows; it gives INT32_MAX. Equals SQRDMULH. */
EDGEQ_CODE static inline int32_t edgeq_mulhi_s32(int32_t a, int32_t b)
{
    const int32_t high = edgeq_product_bits_s32(a, b, (int64_t)1 << 30, 31);
    /* The overflow is the only pair whose rounded product reads INT32_MIN. */
    return high == INT32_MIN ? INT32_MAX : high;
}

/* a * b / 2^15 rounded half up: the product of two Q0.15 numbers. Only INT16_MIN squared
 * overflows; it gives INT16_MAX. Equals SQRDMULH on 16-bit lanes. */
EDGEQ_CODE static inline int16_t edgeq_mulhi_s16(int16_t a, int16_t b)
{
    const int32_t high = ((int32_t)a * b + (1 << 14)) >> 15;
    return (int16_t)(high > INT16_MAX ? INT16_MAX : high);
}

/* ---- Requantizers: acc * multiplier * 2^(shift - 31) -----------------------------------
 *
 * multiplier is 0..INT32_MAX, so that the high multiply needs no saturation. shift is
 * -31..30, positive to the left; the _right forms take right = -shift, 0..31, for layers
 * that have no shift to the left, and give the same bits. */

EDGEQ_CODE static inline int32_t edgeq_mulhi_positive_s32(int32_t acc, int32_t multiplier)
{
    return edgeq_product_bits_s32(acc, multiplier, (int64_t)1 << 30, 31);
}

/* Two roundings: half up, then half away from zero. Equals SQRDMULH, then a shift as
 * edgeq_shift_right_away_s32. */
EDGEQ_CODE static inline int32_t edgeq_requant_gemmlowp_right_s32(int32_t acc, int32_t multiplier, int right)
{
    return edgeq_shift_right_away_s32(edgeq_mulhi_positive_s32(acc, multiplier), right);
}

/* As above; a left shift drops the high bits of acc. */
EDGEQ_CODE static inline int32_t edgeq_requant_gemmlowp_s32(int32_t acc, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;
    return edgeq_requant_gemmlowp_right_s32(edgeq_shift_left_wrap_s32(acc, left), multiplier, left - shift);
}

/* Two roundings, both half up. Equals SQRDMULH, then SRSHL. */
EDGEQ_CODE static inline int32_t edgeq_requant_half_up_right_s32(int32_t acc, int32_t multiplier, int right)
{
    return edgeq_shift_right_up_s32(edgeq_mulhi_positive_s32(acc, multiplier), right);
}

/* As above; a left shift drops the high bits of acc. Equals SSHL, SQRDMULH, SRSHL. */
EDGEQ_CODE static inline int32_t edgeq_requant_half_up_s32(int32_t acc, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;
    return edgeq_requant_half_up_right_s32(edgeq_shift_left_wrap_s32(acc, left), multiplier, left - shift);
}

/* One rounding, half up; cannot overflow. Equals SQDMULH, then SRSHL by -right, for
 * right > 0, because floor(p / 2^31) rounded by right bits is p rounded by 31 + right;
 * SQRDMULH for right = 0. */
EDGEQ_CODE static inline int32_t edgeq_requant_single_right_s32(int32_t acc, int32_t multiplier, int right)
{
    const int64_t nudge = (int64_t)(right == 0) << 30;
    return edgeq_shift_right_up_s32(edgeq_product_bits_s32(acc, multiplier, nudge, 31), right);
}

/* As above; what a left shift moves beyond 32 bits is dropped. */
EDGEQ_CODE static inline int32_t edgeq_requant_single_s32(int32_t acc, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;
    const int64_t nudge = (int64_t)((uint64_t)(shift >= 0) << (30 - left));
    return edgeq_shift_right_up_s32(edgeq_product_bits_s32(acc, multiplier, nudge, 31 - left), left - shift);
}

/* acc * scale in float32, rounded half to even, saturated at +-(2^31 - 128), the largest
 * float32 below 2^31. scale is finite. Equals SCVTF, FMUL, FCVTNS.
 * The product is rounded in its bits: a floating-point subtraction could be fused with the
 * product into one operation that rounds once, and then the bits would depend on the
 * compiler; a float compared by value keeps GCC from vectorising the loop. */
EDGEQ_CODE static inline int32_t edgeq_requant_float32_s32(int32_t acc, float scale)
{
    union {
        float value;
        uint32_t bits;
    } product;
    product.value = (float)acc * scale;

    const int32_t exponent = (int32_t)((product.bits >> 23) & 255u);
    /* Twice the significand, so that at least one bit is always shifted out; a number
     * below 1/4, zero and subnormals included, is shifted to 0. */
    const int32_t twice = (int32_t)((product.bits & 0x7fffffu) | 0x800000u) << 1;
    const int right = edgeq_clamp_s32(151 - exponent, 1, 31);
    const int left = edgeq_clamp_s32(exponent - 150, 0, 7);
    const int32_t below_half = (1 << (right - 1)) - 1;
    const int32_t even = (twice + below_half + ((twice >> right) & 1)) >> right;
    const int32_t magnitude = exponent > 157 ? 0x7fffff80 : even << left;
    const int32_t sign = -(int32_t)(product.bits >> 31);
    return (magnitude ^ sign) - sign;
}

/* The 16x8 form: int64 accumulator, |acc| < 2^47, multiplier of 16 bits; right is 8..46.
 * One rounding, half up; high bits of the result are dropped. */
EDGEQ_CODE static inline int32_t edgeq_requant_reduced_s64(int64_t acc, int32_t multiplier, int right)
{
    return (int32_t)((acc * multiplier + ((int64_t)1 << (right - 1))) >> right);
}

/* As above with a multiplier of 32 bits, which is reduced to 16; shift is -31..7. */
EDGEQ_CODE static inline int32_t edgeq_requant_s64(int64_t acc, int32_t multiplier, int shift)
{
    const int32_t top = INT32_MAX - 0xffff;
    const int32_t reduced = multiplier < top ? (multiplier + (1 << 15)) >> 16 : INT16_MAX;
    return edgeq_requant_reduced_s64(acc, reduced, 15 - shift);
}

/* ---- Functions of Q numbers, 32 bits --------------------------------------------------- */

/* e^a for a in [-1/4, 0), Q0.31: a series of four terms around -1/8. */
EDGEQ_CODE static inline int32_t edgeq_exp_quarter_s32(int32_t a)
{
    const int32_t at_eighth = 1895147668; /* e^(-1/8) */
    const int32_t third = 715827883;
    const int32_t x = a + (1 << 28);
    const int32_t x2 = edgeq_mulhi_s32(x, x);
    const int32_t x3 = edgeq_mulhi_s32(x2, x);
    const int32_t x4 = edgeq_mulhi_s32(x2, x2);
    const int32_t high = edgeq_mulhi_s32(edgeq_shift_right_away_s32(x4, 2) + x3, third);
    const int32_t series = edgeq_shift_right_away_s32(high + x2, 1);
    /* |x| <= 1/8 and the series falls short of e^a: the sum stays below 1. */
    return at_eighth + edgeq_mulhi_s32(at_eighth, x + series);
}

/* r * e^-(2^i) where bit is set. */
EDGEQ_CODE static inline int32_t edgeq_exp_step_s32(int32_t r, int32_t bit, int32_t factor)
{
    return bit != 0 ? edgeq_mulhi_s32(r, factor) : r;
}

/* e^a for a <= 0 with m integer bits, 4 or 5; the result is Q0.31, INT32_MAX for a = 0. */
EDGEQ_CODE static inline int32_t edgeq_exp_neg_s32(int32_t a, int m)
{
    const int f = 31 - m;
    const int32_t quarter = 1 << (f - 2);
    const int32_t part = (a & (quarter - 1)) - quarter;
    const int32_t rest = part - a; /* a multiple of 1/4 in 0..2^m */
    int32_t r = edgeq_exp_quarter_s32(edgeq_shift_left_sat_s32(part, m));
    r = edgeq_exp_step_s32(r, rest & quarter, 1672461947);
    r = edgeq_exp_step_s32(r, rest & (quarter << 1), 1302514674);
    r = edgeq_exp_step_s32(r, rest & (quarter << 2), 790015084);
    r = edgeq_exp_step_s32(r, rest & (quarter << 3), 290630308);
    r = edgeq_exp_step_s32(r, rest & (quarter << 4), 39332535);
    r = edgeq_exp_step_s32(r, rest & (quarter << 5), 720401);
    if (m > 4) {
        r = edgeq_exp_step_s32(r, rest & (1 << (f + 4)), 242);
    }
    return a == 0 ? INT32_MAX : r;
}

/* e^a for a <= 0: Q5.26 to Q0.31. */
EDGEQ_CODE static inline int32_t edgeq_exp_neg_q5_s32(int32_t a)
{
    return edgeq_exp_neg_s32(a, 5);
}

/* 2 / (1 + a) for a >= 0, Q0.31 to Q2.29: three Newton steps from 48/17 - 32/17 (1 + a)/2. */
EDGEQ_CODE static inline int32_t edgeq_newton_1p_s32(int32_t a)
{
    const int32_t half = (int32_t)(((uint32_t)a + 0x80000000u) >> 1);
    int32_t x = 1515870810 + edgeq_mulhi_s32(half, -1010580540);
    for (int i = 0; i < 3; ++i) {
        const int32_t error = (1 << 29) - edgeq_mulhi_s32(half, x);
        x += edgeq_shift_left_sat_s32(edgeq_mulhi_s32(x, error), 2);
    }
    return x;
}

/* 1 / (1 + a) for a >= 0, Q0.31 to Q0.31; saturates at INT32_MAX. */
EDGEQ_CODE static inline int32_t edgeq_reciprocal_1p_s32(int32_t a)
{
    return edgeq_shift_left_sat_s32(edgeq_newton_1p_s32(a), 1);
}

/* 1 / (1 + e^-a): Q4.27 to Q0.31. */
EDGEQ_CODE static inline int32_t edgeq_logistic_q4_s32(int32_t a)
{
    const int32_t y = edgeq_reciprocal_1p_s32(edgeq_exp_neg_s32(a > 0 ? -a : a, 4));
    const int32_t side = a > 0 ? y : INT32_MAX - y;
    return a == 0 ? 1 << 30 : side;
}

/* tanh a: Q4.27 to Q0.31. -|a| read with five integer bits is -2|a|. */
EDGEQ_CODE static inline int32_t edgeq_tanh_q4_s32(int32_t a)
{
    const int32_t x = edgeq_newton_1p_s32(edgeq_exp_neg_s32(a > 0 ? -a : a, 5));
    const int32_t y = edgeq_shift_left_sat_s32(x - (1 << 29), 2);
    const int32_t side = a > 0 ? y : -y;
    return a == 0 ? 0 : side;
}

/* A multiplier for 1 / sqrt(x), x >= 0, of which x = 0 counts as 1; *shift is -14..0, and
 * edgeq_requant_*_s32(v, multiplier, *shift) is about v / sqrt(x). */
EDGEQ_CODE static inline int32_t edgeq_inv_sqrt_s32(int32_t x, int32_t *shift)
{
    int right = 11;
    if (x <= 1) {
        *shift = 0;
        return INT32_MAX;
    }
    for (; x >= 1 << 29; x >>= 2) {
        ++right;
    }
    const int pairs = (edgeq_count_leading_zeros_u32((uint32_t)x) - 1) / 2 - 1;
    const int32_t half = x << (2 * pairs) >> 1; /* Q3.28, a quarter to 1 */
    const int32_t quarter = edgeq_shift_right_away_s32(half, 1);
    int32_t y = 1 << 28;
    for (int i = 0; i < 5; ++i) {
        const int32_t cube = edgeq_mulhi_s32(edgeq_mulhi_s32(y, y), y);
        const int32_t pull = edgeq_mulhi_s32(quarter, edgeq_shift_left_sat_s32(cube, 6));
        y = edgeq_shift_left_sat_s32(edgeq_mulhi_s32((1 << 28) + (1 << 27), y) - pull, 3);
    }
    y = edgeq_mulhi_s32(y, 1518500250); /* sqrt(1/2) */
    right -= pairs;
    *shift = right > 0 ? -right : 0;
    return right < 0 ? edgeq_shift_left_wrap_s32(y, -right) : y;
}

/* ln x for x > 0: Q12.19 to Q5.26. x is split into a power of two and a mantissa near
 * 2^(-1/4), from two candidates of which the better one has the larger power. */
EDGEQ_CODE static inline int32_t edgeq_log_q12_s32(int32_t x)
{
    const int32_t half_root = 1518500250;        /* 2^(-1/2) */
    const int32_t half_fourth_root = 1805811301; /* 2^(-1/4) */
    const int32_t quarter = 1 << 23;             /* Q6.25 */
    const int zeros_a = edgeq_count_leading_zeros_u32((uint32_t)x);
    const int32_t scaled = edgeq_mulhi_s32(edgeq_shift_left_sat_s32(x, zeros_a - 1), half_root);
    const int32_t near_a = edgeq_shift_left_sat_s32(scaled, 1);
    const int32_t power_a = (12 - zeros_a) * (1 << 25) + quarter; /* within 2^29 * 1.2 */
    const int zeros_b = edgeq_count_leading_zeros_u32((uint32_t)edgeq_mulhi_s32(x, half_root)) - 1;
    const int32_t near_b = edgeq_shift_left_sat_s32(x, zeros_b);
    const int32_t power_b = (12 - zeros_b) * (1 << 25) - quarter;
    const int32_t power = power_a > power_b ? power_a : power_b;
    const int32_t r = near_a < near_b ? near_a : near_b;
    const int32_t p = (r >> 1) + (half_fourth_root >> 1) + ((r | half_fourth_root) & 1);
    const int32_t q = (r - half_fourth_root) * 2;
    const int32_t q2 = edgeq_mulhi_s32(q, q);
    const int32_t numerator = edgeq_mulhi_s32(q, r) + edgeq_mulhi_s32(edgeq_mulhi_s32(q, q2), 117049297);
    const int32_t curve = 1057819769 + q + edgeq_mulhi_s32(127690142, q2);
    const int32_t denominator = edgeq_mulhi_s32(p, curve) + edgeq_mulhi_s32(638450708, q);
    const int32_t ratio = edgeq_mulhi_s32(edgeq_shift_right_away_s32(numerator, 6), edgeq_reciprocal_1p_s32(denominator));
    return edgeq_shift_left_sat_s32(edgeq_mulhi_s32(power, 1488522236) + ratio, 1);
}

/* ---- Functions of Q numbers, 16 bits ---------------------------------------------------
 *
 * The same steps; constants are those of 32 bits rounded by 2^16. Sums are formed in int,
 * and narrowed where they fit. */

/* e^a for a in [-1/4, 0), Q0.15; the last sum saturates. */
EDGEQ_CODE static inline int16_t edgeq_exp_quarter_s16(int16_t a)
{
    const int16_t at_eighth = 28918;
    const int16_t third = 10923;
    const int16_t x = (int16_t)(a + (1 << 12));
    const int16_t x2 = edgeq_mulhi_s16(x, x);
    const int16_t x3 = edgeq_mulhi_s16(x2, x);
    const int16_t x4 = edgeq_mulhi_s16(x2, x2);
    const int16_t inner = (int16_t)(edgeq_shift_right_away_s16(x4, 2) + x3);
    const int16_t outer = (int16_t)(edgeq_mulhi_s16(inner, third) + x2);
    const int16_t series = (int16_t)(x + edgeq_shift_right_away_s16(outer, 1));
    return edgeq_saturate_s16(at_eighth + edgeq_mulhi_s16(at_eighth, series));
}

/* r * e^-(2^i) where bit is set. */
EDGEQ_CODE static inline int16_t edgeq_exp_step_s16(int16_t r, int32_t bit, int16_t factor)
{
    return bit != 0 ? edgeq_mulhi_s16(r, factor) : r;
}

/* e^a for a <= 0 with m integer bits, 1..7; the result is Q0.15, INT16_MAX for a = 0. */
EDGEQ_CODE static inline int16_t edgeq_exp_neg_s16(int16_t a, int m)
{
    const int f = 15 - m;
    const int32_t quarter = 1 << (f - 2);
    const int32_t part = (a & (quarter - 1)) - quarter;
    const int32_t rest = part - a;
    int16_t r = edgeq_exp_quarter_s16(edgeq_shift_left_sat_s16((int16_t)part, m));
    r = edgeq_exp_step_s16(r, rest & quarter, 25520);
    r = edgeq_exp_step_s16(r, rest & (quarter << 1), 19875);
    r = edgeq_exp_step_s16(r, rest & (quarter << 2), 12055);
    r = edgeq_exp_step_s16(r, rest & (quarter << 3), 4435);
    r = edgeq_exp_step_s16(r, rest & (quarter << 4), 600);
    if (m > 3) {
        r = edgeq_exp_step_s16(r, rest & (quarter << 5), 11);
    }
    if (m > 4) {
        /* e^-16 is 0 here. */
        r = (int16_t)(rest >= quarter << 6 ? 0 : r);
    }
    return a == 0 ? INT16_MAX : r;
}

/* 2 / (1 + a) for a >= 0, Q0.15 to Q2.13. */
EDGEQ_CODE static inline int16_t edgeq_newton_1p_s16(int16_t a)
{
    const int16_t half = (int16_t)((a + 0x8000) >> 1);
    int16_t x = (int16_t)(23130 + edgeq_mulhi_s16(half, -15420));
    for (int i = 0; i < 3; ++i) {
        const int16_t error = (int16_t)((1 << 13) - edgeq_mulhi_s16(half, x));
        x = (int16_t)(x + edgeq_shift_left_sat_s16(edgeq_mulhi_s16(x, error), 2));
    }
    return x;
}

/* 1 / (1 + e^-a): Q3.12 to Q0.15. */
EDGEQ_CODE static inline int16_t edgeq_logistic_q3_s16(int16_t a)
{
    const int16_t e = edgeq_exp_neg_s16((int16_t)(a > 0 ? -a : a), 3);
    const int16_t y = edgeq_shift_left_sat_s16(edgeq_newton_1p_s16(e), 1);
    const int side = a > 0 ? y : INT16_MAX - y;
    return (int16_t)(a == 0 ? 1 << 14 : side);
}

/* tanh a: Qm with m integer bits, 0..6, to Q0.15. */
EDGEQ_CODE static inline int16_t edgeq_tanh_qm_s16(int16_t a, int m)
{
    const int16_t e = edgeq_exp_neg_s16((int16_t)(a > 0 ? -a : a), m + 1);
    const int16_t x = (int16_t)(edgeq_newton_1p_s16(e) - (1 << 13));
    const int16_t y = edgeq_shift_left_sat_s16(x, 2);
    const int side = a > 0 ? y : -y;
    return (int16_t)(a == 0 ? 0 : side);
}

/* tanh a: Q3.12 to Q0.15. */
EDGEQ_CODE static inline int16_t edgeq_tanh_q3_s16(int16_t a)
{
    return edgeq_tanh_qm_s16(a, 3);
}

/* ---- Functions of codes, 16 bits -------------------------------------------------------
 *
 * table holds 65536 * logistic(i / 24) for i in 0..255; between its entries the functions are
 * lines, beyond them constants. multiplier / 2^shift brings a code to steps of 1 / 12288:
 * multiplier is 1..65535, shift 0..31, and with a shift the multiplier is at most 32767, so that
 * no product leaves 32 bits. The result has a scale of 2^-15. */

EDGEQ_CODE static inline int32_t edgeq_table_steps_s32(int16_t x, int32_t multiplier, int shift)
{
    const int32_t nudge = shift > 0 ? 1 << (shift - 1) : 0;
    return (x * multiplier + nudge) >> shift;
}

/* What lies distance steps into a table whose entries are 2^bits steps apart, and from its last
 * one on what is beyond; both times 2^bits. */
EDGEQ_CODE static inline int32_t edgeq_table_line_s32(const uint16_t *table, int32_t distance, int bits, int32_t beyond)
{
    const int32_t entry = distance >> bits;
    if (entry >= 255) {
        return beyond * (1 << bits);
    }
    const int32_t slope = table[entry + 1] - table[entry];
    return table[entry] * (1 << bits) + (distance & ((1 << bits) - 1)) * slope;
}

/* 1 / (1 + e^-x). */
EDGEQ_CODE static inline int16_t edgeq_logistic_s16(int16_t x, int32_t multiplier, int shift, const uint16_t *table)
{
    const int32_t steps = edgeq_table_steps_s32(x, multiplier, shift);
    const int32_t distance = steps < 0 ? -steps : steps;
    const int32_t y = edgeq_table_line_s32(table, distance, 9, 2 * INT16_MAX);
    return (int16_t)((steps < 0 ? (1 << 25) - y + 511 : y + 512) >> 10);
}

/* The value of a code on the lines between 513 entries of a table, which are 128 codes apart. */
EDGEQ_CODE static inline int16_t edgeq_lookup_s16(int16_t x, const int16_t *table)
{
    const int32_t entry = 256 + (x >> 7);
    const int32_t slope = table[entry + 1] - table[entry];
    return (int16_t)(table[entry] + ((slope * (x & 127) + 64) >> 7));
}

/* tanh x, which is 2 logistic(2 x) - 1. */
EDGEQ_CODE static inline int16_t edgeq_tanh_s16(int16_t x, int32_t multiplier, int shift, const uint16_t *table)
{
    const int32_t steps = edgeq_table_steps_s32(x, multiplier, shift);
    const int32_t distance = steps < 0 ? -steps : steps;
    const int32_t y = edgeq_table_line_s32(table, distance, 8, UINT16_MAX) - (1 << 23);
    return (int16_t)((steps < 0 ? 127 - y : y + 128) >> 8);
}

#endif
