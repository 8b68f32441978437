"""What every operation provides. One file of this folder holds all facts of one operation.

An operation is a frozen dataclass whose fields are its attributes. ``lower`` returns a copy that
also holds ``arithmetic``: the finished integers (multipliers, tables, clamps) that the reference
and every kernel use. After it, no float decides a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType, Shape

REGISTRY: dict[str, type[Op]] = {}

Arrays = Sequence[np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Op:
    """One operation: names of the tensors it reads and writes, and where it came from."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str = ""
    arithmetic: Any = None

    KIND: ClassVar[str] = ""
    COMPUTES: ClassVar[bool] = True  # False: only moves or converts values
    VIEW: ClassVar[bool] = False  # True: the output is the first input's bytes, unchanged
    SAME_QUANT: ClassVar[bool] = False  # True: inputs and outputs share scale and zero point
    # The dimension of input 1 that has a scale per channel; ``None``: no weights, no bias.
    WEIGHTS_AXIS: ClassVar[int | None] = None
    # The one scale and int8 zero point that the output may have; ``None``: free.
    FIXED_OUTPUT: ClassVar[tuple[float, int] | None] = None

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when the operands break this operation's rules.

        The shapes of the outputs are compared with ``shapes`` by the verifier, not here.
        """

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the shapes of the outputs, from the inputs and the attributes."""
        raise ModelError(f"{self.KIND} does not define its shapes", where=self.source)

    def macs(self, io: Operands) -> int:
        """Return the multiply-accumulates of one run."""
        return 0

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Return this operation with its integer ``arithmetic`` filled in."""
        return self

    def flipped(self, io: Operands) -> Op | None:
        """Return what replaces this operation when its uint8 tensors become int8.

        Codes and zero points move by -128 together; attributes given in codes must follow.
        ``None`` means that this operation cannot be flipped.
        """
        return self

    def parts(self, io: Operands) -> tuple[str, tuple[tuple[str, int], ...]] | None:
        """Return (whole, ((part, byte offset), ...)) when the parts can lie inside the whole.

        Concatenation and split answer when each part is contiguous in the whole and has the same
        codes; the planner then needs no copy. ``None`` otherwise.
        """
        return None

    def settled(self, io: Operands, numerics: Numerics) -> np.ndarray | None:
        """Return the output where its integers are the same whatever the computed inputs hold.

        Networks have such outputs where training has switched something off. ``None`` otherwise.
        """
        return None

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute the outputs in integers: the reference that every kernel must equal."""
        raise ModelError(f"{self.KIND} has no integer arithmetic", where=self.source)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute the outputs in float32, as the float network defines them."""
        raise ModelError(f"{self.KIND} has no float arithmetic", where=self.source)

    @property
    def is_plain(self) -> bool:
        """Tell whether ``arithmetic`` has the common form of its kind, which every kernel takes."""
        requant = getattr(self.arithmetic, "requant", None)
        return getattr(self.arithmetic, "plain", True) and not getattr(requant, "tail", 0)

    def with_arithmetic(self, arithmetic: object) -> Op:
        """Return a copy that holds ``arithmetic``."""
        return replace(self, arithmetic=arithmetic)

    def error(self, what: str) -> ModelError:
        """Return an error about this operation, to be raised by the caller."""
        return ModelError(what, where=self.source or self.KIND)


def register(kind: str) -> Callable[[type[Op]], type[Op]]:
    """Enter an operation class into the registry under its file-format name."""

    def enter(cls: type[Op]) -> type[Op]:
        cls.KIND = kind
        REGISTRY[kind] = cls
        return cls

    return enter


def require(op: Op, condition: bool, what: str) -> None:
    """Raise the operation's ``ModelError`` unless ``condition`` holds."""
    if not condition:
        raise op.error(what)


def require_rank(op: Op, shape: Shape, rank: int, role: str) -> None:
    """Raise unless ``shape`` has ``rank`` dimensions."""
    require(op, len(shape) == rank, f"{role} has shape {shape}, expected {rank} dimensions")


def require_codes(op: Op, io: Operands, allowed: tuple[DType, ...]) -> None:
    """Raise unless every operand is of an allowed type, and quantized when it is a code."""
    for tensor in (*io.ins, *io.outs):
        names = ", ".join(dtype.value for dtype in allowed)
        require(
            op,
            tensor.dtype in allowed,
            f"tensor '{tensor.name}' is {tensor.dtype.value}, expected one of {names}",
        )
        require(
            op,
            not tensor.dtype.is_quantized or tensor.quant is not None,
            f"tensor '{tensor.name}' has no scale",
        )
