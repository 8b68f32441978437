"""Every real model on every emulated machine without an operating system, bit by bit.

Each cell says how many values of the outputs differ from those that the model's own runtime gave,
in one run between guard zones; or why the model does not run there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from common import SHARED, model_path, write_section

import edgeq
from edgeq import api, samples
from edgeq.errors import EdgeqError
from edgeq.ir.graph import Graph
from edgeq.targets import TARGETS

TITLE = "Bit-exactness on microcontrollers"
BARE = [name for name, target in TARGETS.items() if target.port in ("cortex_m", "riscv32")]


def cell(graph: Graph, golden: Path, target: str) -> str:
    """Return how many values differ, out of how many, or why there are none."""
    lowered = api.lower(graph)
    inputs = samples.load_inputs(golden, lowered)[0]
    wanted = samples.load_outputs(golden, lowered)[0]
    try:
        found = edgeq.compile(graph, target)(*inputs)
    except EdgeqError as error:
        # What linkers say of the memory that a network has to itself.
        return "does not fit" if "LARGE" in error.what else error.what
    outputs = found if isinstance(found, tuple) else (found,)
    pairs = list(zip(wanted, outputs, strict=True))
    differing = sum(int(np.count_nonzero(want != have)) for want, have in pairs)
    return f"{differing} of {sum(want.size for want in wanted):,}"


def names() -> list[str]:
    """Return every model with stored outputs that edgeq compiles, the smallest file first."""
    stored = {path.stem for path in (SHARED / "goldens").glob("*.npz")}
    files = [path for path in (SHARED / "models").rglob("*.tflite") if path.stem in stored]
    found = []
    for path in sorted(files, key=lambda path: (path.stat().st_size, path.stem)):
        try:
            api.lower(edgeq.load(path))
        except EdgeqError:
            continue
        found.append(path.stem)
    return found


def main() -> None:
    """Print the table; with --write also keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names of models (default: all)")
    parser.add_argument("--target", action="append", choices=BARE, help="default: all of them")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    targets = options.target or BARE
    head = f"| model | M MACs | {' | '.join(targets)} |\n|{'---|' * (2 + len(targets))}"
    lines = ["`benchmarks/boards.py --write`", "", head]
    print(head, flush=True)
    for name in options.models or names():
        graph = edgeq.load(model_path(name))
        macs = sum(op.macs(io) for op, io in graph.walk()) / 1e6
        golden = SHARED / "goldens" / f"{name}.npz"
        cells = [name, f"{macs:,.2f}", *(cell(graph, golden, target) for target in targets)]
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    if options.write:
        write_section(TITLE, "\n".join(lines))


if __name__ == "__main__":
    main()
