/* Run a network compiled as `net` with --threads on one thread and on several: the same bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net.h"
#include "pool.h"

enum {
    RUNS = 50
};

/* One spare alignment, so that plain C can align the arena itself. */
static uint8_t memory[NET_ARENA_BYTES + NET_ARENA_ALIGN];
static uint8_t expected[NET_OUTPUT0_BYTES];

/* Fill the first input with numbers that do not depend on anything. */
static void fill(net_context *net)
{
    uint8_t *const input = net_input(net, 0);
    uint32_t random = 1;

    for (size_t i = 0; i < NET_INPUT0_BYTES; ++i) {
        random = random * 1664525u + 1013904223u;
        input[i] = (uint8_t)(random >> 24);
    }
}

/* The shortest of RUNS runs in milliseconds, or a negative number for an error. */
static double shortest(net_context *net)
{
    double best = -1.0;

    for (int run = 0; run < RUNS; ++run) {
        struct timespec begin;
        struct timespec end;
        double ms;

        fill(net);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        if (net_run(net) != NET_OK) {
            return -1.0;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
        best = best < 0.0 || ms < best ? ms : best;
    }
    return best;
}

int main(void)
{
    uint8_t *const arena = memory + (NET_ARENA_ALIGN - (uintptr_t)memory % NET_ARENA_ALIGN);
    net_context net;

    if (net_init(&net, arena, NET_ARENA_BYTES) != NET_OK) {
        return EXIT_FAILURE;
    }
    printf("1 thread: %.3f ms\n", shortest(&net));
    memcpy(expected, net_output(&net, 0), sizeof expected);
    for (int threads = 2; threads <= NET_THREADS; threads *= 2) {
        thread_pool *const pool = pool_start(threads);

        if (pool == NULL) {
            return EXIT_FAILURE;
        }
        net_set_parallel_for(&net, pool_run, pool);
        printf("%d threads: %.3f ms\n", threads, shortest(&net));
        net_set_parallel_for(&net, NULL, NULL);
        pool_stop(pool);
        if (memcmp(expected, net_output(&net, 0), sizeof expected) != 0) {
            puts("the outputs differ");
            return EXIT_FAILURE;
        }
    }
    puts("the same output every time");
    return EXIT_SUCCESS;
}
