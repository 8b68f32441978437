/* The port of a system with a C library: standard input, output and error. */
#include "port.h"

#include <stdio.h>

size_t port_read(void *to, size_t bytes)
{
    return fread(to, 1, bytes, stdin);
}

int port_write(const void *from, size_t bytes)
{
    return fwrite(from, 1, bytes, stdout) == bytes;
}

int port_flush(void)
{
    return fflush(stdout) == 0;
}

void port_complain(const char *text)
{
    fputs(text, stderr);
}
