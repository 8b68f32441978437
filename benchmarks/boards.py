"""Every real model on every emulated machine without an operating system, bit by bit.

Each cell says how many values of the outputs differ from those that the model's own runtime gave,
in one run between guard zones, or all runs of a model that remembers; or why it does not run there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from common import SHARED, kept_rows, model_path, write_section

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
    most = None if lowered.states else 1
    runs = samples.load_inputs(golden, lowered)[:most]
    wanted = _stacked(samples.load_outputs(golden, lowered)[:most])
    try:
        found = edgeq.compile(graph, target)(*_stacked(runs))
    except EdgeqError as error:
        # What linkers say of the memory that a network has to itself.
        return "does not fit" if "LARGE" in error.what else error.what
    outputs = found if isinstance(found, tuple) else (found,)
    pairs = list(zip(wanted, outputs, strict=True))
    differing = sum(int(np.count_nonzero(want != have)) for want, have in pairs)
    return f"{differing} of {sum(want.size for want in wanted):,}"


def _stacked(runs: Iterable[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
    """Return one array for each port, of all runs."""
    return [np.stack(arrays) for arrays in zip(*runs, strict=True)]


def names() -> list[str]:
    """Return every model with stored outputs that edgeq compiles, the smallest file first."""
    stored = {path.stem for path in (SHARED / "goldens").glob("*.npz")}
    files = [path for path in (SHARED / "models").rglob("*.*") if path.stem in stored]
    found = []
    for path in sorted(files, key=lambda path: (path.stat().st_size, path.stem)):
        try:
            api.lower(edgeq.load(path))
        except EdgeqError:
            continue
        found.append(path.stem)
    return found


def write_rows(title: str, head: str, rows: dict[str, str]) -> None:
    """Keep the rows of some models in the results file, beside those of the others."""
    all_rows = kept_rows(title) | rows
    lines = [all_rows[name] for name in names() if name in all_rows]
    write_section(title, "\n".join((head, *lines)))


def main() -> None:
    """Print the table; with --write also keep it: the rows of the models that were named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names of models (default: all)")
    parser.add_argument("--target", action="append", choices=BARE, help="default: all of them")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    targets = options.target or BARE
    head = f"| model | M MACs | {' | '.join(targets)} |\n|{'---|' * (2 + len(targets))}"
    rows = {}
    print(head, flush=True)
    for name in options.models or names():
        graph = edgeq.load(model_path(name))
        macs = sum(op.macs(io) for op, io in graph.walk()) / 1e6
        golden = SHARED / "goldens" / f"{name}.npz"
        cells = [name, f"{macs:,.2f}", *(cell(graph, golden, target) for target in targets)]
        rows[name] = f"| {' | '.join(cells)} |"
        print(rows[name], flush=True)
    if options.write:
        write_rows(TITLE, f"`benchmarks/boards.py --write`\n\n{head}", rows)


if __name__ == "__main__":
    main()
