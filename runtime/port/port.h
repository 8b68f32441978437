/* What runtime/runner.c needs of the machine it runs on; one source file of this folder for each kind. */
#ifndef EDGEQ_PORT_H
#define EDGEQ_PORT_H

#include <stddef.h>
#include <stdint.h>

/* Read up to so many bytes of the input; return how many there were. */
size_t port_read(void *to, size_t bytes);

/* Write to the output; return whether all of it was taken. */
int port_write(const void *from, size_t bytes);

/* Hand on what was written so far; return whether that worked. */
int port_flush(void);

/* Write a text to the standard error of whoever started the program. */
void port_complain(const char *text);

/* The stack pointer of the function that this is inlined into. */
__attribute__((always_inline)) static inline uint8_t *port_stack(void)
{
    uint8_t *top;

#if defined(__riscv)
    __asm__ volatile("mv %0, sp"
                     : "=r"(top));
#elif defined(__hexagon__)
    __asm__ volatile("%0 = r29"
                     : "=r"(top));
#elif defined(__x86_64__)
    __asm__ volatile("mov %%rsp, %0"
                     : "=r"(top));
#else
    __asm__ volatile("mov %0, sp"
                     : "=r"(top));
#endif
    return top;
}

#endif
