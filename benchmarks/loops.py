"""Cycles of the inner loops as llvm-mca estimates them, and what bounds them.

Of every kernel row that a model uses, the layer with the most work is run and the executions of
each address are counted: by the emulator, or by single steps on x86-64. The innermost loop with the
most executions is what llvm-mca gets. It knows no caches and takes every load for a hit. MACs are
those of the loop's multiply instructions, in lanes that pad a tile too.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from assembly import Loop, disassemble, hottest, machine_code_analysis
from common import model_path, write_section
from steps import stepped_addresses

import edgeq
from edgeq import reference
from edgeq.host.compiled import Compiled
from edgeq.host.emulated import Emulated
from edgeq.plan.program import Call

TITLE = "Inner loops, target {}"
# By target: what llvm-mca calls the architecture, and processors that it has a model of.
PROCESSORS = {
    "aarch64": ("aarch64", ("cortex-a53", "cortex-a55", "neoverse-n1")),
    "aarch64-dotprod": ("aarch64", ("cortex-a55", "neoverse-n1")),
    "aarch64-i8mm": ("aarch64", ("cortex-a510", "neoverse-n2")),
    "armv7-neon": ("thumbv7", ("cortex-a9", "cortex-a57")),
    "x86-avx2": ("x86_64", ("znver3", "skylake")),
    "x86-vnni": ("x86_64", ("znver4", "icelake-server")),
}


def chosen(calls: tuple[Call, ...]) -> dict[str, Call]:
    """Return the layer with the most work of each kernel."""
    found: dict[str, Call] = {}
    for call in calls:
        if call.kernel not in found or call.macs > found[call.kernel].macs:
            found[call.kernel] = call
    return found


def counted(
    compiled: Compiled, call: Call, inputs: tuple[np.ndarray, ...], limit: int
) -> tuple[Path, Mapping[int, int]]:
    """Return the program, and how often a layer executes each of its addresses."""
    if isinstance(compiled, Emulated):
        return compiled.build().library, compiled.addresses(call.index, *inputs)
    return stepped_addresses(compiled, call.index, inputs, limit)


def lines(call: Call, loop: Loop, total: int, target: str) -> list[str]:
    """Return the lines of one loop, one for each processor."""
    architecture, processors = PROCESSORS[target]
    share = f"{100 * loop.executions / total:.0f} %"
    head = (f"`{call.kernel}`", call.symbol, str(len(loop.body)), share, str(loop.macs or ""))
    found = []
    for processor in processors:
        cycles, bound = machine_code_analysis(loop, architecture, processor)
        numbers = ("", "") if cycles is None else (f"{cycles:.1f}", _per(cycles, loop.macs))
        found.append("| " + " | ".join((*head, processor, *numbers, bound)) + " |")
    return found


def _per(cycles: float, macs: int) -> str:
    return f"{cycles / macs:.4f}" if macs else ""


def main() -> None:
    """Print the table; with --write also keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="name of a shared model, or a file")
    parser.add_argument("--target", choices=PROCESSORS, required=True)
    parser.add_argument("--kernel", default="", help="part of a kernel's name")
    parser.add_argument("--steps", type=int, default=300_000, help="most single steps of a layer")
    parser.add_argument("--show", action="store_true", help="print the loops too")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    path = Path(options.model)
    graph = edgeq.load(path if path.exists() else model_path(options.model))
    inputs = reference.sample_inputs(graph)
    compiled = edgeq.compile(graph, target=options.target)
    table = [
        "| kernel | layer | instructions | of the layer's | MACs | processor | cycles | per MAC "
        "| bound by |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(table))
    for kernel, call in chosen(compiled.program.calls).items():
        if options.kernel not in kernel:
            continue
        program, executions = counted(compiled, call, inputs, options.steps)
        loop = hottest(disassemble(program), executions)
        if loop is None:
            continue
        found = lines(call, loop, sum(executions.values()), options.target)
        table += found
        print("\n".join(found), flush=True)
        if options.show:
            print("\n".join(f"    {line}" for line in loop.body))
    if options.write:
        about = f"llvm-mca on the hottest innermost loop of each kernel in `{graph.name}`."
        write_section(TITLE.format(options.target), f"{about}\n\n" + "\n".join(table))


if __name__ == "__main__":
    main()
