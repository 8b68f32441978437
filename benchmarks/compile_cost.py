"""Time and peak memory of ``edgeq compile``, as a user pays them: one fresh process."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from common import model_path, processor, write_section

TITLE = "Cost of edgeq compile"
MODELS = (
    "coral_mobilenet_v1_1.0_224_quant",
    "k_mobilenet_v1_1.0_224_int8",
    "k_resnet50_224_int8",
    "k_inception_v3_299_int8",
)


def cost(name: str) -> tuple[float, float]:
    """Return seconds and peak resident megabytes of one compilation."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out")
        command = [sys.executable, "-m", "edgeq", "compile", str(model_path(name)), "-o", out, "-q"]
        start = time.perf_counter()
        child = os.posix_spawn(sys.executable, command, os.environ)
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"edgeq compile failed on {name}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Print the table; with --write also keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    lines = [f"{processor()}.", "", "| model | seconds | peak MB |", "|---|---|---|"]
    for name in options.models:
        seconds, megabytes = cost(name)
        lines.append(f"| {name} | {seconds:.2f} | {megabytes:.0f} |")
    print("\n".join(lines))
    if options.write:
        write_section(TITLE, "\n".join(lines))


if __name__ == "__main__":
    main()
