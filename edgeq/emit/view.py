"""The program as templates read it: C text for every pointer, parameter and array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeq.emit.literals import c_type, initialiser, string_initialiser
from edgeq.emit.names import comment_text
from edgeq.ir.types import DType
from edgeq.plan.program import Argument, Call, Copy, Data, Place, Port, Program, Slot

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


@dataclass(frozen=True, slots=True)
class OutputView:
    """What a layer writes: the C expression of its address, and its size."""

    address: str
    bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class CallView:
    """One layer as its kernel's template sees it (``k``); ``parts`` are those of a split one.

    ``constants`` are there to decide on. The function declares those that are ``declared``; what
    it shares with other layers and differs in, it fetches by the lines ``fetched``. ``aligned``
    are the pointers to memory that is aligned as the arena is.
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
    written: tuple[OutputView, ...] = ()
    aligned: frozenset[str] = frozenset()
    parts: tuple[CallView, ...] = ()
    turns: tuple[TurnsView, ...] = ()
    declared: Mapping[str, int] = field(default_factory=dict)
    fetched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnsView:
    """A loop of a stage: C statements, or the places of calls among the stage's parts."""

    count: int
    steps: tuple[int | str, ...]


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
    region: int
    scale: float | None
    zero_point: int | None
    low: int
    high: int


def data_view(program: Program, data: Data) -> DataView:
    """Return the C view of a constant array."""
    array = np.ascontiguousarray(data.array)
    return DataView(
        symbol=f"{program.name}_{data.name}",
        c_type=c_type(array.dtype),
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
    arguments = [pointer(program, a.place, a.dtype, a.const) for a in call.arguments]
    arguments += _differences(program, call)
    symbol = call.symbol if call.function is None else call.function.symbol
    return CallView(
        index=call.index,
        symbol=call.symbol,
        comment=layer_comment(call),
        parameters=", ".join(parameter(a) for a in call.arguments),
        invocation=f"{symbol}({', '.join(arguments)})",
        constants=call.constants,
        data={short: f"{program.name}_{name}" for short, name in call.data.items()},
        flags=call.flags,
        template=f"{call.kernel}.c.j2",
        types={a.name: a.dtype.c_name for a in call.arguments},
        written=tuple(
            OutputView(address(program, program.places[name]), size)
            for name, size in zip(call.outputs, call.output_bytes, strict=False)
        ),
        aligned=frozenset(a.name for a in call.arguments if _is_aligned(program, a.place)),
        parts=tuple(call_view(program, part) for part in call.parts),
        turns=tuple(
            TurnsView(
                turns.count,
                tuple(_moved(program, s) if isinstance(s, Copy) else s for s in turns.steps),
            )
            for turns in call.turns
        ),
        declared=call.constants,
    )


def _differences(program: Program, call: Call) -> list[str]:
    """Return the arguments that tell a shared function what the layer's own are."""
    if call.function is None:
        return []
    if call.function.numbers:
        return [f"&{call.function.records[call.symbol]}"]
    return [f"{program.name}_{call.data[name]}" for name in call.function.arrays]


def overlaps(copy: Copy) -> bool:
    """Tell whether bytes move by less than their length."""
    source, to = copy.source, copy.to
    return source.kind == to.kind and 0 < source.offset - to.offset < copy.bytes


def _moved(program: Program, copy: Copy) -> str:
    """Return the C statement that moves bytes, without its semicolon."""
    to = pointer(program, copy.to, DType.UINT8, False)
    if overlaps(copy):
        distance = copy.source.offset - copy.to.offset
        return f"{program.name}_move_up({to}, {distance}, {copy.bytes})"
    return f"memcpy({to}, {pointer(program, copy.source, DType.UINT8, True)}, {copy.bytes})"


def _is_aligned(program: Program, place: Place) -> bool:
    steps = (place.offset, place.advance)
    return place.kind == "arena" and all(step % program.alignment == 0 for step in steps)


def pointer(program: Program, place: Place, dtype: DType, const: bool) -> str:
    """Return the C expression for the address of an array at run time."""
    kind = f"({'const ' if const else ''}{dtype.c_name} *)"
    if place.kind == "data":
        return f"{program.name}_{place.symbol}"
    where = address(program, place)
    return f"{kind}({where})" if " + " in where else f"{kind}{where}"


def address(program: Program, place: Place) -> str:
    """Return the C expression for the address of a computed array, whatever its type."""
    further = f" + i * {place.advance}" if place.advance else ""
    start = "" if further and not place.offset else f" + {place.offset}"
    if place.kind == "arena":
        return f"ctx->{program.regions[place.index].name}{start}{further}"
    base = f"ctx->{place.kind}[{place.index}]"
    if place.kind == "state":
        base = f"ctx->state{place.index}"
    if place.offset == 0 and not further:
        return base
    return f"({'const ' if place.kind == 'input' else ''}uint8_t *){base}{start}{further}"


@dataclass(frozen=True, slots=True)
class SlotView:
    """A state as templates see it: ``fill`` is its first value where one is that of all elements.

    ``byte`` is the value of all bytes where that is one, too.
    """

    member: str
    name: str
    c_type: str
    shape: tuple[int, ...]
    elements: int
    fill: str
    byte: int | None
    symbol: str


def slot_views(program: Program) -> tuple[SlotView, ...]:
    """Return the states in the order in which they lie in the context."""
    return tuple(_slot_view(program, i, program.states[i]) for i in program.state_order)


def _slot_view(program: Program, index: int, slot: Slot) -> SlotView:
    fill = "" if slot.fill is None else initialiser(np.asarray(slot.fill)).strip().rstrip(",")
    raw = b"" if slot.fill is None else slot.fill.tobytes()
    return SlotView(
        member=f"state{index}",
        name=comment_text(slot.name),
        c_type=slot.dtype.c_name,
        shape=slot.shape,
        elements=slot.bytes // slot.dtype.bytes,
        fill=fill,
        byte=raw[0] if len(set(raw)) == 1 else None,
        symbol=f"{program.name}_{slot.symbol}" if slot.symbol else "",
    )


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
        port.region,
        None if quant is None else quant.scale[0],
        None if quant is None else zero,
        0 if quant is None else port.dtype.min - zero,
        0 if quant is None else port.dtype.max - zero,
    )


def parameter(argument: Argument) -> str:
    """Return the declaration of a parameter."""
    const = "const " if argument.const else ""
    restrict = "restrict " if argument.restrict else ""
    return f"{const}{argument.dtype.c_name} *{restrict}{argument.name}"


def layer_comment(call: Call) -> str:
    """Return what a layer is, on one line."""
    parts = [part for part in (call.note, comment_text(call.source)) if part]
    return f"Layer {call.index}: " + "; ".join(parts or [call.kind])
