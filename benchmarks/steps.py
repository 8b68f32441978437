"""Count executed addresses on this machine, where no emulator has its instructions."""

from __future__ import annotations

import platform
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeq.emit.runner import network_header
from edgeq.host.build import Build, build_program
from edgeq.host.compiled import Compiled
from edgeq.host.instructions import plugin_options, read_counts
from edgeq.host.machine import port_sources
from edgeq.host.toolchain import host_compiler
from edgeq.resources import runtime_dir

SOURCE = Path(__file__).parent / "step.c"
_programs: dict[int, Build] = {}  # by network; each is removed when this process ends


def stepped_addresses(
    compiled: Compiled, layer: int, inputs: Sequence[np.ndarray], limit: int
) -> tuple[Path, Mapping[int, int]]:
    """Return a program of the network, and how often its layer executes each address.

    At most ``limit`` instructions are followed: the first ones.
    """
    if platform.machine() != "x86_64":
        raise SystemExit("single steps are counted on x86-64 alone")
    program = _program(compiled)
    options = dict(option.split("=") for option in plugin_options(program, layer))
    with tempfile.TemporaryDirectory() as folder:
        step = str(Path(folder) / "step")
        compiler = host_compiler()
        flags = compiler.flags(("-std=c99", "-O2"))
        subprocess.run((*compiler.command, *flags, str(SOURCE), "-o", step), check=True)
        done = subprocess.run(
            (step, options["mark"], options["window"], str(limit), str(program), "count", "1"),
            input=b"".join(array.tobytes() for array in inputs),
            capture_output=True,
            cwd=folder,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode(errors="replace").strip() or "step failed")
    return program, read_counts(done.stderr.decode("ascii")).addresses


def _program(compiled: Compiled) -> Path:
    if id(compiled) not in _programs:
        main = (runtime_dir() / "runner.c").read_text(encoding="utf-8")
        header = network_header(compiled.program, compiled._tensors)
        _programs[id(compiled)] = build_program(
            compiled.files,
            {"main.c": main, "edgeq-network.h": header, **port_sources(compiled.target)},
            compiler=host_compiler(),
            flags=compiled.target.flags,
        )
    return _programs[id(compiled)].library
