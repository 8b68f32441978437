"""C on AVX-512 built twice: for this processor where it has it, and around the model."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from edgeq.host.build import build_shared
from edgeq.host.toolchain import Compiler, find_compilers
from edgeq.resources import runtime_dir
from edgeq.targets.detect import has_avx512_vnni
from edgeq.targets.x86_vnni import vnni_target
from tests.kernel_harness import WARNINGS

HEADERS = ("edgeq_fixed_point.h", "edgeq_fixed_point_avx512.h")
MODEL = vnni_target(avx2=True, vnni=False)
PROCESSOR = vnni_target(avx2=True, vnni=True)
FORMS = ("model", "processor") if has_avx512_vnni() else ("model",)
# Each form with each compiler.
BUILDS = [(form, compiler) for form in FORMS for compiler in find_compilers()]
BUILD_IDS = [f"{form}-{compiler.name}" for form, compiler in BUILDS]


@contextmanager
def built(text: str, form: str, compiler: Compiler) -> Iterator[ctypes.CDLL]:
    """Lend the library of C that includes the headers of AVX-512."""
    include = "".join(f'#include "{name}"\n' for name in HEADERS)
    files = {f"src/{h}": (runtime_dir() / "include" / h).read_text("utf-8") for h in HEADERS}
    flags = (*(MODEL if form == "model" else PROCESSOR).flags, *WARNINGS)
    sources = {**files, "src/lanes.c": include + text}
    with build_shared(sources, "lanes", compiler=compiler, flags=flags) as build:
        yield ctypes.CDLL(str(build.library))


def address(array: np.ndarray) -> ctypes.c_void_p:
    """Return where an array lies, as an argument."""
    return ctypes.c_void_p(array.ctypes.data)
