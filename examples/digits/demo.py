"""Compile the digits network to C, run it, and show that it gives the reference's bits.

    python examples/digits/demo.py [OUT]

Exit status 0 when every value is equal and the generated self-test passes, else 1.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dataset import Digits, split
from pictures import pictures
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

import edgeq
from edgeq import api, reference
from edgeq.emit.write import write_folder
from edgeq.errors import EdgeqError, ToolchainError
from edgeq.host.compiled import Compiled
from edgeq.host.profile import Profile
from edgeq.host.sizes import flash_bytes
from edgeq.host.toolchain import Compiler, host_compiler
from edgeq.ir.graph import Graph
from edgeq.plan.program import Program
from edgeq.targets.host import HOST

HERE = Path(__file__).resolve().parent
SMALL = "-Os"  # how firmware is usually built

Row = tuple[str, str | Text]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Answers [N,10] of reference and C to the same images, and the values that were compared."""

    by_reference: np.ndarray
    by_c: np.ndarray
    values: int
    differing: int


def compare(lowered: Graph, compiled: Compiled, images: Iterable[np.ndarray]) -> Comparison:
    """Run images [8,8,1] both ways; compare the outputs and every tensor on the way to them."""
    answers: list[tuple[np.ndarray, np.ndarray]] = []
    values = differing = 0
    for image in images:
        x = image[np.newaxis]
        wanted = reference.run_tensors(lowered, [x])
        answers.append((wanted[lowered.outputs[0]][0], compiled(x)[0]))
        layers = ((wanted[name], found) for name, found in compiled.tensors(x).items())
        for expected, actual in (*layers, answers[-1]):
            values += expected.size
            differing += int(np.count_nonzero(expected != actual))
    by_reference, by_c = map(np.array, zip(*answers, strict=True))
    return Comparison(by_reference, by_c, values, differing)


def self_test(project: Path, compiler: Compiler) -> tuple[bool, str]:
    """Run ``make test`` in the generated project; return whether it passed, and what it said."""
    # An outer make's flags are not for this one.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    command = (
        *("make", "-s", "-C", str(project), "clean", "all", "test"),
        f"CC={shlex.join(compiler.command)}",
        f"CFLAGS={shlex.join(compiler.flags((SMALL,)))}",
    )
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolchainError(f"make does not run: {error.strerror}", hint="install make") from None
    passed = done.returncode == 0
    return passed, (done.stdout if passed else done.stdout + done.stderr).strip()


def verdict(good: bool, text: str) -> Text:
    return Text(text, "bold green" if good else "bold red")


def note(text: str) -> Row:
    return "", Text(text, "dim")


def model_rows(graph: Graph, project: Path, files: Sized) -> list[Row]:
    constants = (tensor for tensor in graph.tensors.values() if tensor.is_constant)
    parameters = sum(tensor.elements for tensor in constants)
    return [
        ("model", f"digits.npz: {parameters:,} parameters, uint8 as in Jacob et al. 2017"),
        note(", ".join(op.KIND for op in graph.ops)),
        ("C project", f"{os.path.relpath(project)}: {len(files)} files, no library needed"),
    ]


def proof_rows(found: Comparison, passed: bool, said: str, digits: Digits) -> list[Row]:
    by_reference, by_c = (
        f"{(answers.argmax(axis=1) == digits.labels).mean():.2%}"
        for answers in (found.by_reference, found.by_c)
    )
    exact = f"{found.values:,} values compared, {found.differing:,} differ"
    return [
        ("accuracy", f"{by_reference} by the NumPy reference, {by_c} by the C"),
        note(f"{len(digits.labels)} images that the network was not trained on"),
        ("bit-exact", verdict(found.differing == 0, exact)),
        note("every tensor of every image, the C against the reference"),
        ("self-test", verdict(passed, said)),
        note("what 'make test' in the C project says"),
    ]


def cost_rows(program: Program, project: Path, compiler: Compiler, profile: Profile) -> list[Row]:
    flash = flash_bytes(sorted(project.glob("src/*.o")))
    return [
        ("flash", f"{flash['code']:,} bytes of code + {flash['data']:,} of data"),
        note(f"measured in this machine's objects, {compiler.family} {SMALL}"),
        ("RAM", f"{program.arena:,} bytes of arena"),
        note(f"no plan for this order of layers needs less than {program.lower_bound:,}"),
        ("time", f"{profile.total / 1e3:,.1f} us for the {program.macs:,} MACs of an image"),
        note(f"on this machine, {compiler.family} {' '.join(HOST.cflags)}"),
    ]


def show(console: Console, head: str, picture: Table, rows: Iterable[Row]) -> None:
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(head, style="bold", end="\n\n")
    console.print(picture, "", table)


def main() -> int:
    project = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "out"
    console, progress = Console(highlight=False), Console(stderr=True)
    _, digits = split()
    with progress.status("compiling"):
        graph = edgeq.load(HERE / "digits.npz")
        program, files = edgeq.generate(graph, target="portable")
        write_folder(files, project)
        compiled = edgeq.compile(graph, target=HOST)
        compiled.build()
    hidden = not progress.is_terminal
    images = track(digits.images, "comparing", console=progress, transient=True, disable=hidden)
    found = compare(api.lower(graph), compiled, images)
    compiler = host_compiler()
    with progress.status("running the generated self-test"):
        passed, said = self_test(project, compiler)
        profile = compiled.profile(digits.images[:1])
    rows = (
        *model_rows(graph, project, files),
        *proof_rows(found, passed, said, digits),
        *cost_rows(program, project, compiler, profile),
    )
    show(
        console, "A quantized network, compiled to C:", pictures(console, digits, found.by_c), rows
    )
    return 0 if passed and found.differing == 0 else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EdgeqError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
