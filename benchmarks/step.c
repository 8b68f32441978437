/* Count how often a program of this machine executes each address, by single steps: for processors
 * that no emulator has. x86-64 Linux; the program is static and at the addresses it was linked for.
 *
 *     step MARK WINDOW LIMIT PROGRAM ARGUMENTS...
 *
 * Steps from execution WINDOW of the function at address MARK to the next one, LIMIT steps at most,
 * and writes a line `pc ADDRESS COUNT` each to standard error.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/reg.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PLACES = 1 << 18,
    FAILED = 1
};

static uint64_t addresses[PLACES];
static uint64_t counts[PLACES];

static void count(uint64_t address)
{
    size_t place = (size_t)(address * UINT64_C(0x9E3779B97F4A7C15) >> 40) % PLACES;

    while (counts[place] != 0 && addresses[place] != address) {
        place = (place + 1) % PLACES;
    }
    addresses[place] = address;
    counts[place] += 1;
}

static uint64_t where(pid_t child)
{
    return (uint64_t)ptrace(PTRACE_PEEKUSER, child, sizeof(long) * RIP, NULL);
}

/* Let the child go on until its next trap; return whether there was one. */
static int resume(pid_t child, int request)
{
    int status;

    return ptrace(request, child, NULL, NULL) == 0 && waitpid(child, &status, 0) == child &&
           WIFSTOPPED(status);
}

/* Run to the function as often as asked: with a breakpoint, which stands aside for one step. */
static int run_to(pid_t child, uint64_t mark, long times)
{
    const long code = ptrace(PTRACE_PEEKTEXT, child, mark, NULL);
    const long trap = (code & ~0xFFL) | 0xCC;

    for (long i = 0; i <= times; ++i) {
        ptrace(PTRACE_POKETEXT, child, mark, trap);
        if (!resume(child, PTRACE_CONT) || where(child) != mark + 1) {
            return 0;
        }
        ptrace(PTRACE_POKETEXT, child, mark, code);
        ptrace(PTRACE_POKEUSER, child, sizeof(long) * RIP, mark);
        if (!resume(child, PTRACE_SINGLESTEP)) {
            return 0;
        }
    }
    return 1;
}

int main(int words, char **arguments)
{
    uint64_t mark;
    int status;
    pid_t child;

    if (words < 5) {
        return FAILED;
    }
    mark = strtoull(arguments[1], NULL, 0);
    child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(arguments[4], arguments + 4);
        _exit(FAILED);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        fprintf(stderr, "step: %s cannot be traced\n", arguments[4]);
        return FAILED;
    }
    if (!run_to(child, mark, strtol(arguments[2], NULL, 0))) {
        fprintf(stderr, "step: %s did not come to its mark\n", arguments[4]);
        return FAILED;
    }
    for (long left = strtol(arguments[3], NULL, 0); left > 0 && where(child) != mark; --left) {
        count(where(child));
        if (!resume(child, PTRACE_SINGLESTEP)) {
            break;
        }
    }
    kill(child, SIGKILL);
    for (size_t place = 0; place < PLACES; ++place) {
        if (counts[place] != 0) {
            fprintf(stderr, "pc 0x%" PRIx64 " %" PRIu64 "\n", addresses[place], counts[place]);
        }
    }
    return 0;
}
