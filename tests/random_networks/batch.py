"""A batch of networks: what became of each, and what failed, made smaller and saved."""

from __future__ import annotations

import contextlib
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from edgeq.targets import Target
from tests.random_networks.check import (
    Checked,
    Counts,
    DifferenceError,
    RefusedError,
    check_c,
    check_reference,
    minimised,
)
from tests.random_networks.engine import Engine
from tests.random_networks.library import TARGETS
from tests.random_networks.network import Network
from tests.random_networks.random_network import network_of

BATCH = 40


@dataclass(slots=True)
class Outcome:
    """What became of some networks; ``failures`` has the cause of each number that failed."""

    counts: Counts = field(default_factory=Counts)
    refused: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, other: Outcome) -> None:
        """Add what became of others."""
        self.counts.add(other.counts)
        self.refused += other.refused
        self.failures.update(other.failures)
        self.seconds += other.seconds

    def plain(self) -> dict[str, Any]:
        """Return data for a line of JSON."""
        counts = {f.name: getattr(self.counts, f.name) for f in fields(Counts)}
        return {f.name: getattr(self, f.name) for f in fields(Outcome)} | {"counts": counts}

    @staticmethod
    def of(data: dict[str, Any]) -> Outcome:
        """Return what ``plain`` was made of."""
        numbers = {
            name: value if isinstance(value, int) else Counter(value)
            for name, value in data["counts"].items()
        }
        failures = {int(number): cause for number, cause in data["failures"].items()}
        return Outcome(Counts(**numbers), Counter(data["refused"]), failures, data["seconds"])


def target_of(number: int) -> Target:
    """Return the target that a network of this number is compiled for."""
    return TARGETS[number // BATCH % len(TARGETS)]


def run_batch(seed: int, numbers: Sequence[int], folder: Path, keep: Path) -> Outcome:
    """Check networks of one batch; what fails is saved in ``keep``."""
    outcome = Outcome()
    target, path = target_of(numbers[0]), folder / "network.tflite"
    with Engine() as engine:

        def reference(network: Network, number: int, counts: Counts) -> Checked:
            return check_reference(network, number, engine, path, counts)

        checked = []
        for number in numbers:
            try:
                checked.append(reference(network_of(seed, number), number, outcome.counts))
            except RefusedError as error:
                outcome.refused[str(error).split(" of ")[0]] += 1
            except Exception as error:
                fails = _fails_like(
                    error, lambda network, n=number: reference(network, n, Counts())
                )
                outcome.failures[number] = _save(seed, number, error, fails, keep)
        if not checked:
            return outcome
        try:
            check_c(checked, target, outcome.counts)
        except Exception:
            outcome.counts.networks = 0
            for one in checked:
                _single(seed, one, target, reference, keep, outcome)
    return outcome


def _single(
    seed: int,
    one: Checked,
    target: Target,
    reference: Callable[[Network, int, Counts], Checked],
    keep: Path,
    outcome: Outcome,
) -> None:
    """Check the C of one network of a batch in which some C is wrong."""
    number = one.number
    try:
        check_c([one], target, outcome.counts)
    except Exception as error:

        def again(network: Network) -> None:
            check_c([reference(network, number, Counts())], target, Counts())

        outcome.failures[number] = _save(seed, number, error, _fails_like(error, again), keep)


def cause(error: Exception) -> str:
    """Return what is the same for errors with the same cause."""
    if isinstance(error, DifferenceError):
        return error.cause
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]


def _fails_like(error: Exception, check: Callable[[Network], object]) -> Callable[[Network], bool]:
    def fails(network: Network) -> bool:
        try:
            check(network)
        except RefusedError:
            return False
        except Exception as found:
            # Names of tensors are part of some messages: the beginning does.
            return cause(found)[:24] == cause(error)[:24]
        return False

    return fails


def _save(
    seed: int, number: int, error: Exception, fails: Callable[[Network], bool], keep: Path
) -> str:
    """Save a network that failed, and a smaller one that does too; return the cause."""
    keep.mkdir(parents=True, exist_ok=True)
    network = network_of(seed, number)
    text = "".join(traceback.format_exception(error))
    (keep / f"{seed}-{number}.txt").write_text(text, encoding="utf-8")
    (keep / f"{seed}-{number}.tflite").write_bytes(network.data())
    with contextlib.suppress(Exception):
        small = minimised(network, fails)
        (keep / f"{seed}-{number}-small.tflite").write_bytes(small.data())
    return cause(error)
