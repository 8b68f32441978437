"""The C functions of a program: one for each call, or for several calls that differ in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from edgeq.emit.environment import render
from edgeq.emit.literals import c_integer, c_type
from edgeq.emit.view import CallView, call_view, layer_comment, parameter
from edgeq.ir.types import DType
from edgeq.plan.program import Call, Function, Program

# Local names of constant arrays; no template has names of its own that begin like this.
LOCAL = "layer_"
_INTEGERS = (DType.INT8, DType.INT16, DType.INT32)


@dataclass(frozen=True, slots=True)
class FieldView:
    """A thing in which layers that share a function differ: its type and values, in their order."""

    name: str
    c_type: str
    bytes: int
    local: str
    values: tuple[str, ...]

    @property
    def member(self) -> str:
        """Return its declaration in the structure."""
        return _declared(self.c_type, self.name)

    @property
    def fetch(self) -> str:
        """Return the line of the function that gets it."""
        # An integer that is no wider than it needs to be fits wherever an enumerator does.
        declared = self.c_type + "const " if self.c_type.endswith("*") else f"const {self.c_type} "
        return f"{declared}{self.local} = layer->{self.name};"


@dataclass(frozen=True, slots=True, eq=False)
class RecordsView:
    """The structure of what layers differ in, and its different values by name."""

    c_type: str
    fields: tuple[FieldView, ...]
    records: Mapping[str, tuple[tuple[str, str], ...]]


def skeleton(program: Program, call: Call) -> str:
    """Return the text of a call's function as far as values of its numbers do not appear in it."""
    view = call_view(program, call)
    arguments = [replace(argument, restrict=False) for argument in call.arguments]
    bare = replace(
        view,
        symbol="",
        comment="",
        parameters=", ".join(map(parameter, arguments)),
        data={name: LOCAL + name for name in call.data},
        declared={},
    )
    return render(view.template, k=bare)


def function_texts(program: Program) -> list[str]:
    """Return the text of each C function, in the order of the calls that first need them."""
    calls = {call.symbol: call for call in program.functions}
    texts = []
    for call in program.functions:
        if call.function is None:
            texts.append(_rendered(call_view(program, call)))
        elif call.symbol == call.function.calls[0]:
            members = [calls[symbol] for symbol in call.function.calls]
            texts.append(_shared(program, members, call.function))
    return texts


def _rendered(view: CallView) -> str:
    return render(view.template, k=view).strip() + "\n"


def _shared(program: Program, members: list[Call], function: Function) -> str:
    """Return a function that several calls share, after what they differ in."""
    first, view = members[0], call_view(program, members[0])
    fields = _fields(program, members, function)
    arguments = [replace(a, restrict=a.name in function.restrict) for a in first.arguments]
    parameters = [parameter(argument) for argument in arguments]
    locals_ = {field.name: field.local for field in fields}
    before = ""
    if function.numbers:
        records = _records(function, members, fields)
        parameters.append(f"const {records.c_type} *layer")
        before = render("model/records.j2", records=records).strip() + "\n\n"
    else:
        parameters += [_declared(field.c_type, field.local) for field in fields]
    return before + _rendered(
        replace(
            view,
            symbol=function.symbol,
            comment="\n * ".join(dict.fromkeys(map(layer_comment, members))),
            parameters=", ".join(parameters),
            data={**view.data, **{name: locals_[_member(first, name)] for name in function.arrays}},
            declared=_common(members),
            fetched=tuple(field.fetch for field in fields) if function.numbers else (),
        )
    )


def _common(members: list[Call]) -> dict[str, int]:
    """Return the constants that are the same in all members."""
    first = members[0].constants
    return {n: v for n, v in first.items() if all(call.constants[n] == v for call in members)}


def _fields(program: Program, members: list[Call], function: Function) -> tuple[FieldView, ...]:
    """Return what the members differ in, in an order that leaves no gaps."""
    arrays = {data.name: data.array.dtype for data in program.data}
    found = []
    for name in function.arrays:
        pointer = f"const {c_type(arrays[members[0].data[name]])} *"
        symbols = tuple(f"{program.name}_{call.data[name]}" for call in members)
        found.append(FieldView(_member(members[0], name), pointer, 8, LOCAL + name, symbols))
    for name in function.numbers:
        numbers = [call.constants[name] for call in members]
        dtype = _narrowest(numbers)
        values = tuple(map(c_integer, numbers))
        found.append(FieldView(name.lower(), dtype.c_name, dtype.bytes, name, values))
    return tuple(sorted(found, key=lambda field: -field.bytes))


def _member(call: Call, array: str) -> str:
    """Return the name of an array in the structure, where a number may have the same."""
    return f"{array}s" if array.upper() in call.constants else array


def _narrowest(numbers: Iterable[int]) -> DType:
    wanted = tuple(numbers)
    return next(d for d in _INTEGERS if d.min <= min(wanted) and max(wanted) <= d.max)


def _records(function: Function, members: list[Call], fields: tuple[FieldView, ...]) -> RecordsView:
    records = {
        function.records[call.symbol]: tuple((field.name, field.values[at]) for field in fields)
        for at, call in enumerate(members)
    }
    return RecordsView(f"{function.symbol}_layer", fields, records)


def _declared(c_type: str, name: str) -> str:
    return f"{c_type}{name}" if c_type.endswith("*") else f"{c_type} {name}"
