"""Every integer model in one table: work, memory against its bound, flash, time, exactness."""

from __future__ import annotations

import argparse
from pathlib import Path

from common import SHARED, processor, write_section

import edgeq
from edgeq.errors import UnsupportedError
from edgeq.host.sizes import flash_bytes
from edgeq.samples import load_inputs, load_outputs
from edgeq.verify import verify_model

TITLE = "Models, target {}"


def models() -> list[Path]:
    """Return all .tflite files with stored outputs."""
    found = [*(SHARED / "models").glob("*.tflite"), *(SHARED / "models/speed").glob("*.tflite")]
    return sorted(path for path in found if golden(path).exists())


def golden(path: Path) -> Path:
    """Return the file of stored inputs and outputs of a model."""
    return SHARED / "goldens" / f"{path.stem}.npz"


def row(path: Path, target: str) -> str | None:
    """Return one line of the table, or ``None`` for a model that is not supported."""
    try:
        graph = edgeq.load(path)
    except UnsupportedError:
        return None
    lowered = edgeq.api.lower(graph)
    compiled = edgeq.compile(graph, target=target)
    runs, outputs = load_inputs(golden(path), lowered), load_outputs(golden(path), lowered)
    verdict = verify_model(lowered, compiled, runs, outputs)
    program = compiled.program
    flash = flash_bytes(compiled.build().objects)
    profile = compiled.profile(*runs[0], repeats=7)
    cells = (
        path.stem,
        str(len(graph.ops)),
        f"{program.macs:,}",
        f"{program.arena:,}",
        f"{program.lower_bound:,}",
        f"{flash['code']:,} + {flash['data']:,}",
        f"{profile.total / 1e6:.3f}",
        "0" if verdict.passed or verdict.golden_values else "differs",
        f"{verdict.differing_golden_values} / {verdict.golden_values:,}",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table; with --write also keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of a model's name")
    parser.add_argument("--target", default="portable", help="a target that runs here")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    lines = [
        f"{processor()}, one thread, target `{options.target}`. Flash: code + constant data of the "
        "object files here. C against reference: every tensor that a layer writes. Golden: the "
        "stored outputs of LiteRT's reference kernels (TFLM's for `tflm_person_detect`).",
        "",
        "| model | ops | MACs | arena | lower bound | flash | ms | C differs from reference "
        "| values that differ from golden |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for path in models():
        line = row(path, options.target) if options.only in path.stem else None
        if line is not None:
            print(line, flush=True)
            lines.append(line)
    if options.write:
        write_section(TITLE.format(options.target), "\n".join(lines))


if __name__ == "__main__":
    main()
