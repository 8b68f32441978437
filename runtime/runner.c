/* The program that runs one network for a host that emulates it: `program run N`, `program tensors N`,
 * `program count N`, `program stack N`.
 *
 * Reads the bytes of the inputs of N runs from standard input, and writes those of the outputs, or of
 * every tensor when the layer that computes it has ended, to standard output. What the network
 * remembers is handed on from run to run. `count` runs each twice,
 * whole and by layers, and calls edgeq_mark before and after the whole and every layer. `stack` writes
 * how many bytes of stack each run took, a uint32_t, in place of outputs. Exit status 0;
 * UNUSABLE for input that is too short or output that nobody takes; FAILED after a line on standard
 * error:
 *
 *     guard BLOCK OFFSET        a layer wrote outside its memory
 *     status VERB STATUS TEXT   a function of the network returned an error
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "port.h"

enum {
    FAILED = 80,
    UNUSABLE = 81
};
enum {
    GUARD = 4096,
    UNTOUCHED = 0xA5,
    PAINTED = 16384,
    WHOLE = -1
};

/* A function that is found in the program by its name and has its code to itself. */
#define MARKED __attribute__((noinline, used))

/* Linker scripts of boards place it where there is room. */
#define NETWORK_MEMORY __attribute__((section(".bss.network")))

/* Memory that a guard zone precedes and another follows. */
typedef struct {
    uint8_t *start;
    size_t bytes;
    size_t alignment;
} block;

/* A tensor and the layer that writes it; a state is in the context, not in a block. */
enum {
    CONTEXT = -1
};
typedef struct {
    int layer;
    int block;
    size_t offset;
    size_t bytes;
} tensor;

/* NETWORK(verb), network_context, ABI_VERSION, REGIONS of the arena, INPUTS, OUTPUTS, LAYERS, and the
 * two tables of this network. */
#include "edgeq-network.h"

MARKED void edgeq_mark(void);
MARKED int edgeq_marked(network_context *ctx, int layer);
MARKED int edgeq_painted(network_context *ctx, uint32_t *depth);

/* The order of the blocks: regions of the arena, inputs, outputs. */
enum {
    INPUT = REGIONS,
    OUTPUT = INPUT + INPUTS,
    BLOCKS = OUTPUT + OUTPUTS
};

/* An odd multiple of the alignment: code that needs more than was promised shows it. */
static uint8_t *start_of(int index)
{
    const size_t alignment = blocks[index].alignment;
    const size_t first = (size_t)((uintptr_t)blocks[index].start % (2 * alignment));
    const size_t step = (3 * alignment - first) % (2 * alignment);

    /* GUARD is a multiple of twice every alignment. */
    return blocks[index].start + GUARD + step;
}

/* It changes from byte to byte, so that a stray memset or copied row cannot look right. */
static uint8_t canary(size_t index)
{
    return (uint8_t)(index * 167u + 91u);
}

static void complain_number(long number)
{
    char text[3 * sizeof number + 2];
    char *first = text + sizeof text - 1;
    unsigned long left = number < 0 ? 0ul - (unsigned long)number : (unsigned long)number;

    *first = '\0';
    do {
        *--first = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (number < 0) {
        *--first = '-';
    }
    port_complain(first);
}

static void plant_guards(void)
{
    for (int index = 0; index < BLOCKS; ++index) {
        uint8_t *before = start_of(index) - GUARD;
        uint8_t *after = before + GUARD + blocks[index].bytes;

        for (size_t i = 0; i < GUARD; ++i) {
            before[i] = canary(i);
            after[i] = canary(i);
        }
    }
}

static int guards_are_whole(void)
{
    for (int index = 0; index < BLOCKS; ++index) {
        const uint8_t *before = start_of(index) - GUARD;
        const uint8_t *after = before + GUARD + blocks[index].bytes;

        for (size_t i = 0; i < GUARD; ++i) {
            if (before[i] != canary(i) || after[i] != canary(i)) {
                const long bytes = (long)blocks[index].bytes;
                const long from = before[i] != canary(i) ? -(long)GUARD : bytes;

                port_complain("guard ");
                complain_number(index);
                port_complain(" ");
                complain_number(from + (long)i);
                port_complain("\n");
                return 0;
            }
        }
    }
    return 1;
}

static int transfer_in(void)
{
    for (int index = INPUT; index < OUTPUT; ++index) {
        if (port_read(start_of(index), blocks[index].bytes) != blocks[index].bytes) {
            return 0;
        }
    }
    return 1;
}

static int transfer_out(int index, size_t offset, size_t bytes)
{
    return port_write(start_of(index) + offset, bytes);
}

static int tensor_out(const network_context *ctx, const tensor *each)
{
    if (each->block == CONTEXT) {
        return port_write((const uint8_t *)ctx + each->offset, each->bytes);
    }
    return transfer_out(each->block, each->offset, each->bytes);
}

static int layer_out(const network_context *ctx, int layer)
{
    for (const tensor *each = tensors; each->layer >= 0; ++each) {
        if (each->layer == layer && !tensor_out(ctx, each)) {
            return 0;
        }
    }
    /* Whoever reads this can tell which layer a crash was in. */
    return port_flush();
}

static int outputs_out(void)
{
    for (int index = OUTPUT; index < BLOCKS; ++index) {
        if (!transfer_out(index, 0, blocks[index].bytes)) {
            return 0;
        }
    }
    return 1;
}

static int sound(const char *verb, int status)
{
    if (status != 0) {
        port_complain("status ");
        port_complain(verb);
        port_complain(" ");
        complain_number(status);
        port_complain(" ");
        port_complain(NETWORK(strerror)(status));
        port_complain("\n");
    }
    return status == 0 && guards_are_whole();
}

static int begin(network_context *ctx)
{
    void *memory[REGIONS];
    size_t bytes[REGIONS];
    int status;

    plant_guards();
    for (int index = 0; index < REGIONS; ++index) {
        memory[index] = start_of(index);
        bytes[index] = blocks[index].bytes;
        memset(memory[index], UNTOUCHED, bytes[index]);
    }
    status = NETWORK(init_abi)(ctx, memory, bytes, ABI_VERSION, sizeof *ctx);
    for (int port = 0; status == 0 && port < INPUTS; ++port) {
        status = NETWORK(bind_input)(ctx, port, start_of(INPUT + port));
    }
    for (int port = 0; status == 0 && port < OUTPUTS; ++port) {
        status = NETWORK(bind_output)(ctx, port, start_of(OUTPUT + port));
    }
    return sound("init", status) ? 0 : FAILED;
}

static int all_layers(network_context *ctx)
{
    for (int layer = 0; layer < LAYERS; ++layer) {
        if (!sound("run_layer", NETWORK(run_layer)(ctx, layer))) {
            return FAILED;
        }
        if (!layer_out(ctx, layer)) {
            return UNUSABLE;
        }
    }
    return 0;
}

static int whole(network_context *ctx)
{
    if (!sound("run", NETWORK(run)(ctx))) {
        return FAILED;
    }
    return outputs_out() ? 0 : UNUSABLE;
}

/* A place that the emulator can watch. */
MARKED void edgeq_mark(void)
{
    __asm__ volatile("");
}

/* Run a layer, or the whole network for WHOLE. The code of these two functions is not counted. */
MARKED int edgeq_marked(network_context *ctx, int layer)
{
    int status;

    edgeq_mark();
    status = layer == WHOLE ? NETWORK(run)(ctx) : NETWORK(run_layer)(ctx, layer);
    edgeq_mark();
    return status;
}

static int marked(network_context *ctx)
{
    for (int layer = WHOLE; layer < LAYERS; ++layer) {
        if (!sound(layer == WHOLE ? "run" : "run_layer", edgeq_marked(ctx, layer))) {
            return FAILED;
        }
    }
    return outputs_out() ? 0 : UNUSABLE;
}

/* Run on a painted stack: depth is how far below this function the paint is gone. */
MARKED int edgeq_painted(network_context *ctx, uint32_t *depth)
{
    volatile uint8_t *const bottom = port_stack() - PAINTED;
    uint32_t whole = 0;
    int status;

    for (uint32_t i = 0; i < PAINTED; ++i) {
        bottom[i] = canary(i);
    }
    status = NETWORK(run)(ctx);
    while (whole < PAINTED && bottom[whole] == canary(whole)) {
        ++whole;
    }
    *depth = PAINTED - whole;
    return status;
}

static int painted(network_context *ctx)
{
    uint32_t depth;

    if (!sound("run", edgeq_painted(ctx, &depth))) {
        return FAILED;
    }
    return port_write(&depth, sizeof depth) ? 0 : UNUSABLE;
}

static int one_run(network_context *ctx, const char *mode)
{
    if (strcmp(mode, "tensors") == 0) {
        return all_layers(ctx);
    }
    if (strcmp(mode, "stack") == 0) {
        return painted(ctx);
    }
    return strcmp(mode, "count") == 0 ? marked(ctx) : whole(ctx);
}

/* A number without a sign; 0 for anything else. */
static long number_of(const char *text)
{
    long number = 0;

    for (; *text >= '0' && *text <= '9'; ++text) {
        number = 10 * number + (*text - '0');
    }
    return *text == '\0' ? number : 0;
}

int main(int count, char **arguments)
{
    /* Not on the stack: it may hold kilobytes of state. */
    static network_context ctx;
    int status = begin(&ctx);

    if (count != 3) {
        return UNUSABLE;
    }
    for (long left = number_of(arguments[2]); status == 0 && left > 0; --left) {
        if (!transfer_in()) {
            return UNUSABLE;
        }
        status = one_run(&ctx, arguments[1]);
    }
    if (status == 0 && !port_flush()) {
        return UNUSABLE;
    }
    return status;
}
