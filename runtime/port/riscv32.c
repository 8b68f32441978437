/* The port of 32-bit RISC-V without a C library: Linux system calls, as user-mode emulators give. */
#include "port.h"

#include <stdint.h>
#include <string.h>

enum {
    SYS_READ = 63,
    SYS_WRITE = 64,
    SYS_EXIT_GROUP = 94
};

int main(int count, char **arguments);
void edgeq_start(const uintptr_t *stack) __attribute__((noreturn));

static intptr_t call(intptr_t number, intptr_t a, intptr_t b, intptr_t c)
{
    register intptr_t a7 __asm__("a7") = number;
    register intptr_t a0 __asm__("a0") = a;
    register intptr_t a1 __asm__("a1") = b;
    register intptr_t a2 __asm__("a2") = c;

    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2)
                     : "memory");
    return a0;
}

size_t port_read(void *to, size_t bytes)
{
    size_t done = 0;

    while (done < bytes) {
        const intptr_t got = call(SYS_READ, 0, (intptr_t)to + (intptr_t)done, (intptr_t)(bytes - done));

        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    return done;
}

static int write_all(intptr_t file, const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        const intptr_t put = call(SYS_WRITE, file, (intptr_t)from + (intptr_t)done, (intptr_t)(bytes - done));

        if (put <= 0) {
            return 0;
        }
        done += (size_t)put;
    }
    return 1;
}

int port_write(const void *from, size_t bytes)
{
    return write_all(1, from, bytes);
}

int port_flush(void)
{
    return 1;
}

void port_complain(const char *text)
{
    write_all(2, text, strlen(text));
}

/* The stack holds the number of arguments and then their addresses. */
void edgeq_start(const uintptr_t *stack)
{
    const int status = main((int)stack[0], (char **)(uintptr_t)(stack + 1));

    for (;;) {
        call(SYS_EXIT_GROUP, status, 0, 0);
    }
}

__asm__(".globl _start\n"
        "_start:\n"
        "    .option push\n"
        "    .option norelax\n"
        "    la gp, __global_pointer$\n"
        "    .option pop\n"
        "    mv a0, sp\n"
        "    andi sp, sp, -16\n"
        "    call edgeq_start\n");
