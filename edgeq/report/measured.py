"""What was measured of each layer, as plain data: time, or executed instructions."""

from __future__ import annotations

from edgeq.host import instructions, profile
from edgeq.host.build import Build
from edgeq.host.instructions import Instructions
from edgeq.host.profile import Profile
from edgeq.host.sizes import flash_bytes, symbols
from edgeq.host.stack import Stack
from edgeq.ir.graph import Graph
from edgeq.plan.program import Program
from edgeq.report.budget import POINTER, flash_by_layer, ram_by_layer
from edgeq.report.facts import Facts


def timing(measured: Profile) -> Facts:
    """Return the time of each layer in nanoseconds, and how much work it does in one."""
    return {
        "total_ns": measured.total,
        "macs": measured.macs,
        "gmacs_per_second": _ratio(measured.macs, measured.total) if measured.macs else None,
        "repeats": measured.repeats,
        "layers": [
            {
                **_layer(row),
                "ns": row.ns,
                "gmacs_per_second": _ratio(row.macs, row.ns) if row.macs else None,
            }
            for row in measured.rows
        ],
    }


def executed(counted: Instructions) -> Facts:
    """Return the executed instructions of each layer, and how many a unit of its work takes."""
    return {
        "total_instructions": counted.total,
        "macs": counted.macs,
        "instructions_per_mac": _ratio(counted.total, counted.macs),
        "layers": [
            {
                **_layer(row),
                "outputs": row.outputs,
                "instructions": row.instructions,
                "instructions_per_mac": _ratio(row.instructions, row.macs),
                "instructions_per_output": _ratio(row.instructions, row.outputs),
            }
            for row in counted.rows
        ],
    }


def memory(lowered: Graph, program: Program, build: Build) -> Facts:
    """Return flash and RAM in bytes, of the whole and of each layer.

    RAM is the arena, the context and the stack of a call. The flash of a layer is its constants and
    the functions that it alone has, its RAM what is alive in the arena while it runs.
    """
    flash = flash_bytes(build.objects)
    constants = flash_by_layer(program, symbols(build.objects))
    alive = ram_by_layer(lowered, program)
    context = program.context_bytes(POINTER)
    return {
        "flash": flash["code"] + flash["data"],
        "flash_code": flash["code"],
        "flash_data": flash["data"],
        "ram": program.arena + context + build.stack.bytes,
        "memory": [{"flash": constants[index], "ram": alive[index]} for index in sorted(alive)],
    }


def stack(compiled: Stack, painted: int) -> Facts:
    """Return the stack of a call in the compiler's code, and what one run was seen to take."""
    return {
        "stack": compiled.bytes,
        "stack_path": list(compiled.path),
        "stack_painted": painted,
    }


def _layer(row: instructions.Row | profile.Row) -> Facts:
    return {
        "index": row.index,
        "function": row.symbol,
        "kernel": row.kernel,
        "source": row.source,
        "macs": row.macs,
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
