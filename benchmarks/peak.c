/* The most multiply-accumulates in a second that one core does, by instruction: registers only, with
 * more independent sums than an instruction has cycles of latency. A line each: `NAME MACS_PER_SECOND`.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
    SUMS = 12,
    STEPS = 200000,
    TRIES = 25
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void report(const char *name, double macs, double seconds)
{
    printf("%s %.6g\n", name, macs * SUMS * STEPS / seconds);
}

/* Define a function that reports instructions which add to %0 the products of %2 and %3; %1 is free.
 * In assembler, because a compiler computes what does not change before the loop.
 */
#define PEAK(function, name, type, macs, instructions)                  \
    static void function(void)                                          \
    {                                                                   \
        type sums[SUMS] = {{0}}, a = {0}, b = {0}, product;             \
        double best = 1e9;                                              \
                                                                        \
        for (int attempt = 0; attempt < TRIES; ++attempt) {             \
            const double start = now();                                 \
            double seconds;                                             \
                                                                        \
            for (int step = 0; step < STEPS; ++step) {                  \
                _Pragma("GCC unroll 12") for (int i = 0; i < SUMS; ++i) \
                {                                                       \
                    __asm__ volatile(instructions                       \
                                     : "+v"(sums[i]), "=&v"(product)    \
                                     : "v"(a), "v"(b));                 \
                }                                                       \
            }                                                           \
            seconds = now() - start;                                    \
            best = seconds < best ? seconds : best;                     \
        }                                                               \
        report(name, macs, best);                                       \
    }

#ifdef __AVX512VNNI__
PEAK(vnni, "VPDPBUSD", __m512i, 64, "vpdpbusd %3, %2, %0")
#elif defined __AVXVNNI__
PEAK(vnni, "VPDPBUSD", __m256i, 32, "%{vex%} vpdpbusd %3, %2, %0")
#endif
#ifdef __AVX2__
PEAK(maddubs, "VPMADDUBSW+VPMADDWD+VPADDD", __m256i, 32,
     "vpmaddubsw %3, %2, %1\n\tvpmaddwd %3, %1, %1\n\tvpaddd %1, %0, %0")
PEAK(madd, "VPMADDWD+VPADDD", __m256i, 16, "vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0")
#endif
#ifdef __FMA__
PEAK(floats, "VFMADD231PS", __m256, 8, "vfmadd231ps %3, %2, %0")
#endif

int main(void)
{
#if defined __AVX512VNNI__ || defined __AVXVNNI__
    vnni();
#endif
#ifdef __AVX2__
    maddubs();
    madd();
#endif
#ifdef __FMA__
    floats();
#endif
    return 0;
}
