"""Build the extensions of runtime/, and put templates/ and runtime/ into the wheel.

Everything that is not code to run stands in pyproject.toml.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

INCLUDE = Path("runtime/include")
# Floating-point contraction would fuse a multiply and an add where the arithmetic rounds twice.
COMPILE_ARGS = ["-O3", "-ffp-contract=off"]
# What edgeq/resources.py looks for, inside the package or at the root of a checkout.
DATA = (
    "templates",
    "runtime/include",
    "runtime/emulation",
    "runtime/NUMERICS.md",
    "runtime/runner.c",
    "runtime/port",
    "runtime/qemu_count.c",
)


class BuildWithData(build_py):
    """Copy the resources into ``edgeq/_data`` of a wheel; a checkout is read where it is."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        data = Path(self.build_lib, "edgeq", "_data")
        # What an earlier build left here would otherwise outlive the file it came from.
        shutil.rmtree(data, ignore_errors=True)
        for name in DATA:
            source, target = Path(name), data / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)


def extension(name: str) -> Extension:
    return Extension(
        f"edgeq.{name}",
        [f"runtime/{name}.pyx"],
        include_dirs=[str(INCLUDE), numpy.get_include()],
        depends=sorted(str(header) for header in INCLUDE.glob("*.h")),
        extra_compile_args=COMPILE_ARGS,
    )


setup(
    cmdclass={"build_py": BuildWithData},
    # In build/, so that no generated C stands beside its source.
    ext_modules=cythonize([extension("_fixed_point"), extension("_host")], build_dir="build"),
)
