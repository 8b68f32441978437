/* Run a network compiled as `net` for Hexagon, its arena and weights in memories of your choice, and
 * print a checksum of the output. */
#include <stdint.h>

#include "net.h"
#include "port.h"

/* With --arena vtcm=256K,ddr=4M there are two: NET_VTCM_SECTION and NET_DDR_SECTION. */
#ifndef NET_ARENA_SECTION
#define NET_ARENA_SECTION
#endif
#ifndef NET_VTCM_SECTION
#define NET_VTCM_SECTION
#endif
#ifndef NET_DDR_SECTION
#define NET_DDR_SECTION
#endif

/* Vectors are read and written at multiples of their 128 bytes. */
#define ALIGNED __attribute__((aligned(128)))

#ifdef NET_VTCM_BYTES
NET_VTCM_SECTION ALIGNED static uint8_t vtcm_memory[NET_VTCM_BYTES];
NET_DDR_SECTION ALIGNED static uint8_t ddr_memory[NET_DDR_BYTES];
#else
NET_ARENA_SECTION ALIGNED static uint8_t arena_memory[NET_ARENA_BYTES];
#endif

static int start(net_context *net)
{
#ifdef NET_VTCM_BYTES
    return net_init(net, vtcm_memory, NET_VTCM_BYTES, ddr_memory, NET_DDR_BYTES);
#else
    return net_init(net, arena_memory, NET_ARENA_BYTES);
#endif
}

/* Fill the first input with numbers that do not depend on anything. */
static void fill(net_context *net)
{
    uint8_t *const input = net_input(net, 0);
    uint32_t random = 1;

    for (int32_t i = 0; i < NET_INPUT0_BYTES; ++i) {
        random = random * 1664525u + 1013904223u;
        input[i] = (uint8_t)(random >> 24);
    }
}

/* FNV-1a of the first output. */
static uint32_t checksum(net_context *net)
{
    const uint8_t *const output = net_output(net, 0);
    uint32_t sum = 2166136261u;

    for (int32_t i = 0; i < NET_OUTPUT0_BYTES; ++i) {
        sum = (sum ^ output[i]) * 16777619u;
    }
    return sum;
}

static int print(uint32_t sum)
{
    char text[] = "output 00000000\n";

    for (int32_t digit = 14; digit >= 7; --digit) {
        text[digit] = "0123456789abcdef"[sum & 15u];
        sum >>= 4;
    }
    return port_write(text, sizeof text - 1);
}

int main(void)
{
    net_context net;

    if (start(&net) != NET_OK) {
        return 1;
    }
    fill(&net);
    if (net_run(&net) != NET_OK) {
        return 1;
    }
    return !print(checksum(&net));
}
