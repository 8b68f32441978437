"""Executed packets and instructions on Hexagon, by layers, and vectors on the stack in inner loops.

A packet is what the processor starts together: at most two products of a vector of 128 bytes with a
register, 256 MACs. QEMU counts packets; instructions are those of each packet times its executions.
The inner loop of a layer are the packets that it executes most. Counts say nothing of time.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from assembly import tool
from common import model_path, write_section

import edgeq
from edgeq import reference
from edgeq.host.emulated import Emulated
from edgeq.host.instructions import Row

TITLE = "Hexagon, target {}"
MODELS = ("coral_mobilenet_v1_1.0_224_quant", "coral_tf2_mobilenet_v2_1.0_224_ptq")
BOUND = 256  # MACs of a packet
HEAD = (
    "| layer | kernel | MMAC | packets | instructions | packets/MAC | of the bound | per output "
    "| vectors on the stack |\n|---|---|---|---|---|---|---|---|---|"
)
LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S.*)$")
STACK = re.compile(r"vmemu?\(r(29|30)\b")
Packets = Mapping[int, tuple[str, ...]]


def packets(program: Path) -> Packets:
    """Return the instructions of each packet by its address."""
    features = ("--mcpu=hexagonv66", "--mattr=+hvxv66,+hvx-length128b", "--no-show-raw-insn")
    command = (tool("llvm-objdump"), "-d", *features, str(program))
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[int, list[str]] = {}
    start = None
    for match in filter(None, map(LINE.match, text.splitlines())):
        words = " ".join(match[2].split())
        start = int(match[1], 16) if start is None else start
        parts = [part.strip(" {}") for part in words.split(" ; ")]
        found.setdefault(start, []).extend(p for p in parts if p and "immext" not in p)
        if "}" in words:
            start = None
    return {address: tuple(body) for address, body in found.items()}


def executed(counts: Mapping[int, int], code: Packets) -> int:
    """Return the executed instructions."""
    return sum(times * len(code.get(address, ())) for address, times in counts.items())


def on_stack(counts: Mapping[int, int], code: Packets) -> tuple[int, int]:
    """Return the instructions of the inner loop with vectors there, and how long the loop is."""
    most = max(counts.values(), default=0)
    inner = [code.get(address, ()) for address, times in counts.items() if times == most]
    return sum(bool(STACK.search(one)) for body in inner for one in body), len(inner)


def line(row: Row, counts: Mapping[int, int], code: Packets) -> str:
    """Return a layer's line of the table."""
    spilled, length = on_stack(counts, code)
    per_mac = f"{row.instructions / row.macs:.5f}" if row.macs else ""
    share = f"{row.macs / row.instructions / BOUND:.0%}" if row.macs else ""
    numbers = (f"{row.macs / 1e6:.2f}", f"{row.instructions:,}", f"{executed(counts, code):,}")
    per_output = f"{row.instructions / row.outputs:.3f}"
    words = (row.symbol, row.kernel, *numbers, per_mac, share, per_output)
    return f"| {' | '.join(words)} | {spilled} in {length} packets |"


def table(name: str, target: str, layers: bool) -> str:
    """Return the table of a model; without ``layers`` its last line alone."""
    graph = edgeq.load(model_path(name))
    compiled = edgeq.compile(graph, target)
    if not isinstance(compiled, Emulated):
        raise SystemExit(f"target '{target}' is not emulated")
    inputs = reference.sample_inputs(graph)
    counted = compiled.instructions(*inputs)
    code = packets(compiled.build().library)
    rows = [line(row, compiled.addresses(row.index, *inputs), code) for row in counted.rows]
    share = f"{counted.macs / counted.total / BOUND:.0%}"
    total = f"| total | | {counted.macs / 1e6:.2f} | {counted.total:,} | "
    total += f"| {counted.total / counted.macs:.5f} | {share} | | |"
    return "\n".join((f"### {name}\n", HEAD, *(rows if layers else ()), total))


def main() -> None:
    """Write the tables of some models into the results, or print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--target", default="hexagon-hvx")
    parser.add_argument("--print", action="store_true", help="do not touch the results")
    arguments = parser.parse_args()
    vectors = arguments.target.endswith("hvx")
    body = "\n\n".join(table(name, arguments.target, vectors) for name in arguments.models)
    if arguments.print:
        print(body)
    else:
        write_section(TITLE.format(arguments.target), body)


if __name__ == "__main__":
    main()
