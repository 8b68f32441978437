# The arena, guard zones, and the checks of arrays before their memory is used. Included by
# _host.pyx.

cdef enum:
    GUARD = 4096  # bytes before and after a region of the arena
    UNTOUCHED = 0xA5  # the arena's first contents: nothing may rely on zeros
    EDGE = 64  # bytes before and after an output that the session allocates


cdef uint8_t _CANARY[GUARD]


cdef void _fill_canary() noexcept nogil:
    # It changes from byte to byte, so a stray memset or copied row cannot look right.
    cdef size_t i
    for i in range(GUARD):
        _CANARY[i] = <uint8_t>(i * 167 + 91)


_fill_canary()


cdef Py_ssize_t _damage(const uint8_t *zone, size_t bytes) noexcept nogil:
    """Return the first changed byte of a guard zone, or -1."""
    cdef size_t i
    if memcmp(zone, _CANARY, bytes) == 0:
        return -1
    for i in range(bytes):
        if zone[i] != _CANARY[i]:
            return <Py_ssize_t>i
    return -1


cdef void _plant_around(uint8_t *start, size_t bytes, size_t guard) noexcept nogil:
    memcpy(start - guard, _CANARY, guard)
    memcpy(start + bytes, _CANARY, guard)


cdef int _check_around(uint8_t *start, size_t bytes, size_t guard, str what) except -1:
    """Raise ``VerifyError`` when a guard zone was written; mend both zones."""
    cdef Py_ssize_t before = _damage(start - guard, guard)
    cdef Py_ssize_t after = _damage(start + bytes, guard)
    if before < 0 and after < 0:
        return 0
    _plant_around(start, bytes, guard)
    offset = before - <Py_ssize_t>guard if before >= 0 else <Py_ssize_t>bytes + after
    raise VerifyError(f"wrote outside {what} of {bytes} bytes, at offset {offset}")


cdef class Arena:
    """Regions of memory, each ``(what, bytes)``, between guard zones.

    Each is aligned to ``alignment`` and to nothing coarser: code that needs more than was promised
    shows it.
    """

    cdef readonly tuple regions
    cdef uint8_t *_block
    cdef size_t _block_bytes
    cdef void **_starts
    cdef size_t *_sizes

    def __cinit__(self, regions, size_t alignment):
        self.regions = tuple((str(what), int(size)) for what, size in regions)
        cdef size_t spare = 2 * GUARD + 2 * alignment
        total = sum(size + spare for _, size in self.regions)
        if total > <size_t>-1:
            raise MemoryError(f"an arena of {total} bytes")
        self._block_bytes = total
        self._block = <uint8_t *>malloc(total)
        self._starts = <void **>calloc(len(self.regions), sizeof(void *))
        self._sizes = <size_t *>calloc(len(self.regions), sizeof(size_t))
        if self._block is NULL or self._starts is NULL or self._sizes is NULL:
            raise MemoryError(f"an arena of {total} bytes")
        cdef uintptr_t low = <uintptr_t>self._block
        cdef uintptr_t start
        for index, (_, size) in enumerate(self.regions):
            start = (low + GUARD + alignment - 1) & ~(alignment - 1)
            # An odd multiple of the alignment.
            if start & alignment == 0:
                start += alignment
            self._starts[index] = <void *>start
            self._sizes[index] = size
            _plant_around(<uint8_t *>start, size, GUARD)
            memset(<uint8_t *>start, UNTOUCHED, size)
            low += size + spare

    def __dealloc__(self):
        free(self._block)
        free(self._starts)
        free(self._sizes)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self._block, <Py_ssize_t>self._block_bytes, 0, flags)

    def __releasebuffer__(self, Py_buffer *buffer):
        pass

    def view(self, int index):
        """Return a region as a uint8 array: the memory itself, kept alive by the array."""
        start, end = self.range(index)
        first = start - <uintptr_t>self._block
        return np.asarray(memoryview(self))[first : first + end - start]

    def range(self, int index):
        """Return the addresses at which a region starts and ends."""
        if not 0 <= index < len(self.regions):
            raise IndexError(f"region {index} of {len(self.regions)}")
        start = <uintptr_t>self._starts[index]
        return start, start + self._sizes[index]

    cdef int check_guards(self) except -1:
        """Raise ``VerifyError`` when the guard zones of a region were written."""
        for index, (what, size) in enumerate(self.regions):
            _check_around(<uint8_t *>self._starts[index], size, GUARD, what)
        return 0


cdef Py_ssize_t _size(dtype, tuple shape) except -1:
    size = dtype.itemsize
    for extent in shape:
        size *= extent
    return size


cdef list _addresses(str kind, tuple ports, tuple arrays, int flags):
    """Return ``(what, start, end)`` of each array's memory, checked against its port."""
    if len(arrays) != len(ports):
        raise ValueError(f"{len(arrays)} {kind}s given, expected {len(ports)}")
    return [
        _address(f"{kind} '{port[0]}'", port, array, flags) for port, array in zip(ports, arrays)
    ]


cdef tuple _address(str what, tuple port, array, int flags):
    cdef Py_buffer buffer
    _, dtype, shape = port
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{what} is a {type(array).__name__}, expected a NumPy array")
    if array.dtype != dtype:
        raise ValueError(f"{what} has dtype {array.dtype}, expected {dtype}")
    expected = _size(dtype, shape)
    if array.nbytes != expected:
        raise ValueError(f"{what} has {array.nbytes} bytes, expected {expected}")
    if not array.flags.c_contiguous:
        raise ValueError(f"{what} is not C-contiguous")
    if not array.flags.aligned:
        raise ValueError(f"{what} is not aligned for {dtype}")
    if flags & PyBUF_WRITABLE and not array.flags.writeable:
        raise ValueError(f"{what} is read-only")
    PyObject_GetBuffer(array, &buffer, flags)
    start = <uintptr_t>buffer.buf
    PyBuffer_Release(&buffer)
    return (what, start, start + expected)
