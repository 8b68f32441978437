"""What the benchmark programs share: where models are, medians, and the results file."""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("EDGEQ_SHARED", CHECKOUT.parent / "shared"))
RESULTS = Path(__file__).resolve().parent / "RESULTS.md"

_FIXED_ADDRESSES = 0x0040000  # a personality of Linux

# The same networks in floating point, by the names of the integer ones.
FLOAT_TWINS = {
    "k_mobilenet_v1_0.25_128_int8": "k_mobilenet_v1_0.25_128_float",
    "k_mobilenet_v1_1.0_224_int8": "k_mobilenet_v1_1.0_224_float",
    "k_mobilenet_v2_1.0_224_int8": "k_mobilenet_v2_1.0_224_float",
    "mlperf_ad01_int8": "mlperf_ad01_fp32",
    "mlperf_pretrainedResnet_quant": "mlperf_pretrainedResnet_fp32",
    "mlperf_vww_96_int8": "mlperf_vww_96_fp32",
}


def model_path(name: str) -> Path:
    """Return the file of a shared model; exit with its name when it is absent."""
    for folder, ending in (("models", "tflite"), ("models/speed", "tflite"), ("models", "onnx")):
        path = SHARED / folder / f"{name}.{ending}"
        if path.exists():
            return path
    raise SystemExit(f"no model '{name}': set EDGEQ_SHARED to the folder that holds models/")


def processor() -> str:
    """Return the processor's name as the operating system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def fix_addresses() -> None:
    """Load programs at the same addresses from now on, where the operating system lets us.

    What Clang makes for Hexagon depends on them, by some hundredths of the packets.
    """
    ctypes.CDLL(None).personality(_FIXED_ADDRESSES)


def kept_rows(title: str, path: Path = RESULTS) -> dict[str, str]:
    """Return the rows that a section of the results file has, by what is in their first cell."""
    _, _, rest = path.read_text(encoding="utf-8").partition(f"## {title}\n")
    lines = rest.partition("\n## ")[0].splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows[1:]}


def write_section(title: str, body: str, path: Path = RESULTS) -> None:
    """Replace the section ``title`` of the results file, or append it."""
    text = path.read_text(encoding="utf-8") if path.exists() else "# Results\n"
    head = f"## {title}\n"
    section = f"{head}\n{body.strip()}\n"
    if head in text:
        before, rest = text.split(head, 1)
        later = rest.find("\n## ")
        after = rest[later + 1 :] if later >= 0 else ""
        text = before + section + ("\n" + after if after else "")
    else:
        text = text.rstrip() + "\n\n" + section
    path.write_text(text, encoding="utf-8")
