# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""Run generated C from Python: no copies, no GIL, and guard zones around the arena."""

import os
import threading

import numpy as np

from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int64_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from edgeq.errors import ToolchainError, VerifyError

include "_host_library.pxi"
include "_host_memory.pxi"


cdef extern from "<time.h>" nogil:
    ctypedef int clockid_t
    cdef struct timespec:
        int64_t tv_sec
        int64_t tv_nsec
    enum: CLOCK_MONOTONIC
    int clock_gettime(clockid_t clock, timespec *now)


cdef int64_t _now() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000000000 + now.tv_nsec


cdef Py_ssize_t _at_least_one(Py_ssize_t repeats) except -1:
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}, expected at least 1")
    return repeats


cdef class Session:
    """One model with its own arena. Calls on one session take turns; use one per thread.

    ``inputs`` and ``outputs`` are ``(name, dtype, shape)`` for each port; ``regions`` of the arena
    are ``(what, bytes)``. They are aligned to ``alignment`` and to nothing coarser. They and the
    outputs that the session allocates lie between guard zones: code that writes there raises
    ``VerifyError`` when the call ends. The context, between guard zones too, is ``pointers``
    pointers and ``state_bytes`` of state, and ``abi`` is the version of the C interface that the
    caller knows. State is kept from run to run, until ``reset``.
    """

    cdef Library _library
    cdef readonly tuple inputs
    cdef readonly tuple outputs
    cdef readonly int layers
    cdef readonly Arena arena
    cdef uint8_t *_memory
    cdef void **_context
    cdef void **_unbound
    cdef size_t _context_bytes
    cdef size_t _pointer_bytes
    cdef object _lock
    cdef tuple _held
    cdef tuple _blocks

    def __cinit__(
        self,
        Library library not None,
        *,
        inputs,
        outputs,
        regions,
        size_t alignment,
        int layers,
        size_t pointers,
        size_t state_bytes=0,
        int abi,
    ):
        if alignment == 0 or alignment & (alignment - 1):
            raise ValueError(f"alignment {alignment} is not a power of two")
        self._library = library
        self.inputs = tuple((str(n), np.dtype(d), tuple(s)) for n, d, s in inputs)
        self.outputs = tuple((str(n), np.dtype(d), tuple(s)) for n, d, s in outputs)
        self.layers = layers
        self._lock = threading.Lock()
        self._held = ()
        self._blocks = ()
        self.arena = Arena(regions, alignment)
        self._pointer_bytes = pointers * sizeof(void *)
        # As C sizes a structure: a multiple of its alignment.
        self._context_bytes = self._pointer_bytes + -(-state_bytes // sizeof(void *)) * sizeof(void *)
        self._memory = <uint8_t *>calloc(self._context_bytes + 2 * EDGE, 1)
        self._unbound = <void **>calloc(pointers, sizeof(void *))
        if self._memory is NULL or self._unbound is NULL:
            raise MemoryError(f"a context of {self._context_bytes} bytes")
        self._context = <void **>(self._memory + EDGE)
        _plant_around(self._memory + EDGE, self._context_bytes, EDGE)
        status = library.init(
            self._context, self.arena._starts, self.arena._sizes, abi, self._context_bytes
        )
        library.check(status, "init_abi")
        memcpy(self._unbound, self._context, self._pointer_bytes)

    def __dealloc__(self):
        free(self._memory)
        free(self._unbound)

    def reset(self):
        """Let the next run be the first again, of a network that remembers something."""
        with self._lock:
            self._library.check(self._library.reset(self._context), "reset")

    def state(self):
        """Return a copy of what the context keeps from run to run, behind its pointers."""
        size = self._context_bytes - self._pointer_bytes
        found = np.empty(size, np.uint8)
        cdef uint8_t[::1] view = found
        with self._lock:
            if size:
                memcpy(&view[0], self._memory + EDGE + self._pointer_bytes, size)
        return found

    def run(self, inputs, outputs=None):
        """Run the network on ``inputs``; return the tuple of outputs.

        The arrays' own memory is used, and the GIL is free meanwhile. ``outputs`` are written
        where given, otherwise allocated. Raise ``ValueError`` for an array that does not fit its
        port.
        """
        cdef int status
        cdef tuple bound = ()
        with self._lock:
            bound = self._bind(inputs, outputs)
            try:
                with nogil:
                    status = self._library.run(self._context)
                self._library.check(status, "run")
                self._check_guards()
            finally:
                self._unbind()
        return bound

    def begin(self, inputs, outputs=None):
        """Bind arrays as ``run`` does, for stepping with ``run_layer``; return the outputs.

        The session keeps the arrays alive until ``end``, or the next ``run`` or ``begin``.
        """
        with self._lock:
            return self._bind(inputs, outputs)

    def end(self):
        """Let go of the arrays that ``begin`` bound; ports lie in the arena again."""
        with self._lock:
            self._unbind()

    def run_layer(self, int index):
        """Run one layer; layers are run in order, after ``begin``."""
        cdef int status
        with self._lock:
            with nogil:
                status = self._library.run_layer(self._context, index)
            self._library.check(status, "run_layer")
            self._check_guards()

    def time_layers(self, Py_ssize_t repeats):
        """Run all layers ``repeats`` times after ``begin``; return int64 ``[repeats, layers]`` ns.

        Times are wall-clock time of each layer, with the clock's own cost of some 20 ns.
        """
        times = np.zeros((_at_least_one(repeats), self.layers), np.int64)
        cdef int64_t[:, ::1] view = times
        cdef int64_t start
        cdef Py_ssize_t repeat
        cdef int layer
        cdef int status = 0
        cdef int failed
        with self._lock:
            with nogil:
                for repeat in range(repeats):
                    for layer in range(self.layers):
                        start = _now()
                        failed = self._library.run_layer(self._context, layer)
                        view[repeat, layer] = _now() - start
                        status = failed if failed else status
            self._library.check(status, "run_layer")
            self._check_guards()
        return times

    def time_runs(self, Py_ssize_t repeats):
        """Run the network ``repeats`` times after ``begin``; return int64 ``[repeats]`` ns."""
        times = np.zeros(_at_least_one(repeats), np.int64)
        cdef int64_t[::1] view = times
        cdef int64_t start
        cdef Py_ssize_t repeat
        cdef int status = 0
        cdef int failed
        with self._lock:
            with nogil:
                for repeat in range(repeats):
                    start = _now()
                    failed = self._library.run(self._context)
                    view[repeat] = _now() - start
                    status = failed if failed else status
            self._library.check(status, "run")
            self._check_guards()
        return times

    def input_address(self, int index):
        """Return where the network reads an input; 0 when there is no such input."""
        return <uintptr_t>self._library.input(self._context, index)

    def output_address(self, int index):
        """Return where the network writes an output; 0 when there is no such output."""
        return <uintptr_t>self._library.output(self._context, index)

    cdef tuple _bind(self, inputs, outputs):
        cdef tuple ins = tuple(inputs)
        cdef tuple outs
        cdef tuple blocks = ()
        if outputs is None:
            blocks = self._allocate_outputs()
            outs = tuple(
                block[EDGE : len(block) - EDGE].view(dtype).reshape(shape)
                for block, (_, dtype, shape) in zip(blocks, self.outputs)
            )
        else:
            outs = tuple(outputs)
        addresses = [
            *_addresses("input", self.inputs, ins, PyBUF_SIMPLE),
            *_addresses("output", self.outputs, outs, PyBUF_SIMPLE | PyBUF_WRITABLE),
        ]
        self._check_apart(addresses, len(ins))
        self._unbind()
        self._held = (ins, outs)
        self._blocks = blocks
        cdef int port
        cdef uintptr_t address
        for port in range(len(ins)):
            address = addresses[port][1]
            self._library.check(
                self._library.bind_input(self._context, port, <const void *>address), "bind_input"
            )
        for port in range(len(outs)):
            address = addresses[len(ins) + port][1]
            self._library.check(
                self._library.bind_output(self._context, port, <void *>address), "bind_output"
            )
        return outs

    cdef int _check_apart(self, list addresses, Py_ssize_t inputs) except -1:
        """Raise unless each output and the arena are apart from every other array."""
        arena = [("the arena", *self.arena.range(i)) for i in range(len(self.arena.regions))]
        ranges = [*addresses, *arena]
        for i in range(inputs, len(ranges)):
            written, low, high = ranges[i]
            for j in range(i):
                other, other_low, other_high = ranges[j]
                if low < other_high and other_low < high:
                    raise ValueError(f"{written} overlaps {other}")
        return 0

    cdef void _unbind(self):
        memcpy(self._context, self._unbound, self._pointer_bytes)
        self._held = ()
        self._blocks = ()

    cdef int _check_guards(self) except -1:
        cdef uint8_t[::1] view
        try:
            self.arena.check_guards()
            _check_around(self._memory + EDGE, self._context_bytes, EDGE, "its context")
            for port, block in zip(self.outputs, self._blocks):
                view = block
                _check_around(&view[EDGE], len(block) - 2 * EDGE, EDGE, f"output '{port[0]}'")
        except VerifyError as error:
            raise error.at(self._library.name)
        return 0

    cdef tuple _allocate_outputs(self):
        """Return the memory of each output between two guard zones of ``EDGE`` bytes."""
        cdef uint8_t[::1] view
        blocks = tuple(
            np.empty(_size(dtype, shape) + 2 * EDGE, np.uint8) for _, dtype, shape in self.outputs
        )
        for block in blocks:
            view = block
            _plant_around(&view[EDGE], len(block) - 2 * EDGE, EDGE)
        return blocks
