"""Reference against generated C, tensor by tensor, and against outputs of another runtime."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from edgeq import reference
from edgeq.errors import ModelError
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph

Arrays = tuple[np.ndarray, ...]
Tensors = dict[str, np.ndarray]
Traced = tuple[Tensors, Arrays]
Number = int | float


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two ways of running a model part.

    ``expected`` is the value of the first of ``between``, ``actual`` that of the second.
    """

    run: int
    between: str
    layer: str
    tensor: str
    differing: int
    elements: int
    index: tuple[int, ...]
    expected: Number
    actual: Number

    def __str__(self) -> str:
        return (
            f"run {self.run}, {self.between}: {self.layer}, tensor '{self.tensor}': "
            f"{self.differing} of {self.elements} values differ, first at {list(self.index)}: "
            f"expected {self.expected!r}, got {self.actual!r}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification looked at, and the first difference it found.

    ``tensors`` are those of one run, ``values`` the elements compared in all runs. ``modelled``
    tells that C stood in for instructions that this machine lacks.
    """

    target: str
    modelled: bool = False
    runs: int = 0
    tensors: int = 0
    values: int = 0
    golden_values: int = 0
    differing_golden_values: int = 0
    difference: Difference | None = None

    @property
    def passed(self) -> bool:
        """Tell whether nothing differs."""
        return self.difference is None

    def facts(self) -> dict[str, object]:
        """Return plain data for ``--json``."""
        return {**asdict(self), "passed": self.passed}


def verify_model(
    lowered: Graph,
    compiled: Compiled,
    runs: Iterable[Arrays],
    golden: Sequence[Arrays] | None = None,
) -> Verdict:
    """Compare every run; ``golden`` has another runtime's outputs for each.

    Raise ``ModelError`` when there are not as many goldens as runs.
    """
    return verify_models(lowered, (compiled,), runs, golden)[0]


def verify_models(
    lowered: Graph,
    compiled: Sequence[Compiled],
    runs: Iterable[Arrays],
    golden: Sequence[Arrays] | None = None,
) -> tuple[Verdict, ...]:
    """Compare every run of several programs of one graph; the reference runs once for all.

    The runs hand on what the graph remembers.
    """
    verdicts = [Verdict(each.target.name, each.target.is_modelled) for each in compiled]
    count = 0
    for run, (wanted, found) in enumerate(_computed(lowered, compiled, runs)):
        if golden is not None and run >= len(golden):
            raise ModelError(f"more inputs than the {len(golden)} golden runs")
        theirs = None if golden is None else golden[run]
        verdicts = [
            _add_run(verdict, lowered, each, run, traced, wanted, theirs)
            for verdict, each, traced in zip(verdicts, compiled, found, strict=True)
        ]
        count = run + 1
    if golden is not None and count != len(golden):
        raise ModelError(f"{count} inputs for {len(golden)} golden runs")
    return tuple(verdicts)


def _computed(
    lowered: Graph, compiled: Sequence[Compiled], runs: Iterable[Arrays]
) -> Iterator[tuple[Tensors, list[Traced]]]:
    """Yield what the reference computes in each run, and what each program does."""
    # Runs that have nothing to do with each other need not be there together.
    sequences = [tuple(runs)] if lowered.states else ((inputs,) for inputs in runs)
    for sequence in sequences:
        traces = [each.trace(sequence) for each in compiled]
        for wanted, *found in zip(reference.run_sequence(lowered, sequence), *traces, strict=True):
            yield wanted, found


def compare(
    run: int, between: str, layer: str, tensor: str, expected: np.ndarray, actual: np.ndarray
) -> Difference | None:
    """Return where two arrays of one type and shape first differ in any bit, or ``None``.

    All NaN are one value; zeros of different sign differ.
    """
    unequal = expected != actual
    if expected.dtype.kind == "f":
        both_nan = np.isnan(expected) & np.isnan(actual)
        unequal = (unequal & ~both_nan) | (np.signbit(expected) != np.signbit(actual)) & ~both_nan
    count = int(np.count_nonzero(unequal))
    if count == 0:
        return None
    index = tuple(int(i) for i in np.argwhere(unequal)[0])
    values = (expected[index].item(), actual[index].item())
    return Difference(run, between, layer, tensor, count, expected.size, index, *values)


def _add_run(
    verdict: Verdict,
    lowered: Graph,
    compiled: Compiled,
    run: int,
    traced: Traced,
    wanted: Tensors,
    golden: Arrays | None,
) -> Verdict:
    """Return the verdict with one run more."""
    layers, outputs = traced
    first, tensors, values = _compare_layers(compiled, run, layers, wanted)
    theirs = [None] * len(outputs) if golden is None else golden
    golden_values = golden_differing = 0
    for index, (name, mine, other) in enumerate(zip(lowered.outputs, outputs, theirs, strict=True)):
        layer = f"output {index}"
        first = first or compare(run, "reference and C", layer, name, wanted[name], mine)
        if other is None:
            continue
        parted = compare(run, "golden and C", layer, name, other, mine)
        golden_values += other.size
        golden_differing += parted.differing if parted else 0
        first = first or parted
    return replace(
        verdict,
        runs=verdict.runs + 1,
        tensors=tensors,
        values=verdict.values + values,
        golden_values=verdict.golden_values + golden_values,
        differing_golden_values=verdict.differing_golden_values + golden_differing,
        difference=verdict.difference or first,
    )


def _compare_layers(
    compiled: Compiled, run: int, found: Tensors, wanted: Tensors
) -> tuple[Difference | None, int, int]:
    """Return the first layer's difference, and how many tensors and values were compared."""
    first = None
    for call in compiled.program.calls:
        layer = f"layer {call.index} ({call.symbol}; {call.source or call.kind})"
        for name in call.outputs:
            first = first or compare(run, "reference and C", layer, name, wanted[name], found[name])
    return first, len(found), sum(array.size for array in found.values())
