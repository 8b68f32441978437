"""The program as templates read it: C text for every pointer, parameter and array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeq.emit.literals import initialiser, string_initialiser
from edgeq.emit.names import comment_text
from edgeq.ir.types import DType
from edgeq.plan.program import Argument, Call, Data, Place, Port, Program

# Longer arrays of bytes are strings: compilers need seconds for each megabyte of numbers.
STRING_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class DataView:
    """A constant array: its C type, full symbol, length and initialiser (with its brackets).

    ``alignment`` is more than 1 where that of its type is not enough.
    """

    symbol: str
    c_type: str
    length: int
    comment: str
    initialiser: str
    alignment: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class CallView:
    """One layer as its kernel's template sees it (``k``); ``parts`` are those of a split one.

    ``aligned`` are the pointers to memory that is aligned as the arena is.
    """

    index: int
    symbol: str
    comment: str
    parameters: str
    invocation: str
    constants: Mapping[str, int]
    data: Mapping[str, str]
    flags: Mapping[str, Any]
    template: str
    types: Mapping[str, str]
    aligned: frozenset[str] = frozenset()
    parts: tuple[CallView, ...] = ()


@dataclass(frozen=True, slots=True)
class PortView:
    """An input or output as the public header describes it.

    ``low`` and ``high`` are the smallest and largest code, with the zero point taken off.
    """

    index: int
    name: str
    c_type: str
    shape: tuple[int, ...]
    elements: int
    bytes: int
    offset: int
    scale: float | None
    zero_point: int | None
    low: int
    high: int


def data_view(program: Program, data: Data) -> DataView:
    """Return the C view of a constant array."""
    array = np.ascontiguousarray(data.array)
    return DataView(
        symbol=f"{program.name}_{data.name}",
        c_type=DType.of(array.dtype).c_name,
        length=max(array.size, 1),
        comment=comment_text(data.comment),
        initialiser=bracketed(array),
        alignment=data.alignment,
    )


def is_string(array: np.ndarray) -> bool:
    """Tell whether a constant array is written as string literals."""
    return array.dtype.itemsize == 1 and array.size > STRING_BYTES


def bracketed(array: np.ndarray) -> str:
    """Return an array's initialiser: numbers in braces, or string literals when it is long."""
    if is_string(array):
        return "\n" + string_initialiser(array)
    return "{\n" + (initialiser(array) if array.size else "    0,") + "\n}"


def call_view(program: Program, call: Call) -> CallView:
    """Return the C view of a layer."""
    arguments = ", ".join(pointer(program, a.place, a.dtype, a.const) for a in call.arguments)
    return CallView(
        index=call.index,
        symbol=call.symbol,
        comment=_comment(call),
        parameters=", ".join(_parameter(a) for a in call.arguments),
        invocation=f"{call.symbol}({arguments})",
        constants=call.constants,
        data={short: f"{program.name}_{name}" for short, name in call.data.items()},
        flags=call.flags,
        template=f"{call.kernel}.c.j2",
        types={a.name: a.dtype.c_name for a in call.arguments},
        aligned=frozenset(a.name for a in call.arguments if _is_aligned(program, a.place)),
        parts=tuple(call_view(program, part) for part in call.parts),
    )


def _is_aligned(program: Program, place: Place) -> bool:
    return place.kind == "arena" and place.offset % program.alignment == 0


def pointer(program: Program, place: Place, dtype: DType, const: bool) -> str:
    """Return the C expression for the address of an array at run time."""
    kind = f"({'const ' if const else ''}{dtype.c_name} *)"
    if place.kind == "data":
        return f"{program.name}_{place.symbol}"
    if place.kind == "arena":
        return f"{kind}(ctx->arena + {place.offset})"
    base = f"ctx->{place.kind}[{place.index}]"
    if place.offset == 0:
        return f"{kind}{base}"
    inner = "const uint8_t *" if place.kind == "input" else "uint8_t *"
    return f"{kind}(({inner}){base} + {place.offset})"


def port_view(index: int, port: Port) -> PortView:
    """Return the C view of an input or output."""
    quant = port.quant if port.dtype.is_quantized else None
    zero = 0 if quant is None else quant.zero_point[0]
    return PortView(
        index,
        comment_text(port.name),
        port.dtype.c_name,
        port.shape,
        port.bytes // port.dtype.bytes,
        port.bytes,
        port.offset,
        None if quant is None else quant.scale[0],
        None if quant is None else zero,
        0 if quant is None else port.dtype.min - zero,
        0 if quant is None else port.dtype.max - zero,
    )


def _parameter(argument: Argument) -> str:
    const = "const " if argument.const else ""
    restrict = "restrict " if argument.restrict else ""
    return f"{const}{argument.dtype.c_name} *{restrict}{argument.name}"


def _comment(call: Call) -> str:
    parts = [part for part in (call.note, comment_text(call.source)) if part]
    return f"Layer {call.index}: " + "; ".join(parts or [call.kind])
