"""Disassembly, the loop that a program is in most, and what llvm-mca says of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_VERSIONS = ("", *(f"-{number}" for number in range(22, 15, -1)))  # Debian's names of LLVM's tools
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S.*)$")
_TARGET = re.compile(r"(0x[0-9a-f]+)\s+<[^>]*>")
# A branch of AArch64, ARM or x86, not a call.
_BRANCH = re.compile(r"^(b|b\.?[a-z]{2}(\.[nw])?|cbn?z|tbn?z|j[a-z]+)\b")
_ITERATIONS = 200
# Cycles above what resources and width ask for are spent waiting for operands.
_SLACK = 1.1
# The products of one instruction, by mnemonic and registers; the first that fits.
_PRODUCTS = tuple(
    (re.compile(pattern), products)
    for pattern, products in (
        (r"(us|s|u)mmla\s+v", 32),
        (r"(us|s|u|su)dot\s+v\d+\.4s", 16),
        (r"(us|s|u|su)dot\s+v\d+\.2s", 8),
        (r"[su]m(ul|la|ls)l2?\s+v\d+\.8h", 8),
        (r"[su]m(ul|la|ls)l2?\s+v\d+\.4s", 4),
        (r"m(ul|la|ls)\s+v\d+\.16b", 16),
        (r"m(ul|la|ls)\s+v\d+\.8[bh]", 8),
        (r"m(ul|la|ls)\s+v\d+\.4[hs]", 4),
        (r"madd\s|smaddl\s|smla(bb|bt|tb|tt)?\s|mla\s+r", 1),
        (r"vm(ul|la|ls)l\.[su]8\s", 8),
        (r"vm(ul|la|ls)l\.[su]16\s", 4),
        (r"vm(ul|la)\.i16\s+q", 8),
        (r"vm(ul|la)\.i(32\s+q|16\s+d)", 4),
        (r"v?pdpbusds?\s.*zmm", 64),
        (r"v?pdpbusds?\s.*ymm", 32),
        (r"v?pdpbusds?\s.*xmm", 16),
        (r"v?pmaddubsw\s.*zmm", 64),
        (r"v?pmaddubsw\s.*ymm", 32),
        (r"v?pmaddubsw\s.*xmm", 16),
        (r"v?p(dpwssd|maddwd|mullw)\s.*zmm", 32),
        (r"v?p(dpwssd|maddwd|mullw)\s.*ymm", 16),
        (r"v?p(dpwssd|maddwd|mullw)\s.*xmm", 8),
    )
)


@dataclass(frozen=True)
class Loop:
    """The instructions of an innermost loop, and how many of them were executed."""

    body: tuple[str, ...]
    executions: int

    @property
    def macs(self) -> int:
        """Return the products of one iteration."""
        # After vpmaddubsw, vpmaddwd only adds neighbours.
        widens = any("pmaddubsw" in line for line in self.body)
        counted = [line for line in self.body if not (widens and "pmaddwd" in line)]
        return sum(map(_products, counted))


def tool(name: str) -> str:
    """Return the path of a tool of LLVM; exit with its name when there is none."""
    found = [path for suffix in _VERSIONS if (path := shutil.which(name + suffix))]
    if not found:
        raise SystemExit(f"{name} not found: apt-get install llvm")
    return max(found, key=_version)


def disassemble(program: Path) -> dict[int, str]:
    """Return the instruction at each address."""
    command = (tool("llvm-objdump"), "-d", "--no-show-raw-insn", str(program))
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    matches = map(_INSTRUCTION.match, done.stdout.splitlines())
    return {int(m[1], 16): " ".join(m[2].split()) for m in matches if m}


def hottest(code: Mapping[int, str], executions: Mapping[int, int]) -> Loop | None:
    """Return the innermost loop that executed most; ``None`` where there is none."""
    order = sorted(address for address in code if executions.get(address))
    ends = {}
    for address in order:
        target = _TARGET.search(code[address])
        start = int(target[1], 16) if target and _BRANCH.match(code[address]) else address + 1
        # A block that ends in a jump to an earlier one is no loop.
        if start <= address and executions.get(start) and executions[address] > 1:
            ends[address] = start
    loops = []
    for end, start in ends.items():
        inner = any(start <= s and e < end for e, s in ends.items() if (s, e) != (start, end))
        # Without what only some iterations execute.
        usual = executions[end] / 2
        body = [a for a in order if start <= a <= end and executions[a] > usual]
        if not inner:
            loops.append((sum(executions[a] for a in body), start, body))
    if not loops:
        return None
    total, start, body = max(loops)
    return Loop(tuple(_relative(code[address], start) for address in body), total)


def machine_code_analysis(
    loop: Loop, architecture: str, processor: str
) -> tuple[float | None, str]:
    """Return the cycles of one iteration on a processor, and what bounds them.

    They are ``None`` where llvm-mca does not know an instruction on this processor.
    """
    command = (
        tool("llvm-mca"),
        f"-mtriple={architecture}-linux-gnu",
        f"-mcpu={processor}",
        f"-iterations={_ITERATIONS}",
        "-json",
        *(("-mattr=+neon",) if architecture.startswith("thumb") else ()),
    )
    text = ".Lloop:\n" + "\n".join(loop.body) + "\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reasons = (
            re.search(each, done.stderr) for each in (r"instruction:\s+(\S+)", r"error: (.*)")
        )
        return None, f"not modelled: {next((m[1] for m in reasons if m), done.returncode)}"
    answer = json.loads(done.stdout)
    region, names = answer["CodeRegions"][0], answer["TargetInfo"]["Resources"]
    summary = region["SummaryView"]
    cycles = summary["TotalCycles"] / _ITERATIONS
    width = summary["TotaluOps"] / _ITERATIONS / summary["DispatchWidth"]
    usage = region["ResourcePressureView"]["ResourcePressureInfo"]
    whole = [each for each in usage if each["InstructionIndex"] == len(region["Instructions"])]
    busiest = max(whole, key=lambda each: each["ResourceUsage"])
    if cycles > _SLACK * max(width, summary["BlockRThroughput"]):
        return cycles, "dependencies"
    if width >= busiest["ResourceUsage"]:
        return cycles, f"issue width {summary['DispatchWidth']}"
    return cycles, names[busiest["ResourceIndex"]].split(".")[0]


def _products(line: str) -> int:
    return next((products for pattern, products in _PRODUCTS if pattern.match(line)), 0)


def _relative(line: str, start: int) -> str:
    """Return an instruction as an assembler takes it, wherever it stood."""
    target = _TARGET.search(line)
    if target is None:
        return line.split(" // ")[0].split(" # ")[0].split(" @ ")[0]
    label = ".Lloop" if int(target[1], 16) == start else "."
    return line[: target.start()] + label


def _version(path: str) -> int:
    done = subprocess.run((path, "--version"), capture_output=True, text=True, check=False)
    found = re.search(r"LLVM version (\d+)", done.stdout)
    return int(found[1]) if found else 0
