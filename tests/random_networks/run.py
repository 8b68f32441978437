"""Check random networks: ``python -m tests.random_networks.run --networks 10000``.

Every network follows from the seed and its number. What is done is in a file of the folder
``--out``, so that the same command goes on where it was stopped; a single network is run again by
``--begin NUMBER --networks 1 --again``.

With ``--profile`` so many draws of each operator are compared with the engine of that profile
instead, and what differs is counted; nothing is compiled or saved.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.random_networks.batch import BATCH, Outcome, run_batch
from tests.random_networks.profiles import ENGINES, probe_all

SECONDS_BETWEEN_LINES = 30.0
STUCK_SECONDS = 1800.0
Numbers = tuple[int, ...]


def main(arguments: Sequence[str]) -> int:
    """Run, print the summary; return 1 where anything failed."""
    options = _options(arguments)
    if options.profile:
        return probe_all(options)
    options.out.mkdir(parents=True, exist_ok=True)
    journal = options.out / f"done-{options.seed}.jsonl"
    done, total = ({}, Outcome()) if options.again else _read(journal)
    begun = shown = time.monotonic()
    todo = _batches(options.begin, options.networks, done)
    until = begun + options.seconds
    for numbers, outcome in _run(todo, options.seed, options.out, options.processes, until):
        total.add(outcome)
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"numbers": numbers, **outcome.plain()}) + "\n")
        if time.monotonic() - shown > SECONDS_BETWEEN_LINES:
            shown = time.monotonic()
            print(f"{shown - begun:.0f} s: {_line(total)}", flush=True)
    print(_text(total), f"{time.monotonic() - begun:.0f} s on the clock", sep="\n")
    return 1 if total.failures else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.random_networks.run", description=__doc__
    )
    add = parser.add_argument
    add("--networks", type=int, default=1000, help="how many in all (1000)")
    add("--begin", type=int, default=0, help="number of the first")
    add("--seed", type=int, default=0)
    add("--seconds", type=float, default=1e9, help="begin nothing new after so many")
    add("--processes", type=int, default=1)
    add(
        "--out",
        type=Path,
        default=Path("out/random-networks"),
        help="folder for what is done and fails",
    )
    add("--profile", choices=sorted(ENGINES), help="draws of each operator against its engine")
    add("--operators", nargs="+", default=(), metavar="NAME", help="with --profile: these only")
    add("--again", action="store_true", help="run what is done already, too")
    return parser.parse_args(arguments)


def _read(journal: Path) -> tuple[dict[int, None], Outcome]:
    """Return the numbers that are done, and what became of them."""
    done: dict[int, None] = {}
    total = Outcome()
    if journal.exists():
        for line in journal.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            done.update(dict.fromkeys(entry["numbers"]))
            total.add(Outcome.of(entry))
    return done, total


def _batches(begin: int, count: int, done: dict[int, None]) -> Iterator[Numbers]:
    """Yield what is to be done of each batch; a batch has one target."""
    for at in range(begin - begin % BATCH, begin + count, BATCH):
        numbers = range(max(at, begin), min(at + BATCH, begin + count))
        left = tuple(number for number in numbers if number not in done)
        if left:
            yield left


def _run(
    todo: Iterator[Numbers], seed: int, keep: Path, processes: int, until: float
) -> Iterator[tuple[Numbers, Outcome]]:
    """Yield what became of each batch; one whose process dies is run network by network."""
    single: list[Numbers] = []
    working: dict[Connection, tuple[Any, Numbers]] = {}
    while True:
        while len(working) < processes:
            numbers = single.pop() if single else _next(todo, until)
            if numbers is None:
                break
            process, connection = _start(seed, numbers, keep)
            working[connection] = (process, numbers)
        if not working:
            return
        ready = wait(list(working), timeout=STUCK_SECONDS)
        for connection in ready or list(working):
            assert isinstance(connection, Connection)
            process, numbers = working.pop(connection)
            outcome = _answer(connection, process, bool(ready))
            if outcome is None and len(numbers) > 1:
                single += [(number,) for number in numbers]
                continue
            why = f"the process ended with {process.exitcode}"
            yield numbers, outcome or Outcome(failures={numbers[0]: why})


def _next(todo: Iterator[Numbers], until: float) -> Numbers | None:
    return next(todo, None) if time.monotonic() < until else None


def _answer(connection: Connection, process: Any, ready: bool) -> Outcome | None:
    """Return what a process says, ``None`` when it died or is stuck."""
    try:
        outcome: Outcome | None = connection.recv() if ready else None
    except EOFError:
        outcome = None
    if outcome is None:
        process.kill()
    process.join()
    connection.close()
    return outcome


def _start(seed: int, numbers: Numbers, keep: Path) -> tuple[Any, Connection]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, seed, numbers, keep))
    process.start()
    theirs.close()
    return process, ours


def _serve(connection: Connection, seed: int, numbers: Numbers, keep: Path) -> None:
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_batch(seed, numbers, Path(folder), keep)
    # The compiler's and LiteRT's time is that of processes which have ended by now.
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome.seconds = time.process_time() - begun + usage.ru_utime + usage.ru_stime
    connection.send(outcome)


def _line(total: Outcome) -> str:
    counts = total.counts
    return f"{counts.networks} networks equal, {len(total.failures)} failures"


def _text(total: Outcome) -> str:
    """Return a summary for people."""
    counts = total.counts
    nodes = sum(counts.operators.values())
    lines = [
        _line(total),
        f"{nodes} operators of {len(counts.operators)} kinds, {counts.values} values compared "
        f"with LiteRT, {total.seconds:.0f} s of processor time",
    ]
    for title, counter in (
        ("known deviations", counts.deviations),
        ("of these compared with C only", counts.unchecked),
        ("refused by edgeq", total.refused),
    ):
        lines.append(f"{title}: {sum(counter.values())}")
        lines += [f"  {number:7} x {what}" for what, number in sorted(counter.items())]
    lines += [f"FAILED {number}: {why}" for number, why in sorted(total.failures.items())]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
