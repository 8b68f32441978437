/* The HVX intrinsics that edgeq's kernels use, in plain C, written from their documented semantics:
 * the same sources give the same bits on processors without them. Vectors have 128 bytes. Speed is
 * no aim. */
#ifndef EDGEQ_HVX_MODEL_H
#define EDGEQ_HVX_MODEL_H

#include <stdint.h>
#include <string.h>

typedef union {
    int8_t b[128];
    uint8_t ub[128];
    int16_t h[64];
    uint16_t uh[64];
    int32_t w[32];
    uint32_t uw[32];
} HVX_Vector;

/* The low half first. */
typedef struct {
    HVX_Vector v[2];
} HVX_VectorPair;

/* A bit for each byte. */
typedef struct {
    uint8_t bits[128];
} HVX_VectorPred;

/* ---- Lane by lane ------------------------------------------------------------------------ */

/* Define a function of vectors u and v, of a vector and a register r, or of one vector: lane i of
 * the result, of a kind of lane, is a value. */
#define EDGEQ_MODEL_VV(name, lane, count, value)              \
    static inline HVX_Vector name(HVX_Vector u, HVX_Vector v) \
    {                                                         \
        HVX_Vector y;                                         \
        for (int i = 0; i < (count); ++i) {                   \
            y.lane[i] = (value);                              \
        }                                                     \
        return y;                                             \
    }
#define EDGEQ_MODEL_VR(name, lane, count, value)           \
    static inline HVX_Vector name(HVX_Vector u, int32_t r) \
    {                                                      \
        HVX_Vector y;                                      \
        for (int i = 0; i < (count); ++i) {                \
            y.lane[i] = (value);                           \
        }                                                  \
        return y;                                          \
    }
#define EDGEQ_MODEL_R(name, lane, count, value) \
    static inline HVX_Vector name(int32_t r)    \
    {                                           \
        HVX_Vector y;                           \
        for (int i = 0; i < (count); ++i) {     \
            y.lane[i] = (value);                \
        }                                       \
        return y;                               \
    }

static inline int32_t edgeq_model_clamp(int64_t x, int64_t low, int64_t high)
{
    const int64_t above = x < low ? low : x;

    return (int32_t)(above > high ? high : above);
}

static inline int8_t edgeq_model_sat8(int32_t x)
{
    return (int8_t)edgeq_model_clamp(x, INT8_MIN, INT8_MAX);
}

static inline int16_t edgeq_model_sat16(int32_t x)
{
    return (int16_t)edgeq_model_clamp(x, INT16_MIN, INT16_MAX);
}

/* Amounts of shifts by lanes are signed, of 6 bits. */
static inline int edgeq_model_amount(int32_t x)
{
    return ((x & 63) ^ 32) - 32;
}

static inline int32_t edgeq_model_left(int32_t x, int by)
{
    return by > 31 ? 0 : (int32_t)((uint32_t)x << by);
}

static inline int32_t edgeq_model_right(int32_t x, int by)
{
    return x >> (by > 31 ? 31 : by);
}

static inline int32_t edgeq_model_asl(int32_t x, int by)
{
    return by < 0 ? edgeq_model_right(x, -by) : edgeq_model_left(x, by);
}

static inline uint32_t edgeq_model_lsr(uint32_t x, int by)
{
    const uint32_t right = by > 31 ? 0 : x >> (by & 31);

    return by < 0 ? (uint32_t)edgeq_model_left((int32_t)x, -by) : right;
}

EDGEQ_MODEL_R(Q6_V_vsplat_R, w, 32, r)
EDGEQ_MODEL_R(Q6_Vh_vsplat_R, h, 64, (int16_t)r)
EDGEQ_MODEL_R(Q6_Vb_vsplat_R, b, 128, (int8_t)r)

static inline HVX_Vector Q6_V_vzero(void)
{
    return Q6_V_vsplat_R(0);
}

static inline HVX_Vector Q6_V_equals_V(HVX_Vector u)
{
    return u;
}

static inline HVX_Vector Q6_V_vnot_V(HVX_Vector u)
{
    for (int i = 0; i < 32; ++i) {
        u.uw[i] = ~u.uw[i];
    }
    return u;
}

EDGEQ_MODEL_VV(Q6_V_vand_VV, uw, 32, u.uw[i] & v.uw[i])
EDGEQ_MODEL_VV(Q6_V_vor_VV, uw, 32, u.uw[i] | v.uw[i])
EDGEQ_MODEL_VV(Q6_V_vxor_VV, uw, 32, u.uw[i] ^ v.uw[i])
EDGEQ_MODEL_VV(Q6_Vw_vadd_VwVw, uw, 32, u.uw[i] + v.uw[i])
EDGEQ_MODEL_VV(Q6_Vw_vsub_VwVw, uw, 32, u.uw[i] - v.uw[i])
EDGEQ_MODEL_VV(Q6_Vw_vmax_VwVw, w, 32, u.w[i] > v.w[i] ? u.w[i] : v.w[i])
EDGEQ_MODEL_VV(Q6_Vw_vmin_VwVw, w, 32, u.w[i] < v.w[i] ? u.w[i] : v.w[i])
EDGEQ_MODEL_VV(Q6_Vh_vadd_VhVh, h, 64, (int16_t)(u.h[i] + v.h[i]))
EDGEQ_MODEL_VV(Q6_Vh_vsub_VhVh, h, 64, (int16_t)(u.h[i] - v.h[i]))
EDGEQ_MODEL_VV(Q6_Vb_vmax_VbVb, b, 128, u.b[i] > v.b[i] ? u.b[i] : v.b[i])
EDGEQ_MODEL_VV(Q6_Vb_vmin_VbVb, b, 128, u.b[i] < v.b[i] ? u.b[i] : v.b[i])
EDGEQ_MODEL_VV(Q6_Vw_vasl_VwVw, w, 32, edgeq_model_asl(u.w[i], edgeq_model_amount(v.w[i])))
EDGEQ_MODEL_VV(Q6_Vw_vasr_VwVw, w, 32, edgeq_model_asl(u.w[i], -edgeq_model_amount(v.w[i])))
EDGEQ_MODEL_VV(Q6_Vw_vlsr_VwVw, uw, 32, edgeq_model_lsr(u.uw[i], edgeq_model_amount(v.w[i])))
EDGEQ_MODEL_VR(Q6_Vw_vasl_VwR, w, 32, edgeq_model_left(u.w[i], r & 31))
EDGEQ_MODEL_VR(Q6_Vw_vasr_VwR, w, 32, u.w[i] >> (r & 31))
EDGEQ_MODEL_VR(Q6_Vuw_vlsr_VuwR, uw, 32, u.uw[i] >> (r & 31))
EDGEQ_MODEL_VR(Q6_Vh_vasr_VhR, h, 64, (int16_t)(u.h[i] >> (r & 15)))

static inline HVX_Vector Q6_Vw_vasracc_VwVwR(HVX_Vector x, HVX_Vector u, int32_t r)
{
    return Q6_Vw_vadd_VwVw(x, Q6_Vw_vasr_VwR(u, r));
}

static inline HVX_Vector Q6_Vh_vasracc_VhVhR(HVX_Vector x, HVX_Vector u, int32_t r)
{
    return Q6_Vh_vadd_VhVh(x, Q6_Vh_vasr_VhR(u, r));
}

/* ---- Predicates -------------------------------------------------------------------------- */

/* The first bytes; of all 128 the first form sets none, the second all, and the second of none all. */
static inline HVX_VectorPred Q6_Q_vsetq_R(int32_t r)
{
    HVX_VectorPred q;

    for (int i = 0; i < 128; ++i) {
        q.bits[i] = i < (r & 127);
    }
    return q;
}

static inline HVX_VectorPred Q6_Q_vsetq2_R(int32_t r)
{
    HVX_VectorPred q;

    for (int i = 0; i < 128; ++i) {
        q.bits[i] = i <= ((r - 1) & 127);
    }
    return q;
}

static inline HVX_VectorPred Q6_Q_and_QQn(HVX_VectorPred s, HVX_VectorPred t)
{
    for (int i = 0; i < 128; ++i) {
        s.bits[i] = s.bits[i] & !t.bits[i];
    }
    return s;
}

static inline HVX_VectorPred Q6_Q_vcmp_gt_VwVw(HVX_Vector u, HVX_Vector v)
{
    HVX_VectorPred q;

    for (int i = 0; i < 128; ++i) {
        q.bits[i] = u.w[i / 4] > v.w[i / 4];
    }
    return q;
}

static inline HVX_VectorPred Q6_Q_vcmp_gt_VuwVuw(HVX_Vector u, HVX_Vector v)
{
    HVX_VectorPred q;

    for (int i = 0; i < 128; ++i) {
        q.bits[i] = u.uw[i / 4] > v.uw[i / 4];
    }
    return q;
}

static inline HVX_Vector Q6_V_vmux_QVV(HVX_VectorPred q, HVX_Vector u, HVX_Vector v)
{
    for (int i = 0; i < 128; ++i) {
        u.b[i] = q.bits[i] ? u.b[i] : v.b[i];
    }
    return u;
}

/* Each lane has four bits, of which the first counts. */
static inline HVX_Vector Q6_Vw_condacc_QVwVw(HVX_VectorPred q, HVX_Vector x, HVX_Vector u)
{
    for (int i = 0; i < 32; ++i) {
        x.uw[i] += q.bits[4 * i] ? u.uw[i] : 0u;
    }
    return x;
}

/* The address loses its lowest seven bits. */
static inline void Q6_vmem_QRIV(HVX_VectorPred q, HVX_Vector *p, HVX_Vector x)
{
    int8_t *const block = (int8_t *)((uintptr_t)p & ~(uintptr_t)127u);

    for (int i = 0; i < 128; ++i) {
        if (q.bits[i]) {
            block[i] = x.b[i];
        }
    }
}

/* ---- Bytes in other places --------------------------------------------------------------- */

static inline HVX_Vector Q6_V_lo_W(HVX_VectorPair u)
{
    return u.v[0];
}

static inline HVX_Vector Q6_V_hi_W(HVX_VectorPair u)
{
    return u.v[1];
}

static inline HVX_VectorPair Q6_W_vcombine_VV(HVX_Vector u, HVX_Vector v)
{
    const HVX_VectorPair y = {{v, u}};

    return y;
}

EDGEQ_MODEL_VR(Q6_V_vror_VR, b, 128, u.b[(i + r) & 127])

/* Exchange bytes so far apart; of no distance, none. */
static inline HVX_VectorPair edgeq_model_exchange(HVX_VectorPair y, int distance)
{
    for (int i = 0; i < 128; ++i) {
        if (distance != 0 && (i & distance) == 0) {
            const int8_t byte = y.v[1].b[i];

            y.v[1].b[i] = y.v[0].b[i + distance];
            y.v[0].b[i + distance] = byte;
        }
    }
    return y;
}

/* Exchange what the bits of r tell: bytes so far apart, smallest distances first. */
static inline HVX_VectorPair Q6_W_vshuff_VVR(HVX_Vector u, HVX_Vector v, int32_t r)
{
    HVX_VectorPair y = {{v, u}};

    for (int distance = 1; distance < 128; distance *= 2) {
        y = edgeq_model_exchange(y, r & distance);
    }
    return y;
}

EDGEQ_MODEL_VV(Q6_Vh_vpack_VwVw_sat, h, 64, edgeq_model_sat16(i < 32 ? v.w[i & 31] : u.w[i & 31]))
EDGEQ_MODEL_VV(Q6_Vb_vpack_VhVh_sat, b, 128, edgeq_model_sat8(i < 64 ? v.h[i & 63] : u.h[i & 63]))
EDGEQ_MODEL_VV(Q6_Vh_vsat_VwVw, h, 64, edgeq_model_sat16((i & 1) != 0 ? u.w[i / 2] : v.w[i / 2]))

static inline HVX_Vector Q6_Vb_vasr_VhVhR_sat(HVX_Vector u, HVX_Vector v, int32_t r)
{
    HVX_Vector y;

    for (int i = 0; i < 64; ++i) {
        y.b[2 * i] = edgeq_model_sat8(v.h[i] >> (r & 7));
        y.b[2 * i + 1] = edgeq_model_sat8(u.h[i] >> (r & 7));
    }
    return y;
}

/* The two halves of a vector interleaved by bytes. */
EDGEQ_MODEL_VR(edgeq_model_interleave, b, 128, u.b[i / 2 + ((i & 1) != 0 ? r : 0)])

static inline HVX_Vector Q6_Vb_vshuff_Vb(HVX_Vector u)
{
    return edgeq_model_interleave(u, 64);
}

/* Of a table of 32 bytes, interleaved with another, those that codes with these upper bits choose. */
static inline HVX_Vector Q6_Vb_vlut32_VbVbI(HVX_Vector u, HVX_Vector v, int32_t part)
{
    HVX_Vector y;

    for (int i = 0; i < 128; ++i) {
        const int place = 2 * (u.ub[i] & 63) + ((part >> 1) & 1);

        y.b[i] = (int8_t)(u.ub[i] >> 5 == part ? v.b[place] : 0);
    }
    return y;
}

static inline HVX_Vector Q6_Vb_vlut32or_VbVbVbI(HVX_Vector x, HVX_Vector u, HVX_Vector v, int32_t part)
{
    return Q6_V_vor_VV(x, Q6_Vb_vlut32_VbVbI(u, v, part));
}

/* ---- Products ---------------------------------------------------------------------------- */

static inline int32_t edgeq_model_dot(const uint8_t *u, const int8_t *v)
{
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2] + u[3] * v[3];
}

static inline HVX_Vector Q6_Vw_vrmpyacc_VwVubVb(HVX_Vector x, HVX_Vector u, HVX_Vector v)
{
    for (int i = 0; i < 32; ++i) {
        x.uw[i] += (uint32_t)edgeq_model_dot(u.ub + 4 * i, v.b + 4 * i);
    }
    return x;
}

static inline HVX_Vector Q6_Vw_vrmpyacc_VwVubRb(HVX_Vector x, HVX_Vector u, int32_t r)
{
    return Q6_Vw_vrmpyacc_VwVubVb(x, u, Q6_V_vsplat_R(r));
}

/* Bytes at even places in the low half, at odd ones in the other. */
static inline HVX_VectorPair Q6_Wh_vmpyacc_WhVbVb(HVX_VectorPair x, HVX_Vector u, HVX_Vector v)
{
    for (int i = 0; i < 128; ++i) {
        int16_t *const lane = x.v[i & 1].h + i / 2;

        *lane = (int16_t)(*lane + u.b[i] * v.b[i]);
    }
    return x;
}

static inline HVX_VectorPair Q6_Wh_vmpy_VbVb(HVX_Vector u, HVX_Vector v)
{
    return Q6_Wh_vmpyacc_WhVbVb(Q6_W_vcombine_VV(Q6_V_vzero(), Q6_V_vzero()), u, v);
}

static inline HVX_VectorPair Q6_Ww_vaddacc_WwVhVh(HVX_VectorPair x, HVX_Vector u, HVX_Vector v)
{
    for (int i = 0; i < 64; ++i) {
        x.v[i & 1].uw[i / 2] += (uint32_t)(u.h[i] + v.h[i]);
    }
    return x;
}

static inline HVX_VectorPair Q6_Ww_vadd_VhVh(HVX_Vector u, HVX_Vector v)
{
    return Q6_Ww_vaddacc_WwVhVh(Q6_W_vcombine_VV(Q6_V_vzero(), Q6_V_vzero()), u, v);
}

/* Words times the lower halves of words, without sign: 48 bits, the upper 32 of them, or all 64. */
static inline int64_t edgeq_model_even(HVX_Vector u, HVX_Vector v, int i)
{
    return (int64_t)u.w[i] * (int32_t)(v.uw[i] & 0xffffu);
}

static inline int64_t edgeq_model_odd(HVX_Vector u, HVX_Vector v, int i)
{
    return (int64_t)u.w[i] * (v.w[i] >> 16);
}

EDGEQ_MODEL_VV(Q6_Vw_vmpye_VwVuh, w, 32, (int32_t)(edgeq_model_even(u, v, i) >> 16))

static inline HVX_Vector Q6_Vw_vmpyoacc_VwVwVh_s1_sat_shift(HVX_Vector x, HVX_Vector u, HVX_Vector v)
{
    for (int i = 0; i < 32; ++i) {
        x.w[i] = edgeq_model_clamp((x.w[i] + edgeq_model_odd(u, v, i)) >> 15, INT32_MIN, INT32_MAX);
    }
    return x;
}

static inline HVX_Vector Q6_Vw_vmpyoacc_VwVwVh_s1_rnd_sat_shift(HVX_Vector x, HVX_Vector u, HVX_Vector v)
{
    for (int i = 0; i < 32; ++i) {
        const int64_t sum = x.w[i] + edgeq_model_odd(u, v, i);

        x.w[i] = edgeq_model_clamp((sum + (1 << 14)) >> 15, INT32_MIN, INT32_MAX);
    }
    return x;
}

static inline HVX_VectorPair Q6_W_vmpye_VwVuh(HVX_Vector u, HVX_Vector v)
{
    HVX_VectorPair y;

    for (int i = 0; i < 32; ++i) {
        const int64_t product = edgeq_model_even(u, v, i);

        y.v[0].uw[i] = (uint32_t)((uint64_t)product << 16);
        y.v[1].w[i] = (int32_t)(product >> 16);
    }
    return y;
}

static inline HVX_VectorPair Q6_W_vmpyoacc_WVwVh(HVX_VectorPair x, HVX_Vector u, HVX_Vector v)
{
    for (int i = 0; i < 32; ++i) {
        const int64_t sum = edgeq_model_odd(u, v, i) + x.v[1].w[i];

        x.v[0].uw[i] = (uint32_t)((uint64_t)sum << 16) | x.v[0].uw[i] >> 16;
        x.v[1].w[i] = (int32_t)(sum >> 16);
    }
    return x;
}

/* ---- Of resizing, products, softmax and copies --------------------------------------------- */

/* A byte or a half of a register, with its sign. */
static inline int edgeq_model_byte(int32_t r, int i)
{
    return (int8_t)((uint32_t)r >> (8 * i));
}

static inline int edgeq_model_half(int32_t r, int i)
{
    return (int16_t)((uint32_t)r >> (16 * i));
}

EDGEQ_MODEL_VV(Q6_Vb_vpacko_VhVh, b, 128, i < 64 ? v.b[2 * (i & 63) + 1] : u.b[2 * (i & 63) + 1])
EDGEQ_MODEL_VV(Q6_Vh_vpacko_VwVw, h, 64, i < 32 ? v.h[2 * (i & 31) + 1] : u.h[2 * (i & 31) + 1])

/* The lower 16 or 32 bits of products with the bytes or halves of a register in turn. */
EDGEQ_MODEL_VR(Q6_Vh_vmpyi_VhRb, h, 64, (int16_t)(u.h[i] * edgeq_model_byte(r, i & 3)))
EDGEQ_MODEL_VR(Q6_Vw_vmpyi_VwRh, uw, 32, (uint32_t)((int64_t)u.w[i] * edgeq_model_half(r, i & 1)))

static inline HVX_Vector Q6_Vh_vmpyiacc_VhVhRb(HVX_Vector x, HVX_Vector u, int32_t r)
{
    return Q6_Vh_vadd_VhVh(x, Q6_Vh_vmpyi_VhRb(u, r));
}

static inline HVX_Vector Q6_Vw_vmpyiacc_VwVwRh(HVX_Vector x, HVX_Vector u, int32_t r)
{
    return Q6_Vw_vadd_VwVw(x, Q6_Vw_vmpyi_VwRh(u, r));
}

/* Halves at even places in the low half, at odd ones in the other. */
static inline HVX_VectorPair Q6_Ww_vmpyacc_WwVhRh(HVX_VectorPair x, HVX_Vector u, int32_t r)
{
    for (int i = 0; i < 64; ++i) {
        x.v[i & 1].uw[i / 2] += (uint32_t)(u.h[i] * edgeq_model_half(r, i & 1));
    }
    return x;
}

static inline HVX_VectorPair Q6_Ww_vmpy_VhRh(HVX_Vector u, int32_t r)
{
    return Q6_Ww_vmpyacc_WwVhRh(Q6_W_vcombine_VV(Q6_V_vzero(), Q6_V_vzero()), u, r);
}

/* The same bytes as 16 bits, in order. */
static inline HVX_VectorPair Q6_Wh_vunpack_Vb(HVX_Vector u)
{
    HVX_VectorPair y;

    for (int i = 0; i < 128; ++i) {
        y.v[i / 64].h[i % 64] = u.b[i];
    }
    return y;
}

EDGEQ_MODEL_VV(Q6_Vb_vadd_VbVb, b, 128, (int8_t)(u.b[i] + v.b[i]))

static inline HVX_VectorPred Q6_Q_vcmp_gt_VbVb(HVX_Vector u, HVX_Vector v)
{
    HVX_VectorPred q;

    for (int i = 0; i < 128; ++i) {
        q.bits[i] = u.b[i] > v.b[i];
    }
    return q;
}

/* Undo the exchanges of shuffling, largest distances first. */
static inline HVX_VectorPair Q6_W_vdeal_VVR(HVX_Vector u, HVX_Vector v, int32_t r)
{
    HVX_VectorPair y = {{v, u}};

    for (int distance = 64; distance > 0; distance /= 2) {
        y = edgeq_model_exchange(y, r & distance);
    }
    return y;
}

/* In steps, largest distances first, a byte comes from as far as its control tells. */
static inline HVX_Vector Q6_V_vdelta_VV(HVX_Vector u, HVX_Vector v)
{
    for (int distance = 64; distance > 0; distance /= 2) {
        const HVX_Vector x = u;

        for (int i = 0; i < 128; ++i) {
            u.b[i] = x.b[i ^ (v.ub[i] & distance)];
        }
    }
    return u;
}

static inline HVX_VectorPair Q6_Wuw_vunpack_Vuh(HVX_Vector u)
{
    HVX_VectorPair y;

    for (int i = 0; i < 64; ++i) {
        y.v[i / 32].uw[i % 32] = u.uh[i];
    }
    return y;
}

static inline HVX_VectorPair Q6_Ww_vmpy_VhVh(HVX_Vector u, HVX_Vector v)
{
    HVX_VectorPair y;

    for (int i = 0; i < 64; ++i) {
        y.v[i & 1].w[i / 2] = u.h[i] * v.h[i];
    }
    return y;
}

EDGEQ_MODEL_VV(Q6_Vb_vsub_VbVb, b, 128, (int8_t)(u.b[i] - v.b[i]))

static inline HVX_Vector Q6_Vuw_vrmpyacc_VuwVubRub(HVX_Vector x, HVX_Vector u, int32_t r)
{
    for (int i = 0; i < 128; ++i) {
        x.uw[i / 4] += u.ub[i] * ((uint32_t)r >> 8 * (i & 3) & 0xffu);
    }
    return x;
}

EDGEQ_MODEL_VV(Q6_Vh_vavg_VhVh_rnd, h, 64, (int16_t)((u.h[i] + v.h[i] + 1) >> 1))

static inline HVX_VectorPred Q6_Q_vcmp_eq_VwVw(HVX_Vector u, HVX_Vector v)
{
    HVX_VectorPred q;

    for (int i = 0; i < 128; ++i) {
        q.bits[i] = u.w[i / 4] == v.w[i / 4];
    }
    return q;
}

EDGEQ_MODEL_VV(Q6_Vb_vshuffo_VbVb, b, 128, (i & 1) != 0 ? u.b[i] : v.b[i + 1])
EDGEQ_MODEL_VV(Q6_Vh_vshuffo_VhVh, h, 64, (i & 1) != 0 ? u.h[i] : v.h[i + 1])
EDGEQ_MODEL_VV(Q6_Vw_vmpyie_VwVuh, uw, 32, u.uw[i] * (v.uw[i] & 0xffffu))

/* ---- Products of bytes alone, four to a lane --------------------------------------------- */

static inline HVX_Vector Q6_Vw_vrmpy_VbVb(HVX_Vector u, HVX_Vector v)
{
    HVX_Vector y;

    for (int i = 0; i < 32; ++i) {
        const int8_t *const a = u.b + 4 * i;
        const int8_t *const b = v.b + 4 * i;

        y.w[i] = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
    }
    return y;
}

#endif
