/* The functions that generated code, its runner and compilers take from a C library, where there is
 * none. */
#ifndef EDGEQ_PORT_STRING_H
#define EDGEQ_PORT_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int strcmp(const char *a, const char *b);
size_t strlen(const char *text);

#endif
