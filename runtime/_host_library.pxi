# A loaded model library. Included by _host.pyx.

cdef extern from "<dlfcn.h>" nogil:
    enum: RTLD_NOW
    enum: RTLD_LOCAL
    void *dlopen(const char *path, int mode)
    void *dlsym(void *handle, const char *name)
    int dlclose(void *handle)
    char *dlerror()


ctypedef int (*init_fn)(
    void *context, void *const *memory, const size_t *sizes, int abi, size_t context_bytes
) noexcept nogil
ctypedef void *(*port_fn)(const void *context, int index) noexcept nogil
ctypedef int (*bind_input_fn)(void *context, int index, const void *data) noexcept nogil
ctypedef int (*bind_output_fn)(void *context, int index, void *data) noexcept nogil
ctypedef int (*run_fn)(void *context) noexcept nogil
ctypedef int (*run_layer_fn)(void *context, int layer) noexcept nogil
ctypedef const char *(*strerror_fn)(int status) noexcept nogil

cdef class Library:
    """A loaded model library; unloaded when the last session and view of it are gone.

    Raise ``ToolchainError`` when it cannot be loaded, or lacks a function of the C interface.
    """

    cdef void *_handle
    cdef readonly str name
    cdef init_fn init
    cdef port_fn input
    cdef port_fn output
    cdef bind_input_fn bind_input
    cdef bind_output_fn bind_output
    cdef run_fn run
    cdef run_layer_fn run_layer
    cdef run_fn reset
    cdef strerror_fn strerror

    def __cinit__(self, path, str name not None, bint stateful=False):
        cdef bytes encoded = os.fsencode(path)
        cdef const char *c_path = encoded
        self.name = name
        with nogil:
            self._handle = dlopen(c_path, RTLD_NOW | RTLD_LOCAL)
        if self._handle is NULL:
            raise ToolchainError(f"cannot load the built library: {_dl_message()}")
        self.init = <init_fn>self._symbol("init_abi")
        self.input = <port_fn>self._symbol("input")
        self.output = <port_fn>self._symbol("output")
        self.bind_input = <bind_input_fn>self._symbol("bind_input")
        self.bind_output = <bind_output_fn>self._symbol("bind_output")
        self.run = <run_fn>self._symbol("run")
        self.run_layer = <run_layer_fn>self._symbol("run_layer")
        self.strerror = <strerror_fn>self._symbol("strerror")
        # Where nothing is remembered, there is nothing to forget.
        self.reset = <run_fn>self._symbol("reset") if stateful else _nothing

    def __dealloc__(self):
        if self._handle is not NULL:
            dlclose(self._handle)

    cdef void *_symbol(self, str verb) except NULL:
        cdef bytes symbol = f"{self.name}_{verb}".encode()
        cdef void *found = dlsym(self._handle, symbol)
        if found is NULL:
            raise ToolchainError(f"the built library has no function {symbol.decode()}")
        return found

    cdef int check(self, int status, str verb) except -1:
        """Raise ``VerifyError`` unless ``status`` is 0."""
        if status != 0:
            text = (<bytes>self.strerror(status)).decode("utf-8", "replace")
            raise VerifyError(f"{self.name}_{verb} returned {status}: {text}")
        return 0


cdef int _nothing(void *context) noexcept nogil:
    return 0


cdef str _dl_message():
    cdef const char *message = dlerror()
    return "unknown reason" if message is NULL else message.decode("utf-8", "replace")
