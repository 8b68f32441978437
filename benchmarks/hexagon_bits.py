"""Every real model on Hexagon, bit by bit: under QEMU, and as ordinary C under sanitizers.

Each cell says how many values of the outputs differ from those that the model's own runtime gave.
The last column is the self-test of a project for HVX, whose outputs are the reference's, built
for this machine with AddressSanitizer and UBSan: plain C stands in for the vectors.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from boards import cell, names, write_rows
from common import SHARED, model_path

import edgeq
from edgeq.ir.graph import Graph
from edgeq.resources import runtime_dir

TITLE = "Bit-exactness on Hexagon"
TARGETS = ("hexagon", "hexagon-hvx")
SANITIZED = (
    *("gcc", "-std=c99", "-O1", "-fno-inline", "-ffp-contract=off", "-Iinclude", "-Isrc"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DEDGEQ_EMULATE_HVX"),
)
SOURCES = ("src/net_weights.c", "test/selftest.c")


def sanitized(graph: Graph) -> str:
    """Return what the self-test says, or what a sanitizer finds."""
    _, files = edgeq.generate(graph, "hexagon-hvx", name="net")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        model = f"-I{runtime_dir() / 'emulation'}"
        subprocess.run((*SANITIZED, model, *SOURCES, "-o", "selftest"), cwd=folder, check=True)
        done = subprocess.run(("./selftest",), cwd=folder, capture_output=True, text=True)
    said = (done.stdout if done.returncode == 0 else done.stderr or done.stdout).strip()
    return "clean" if said.startswith("ok: ") and not done.stderr else said.splitlines()[0]


def main() -> None:
    """Print the table; with --write also keep it: the rows of the models that were named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names of models (default: all)")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    head = f"| model | M MACs | {' | '.join(TARGETS)} | `hexagon-hvx`, sanitizers |\n|{'---|' * 5}"
    rows = {}
    print(head, flush=True)
    for name in options.models or names():
        graph = edgeq.load(model_path(name))
        golden = SHARED / "goldens" / f"{name}.npz"
        cells = [name, f"{sum(op.macs(io) for op, io in graph.walk()) / 1e6:,.2f}"]
        cells += [*(cell(graph, golden, target) for target in TARGETS), sanitized(graph)]
        rows[name] = f"| {' | '.join(cells)} |"
        print(rows[name], flush=True)
    if options.write:
        write_rows(TITLE, f"`benchmarks/hexagon_bits.py --write`\n\n{head}", rows)


if __name__ == "__main__":
    main()
