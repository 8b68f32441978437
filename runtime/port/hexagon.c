/* The port of Hexagon without a C library: Linux system calls, as user-mode emulators give. */
#include "port.h"

#include <stdint.h>
#include <string.h>

static intptr_t call(intptr_t number, intptr_t a, intptr_t b, intptr_t c)
{
    register intptr_t r6 __asm__("r6") = number;
    register intptr_t r0 __asm__("r0") = a;
    register intptr_t r1 __asm__("r1") = b;
    register intptr_t r2 __asm__("r2") = c;

    __asm__ volatile("trap0(#1)"
                     : "+r"(r0)
                     : "r"(r6), "r"(r1), "r"(r2)
                     : "memory");
    return r0;
}

#include "linux.h"

/* ---- What Clang calls where the processor has no instruction -------------------------------- */

/* The processor divides nothing; one bit of the quotient at a time. */
static uint64_t divided(uint64_t a, uint64_t b, uint64_t *rest)
{
    uint64_t quotient = 0;
    uint64_t left = 0;

    for (int bit = 63; bit >= 0; --bit) {
        left = left << 1 | ((a >> bit) & 1u);
        if (left >= b) {
            left -= b;
            quotient |= (uint64_t)1 << bit;
        }
    }
    *rest = left;
    return quotient;
}

static uint32_t divided_32(uint32_t a, uint32_t b, uint32_t *rest)
{
    uint32_t quotient = 0;
    int shift = b == 0 ? 0 : __builtin_clz(b) - (a == 0 ? 31 : __builtin_clz(a));

    for (; shift >= 0; --shift) {
        if (a >= b << shift) {
            a -= b << shift;
            quotient |= (uint32_t)1 << shift;
        }
    }
    *rest = a;
    return quotient;
}

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0u - (uint64_t)x : (uint64_t)x;
}

static uint32_t magnitude_32(int32_t x)
{
    return x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
}

uint32_t __hexagon_udivsi3(uint32_t a, uint32_t b);
uint32_t __hexagon_udivsi3(uint32_t a, uint32_t b)
{
    uint32_t rest;

    return divided_32(a, b, &rest);
}

uint32_t __hexagon_umodsi3(uint32_t a, uint32_t b);
uint32_t __hexagon_umodsi3(uint32_t a, uint32_t b)
{
    uint32_t rest;

    divided_32(a, b, &rest);
    return rest;
}

int32_t __hexagon_divsi3(int32_t a, int32_t b);
int32_t __hexagon_divsi3(int32_t a, int32_t b)
{
    uint32_t rest;
    const uint32_t quotient = divided_32(magnitude_32(a), magnitude_32(b), &rest);

    return (int32_t)((a < 0) != (b < 0) ? 0u - quotient : quotient);
}

int32_t __hexagon_modsi3(int32_t a, int32_t b);
int32_t __hexagon_modsi3(int32_t a, int32_t b)
{
    uint32_t rest;

    divided_32(magnitude_32(a), magnitude_32(b), &rest);
    return (int32_t)(a < 0 ? 0u - rest : rest);
}

uint64_t __hexagon_udivdi3(uint64_t a, uint64_t b);
uint64_t __hexagon_udivdi3(uint64_t a, uint64_t b)
{
    uint64_t rest;

    return divided(a, b, &rest);
}

uint64_t __hexagon_umoddi3(uint64_t a, uint64_t b);
uint64_t __hexagon_umoddi3(uint64_t a, uint64_t b)
{
    uint64_t rest;

    divided(a, b, &rest);
    return rest;
}

int64_t __hexagon_divdi3(int64_t a, int64_t b);
int64_t __hexagon_divdi3(int64_t a, int64_t b)
{
    uint64_t rest;
    const uint64_t quotient = divided(magnitude(a), magnitude(b), &rest);

    return (int64_t)((a < 0) != (b < 0) ? 0u - quotient : quotient);
}

int64_t __hexagon_moddi3(int64_t a, int64_t b);
int64_t __hexagon_moddi3(int64_t a, int64_t b)
{
    uint64_t rest;

    divided(magnitude(a), magnitude(b), &rest);
    return (int64_t)(a < 0 ? 0u - rest : rest);
}

/* A number of 64 bits apart: significand times 2^(exponent - 63), its highest bit set; 0 for zero. */
typedef struct {
    uint64_t sign;
    uint64_t significand;
    int exponent;
    int special;
} apart;

typedef union {
    double value;
    uint64_t bits;
} real;

static apart taken_apart(double x)
{
    const real number = {x};
    const int biased = (int)(number.bits >> 52 & 2047u);
    const uint64_t fraction = number.bits & (((uint64_t)1 << 52) - 1);
    apart a = {number.bits >> 63 << 63, 0, biased - 1023, biased == 2047};

    if (biased != 0) {
        a.significand = (fraction | (uint64_t)1 << 52) << 11;
    } else if (fraction != 0) {
        const int zeros = __builtin_clzll(fraction);

        a.significand = fraction << zeros;
        a.exponent = -1011 - zeros;
    }
    return a;
}

/* Rounded half to even; the lowest bit of the significand stands for all below it. */
static double put_together(uint64_t sign, uint64_t significand, int exponent)
{
    const int lost = exponent < -1022 ? -1022 - exponent : 0;
    const int right = 11 + (lost < 52 ? lost : 52);
    const uint64_t half = (uint64_t)1 << 63;
    const uint64_t beyond = lost == 53 ? significand : 1;
    const uint64_t gone = lost > 52 ? beyond : significand << (64 - right);
    uint64_t kept = lost > 52 ? 0 : significand >> right;
    real number;

    kept += gone > half || (gone == half && (kept & 1u) != 0);
    number.bits = lost != 0 ? kept : kept + ((uint64_t)(exponent + 1022) << 52);
    if (exponent > 1023 || number.bits >> 52 == 2047) {
        number.bits = (uint64_t)2047 << 52;
    }
    number.bits |= sign;
    return number.value;
}

/* What an operation on infinities, or with an undefined result, gives. */
static double infinite(uint64_t sign, int defined)
{
    const real number = {.bits = sign | (uint64_t)2047 << 52 | (defined ? 0u : (uint64_t)1 << 51)};

    return number.value;
}

static int is_no_number(apart a)
{
    return a.special && a.significand << 1 != 0;
}

double __hexagon_muldf3(double x, double y);
double __hexagon_muldf3(double x, double y)
{
    const apart a = taken_apart(x);
    const apart b = taken_apart(y);
    const uint64_t sign = a.sign ^ b.sign;
    const uint64_t a_low = a.significand & UINT32_MAX;
    const uint64_t b_low = b.significand & UINT32_MAX;
    const uint64_t a_high = a.significand >> 32;
    const uint64_t b_high = b.significand >> 32;
    const uint64_t low = a_low * b_low;
    const uint64_t middle = a_high * b_low + (low >> 32);
    const uint64_t other = a_low * b_high + (middle & UINT32_MAX);
    const uint64_t high = a_high * b_high + (middle >> 32) + (other >> 32);
    const uint64_t below = (other << 32) | (low & UINT32_MAX);
    const int zero = a.significand == 0 || b.significand == 0;

    if (a.special || b.special) {
        return infinite(sign, !is_no_number(a) && !is_no_number(b) && !zero);
    }
    if (zero) {
        const real nothing = {.bits = sign};

        return nothing.value;
    }
    if (high >> 63 != 0) {
        return put_together(sign, high | (below != 0), a.exponent + b.exponent + 1);
    }
    return put_together(sign, high << 1 | below >> 63 | (below << 1 != 0), a.exponent + b.exponent);
}

double __hexagon_divdf3(double x, double y);
double __hexagon_divdf3(double x, double y)
{
    const apart a = taken_apart(x);
    const apart b = taken_apart(y);
    const uint64_t sign = a.sign ^ b.sign;
    const int below = a.significand < b.significand;
    const real nothing = {.bits = sign};
    uint64_t left = a.significand >> !below;
    uint64_t quotient = 0;

    if (a.special || (b.significand == 0 && !b.special)) {
        return infinite(sign, !is_no_number(a) && !b.special && (a.significand != 0));
    }
    if (b.special || a.significand == 0) {
        return is_no_number(b) ? y : nothing.value;
    }
    /* Halved, the dividend may lose a bit that only the last digits of the quotient see. */
    for (int bit = 63; bit >= 0; --bit) {
        const uint64_t last = bit == 63 && !below ? a.significand & 1u : 0;
        const int carry = (int)(left >> 63);

        left = left << 1 | last;
        if (carry || left >= b.significand) {
            left -= b.significand;
            quotient |= (uint64_t)1 << bit;
        }
    }
    return put_together(sign, quotient | (left != 0), a.exponent - b.exponent - below);
}

void __hexagon_memcpy_likely_aligned_min32bytes_mult8bytes(void *to, const void *from, size_t bytes);
void __hexagon_memcpy_likely_aligned_min32bytes_mult8bytes(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
}

/* ---- Start-up -------------------------------------------------------------------------------- */

/* Vectors that a compiler keeps on the stack must be aligned as in memory. */
__asm__(".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "    { r0 = r29 }\n"
        "    { r29 = and(r29, #-128)\n"
        "      r30 = #0\n"
        "      r31 = #0 }\n"
        "    { jump edgeq_start }\n"
        ".size _start, . - _start\n");
