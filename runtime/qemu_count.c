/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A plugin of QEMU that counts executed guest instructions between marks. It is for measuring only:
 * edgeq builds it where it is used, and generated code neither contains it nor needs it.
 *
 *     mark=ADDRESS   a function: its entry is a mark
 *     syscall=N      so is a system call of this number
 *     skip=LOW-HIGH  do not count at these addresses, HIGH excluded; may be given several times
 *     window=N       also tell how often each address was executed between mark N and the next one
 *     out=FILE       where the lines go: `mark COUNT` each, then `pc ADDRESS COUNT` for the window
 *
 * Numbers are hexadecimal after 0x. COUNT is exact for one thread. Built with QEMU_PLUGIN_API=1
 * (the default, QEMU 4.2 to 8.2) or 4 (QEMU 9.1 and later). The functions of the interface are
 * declared here, so that neither its header nor GLib need be installed.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef QEMU_PLUGIN_API
#define QEMU_PLUGIN_API 1
#endif
#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*simple_callback)(plugin_id, void *);
typedef void (*translate_callback)(plugin_id, struct qemu_plugin_tb *);
typedef void (*execute_callback)(unsigned int, void *);
typedef void (*syscall_callback)(plugin_id, unsigned int, int64_t, uint64_t, uint64_t, uint64_t,
                                 uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
enum {
    INLINE_ADD_U64 = 0,
    CALLBACK_NO_REGISTERS = 0
};

/* The two sides of the interface: what QEMU has, and what it looks for here. */
EXPORTED extern int qemu_plugin_version;
EXPORTED int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, translate_callback);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, syscall_callback);
void qemu_plugin_register_atexit_cb(plugin_id, simple_callback, void *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, execute_callback, int, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);

enum {
    PLACES = 1 << 20,
    BUCKETS = 4 * PLACES,
    RANGES = 16
};

typedef struct {
    uint64_t low;
    uint64_t high;
} range;

static uint64_t mark_address = UINT64_MAX;
static int64_t mark_syscall = -1;
static range skipped[RANGES];
static size_t skipped_ranges;
static int64_t window = -1;
static FILE *output;

/* The addresses seen, in the order of their first translation, and a hash table of their places. */
static uint64_t addresses[PLACES];
static uint64_t at_window[PLACES];
static size_t used;
static uint32_t buckets[BUCKETS];
static int64_t marks;
static size_t in_window;

/* What one place was executed, and the instruction that counts it, by version of the interface. */
#if QEMU_PLUGIN_API == 1
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *, uint64_t);

EXPORTED int qemu_plugin_version = 1;
static uint64_t counts[PLACES];

static void start_counters(void)
{
}

static uint64_t counted(size_t place)
{
    return counts[place];
}

static void count_at(struct qemu_plugin_insn *instruction, size_t place)
{
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD_U64, &counts[place], 1);
}
#else
struct qemu_plugin_scoreboard;
typedef struct {
    struct qemu_plugin_scoreboard *board;
    size_t offset;
} board_entry;
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t);
uint64_t qemu_plugin_u64_sum(board_entry);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *, int, board_entry,
                                                         uint64_t);

EXPORTED int qemu_plugin_version = 4;
static struct qemu_plugin_scoreboard *board;

static void start_counters(void)
{
    board = qemu_plugin_scoreboard_new(PLACES * sizeof(uint64_t));
}

static board_entry entry(size_t place)
{
    const board_entry found = {board, place * sizeof(uint64_t)};

    return found;
}

static uint64_t counted(size_t place)
{
    return qemu_plugin_u64_sum(entry(place));
}

static void count_at(struct qemu_plugin_insn *instruction, size_t place)
{
    qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, INLINE_ADD_U64, entry(place), 1);
}
#endif

/* Return the place of an address: an instruction is translated again with each block it is in. */
static size_t place_of(uint64_t address)
{
    size_t bucket = (size_t)((address * UINT64_C(0x9E3779B97F4A7C15)) >> 40) % BUCKETS;

    while (buckets[bucket] != 0 && addresses[buckets[bucket] - 1] != address) {
        bucket = (bucket + 1) % BUCKETS;
    }
    if (buckets[bucket] == 0) {
        if (used == PLACES) {
            fprintf(stderr, "qemu_count: more than %d instructions\n", (int)PLACES);
            exit(EXIT_FAILURE);
        }
        addresses[used] = address;
        used += 1;
        buckets[bucket] = (uint32_t)used;
    }
    return buckets[bucket] - 1;
}

static int is_skipped(uint64_t address)
{
    for (size_t i = 0; i < skipped_ranges; ++i) {
        if (address >= skipped[i].low && address < skipped[i].high) {
            return 1;
        }
    }
    return 0;
}

static void open_window(void)
{
    for (size_t place = 0; place < used; ++place) {
        at_window[place] = counted(place);
    }
}

static void close_window(void)
{
    for (size_t place = 0; place < used; ++place) {
        at_window[place] = counted(place) - at_window[place];
    }
    in_window = used;
}

static void mark(unsigned int processor, void *unused)
{
    uint64_t total = 0;

    (void)processor;
    (void)unused;
    for (size_t place = 0; place < used; ++place) {
        total += counted(place);
    }
    fprintf(output, "mark %" PRIu64 "\n", total);
    if (window >= 0 && marks == window) {
        open_window();
    }
    if (window >= 0 && marks == window + 1) {
        close_window();
    }
    marks += 1;
}

static void on_syscall(plugin_id id, unsigned int processor, int64_t number, uint64_t a1, uint64_t a2,
                       uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number == mark_syscall) {
        mark(processor, NULL);
    }
}

static void translate(plugin_id id, struct qemu_plugin_tb *block)
{
    const size_t length = qemu_plugin_tb_n_insns(block);

    (void)id;
    for (size_t i = 0; i < length; ++i) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);

        if (address == mark_address) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, mark, CALLBACK_NO_REGISTERS, NULL);
        }
        if (!is_skipped(address)) {
            count_at(instruction, place_of(address));
        }
    }
}

static void finish(plugin_id id, void *unused)
{
    (void)id;
    (void)unused;
    for (size_t place = 0; place < in_window; ++place) {
        if (at_window[place] != 0) {
            fprintf(output, "pc 0x%" PRIx64 " %" PRIu64 "\n", addresses[place], at_window[place]);
        }
    }
    fclose(output);
}

static int is_option(const char *argument, const char *name, const char **value)
{
    const size_t length = strlen(name);

    *value = argument + length;
    return strncmp(argument, name, length) == 0;
}

static int take(const char *argument)
{
    const char *value;
    char *end;

    if (is_option(argument, "mark=", &value)) {
        mark_address = strtoull(value, NULL, 0);
    } else if (is_option(argument, "syscall=", &value)) {
        mark_syscall = strtoll(value, NULL, 0);
    } else if (is_option(argument, "window=", &value)) {
        window = strtoll(value, NULL, 0);
    } else if (is_option(argument, "out=", &value)) {
        output = fopen(value, "w");
    } else if (is_option(argument, "skip=", &value) && skipped_ranges < RANGES) {
        skipped[skipped_ranges].low = strtoull(value, &end, 0);
        skipped[skipped_ranges].high = *end == '-' ? strtoull(end + 1, NULL, 0) : 0;
        skipped_ranges += 1;
    } else {
        fprintf(stderr, "qemu_count: unknown option '%s'\n", argument);
        return 0;
    }
    return 1;
}

int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments)
{
    (void)info;
    for (int i = 0; i < count; ++i) {
        if (!take(arguments[i])) {
            return -1;
        }
    }
    if (output == NULL) {
        fprintf(stderr, "qemu_count: out=FILE is missing or cannot be written\n");
        return -1;
    }
    start_counters();
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    if (mark_syscall >= 0) {
        qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    }
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
