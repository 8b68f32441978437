"""Vectors that inner loops of HVX code keep on the stack: none, or the exit status is 1.

Of every layer that is a matrix product or a depthwise convolution, the innermost loops that
multiply bytes are taken from the disassembly of the built program, and in them the loads and stores
of vectors whose address comes from the stack or frame pointer.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import fix_addresses, model_path, write_section
from packets import Loop, Packet, inner_loops, packets

import edgeq
from edgeq.targets.hexagon import OLDEST, hexagon_target

TITLE = "Vectors on the stack in inner loops, Hexagon"
MODELS = (
    "k_mobilenet_v1_1.0_224_int8",
    "k_mobilenet_v2_1.0_224_int8",
    "coral_mobilenet_v1_1.0_224_quant",
    "coral_mobilenet_v2_1.0_224_quant",
    "coral_mobilenet_v1_0.25_128_quant",
    "mlperf_pretrainedResnet_quant",
)
KERNELS = re.compile(r"hvx/(pointwise_conv2d|conv2d|fully_connected|depthwise_conv2d)_")
HEAD = (
    "| network | function | innermost loops with products | packets | vector loads from the stack "
    "| stores |\n|---|---|---|---|---|---|"
)
_PRODUCT = re.compile(r"\bv\w*mpy\w*\(v[\d:]+\.u?b")
_VECTOR_ACCESS = re.compile(r"\bvmemu?\((r\d+)")
_DEFINITION = re.compile(r"^(?:if \(\S+\) )?(r\d+) = (.*)")
_OF_STACK = re.compile(r"add\((r29|r30),")


@dataclass(frozen=True, slots=True)
class Kept:
    """The loops of a layer that multiply, and their accesses to vectors on the stack."""

    loops: int
    packets: int
    loads: int
    stores: int


def kept(code: Mapping[int, Packet], function: str) -> Kept:
    """Return what the inner loops of a function that multiply keep on the stack."""
    inside = {address: each for address, each in code.items() if each.function == function}
    chosen = [loop for loop in inner_loops(inside) if any(map(_PRODUCT.search, loop.instructions))]
    found = [access for loop in chosen for access in stack_accesses(loop)]
    loads = sum("= vmem" in access for access in found)
    size = sum(len(loop.body) for loop in chosen)
    return Kept(len(chosen), size, loads, len(found) - loads)


def stack_accesses(loop: Loop) -> Iterator[str]:
    """Yield the loads and stores of vectors on the stack.

    Offsets that an instruction cannot hold are added in a register, shortly before its use.
    """
    pointers = {"r29", "r30"}
    # Twice: at the beginning registers are what the end of an iteration left.
    for last in (False, True):
        for packet in loop.body:
            for each in packet.instructions:
                match = _VECTOR_ACCESS.search(each)
                if last and match and match[1] in pointers:
                    yield each
            for each in packet.instructions:
                if defined := _DEFINITION.match(each):
                    pointers.discard(defined[1])
                    if _OF_STACK.match(defined[2]):
                        pointers.add(defined[1])


def rows(path: Path, version: int) -> Iterator[tuple[str, Kept]]:
    """Yield each function of a network with loops that multiply: a layer, or several."""
    compiled = edgeq.compile(edgeq.load(path), hexagon_target(True, version))
    code = packets(compiled.build().library, version)
    others = {c.symbol for c in compiled.program.calls if not KERNELS.match(c.kernel)}
    # Compilers inline small layers: their loops are in the function that calls them.
    for function in sorted({each.function for each in code.values()} - others):
        if (found := kept(code, function)).loops:
            yield function, found


def main() -> None:
    """Print the table and end with 1 if anything is on the stack; with --write also keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS, help="a shared model, or a file")
    parser.add_argument("--version", type=int, default=OLDEST, help="of the instruction set")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    fix_addresses()
    lines, total = [HEAD], 0
    print(HEAD)
    for name in options.models:
        path = Path(name)
        found = path if path.exists() else model_path(name)
        for symbol, each in rows(found, options.version):
            total += each.loads + each.stores
            numbers = (each.loops, each.packets, each.loads, each.stores)
            cells = (f"`{found.stem}`", f"`{symbol}`", *map(str, numbers))
            lines.append("| " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    if options.write:
        write_section(TITLE, "\n".join(lines))
    raise SystemExit(1 if total else 0)


if __name__ == "__main__":
    main()
