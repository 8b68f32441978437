"""Executed packets and instructions on Hexagon: kinds of layers, whole networks, each layer.

Packets are what the processor issues together, up to four instructions; counts are of QEMU, repeat
exactly, and know no stalls. A packet can hold two products of a vector by a scalar register, 256
multiplies of bytes: the bound. Fillers are not counted as instructions.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from common import fix_addresses, model_path, write_section
from hexagon_layers import samples
from packets import executed, packets

import edgeq
from edgeq import reference
from edgeq.host.emulated import Emulated
from edgeq.host.instructions import Row
from edgeq.ir.graph import Graph
from edgeq.targets.hexagon import HEXAGON, HEXAGON_HVX, OLDEST

TITLE = "Hexagon"
BOUND = 256  # products in a packet
# The same compiler and processor; the portable kernels.
PLAIN = replace(HEXAGON, isas=("portable",))
LEAST_SCALAR = 3.0  # times fewer packets than plain C, pointwise
LEAST_VECTORS = 15.0  # times fewer than scalar code
NETWORKS = {
    "coral_mobilenet_v1_1.0_224_quant": 0.0075,
    "k_mobilenet_v1_1.0_224_int8": 0.0075,
    "coral_mobilenet_v2_1.0_224_quant": 0.012,
    "k_mobilenet_v2_1.0_224_int8": 0.012,
}
KINDS = (
    "| layer | packets | instructions | packets per MAC or byte | goal | share of the bound "
    "| scalar packets | plain C | HVX / scalar | scalar / plain C |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)
WHOLE = (
    "| network | MMAC | packets | instructions | packets per MAC | goal | share of the bound "
    "| scalar packets | scalar / HVX | goal |\n|---|---|---|---|---|---|---|---|---|---|"
)
LAYERS = (
    "| layer of `{}` | packets | instructions | in a packet | per MAC | per output "
    "| share of the bound | scalar packets | scalar / HVX |\n|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Counted:
    """The layers of a network, their packets, and the instructions in these."""

    rows: tuple[Row, ...]
    instructions: tuple[int, ...]
    packets: int
    macs: int


def count(graph: Graph, target: Any, layers: Iterable[int] | None = ()) -> Counted:
    """Count the packets of all layers, and the instructions of some; ``None`` for all of them."""
    compiled = edgeq.compile(graph, target)
    if not isinstance(compiled, Emulated):
        raise SystemExit(f"{target.name} is not emulated")
    inputs = reference.sample_inputs(graph)
    found = compiled.instructions(*inputs)
    chosen = range(len(found.rows)) if layers is None else layers
    code = packets(compiled.build().library, OLDEST) if layers is None or layers else {}
    inside = tuple(executed(code, compiled.addresses(index, *inputs)) for index in chosen)
    return Counted(found.rows, inside, found.total, found.macs)


def kinds(only: str) -> list[str]:
    """Return a line for each kind of layer."""
    lines = [KINDS]
    for sample in samples():
        if only not in sample.kind:
            continue
        vectors = count(sample.graph, HEXAGON_HVX, None)
        [at] = [i for i, row in enumerate(vectors.rows) if "max_pool" not in row.kernel]
        row, work = vectors.rows[at], vectors.rows[at].macs or vectors.rows[at].outputs
        others = [count(sample.graph, each).rows[at].instructions for each in (HEXAGON, PLAIN)]
        each = row.instructions / work
        slow = "pointwise" in sample.kind and others[1] < LEAST_SCALAR * others[0]
        cells = (
            sample.kind,
            f"{row.instructions:,}",
            f"{vectors.instructions[at]:,}",
            f"{each:.5f}" if row.macs else f"{each:.4f}",
            _held(f"{sample.goal:g}", each > sample.goal),
            _share(row.macs, row.instructions),
            *(f"{packets:,}" for packets in others),
            f"{others[0] / row.instructions:.0f}",
            _held(f"{others[1] / others[0]:.1f}", slow),
        )
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return lines


def network(name: str, goal: float) -> tuple[str, list[str]]:
    """Return the line of a whole network, and the lines of its layers."""
    graph = edgeq.load(model_path(name))
    vectors, scalar = count(graph, HEXAGON_HVX, None), count(graph, HEXAGON)
    each, gain = vectors.packets / vectors.macs, scalar.packets / vectors.packets
    cells = (
        f"`{name}`",
        f"{vectors.macs / 1e6:.1f}",
        f"{vectors.packets:,}",
        f"{sum(vectors.instructions):,}",
        f"{each:.5f}",
        _held(f"{goal:g}", each > goal),
        _share(vectors.macs, vectors.packets),
        f"{scalar.packets:,}",
        f"{gain:.1f}",
        _held(f"{LEAST_VECTORS:g}", gain < LEAST_VECTORS),
    )
    lines = [LAYERS.format(name)]
    slow = {row.source: row.instructions for row in scalar.rows}
    for row, instructions in zip(vectors.rows, vectors.instructions, strict=True):
        lines.append(_layer(row, instructions, slow.get(row.source)))
    return "| " + " | ".join(cells) + " |", lines


def _layer(row: Row, instructions: int, scalar: int | None) -> str:
    cells = (
        f"{row.symbol} (`{row.kernel}`)",
        f"{row.instructions:,}",
        f"{instructions:,}",
        f"{instructions / row.instructions:.2f}",
        f"{row.instructions / row.macs:.5f}" if row.macs else "",
        f"{row.instructions / row.outputs:.4f}",
        _share(row.macs, row.instructions),
        f"{scalar:,}" if scalar else "",
        f"{scalar / row.instructions:.1f}" if scalar else "",
    )
    return "| " + " | ".join(cells) + " |"


def _share(macs: int, packets: int) -> str:
    return f"{100 * macs / packets / BOUND:.0f} %" if macs else ""


def _held(goal: str, missed: bool) -> str:
    return f"{goal} (missed)" if missed else goal


def main() -> None:
    """Print the tables; with --write also keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--kind", default="", help="part of a layer's kind")
    parser.add_argument("--no-kinds", action="store_true", help="count networks only")
    parser.add_argument("--write", action="store_true", help="keep the tables in RESULTS.md")
    options = parser.parse_args()
    fix_addresses()
    parts = [] if options.no_kinds else ["\n".join(kinds(options.kind))]
    found = []
    for name in options.networks:
        found.append(network(name, NETWORKS.get(name, 0.0075)))
        print("\n".join((found[-1][0], *found[-1][1])), flush=True)
    parts.append("\n".join((WHOLE, *(line for line, _ in found))))
    parts += ["\n".join(lines) for _, lines in found]
    if options.write:
        about = (
            "`benchmarks/hexagon.py --write`: packets executed under QEMU, `-mcpu=hexagonv66`, "
            "requantization included. Exact counts; not time."
        )
        write_section(TITLE, "\n\n".join((about, *parts)))


if __name__ == "__main__":
    main()
