"""Read the answers of the compiled reference: ``shared/vectors``, one case a line."""

from __future__ import annotations

import functools
import lzma
from dataclasses import dataclass

import numpy as np

from edgeq.ir.quant import Rounding
from tests.shared_material import require_shared

BUILDS = {
    "double": ("double_rounding.txt.xz", Rounding.GEMMLOWP),
    "single": ("single_rounding.txt.xz", Rounding.SINGLE),
}
CASES = 47760

Fields = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Build:
    """The cases of one build of the reference, by kind of line."""

    rounding: Rounding
    lines: dict[str, tuple[Fields, ...]]

    def columns(self, kind: str) -> tuple[np.ndarray, ...]:
        """Return the integer columns of a kind."""
        return tuple(np.array(self.lines[kind], dtype=np.int64).T)

    def by_parameters(self, kind: str, count: int) -> dict[Fields, np.ndarray]:
        """Return the remaining integer columns, grouped by the first ``count`` fields."""
        groups: dict[Fields, list[Fields]] = {}
        for line in self.lines[kind]:
            groups.setdefault(line[:count], []).append(line[count:])
        return {key: np.array(rows, dtype=np.int64).T for key, rows in groups.items()}


@functools.cache
def load(build: str) -> Build:
    """Return the cases of ``double`` or ``single``."""
    name, rounding = BUILDS[build]
    lines: dict[str, list[Fields]] = {}
    with lzma.open(require_shared("vectors", name), "rt") as file:
        for line in file:
            kind, *fields = line.split()
            lines.setdefault(kind, []).append(tuple(fields))
    return Build(rounding, {kind: tuple(rows) for kind, rows in lines.items()})
