"""What a run of many inputs found, in figures that add up over parts of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

Input = tuple[str, int]


@dataclass(slots=True)
class Failure:
    """Inputs that fail alike: how many, the smallest, and what was said of it."""

    count: int
    first: Input
    data: bytes
    detail: str


@dataclass(slots=True)
class Tally:
    """Outcomes by format, the extremes with the inputs that caused them, and failures by cause."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: tuple[float, Input] = (0.0, ("", 0))
    largest: tuple[int, Input] = (0, ("", 0))
    failures: dict[str, Failure] = field(default_factory=dict)

    @property
    def inputs(self) -> int:
        """Return how many inputs there were."""
        return sum(self.outcomes.values())

    def add(self, other: Tally) -> None:
        """Add what another part of the run found."""
        self.outcomes.update(other.outcomes)
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.largest = max(self.largest, other.largest)
        for cause, failure in other.failures.items():
            self.fail(cause, failure)

    def fail(self, cause: str, failure: Failure) -> None:
        """Count a failure; of equal causes the smaller input is kept."""
        known = self.failures.get(cause)
        if known is None:
            self.failures[cause] = failure
            return
        smaller = min(known, failure, key=lambda one: (len(one.data), one.first))
        count = known.count + failure.count
        self.failures[cause] = Failure(count, smaller.first, smaller.data, smaller.detail)

    def text(self) -> str:
        """Return a summary for people."""
        lines = [f"{self.inputs} inputs in {self.seconds:.0f} s of processor time"]
        lines += [
            f"  {suffix:8} {outcome:36} {count:9}"
            for (suffix, outcome), count in sorted(self.outcomes.items())
        ]
        (slow, slowest), (large, largest) = self.slowest, self.largest
        lines.append(f"slowest: {slow:.2f} s, {slowest[0]} input {slowest[1]}")
        lines.append(f"most memory: {large / 2**20:.1f} MiB, {largest[0]} input {largest[1]}")
        lines.append(f"{sum(one.count for one in self.failures.values())} failures")
        for cause, failure in sorted(self.failures.items()):
            suffix, number = failure.first
            size = len(failure.data)
            lines.append(f"  {failure.count} x {cause}: {suffix} input {number}, {size} bytes")
        return "\n".join(lines)
