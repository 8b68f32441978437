/* The port of Cortex-M processors without an operating system: start-up code, and ARM semihosting as
 * the connection to a debugger or an emulator. Input and output are the files `input` and `output`. */
#include "port.h"

#include <stdint.h>
#include <string.h>

/* Operations of "Semihosting for AArch32 and AArch64" (ARM, 2021), section 5. */
enum {
    SYS_OPEN = 0x01,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20
};
enum {
    READ_BINARY = 1,
    WRITE_BINARY = 5,
    STOPPED = 0x20026, /* ADP_Stopped_ApplicationExit */
    FAULT_STATUS = 99,
    WORDS = 4,
    LINE = 128
};

int main(int count, char **arguments);

/* Of the linker script. */
extern uint32_t edgeq_data_load[], edgeq_data_start[], edgeq_data_end[];
extern uint32_t edgeq_bss_start[], edgeq_bss_end[], edgeq_stack_top[];

void edgeq_reset(void) __attribute__((noreturn));
void edgeq_fault(void) __attribute__((noreturn));

static uintptr_t semihost(uintptr_t operation, const void *argument)
{
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xab"
                     : "+r"(r0)
                     : "r"(r1)
                     : "memory");
    return r0;
}

static uintptr_t opened(const char *name, uintptr_t mode)
{
    const uintptr_t block[3] = {(uintptr_t)name, mode, strlen(name)};

    return semihost(SYS_OPEN, block);
}

/* The handle of a file, opened when it is first needed; handles are not 0. */
static uintptr_t handle(uintptr_t *known, const char *name, uintptr_t mode)
{
    if (*known == 0) {
        *known = opened(name, mode);
    }
    return *known;
}

size_t port_read(void *to, size_t bytes)
{
    static uintptr_t input;
    const uintptr_t block[3] = {handle(&input, "input", READ_BINARY), (uintptr_t)to, bytes};

    /* The answer is what is left. */
    return bytes - semihost(SYS_READ, block);
}

int port_write(const void *from, size_t bytes)
{
    static uintptr_t output;
    const uintptr_t block[3] = {handle(&output, "output", WRITE_BINARY), (uintptr_t)from, bytes};

    return semihost(SYS_WRITE, block) == 0;
}

int port_flush(void)
{
    return 1;
}

void port_complain(const char *text)
{
    semihost(SYS_WRITE0, text);
}

static void __attribute__((noreturn)) end(int status)
{
    const uintptr_t block[2] = {STOPPED, (uintptr_t)status};

    for (;;) {
        semihost(SYS_EXIT_EXTENDED, block);
    }
}

/* Split the command line at its blanks. */
static int split(char *line, char **words)
{
    int count = 0;

    for (char *at = line; *at != '\0' && count < WORDS;) {
        words[count++] = at;
        while (*at != '\0' && *at != ' ') {
            ++at;
        }
        while (*at == ' ') {
            *at++ = '\0';
        }
    }
    return count;
}

void edgeq_fault(void)
{
    port_complain("fault\n");
    end(FAULT_STATUS);
}

void edgeq_reset(void)
{
    static char line[LINE];
    static char *words[WORDS];
    const uintptr_t block[2] = {(uintptr_t)line, sizeof line};
    const uint32_t *from = edgeq_data_load;

#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    /* CPACR: full access to the floating-point and vector registers. */
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb");
#endif
    for (uint32_t *to = edgeq_data_start; to < edgeq_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = edgeq_bss_start; to < edgeq_bss_end;) {
        *to++ = 0;
    }
    if (semihost(SYS_GET_CMDLINE, block) != 0) {
        end(FAULT_STATUS);
    }
    end(main(split(line, words), words));
}

/* What the processor reads at reset, and where it goes at a fault. */
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    (uintptr_t)edgeq_stack_top, (uintptr_t)edgeq_reset, (uintptr_t)edgeq_fault, (uintptr_t)edgeq_fault,
    (uintptr_t)edgeq_fault, (uintptr_t)edgeq_fault, (uintptr_t)edgeq_fault, (uintptr_t)edgeq_fault,
    0, 0, 0, (uintptr_t)edgeq_fault,
    (uintptr_t)edgeq_fault, 0, (uintptr_t)edgeq_fault, (uintptr_t)edgeq_fault};
