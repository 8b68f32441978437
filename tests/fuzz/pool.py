"""Run inputs in processes of their own, which may crash, hang or run out of memory."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.fuzz.commands import examine_commands
from tests.fuzz.examine import Found, examine, limit_memory, peak_bytes, seconds
from tests.fuzz.minimise import minimised
from tests.fuzz.mutate import damaged
from tests.fuzz.tally import Failure, Input, Tally

# A process that says nothing for so long is stuck where no signal reaches Python.
STUCK_SECONDS = 120.0
CHUNK = 250


@dataclass(frozen=True, slots=True)
class Chunk:
    """The inputs ``begin`` to ``end`` of one format."""

    suffix: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Job:
    """What all inputs of a run have in common; every ``commands_of``-th goes through commands."""

    seed: int
    real: bool = False
    commands_of: int = 0


def run_chunk(chunk: Chunk, job: Job, folder: Path, started: Callable[[int], None]) -> Tally:
    """Return what becomes of the inputs of a chunk; ``started`` hears the number of each."""
    tally = Tally()
    path = folder / f"input{chunk.suffix}"
    begin, peak = seconds(), peak_bytes()
    for number in range(chunk.begin, chunk.end):
        started(number)
        data = damaged(chunk.suffix, job.seed, number, job.real)
        at = seconds()
        through = job.commands_of and number % job.commands_of == 0
        found = (examine_commands if through else examine)(data, path)
        tally.slowest = max(tally.slowest, (seconds() - at, (chunk.suffix, number)))
        tally.largest = max(tally.largest, (peak_bytes() - peak, (chunk.suffix, number)))
        peak = peak_bytes()
        tally.outcomes[chunk.suffix, found.outcome] += 1
        if found.failure:
            tally.fail(found.failure, _failure(found, data, (chunk.suffix, number), path, tally))
    tally.seconds = seconds() - begin
    return tally


def _failure(found: Found, data: bytes, first: Input, path: Path, tally: Tally) -> Failure:
    def fails(smaller: bytes) -> bool:
        return examine(smaller, path).failure == found.failure

    # One of a cause in each chunk; what fails only in commands stays as it is.
    if found.failure not in tally.failures and fails(data):
        data = minimised(data, fails)
    return Failure(1, first, data, found.detail)


def _memory() -> str | None:
    """Return a folder that no disk slows down, ``None`` where there is none."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _serve(connection: Connection, job: Job, current: Any) -> None:
    """Run the chunks that arrive, and answer each with its tally."""
    limit_memory()
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        while True:
            chunk = connection.recv()
            if chunk is None:
                return

            def started(number: int) -> None:
                current.value = number

            connection.send(run_chunk(chunk, job, Path(folder), started))


class LostError(Exception):
    """A process died or is stuck; the message says which."""


class Worker:
    """A process with the chunk that it runs."""

    def __init__(self, job: Job, chunk: Chunk) -> None:
        context = multiprocessing.get_context("fork")
        self.chunk = chunk
        self.current = context.Value("q", chunk.begin, lock=False)
        self.heard = (chunk.begin, time.monotonic())
        self.connection, theirs = context.Pipe()
        arguments = (theirs, job, self.current)
        self.process = context.Process(target=_serve, args=arguments, daemon=True)
        self.process.start()
        theirs.close()
        self.connection.send(chunk)

    def give(self, chunk: Chunk) -> None:
        """Let the process run another chunk."""
        self.chunk, self.heard = chunk, (chunk.begin, time.monotonic())
        self.current.value = chunk.begin
        self.connection.send(chunk)

    def answer(self) -> Tally | None:
        """Return the tally, ``None`` before there is one; raise ``LostError`` if none will be."""
        try:
            if self.connection.poll():
                tally: Tally = self.connection.recv()
                return tally
        except (EOFError, ConnectionResetError):
            self.process.join()
            raise LostError(f"the process ended with {self.process.exitcode}") from None
        if self.current.value != self.heard[0]:
            self.heard = (self.current.value, time.monotonic())
        if time.monotonic() - self.heard[1] > STUCK_SECONDS:
            raise LostError("the process takes no signal any more")
        return None

    def end(self) -> None:
        """Stop the process."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def run(chunks: Iterator[Chunk], job: Job, processes: int) -> Iterator[Tally]:
    """Yield the tallies of all chunks; a process that dies or sticks costs one input only."""
    waiting: list[Chunk] = []
    workers: list[Worker] = []

    def following() -> Chunk | None:
        return waiting.pop() if waiting else next(chunks, None)

    def start() -> None:
        chunk = following()
        if chunk is not None:
            workers.append(Worker(job, chunk))

    for _ in range(processes):
        start()
    while workers:
        wait([worker.connection for worker in workers], timeout=1.0)
        for worker in tuple(workers):
            try:
                tally = worker.answer()
            except LostError as lost:
                yield _lost(worker, job, str(lost))
                waiting += _around(worker)
                worker.end()
                workers.remove(worker)
                start()
                continue
            if tally is not None:
                yield tally
                chunk = following()
                if chunk is None:
                    worker.end()
                    workers.remove(worker)
                else:
                    worker.give(chunk)


def _lost(worker: Worker, job: Job, why: str) -> Tally:
    """Return the tally of the one input that ended a process."""
    first = (worker.chunk.suffix, worker.current.value)
    data = damaged(first[0], job.seed, first[1], job.real)
    tally = Tally()
    tally.outcomes[first[0], "failed"] += 1
    tally.fail(why, Failure(1, first, data, why))
    return tally


def _around(worker: Worker) -> list[Chunk]:
    """Return what of a lost chunk is to be run: all but the input that ended it."""
    chunk, at = worker.chunk, worker.current.value
    parts = (Chunk(chunk.suffix, chunk.begin, at), Chunk(chunk.suffix, at + 1, chunk.end))
    return [part for part in parts if part.begin < part.end]
