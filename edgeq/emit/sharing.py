"""Which calls share a C function: those whose texts agree but for numbers and constant arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from edgeq.emit.functions import LOCAL, skeleton
from edgeq.plan.program import Call, Function, Program

# Where C needs constant expressions: sizes of arrays, what is static, and sizes of memory where no
# cast says otherwise.
_SIZES = (
    r"^ *(?:const )?\w+ \*?(?:const )?\w+((?:\[[^]]+\])+)(?: =.*)?;",
    r"^ *static const .* = \{(.*)\};",
    r"mem(?:cpy|set)\((?!.*size_t)(.*)\);",
)

# The calls of one layer; also layers that differ in constant arrays alone; all that can be.
Scope = Literal["layer", "equal", "kernel"]


def share(program: Program, by: Scope = "layer") -> Program:
    """Return the program with calls that share functions, each of which is emitted once.

    Parts and strips of one layer always share. By ``"equal"`` layers do whose numbers are all the
    same, so that nothing becomes slower; by ``"kernel"`` all layers do whose text is the same.
    """
    functions = _functions(program, by)

    def shared(call: Call) -> Call:
        if call.parts:
            return replace(call, parts=tuple(map(shared, call.parts)))
        return replace(call, function=functions.get(call.symbol))

    return replace(program, calls=tuple(map(shared, program.calls)))


def _functions(program: Program, by: Scope) -> dict[str, Function]:
    """Return the function of each call that shares one, by the call's symbol."""
    types = {data.name: str(data.array.dtype) for data in program.data}
    texts = {call.symbol: skeleton(program, call) for call in program.functions}
    alike = _grouped(
        (_key(call, texts[call.symbol], types, by), call) for call in program.functions
    )
    groups = [unit for group in alike for unit in _units(group, texts, by)]
    taken: set[str] = set()
    found = {}
    for group in groups:
        if len(group) > 1:
            function = _function(group, texts[group[0].symbol], taken, program)
            found.update(dict.fromkeys(function.calls, function))
    return found


def _grouped(pairs: Iterable[tuple[object, Call]]) -> list[list[Call]]:
    groups: dict[object, list[Call]] = {}
    for key, call in pairs:
        groups.setdefault(key, []).append(call)
    return list(groups.values())


def _key(call: Call, text: str, types: Mapping[str, str], by: Scope) -> object:
    """Return what calls that can share a function have in common."""
    # A pointer that loses its ``restrict`` costs time.
    restrict = () if by == "kernel" else tuple(a.restrict for a in call.arguments)
    arrays = tuple((name, types[symbol]) for name, symbol in call.data.items())
    fixed = {(name, call.constants.get(name)) for name in (*call.fixed, *_sizes(text))}
    return text, arrays, tuple(call.constants), frozenset(fixed), restrict


def _sizes(text: str) -> list[str]:
    """Return the constants that a text needs as constant expressions."""
    found = [size for pattern in _SIZES for size in re.findall(pattern, text, re.M)]
    return re.findall(r"\b[A-Z][A-Z0-9_]*\b", " ".join(found))


def _units(group: list[Call], texts: Mapping[str, str], by: Scope) -> list[list[Call]]:
    """Return calls that could share a function in groups that do."""
    if by == "kernel":
        return [group]
    layers = _grouped((call.outputs, call) for call in group)
    if by == "layer":
        return layers

    def key(unit: list[Call]) -> object:
        alone = not _numbers(unit, texts[unit[0].symbol])
        return tuple(unit[0].constants.items()) if alone else unit[0].outputs

    # A layer in strips with numbers of their own is not like any other.
    return _grouped((key(unit), call) for unit in layers for call in unit)


def _numbers(group: list[Call], text: str) -> tuple[str, ...]:
    """Return the constants that the function uses and that are not the same in all calls."""
    first = group[0].constants
    return tuple(
        name
        for name in first
        if any(call.constants[name] != first[name] for call in group)
        and re.search(rf"\b{name}\b", text)
    )


def _function(group: list[Call], text: str, taken: set[str], program: Program) -> Function:
    first, numbers = group[0], _numbers(group, text)
    arrays = tuple(
        name
        for name, symbol in first.data.items()
        if any(call.data[name] != symbol for call in group)
        and re.search(rf"\b{LOCAL}{name}\b", text)
    )
    return Function(
        symbol=_symbol(group, taken, program),
        calls=tuple(call.symbol for call in group),
        numbers=numbers,
        arrays=arrays,
        restrict=tuple(
            argument.name
            for at, argument in enumerate(first.arguments)
            if all(call.arguments[at].restrict for call in group)
        ),
        records=_records(group, numbers, arrays) if numbers else {},
    )


def _records(
    group: list[Call], numbers: tuple[str, ...], arrays: tuple[str, ...]
) -> dict[str, str]:
    """Return the structure of each call's numbers: that of the first that has the same."""
    first: dict[tuple[object, ...], Call] = {}
    found = {}
    for call in group:
        differs = (*(call.constants[n] for n in numbers), *(call.data[n] for n in arrays))
        owner = first.setdefault(differs, call)
        found[call.symbol] = owner.symbol.removesuffix(owner.kernel.split("/")[-1]) + "layer"
    return found


def _symbol(group: list[Call], taken: set[str], program: Program) -> str:
    """Return a name: that of the layer, or one that says what layers have in common."""
    first = group[0]
    kernel = first.kernel.split("/")[-1]
    if all(call.outputs == first.outputs for call in group):
        # The layers of a stage, and the parts of a layer, have its number in common.
        numbered = sum(call.index == first.index for call in program.functions)
        return f"l{first.index:02d}_{kernel}" if numbered == len(group) else first.symbol
    name, number = f"shared_{kernel}", 1
    while name in taken:
        number += 1
        name = f"shared_{kernel}_{number}"
    taken.add(name)
    return name
