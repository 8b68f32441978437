"""A stable text form of programs, for ``--dump-ir`` and for tests that compare."""

from __future__ import annotations

from collections.abc import Iterator

from edgeq.plan.program import Call, Place, Program


def program_text(program: Program) -> str:
    """Return two lines per C function: kernel, where each operand lies, and constants."""
    lines = [
        f"program {program.name}, target {program.target}, numerics {program.numerics}, "
        f"arena {program.arena}, lower bound {program.lower_bound}"
    ]
    lines += [f"  region {r.name} {r.bytes} of {r.limit}" for r in program.named]
    lines += [line for call in program.functions for line in _function(call)]
    return "\n".join(lines) + "\n"


def _function(call: Call) -> Iterator[str]:
    operands = ", ".join(f"{a.name}={_place(a.place)}" for a in call.arguments)
    shared = "" if call.function is None else f" by {call.function.symbol}"
    yield f"  {call.symbol} [{call.kernel}]{shared} {operands}"
    yield f"    {', '.join(f'{k}={v}' for k, v in call.constants.items())}"


def _place(place: Place) -> str:
    name = place.symbol if place.kind == "data" else f"{place.kind}{place.index or ''}"
    return f"{name}+{place.offset}" if place.offset else name
