"""The table of operators that are drawn, which the modules of families fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeq.ir.types import DType
from tests.random_networks.draft import BYTES, MOST, Draft
from tests.random_networks.network import Value

Step = Callable[[Draft, Value, str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """How an operator is added to a draft, and the data that it takes.

    ``step`` gets the draft, the data and the operator's name, and may add nothing where nothing
    fits. ``weight`` says how often, compared with others.
    """

    step: Step
    types: tuple[DType, ...]
    ranks: tuple[int, ...]
    weight: int

    def takes(self, value: Value) -> bool:
        """Tell whether a value may be the data; of numbers only what has a code, where codes do."""
        coded = value.quant is not None or not value.dtype.is_quantized
        fits = value.dtype in self.types and len(value.shape) in self.ranks
        return fits and coded and 0 < value.elements <= MOST


DRAWS: dict[str, Row] = {}

_STATE = "keeps something from one run to the next: `memories` draws it, for sequences of runs"
NOT_DRAWN: dict[str, str] = {
    **dict.fromkeys(("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"), _STATE),
    **dict.fromkeys(("SVDF", "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"), _STATE),
    "TOPK_V2": "has outputs of two types; tests/ops/test_top_k.py compares it with LiteRT",
    "RANGE": "reads constants only",
    "CUSTOM:TFLite_Detection_PostProcess": "ends a detector: boxes and scores belong together",
}
"""Operators that edgeq reads and that have no row, with the reason."""


def draws(
    *codes: str,
    types: tuple[DType, ...] = BYTES,
    ranks: tuple[int, ...] = (1, 2, 3, 4, 5),
    weight: int = 2,
) -> Callable[[Step], Step]:
    """Enter a function into ``DRAWS`` under the names that the format gives operators."""

    def enter(step: Step) -> Step:
        DRAWS.update((code, Row(step, types, ranks, weight)) for code in codes)
        return step

    return enter


def add_one(net: Draft) -> None:
    """Add an operator, or now and then none."""
    code = net.draw.choice([code for code, row in DRAWS.items() for _ in range(row.weight)])
    row = DRAWS[code]
    kinds = [dtype for dtype in row.types if dtype not in BYTES] or [net.dtype]
    if net.dtype in row.types and net.chance(0.7):
        kinds = [net.dtype]
    elif net.dtype not in row.types and any(dtype in row.types for dtype in BYTES):
        kinds = [dtype for dtype in row.types if dtype in BYTES]
    dtype = net.draw.choice(kinds)

    def takes(value: Value) -> bool:
        return row.takes(value) and value.dtype is dtype

    x = net.find(takes, lambda: net.input(net.shape(row.ranks), dtype))
    row.step(net, x, code)
