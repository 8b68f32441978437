# Guard zones, and the checks of arrays before their memory is used. Included by _host.pyx.

cdef enum:
    GUARD = 4096  # bytes before and after the arena
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
