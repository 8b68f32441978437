"""Draw what host_speed.py kept: the speed of every engine on every model, beside the peak."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from engines import package

ENGINES = {
    "edgeq": "edgeq",
    "xnnpack": "LiteRT XNNPACK",
    "builtin": "LiteRT builtin",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
}


def speed(row: dict[str, Any], engine: str) -> float:
    """Return GMAC/s; 0 for an engine that did not run."""
    names = ("openvino", "openvino_tflite") if engine == "openvino" else (engine,)
    times = [row["ms"][name] for name in names if name in row["ms"]]
    return row["macs"] / min(times) / 1e6 if times else 0.0


def draw(found: dict[str, Any], path: Path) -> None:
    """Write a picture; the ending of the path chooses its format."""
    matplotlib = package("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "edgeq"  # the same figures give the same file
    pyplot = package("matplotlib.pyplot")
    rows = found["rows"]
    figure, axes = pyplot.subplots(figsize=(9, 1.5 + 0.75 * len(rows)), layout="constrained")
    height = 0.8 / len(ENGINES)
    for index, (engine, label) in enumerate(ENGINES.items()):
        places = [row + (index - (len(ENGINES) - 1) / 2) * height for row in range(len(rows))]
        axes.barh(places, [speed(row, engine) for row in rows], height, label=label)
    for name, rate in found["peaks"].items():
        axes.axvline(rate, color="grey", linewidth=0.8, linestyle=":")
        axes.text(rate, -0.6, f"{name} ", rotation=90, ha="right", va="top", fontsize=6)
    axes.set_yticks(range(len(rows)), [row["model"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("GMAC/s of one thread; dotted: the core's peak by instruction")
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)


def main() -> None:
    """Draw a file of host_speed.py."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json", type=Path, help="what host_speed.py --json wrote")
    parser.add_argument("svg", type=Path)
    options = parser.parse_args()
    draw(json.loads(options.json.read_text(encoding="utf-8")), options.svg)


if __name__ == "__main__":
    main()
