"""The most multiply-accumulates in a second that a core of this machine does."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from edgeq.host.toolchain import host_compiler

SOURCE = Path(__file__).parent / "peak.c"


def peaks() -> dict[str, float]:
    """Return GMAC/s by instruction, of those that this machine has; on others than x86-64 none."""
    compiler = host_compiler()
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "peak")
        flags = compiler.flags(("-std=c99", "-O2", "-march=native"))
        subprocess.run((*compiler.command, *flags, str(SOURCE), "-o", program), check=True)
        lines = subprocess.run((program,), check=True, capture_output=True, text=True).stdout
    return {name: float(rate) / 1e9 for name, rate in map(str.split, lines.splitlines())}


def main() -> None:
    """Print the peaks."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name, rate in peaks().items():
        print(f"{name:30} {rate:8.1f} GMAC/s")


if __name__ == "__main__":
    main()
