"""Reference against generated C, tensor by tensor, and against outputs of another runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from edgeq import reference
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two ways of running a model part."""

    run: int
    between: str
    layer: str
    tensor: str
    differing: int
    elements: int
    index: tuple[int, ...]
    expected: float
    actual: float

    def __str__(self) -> str:
        return (
            f"run {self.run}, {self.between}: {self.layer}, tensor '{self.tensor}': "
            f"{self.differing} of {self.elements} values differ, first at {list(self.index)}: "
            f"expected {self.expected:g}, got {self.actual:g}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification looked at, and the first difference it found."""

    target: str
    runs: int
    tensors: int
    values: int
    golden_values: int
    differing_golden_values: int
    difference: Difference | None

    @property
    def passed(self) -> bool:
        """Tell whether nothing differs."""
        return self.difference is None

    def facts(self) -> dict[str, object]:
        """Return plain data for ``--json``."""
        return asdict(self)


def compare_run(
    lowered: Graph, compiled: Compiled, run: int, inputs: Arrays
) -> tuple[Difference | None, int, int, Arrays]:
    """Return the first difference of one run, tensors and values compared, and the C's outputs."""
    wanted = reference.run_tensors(lowered, inputs)
    found = compiled.tensors(*inputs)
    values = 0
    for call in compiled.program.calls:
        for name in call.outputs:
            values += found[name].size
            layer = f"layer {call.index} ({call.symbol}; {call.source})"
            difference = compare(run, "reference and C", layer, name, wanted[name], found[name])
            if difference is not None:
                return difference, len(found), values, ()
    result = compiled(*inputs)
    outputs = result if isinstance(result, tuple) else (result,)
    for name, output in zip(lowered.outputs, outputs, strict=True):
        difference = compare(run, "reference and C", "output", name, wanted[name], output)
        if difference is not None:
            return difference, len(found), values, outputs
    return None, len(found), values, outputs


def compare(
    run: int, between: str, layer: str, tensor: str, expected: np.ndarray, actual: np.ndarray
) -> Difference | None:
    """Return where two arrays first differ in any bit of value, or ``None``."""
    unequal = expected != actual
    if expected.dtype.kind == "f":
        unequal &= ~(np.isnan(expected) & np.isnan(actual))
    count = int(np.count_nonzero(unequal))
    if count == 0:
        return None
    index = tuple(int(i) for i in np.argwhere(unequal)[0])
    return Difference(
        run, between, layer, tensor, count, expected.size, index,
        float(expected[index]), float(actual[index]),
    )


def verify_model(
    lowered: Graph,
    compiled: Compiled,
    runs: Sequence[Arrays],
    golden: Sequence[Arrays] | None = None,
) -> Verdict:
    """Compare every run; ``golden`` has the other runtime's outputs for each."""
    first: Difference | None = None
    tensors = values = golden_values = golden_differing = 0
    for run, inputs in enumerate(runs):
        difference, count, size, outputs = compare_run(lowered, compiled, run, inputs)
        tensors, values = max(tensors, count), values + size
        first = first or difference
        if golden is None or not outputs:
            continue
        for name, want, have in zip(lowered.outputs, golden[run], outputs, strict=True):
            parted = compare(run, "golden and C", "output", name, want, have)
            golden_values += want.size
            golden_differing += parted.differing if parted else 0
            first = first or parted
    return Verdict(
        compiled.target.name, len(runs), tensors, values, golden_values, golden_differing, first
    )


