/* A port through Linux system calls, as user-mode emulators give, where there is no C library. Who
 * includes it has said how the processor calls: call(number, a, b, c). */
#include <stdint.h>
#include <string.h>

enum {
    SYS_READ = 63,
    SYS_WRITE = 64,
    SYS_EXIT_GROUP = 94
};

int main(int count, char **arguments);

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
void edgeq_start(const uintptr_t *stack) __attribute__((noreturn, used));
void edgeq_start(const uintptr_t *stack)
{
    const int status = main((int)stack[0], (char **)(uintptr_t)(stack + 1));

    for (;;) {
        call(SYS_EXIT_GROUP, status, 0, 0);
    }
}
