"""Where LiteRT's reference resolver is not what a network is compared with, and why.

Each row is as narrow as its cause: it concerns single operators, which are run apart from the rest,
on what has been computed so far.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from edgeq.ir.types import DType
from tests.random_networks.network import Node
from tests.random_networks.overflow import codes_overflow, quotients_vanish, sums_overflow


class Oracle(enum.Enum):
    """What an operator is compared with."""

    REF = "LiteRT's reference kernel"
    BUILTIN = "LiteRT's builtin kernel"
    UNLESS_ABORTED = "LiteRT's reference kernel, unless it aborts"
    NONE = "nothing: edgeq's reference goes on"


@dataclass(frozen=True, slots=True)
class Deviation:
    """Operators that something else than the reference kernel is the oracle of."""

    code: str
    oracle: Oracle
    reason: str
    applies: Callable[[Node], bool] = lambda node: True


def _is_int8(node: Node) -> bool:
    return node.reads[0].dtype is DType.INT8


# Sums of exponentials from here on are shifted by 32 bits and more when they become 8-bit codes.
LONG_ROW = 512
_COMPARISONS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")


def _is_long(node: Node) -> bool:
    return node.reads[0].shape[-1] >= LONG_ROW


def _is_coarse(node: Node) -> bool:
    quants = [value.quant for value in node.ins if value is not None]
    return any(quant is not None and quant.scale[0] >= 1.0 for quant in quants)


DEVIATIONS = (
    Deviation("DEPTH_TO_SPACE", Oracle.BUILTIN, "not registered in the reference resolver"),
    Deviation("ELU", Oracle.BUILTIN, "not registered in the reference resolver"),
    Deviation(
        "SUM",
        Oracle.BUILTIN,
        "of int8: the reference kernel gives -1 nearly everywhere",
        _is_int8,
    ),
    Deviation(
        "SOFTMAX",
        Oracle.UNLESS_ABORTED,
        f"of rows from {LONG_ROW}: the reference kernel may abort (a shift by 32 bits)",
        _is_long,
    ),
    *(
        Deviation(
            code,
            Oracle.NONE,
            "of codes with a scale of 1 or more: LiteRT's kernels shift by a negative count",
            _is_coarse,
        )
        for code in _COMPARISONS
    ),
    Deviation(
        "FULLY_CONNECTED",
        Oracle.NONE,
        "whose rescaled sums can leave 32 bits: LiteRT then gives the lowest code for either sign",
        sums_overflow,
    ),
    Deviation(
        "CONCATENATION",
        Oracle.NONE,
        "of uint8 scales so far apart that LiteRT converts numbers beyond 32 bits to integers",
        codes_overflow,
    ),
    Deviation(
        "DIV",
        Oracle.NONE,
        "whose tiny quotients LiteRT shifts by more than 31 bits",
        quotients_vanish,
    ),
)


def deviation(node: Node) -> Deviation | None:
    """Return the row that concerns a node."""
    found = (row for row in DEVIATIONS if row.code == node.code and row.applies(node))
    return next(found, None)


def oracle(node: Node) -> Oracle:
    """Return what a node is compared with."""
    row = deviation(node)
    return Oracle.REF if row is None else row.oracle
