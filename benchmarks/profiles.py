"""Every integer model in every profile against the engine that it is named after.

Rows that docs/profiles.md already has are kept, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from common import CHECKOUT, SHARED

import edgeq
from edgeq import api, peers, reference
from edgeq.errors import EdgeqError
from edgeq.ir.graph import Graph
from edgeq.samples import load_inputs

PAGE = CHECKOUT / "docs" / "profiles.md"
# Profile: its engine, and the prefix of what that engine answered in goldens/.
ENGINES: Mapping[str, tuple[str, str]] = {
    "tflite-ref": ("litert-ref", ""),
    "tflite": ("litert-builtin", "tflite_"),
    "xnnpack": ("litert", "xnnpack_"),
    "tflm": ("tflm", "tflm_"),
}
INTRODUCTION = """# Profiles against their engines

For each model and profile: how many values differ from the engine, of all that were compared.
The engine runs the model, and every tensor that it computes is compared with the one of that name
in edgeq's reference, which the generated C equals; so are its stored answers to all inputs of
`goldens/`. LiteRT is 2.3.0 on x86-64 with AVX-512; `xnnpack` is its default delegate, in a copy of
the file that has every tensor as an output. A dash is an engine that does not run the model:
TFLM's kernels take no uint8, and LiteRT refuses the file of `tflm_person_detect`. Where values
differ, the first operation is named; `runtime/NUMERICS.md`, 5, has the cause.

Made by `python benchmarks/profiles.py --write`; `--again` computes rows anew.
`edgeq verify MODEL --against ENGINE --numerics PROFILE` does the same for any file.

"""


def models() -> list[Path]:
    """Return the .tflite files that compute in integers and that have answers, small ones first."""
    found = [*(SHARED / "models").glob("*.tflite"), *(SHARED / "models/speed").glob("*.tflite")]
    known = [path for path in found if golden(path).exists()]
    return sorted(known, key=lambda path: path.stat().st_size)


def golden(path: Path) -> Path:
    """Return the file of stored inputs and outputs of a model."""
    return SHARED / "goldens" / f"{path.stem}.npz"


def differing(mine: np.ndarray, theirs: np.ndarray) -> int:
    """Return how many values differ; uint8 codes are those of int8 plus 128."""
    if theirs.dtype == np.uint8 and mine.dtype == np.int8:
        theirs = (theirs ^ 0x80).view(np.int8)
    return int(np.count_nonzero(mine != theirs))


def inside(path: Path, engine: str, lowered: Graph, runs: int) -> tuple[int, int, str]:
    """Return the values inside that differ, how many were compared, and the first operation."""
    peer = peers.start(engine, path, lowered)
    wrong = total = 0
    first = ""
    given = load_inputs(golden(path), lowered)[:runs]
    for inputs, mine in zip(given, reference.run_sequence(lowered, given), strict=True):
        theirs = peer(inputs)
        for op in lowered.ops:
            for name in op.outputs:
                found = theirs.tensors.get(name.removesuffix(":int8"))
                if found is None:
                    continue
                parted = differing(mine[name], found)
                first = first or (op.source if parted else "")
                wrong, total = wrong + parted, total + found.size
    return wrong, total, first


def stored(path: Path, prefix: str, lowered: Graph) -> tuple[int, int]:
    """Return the differing and all values of the stored answers, of all runs."""
    wrong = total = 0
    inputs = load_inputs(golden(path), lowered)
    with np.load(golden(path), allow_pickle=False) as arrays:
        names = [f"{prefix}output{index}" for index in range(len(lowered.outputs))]
        wanted = [arrays[name] for name in names if name in arrays]
    if not wanted:
        return 0, 0
    for run, tensors in enumerate(reference.run_sequence(lowered, inputs)):
        for name, theirs in zip(lowered.outputs, wanted, strict=True):
            mine = tensors[name]
            wrong, total = wrong + differing(mine, theirs[run]), total + mine.size
    return wrong, total


def cell(path: Path, graph: Graph, numerics: str, runs: int) -> str:
    """Return what a profile's column says of a model."""
    engine, prefix = ENGINES[numerics]
    lowered = api.lower(graph, numerics)
    try:
        wrong, total, first = inside(path, engine, lowered, runs)
    except EdgeqError:
        return "-"
    more, answers = stored(path, prefix, lowered)
    count = f"{wrong + more:,} / {total + answers:,}"
    return f"{count}, from {first.split(' ', 1)[0]} on" if first else count


def row(path: Path, runs: int) -> str | None:
    """Return one line of the table, or ``None`` for a model that is no integer network."""
    try:
        graph = edgeq.load(path)
    except EdgeqError:
        return None
    if graph.is_float:
        return None
    cells = (path.stem, *(cell(path, graph, numerics, runs) for numerics in ENGINES))
    return "| " + " | ".join(cells) + " |"


def kept() -> dict[str, str]:
    """Return the rows that the page has, by model."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| model")]
    return {line.split(" | ", 1)[0].removeprefix("| "): line for line in rows}


def page(rows: Sequence[str]) -> str:
    """Return the whole page."""
    head = ("| model | " + " | ".join(ENGINES) + " |", "|---|" + "---|" * len(ENGINES))
    return INTRODUCTION + "\n".join([*head, *rows]) + "\n"


def main() -> None:
    """Print the rows; with --write keep each as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of a model's name")
    parser.add_argument("--runs", type=int, default=1, help="inputs whose tensors are compared")
    parser.add_argument("--again", action="store_true", help="compute known rows anew")
    parser.add_argument("--write", action="store_true", help="keep the rows in docs/profiles.md")
    options = parser.parse_args()
    rows = kept()
    for path in models():
        if options.only not in path.stem or (path.stem in rows and not options.again):
            continue
        found = row(path, options.runs)
        if found is None:
            continue
        rows[path.stem] = found
        print(found, flush=True)
        if options.write:
            PAGE.write_text(page([rows[name] for name in sorted(rows)]), encoding="utf-8")


if __name__ == "__main__":
    main()
