"""Fuzz the readers of model files: ``python -m tests.fuzz.run --inputs 1000000``.

Every input follows from the seed and its number, so a failure can be repeated by itself
(``--suffix .onnx --begin 1234 --inputs 1``) and a long run can be done in parts.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fuzz.commands import examine_commands
from tests.fuzz.pool import CHUNK, Chunk, Job, run
from tests.fuzz.seeds import SUFFIXES, real_files_present, seeds
from tests.fuzz.tally import Tally

SECONDS_BETWEEN_LINES = 30.0


def main(arguments: Sequence[str]) -> int:
    """Run, print the summary and save what failed; return 1 where anything did."""
    options = _options(arguments)
    job = Job(options.seed, options.real, options.commands_of)
    _warm_up(options.out, options.suffix, job)
    total, shown = Tally(), time.monotonic()
    begun = shown
    chunks = _chunks(options.suffix, options.begin, options.inputs, begun + options.seconds)
    for tally in run(chunks, job, options.processes):
        total.add(tally)
        if time.monotonic() - shown > SECONDS_BETWEEN_LINES:
            shown = time.monotonic()
            causes = len(total.failures)
            print(f"{shown - begun:.0f} s: {total.inputs} inputs, {causes} causes", flush=True)
    print(total.text(), f"{time.monotonic() - begun:.0f} s on the clock", sep="\n")
    _save(total, options.out)
    return 1 if total.failures else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    add = parser.add_argument
    add("--inputs", type=int, default=10_000, help="how many in all (10000)")
    add("--seconds", type=float, default=1e9, help="begin nothing new after so many")
    add("--seed", type=int, default=0)
    add("--begin", type=int, default=0, help="number of the first input of each format")
    add("--suffix", action="append", choices=SUFFIXES, help="one format instead of all")
    add("--processes", type=int, default=1)
    add("--commands-of", type=int, default=100, help="every N-th goes through commands (100)")
    add("--out", type=Path, default=Path("fuzz-failures"), help="folder for inputs that fail")
    add("--real", action="store_true", help="also start from small models of the shared folder")
    options = parser.parse_args(arguments)
    options.suffix = options.suffix or list(SUFFIXES)
    if options.real and not real_files_present():
        parser.error("the shared models are not here")
    return options


def _chunks(suffixes: Sequence[str], begin: int, inputs: int, until: float) -> Iterator[Chunk]:
    """Yield chunks of each format in turn."""
    each = -(-inputs // len(suffixes))
    for at in range(begin, begin + each, CHUNK):
        for suffix in suffixes:
            if time.monotonic() < until:
                yield Chunk(suffix, at, min(at + CHUNK, begin + each))


def _warm_up(folder: Path, suffixes: Sequence[str], job: Job) -> None:
    """Read every seed once, so that what is loaded then counts for no input."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in suffixes:
        path = folder / f"seed{suffix}"
        for data in seeds(suffix, job.real):
            examine_commands(data, path)
        path.unlink()


def _save(total: Tally, folder: Path) -> None:
    for cause, failure in total.failures.items():
        name = hashlib.sha256(cause.encode()).hexdigest()[:12]
        (folder / f"{name}{failure.first[0]}").write_bytes(failure.data)
        (folder / f"{name}.txt").write_text(f"{failure.first}\n{cause}\n\n{failure.detail}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
