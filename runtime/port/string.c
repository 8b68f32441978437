/* memcpy, memmove, memset, strcmp and strlen, small; words at a time where addresses allow, the usual case. */
#include <stdint.h>
#include <string.h>

enum {
    WORD = sizeof(uint32_t)
};

/* A word that may lie over any other type. */
typedef uint32_t word __attribute__((may_alias));

/* Compilers must not turn the loops below into calls of the functions that they are in. */
#if defined(__clang__)
#define PLAIN __attribute__((no_builtin))
#else
#define PLAIN __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    unsigned char *target = to;
    const unsigned char *source = from;

    if (((uintptr_t)target | (uintptr_t)source) % WORD == 0) {
        for (; bytes >= 4 * WORD; bytes -= 4 * WORD) {
            const word *const s = (const word *)(const void *)source;
            word *const t = (word *)(void *)target;
            const word a = s[0];
            const word b = s[1];
            const word c = s[2];
            const word d = s[3];

            t[0] = a;
            t[1] = b;
            t[2] = c;
            t[3] = d;
            source += 4 * WORD;
            target += 4 * WORD;
        }
    }
    while (bytes-- > 0) {
        *target++ = *source++;
    }
    return to;
}

PLAIN void *memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *const target = to;
    const unsigned char *const source = from;

    if ((uintptr_t)target - (uintptr_t)source >= bytes) {
        for (size_t i = 0; i < bytes; ++i) {
            target[i] = source[i];
        }
    } else {
        while (bytes-- > 0) {
            target[bytes] = source[bytes];
        }
    }
    return to;
}

PLAIN void *memset(void *to, int value, size_t bytes)
{
    const unsigned char byte = (unsigned char)value;
    const word filled = 0x01010101u * byte;
    unsigned char *target = to;

    if ((uintptr_t)target % WORD == 0) {
        for (; bytes >= WORD; bytes -= WORD) {
            *(word *)(void *)target = filled;
            target += WORD;
        }
    }
    while (bytes-- > 0) {
        *target++ = byte;
    }
    return to;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        ++a;
        ++b;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

PLAIN size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0') {
        ++length;
    }
    return length;
}
