"""The record of one kernel: what it computes, when it applies, and its finished numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeq.ir.graph import Operands
from edgeq.ops.base import Op
from edgeq.plan.program import Data, Scratch


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What a kernel's template needs to know about one layer.

    ``constants`` (upper-case names) become a local ``enum``; ``data`` are constant arrays that the
    template reads as ``k.data.<name>``; ``flags`` choose structure; ``note`` is one line of
    comment about the layer.
    """

    constants: Mapping[str, int] = field(default_factory=dict)
    data: tuple[Data, ...] = ()
    flags: Mapping[str, Any] = field(default_factory=dict)
    scratch: Scratch | None = None
    note: str = ""


def _always(op: Op, io: Operands) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kernel:
    """One row of a kernel table; ``id`` is also the template's path below ``templates/``.

    ``packed`` are the inputs that ``facts`` turns into ``data``; every other input becomes a
    pointer parameter, named by ``roles`` (inputs that are not packed, then outputs).
    ``in_place`` is the input whose memory the output may take over when it dies there; ``updates``
    are further inputs, each with the output that may lie in its memory: states. ``headers``
    are the files of ``runtime/include/`` that its C includes besides ``edgeq_fixed_point.h``.
    ``fixed`` are the constants that its C needs as constant expressions, as the size of an array:
    layers that differ in one of them do not share a function. ``spacious`` rows read more constant
    bytes than the layer has, or bring much code: code that is to be small does without them.
    ``general`` rows also take arithmetic that is not plain (``Op.is_plain``).
    """

    id: str
    op: type[Op]
    facts: Callable[[Any, Operands], Facts]
    accepts: Callable[[Any, Operands], bool] = _always
    packed: tuple[int, ...] = ()
    roles: tuple[str, ...] = ("x", "y")
    in_place: int | None = None
    headers: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    spacious: bool = False
    general: bool = False
    updates: tuple[tuple[int, int], ...] = ()
