"""What becomes of one file: refused in one clear error, or read; all else is a failure.

A file may do no more than this: raise an ``EdgeqError`` that names the file and says why, or load
and then be lowered and planned. The time is that of the processor, so a busy machine hangs nothing.
"""

from __future__ import annotations

import resource
import signal
import time
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from edgeq import api
from edgeq.errors import EdgeqError
from edgeq.frontends import load
from edgeq.ir.graph import Graph
from edgeq.targets import target

HANG_SECONDS = 5.0
MEMORY_BYTES = 1 << 30
# A message is for a person; what a file puts into one is cut to fit.
MOST_MESSAGE = 20_000

# Planning takes longer than all else, and depends on little of what mutation changes.
PLANNED_OF = 8
MOST_PLANNED_BYTES = 1 << 22
MOST_PLANNED_OPS = 64


@dataclass(frozen=True, slots=True)
class Found:
    """How far a file came, or what went wrong (``failure``, the same for the same cause)."""

    outcome: str
    failure: str = ""
    detail: str = ""


class Hang(BaseException):
    """The time of one input is over; no ``except Exception`` may catch this."""


def limit_memory() -> None:
    """Bound what this process may allocate to ``MEMORY_BYTES`` above what it has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def examine(data: bytes, path: Path) -> Found:
    """Write a file and return what becomes of it."""
    # A file that is written over is waited for until it is on the disk: 3 ms each.
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    try:
        with _time_limit(HANG_SECONDS):
            return _outcome(data, path)
    except (Exception, Hang) as error:
        text = "".join(traceback.format_exception(error))
        return Found("failed", f"{type(error).__name__} at {_place(error)}", text)


def _outcome(data: bytes, path: Path) -> Found:
    draw = zlib.crc32(data)
    try:
        # ONNX files are networks in floating point yet; of others, half is read as those are.
        graph = load(path, allow_float=path.suffix == ".onnx" or draw % 2 == 0)
    except EdgeqError as error:
        return _refused(error, path)
    try:
        lowered = api.lower(graph)
        stage = "lowered"
        if draw // 2 % PLANNED_OF == 0 and _small(lowered):
            stage = "planned"
            api.program_of(graph, lowered, target("portable"))
    except EdgeqError as error:
        return Found(f"loaded, then {type(error).__name__}", "", str(error))
    return Found(stage)


def _refused(error: EdgeqError, path: Path) -> Found:
    text = str(error)
    if not error.where.startswith(str(path)) or not error.what.strip():
        return Found("failed", "a refusal without file or reason", text)
    if len(text) > MOST_MESSAGE:
        return Found("failed", "a refusal that is too long", text)
    return Found(f"refused, {type(error).__name__}", "", text)


def _small(graph: Graph) -> bool:
    size = sum(tensor.bytes for tensor in graph.tensors.values())
    return size <= MOST_PLANNED_BYTES and len(graph.ops) <= MOST_PLANNED_OPS


def _place(error: BaseException) -> str:
    """Return the innermost line of edgeq's own on the way to an error."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/edgeq/" in frame.filename] or frames
    return f"{own[-1].filename.rpartition('/edgeq/')[2]}:{own[-1].lineno}" if own else "nowhere"


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise Hang(f"more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def peak_bytes() -> int:
    """Return the most memory that this process has had at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def seconds() -> float:
    """Return the processor time of this process."""
    return time.process_time()
