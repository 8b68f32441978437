"""C on HVX built twice: for an emulated processor, and for this machine around the model."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeq.host.build import PROGRAM, build_program
from edgeq.host.cross import cross_toolchain, find_emulator
from edgeq.host.machine import port_flags, port_sources
from edgeq.host.toolchain import find_compilers
from edgeq.resources import runtime_dir
from edgeq.targets.hexagon import HEXAGON_HVX, modelled
from tests.kernel_harness import WARNINGS

HEADERS = (
    "edgeq_fixed_point.h",
    "edgeq_fixed_point_hexagon.h",
    "edgeq_fixed_point_hvx.h",
)
FORMS = ("qemu", "model")
MODEL = modelled()
BYTES = 128
TRAP = "-fsanitize-undefined-trap-on-error"  # static programs have no library to tell more
MAIN = """
#include "port.h"

#include "cases.h"

static uint8_t given[BYTES_GIVEN] __attribute__((aligned(128)));
static uint8_t found[BYTES_FOUND] __attribute__((aligned(128)));

int main(void)
{
    if (port_read(given, sizeof given) != sizeof given) {
        return 1;
    }
    for (int i = 0; i < CASES; ++i) {
        cases[i](found, given);
        if (!port_write(found, sizeof found)) {
            return 1;
        }
    }
    return !port_flush();
}
"""


def results(form: str, text: str, names: Sequence[str], given: bytes, found: int) -> list[bytes]:
    """Return what functions of C leave in memory of ``found`` bytes, each after the one before.

    ``text`` defines each as ``void name(uint8_t *y, const uint8_t *x)``.
    """
    listed = ", ".join(names)
    declared = "".join(f"void {name}(uint8_t *y, const uint8_t *x);\n" for name in names)
    sizes = f"BYTES_GIVEN = {len(given)}, BYTES_FOUND = {found}, CASES = {len(names)}"
    head = (
        f"#include <stdint.h>\n{declared}enum {{ {sizes} }};\n"
        f"static void (*const cases[])(uint8_t *, const uint8_t *) = {{ {listed} }};\n"
    )
    include = "".join(f'#include "{name}"\n' for name in HEADERS)
    files = {f"src/{h}": (runtime_dir() / "include" / h).read_text("utf-8") for h in HEADERS}
    files["src/cases.c"] = include + declared + text
    output = _run(form, files, {"main.c": MAIN, "cases.h": head}, given)
    return [output[i : i + found] for i in range(0, len(output), found)]


def _run(form: str, files: dict[str, str], main: dict[str, str], given: bytes) -> bytes:
    if form == "model":
        target, compiler, link = replace(MODEL, port="hosted"), find_compilers()[-1], ()
        flags: Sequence[str] = (*target.flags, *WARNINGS, "-fsanitize=undefined", TRAP)
    else:
        target = HEXAGON_HVX
        tools = cross_toolchain(target)
        compiler, link = tools.compiler, tools.link
        flags = (*tools.flags, *WARNINGS, *port_flags(target, PROGRAM))
    main = {**main, **port_sources(target)}
    with build_program(files, main, compiler=compiler, flags=flags, link=link) as built:
        line = [str(built.library)]
        if form == "qemu":
            line = [*find_emulator(target), *line]
        done = subprocess.run(line, input=given, capture_output=True, check=True, cwd=Path("/"))
    return done.stdout


def vectors(*arrays: np.ndarray) -> bytes:
    """Return arrays as the bytes of whole vectors."""
    joined = np.concatenate([np.ascontiguousarray(a).view(np.uint8).ravel() for a in arrays])
    return np.resize(joined, -(-joined.size // BYTES) * BYTES).tobytes()
