/* The port of 32-bit RISC-V without a C library: Linux system calls, as user-mode emulators give. */
#include "port.h"

#include <stdint.h>

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

#include "linux.h"

__asm__(".globl _start\n"
        "_start:\n"
        "    .option push\n"
        "    .option norelax\n"
        "    la gp, __global_pointer$\n"
        "    .option pop\n"
        "    mv a0, sp\n"
        "    andi sp, sp, -16\n"
        "    call edgeq_start\n");
