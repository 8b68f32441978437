"""Generated C on this machine against LiteRT, ONNX Runtime and OpenVINO: one thread on one core.

The engines take turns in one run; medians. LiteRT and OpenVINO read the .tflite; ONNX Runtime and
OpenVINO also get the same network as ONNX, with the same codes and weights; of the two times of
OpenVINO the better one counts. LiteRT and ONNX Runtime are called from Python and timed from there,
which adds half a microsecond or less; edgeq and OpenVINO read the clock themselves.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from common import FLOAT_TWINS, model_path, processor, write_section
from engines import (
    Timed,
    edgeq_timed,
    interleaved,
    litert_call,
    onnxruntime_call,
    openvino_timed,
    package,
    pin,
    timed,
)
from peak import peaks

import edgeq
from edgeq import reference
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph

TITLE = "Speed on the host"
INT8 = (
    "mobilenet_v1_0.25_128 mobilenet_v1_1.0_224 mobilenet_v2_1.0_224 resnet50_224 inception_v3_299"
)
UINT8 = "v1_0.25_128 v1_0.5_160 v1_0.75_192 v1_1.0_224 v2_1.0_224"
TINY = "kws_ref_model vww_96_int8 pretrainedResnet_quant ad01_int8"
# The most that edgeq may take of the best engine's time.
LIMITS = {
    **{f"k_{name}_int8": 1.0 for name in INT8.split()},
    **{f"coral_mobilenet_{name}_quant": 0.45 for name in UINT8.split()},
    **{f"mlperf_{name}": 0.8 for name in TINY.split()},
}
PACKAGES = ("ai-edge-litert", "onnxruntime", "openvino")
HEAD = (
    "| model | MMAC | edgeq ms | GMAC/s | of peak | XNNPACK | builtin | ONNX Runtime | OpenVINO "
    "| edgeq / best | limit | float XNNPACK | its ms / edgeq |\n|" + "---|" * 13
)
Row = dict[str, Any]


def measure(name: str, target: str, rounds: int) -> Row:
    """Return the milliseconds of every engine on one model."""
    path = model_path(name)
    graph = edgeq.load(path)
    inputs = reference.sample_inputs(graph)
    compiled = edgeq.compile(graph, target=target)
    engines: dict[str, Timed] = {
        "edgeq": edgeq_timed(compiled, inputs),
        "xnnpack": timed(litert_call(path, inputs, "AUTO")),
        "builtin": timed(litert_call(path, inputs, "BUILTIN_WITHOUT_DEFAULT_DELEGATES")),
        "openvino_tflite": openvino_timed(path, inputs),
        **on_onnx(graph, compiled, inputs),
    }
    if name in FLOAT_TWINS:
        floats = model_path(FLOAT_TWINS[name])
        values = reference.sample_inputs(edgeq.frontends.load(floats, allow_float=True))
        engines["float_xnnpack"] = timed(litert_call(floats, values, "AUTO"))
    return {"model": name, "macs": compiled.program.macs, "ms": interleaved(engines, rounds)}


def on_onnx(graph: Graph, compiled: Compiled, inputs: Sequence[np.ndarray]) -> dict[str, Timed]:
    """Return the engines that get the network as ONNX; none when it has no such form."""
    from onnx_twin import NoTwinError, onnx_twin, twin_codes

    try:
        twin = onnx_twin(graph)
    except NoTwinError as error:
        print(f"{graph.name}: no ONNX: {error}")
        return {}
    answer = compiled(*inputs)
    outputs = answer if isinstance(answer, tuple) else (answer,)
    codes, expected = (
        [twin_codes(graph.tensors[name], array) for name, array in zip(names, arrays, strict=True)]
        for names, arrays in ((graph.inputs, inputs), (graph.outputs, outputs))
    )
    return {
        "onnxruntime": timed(onnxruntime_call(twin, codes, expected)),
        "openvino": openvino_timed(twin, codes),
    }


def best(row: Row) -> float:
    """Return the time of the fastest other engine on the same integer network."""
    return min(ms for name, ms in row["ms"].items() if name not in ("edgeq", "float_xnnpack"))


def line(row: Row, peak: float | None) -> str:
    """Return one line of the table."""
    ms, mine = row["ms"], row["ms"]["edgeq"]
    rate = row["macs"] / mine / 1e6
    most, ratio = LIMITS.get(row["model"]), mine / best(row)
    over = "" if most is None or ratio <= most else " (over)"
    openvino = min(ms[name] for name in ("openvino", "openvino_tflite") if name in ms)
    cells = (
        row["model"],
        f"{row['macs'] / 1e6:.2f}",
        f"{mine:.4g}",
        f"{rate:.1f}",
        f"{100 * rate / peak:.1f} %" if peak else "",
        *(
            f"{ms[name]:.4g}" if name in ms else ""
            for name in ("xnnpack", "builtin", "onnxruntime")
        ),
        f"{openvino:.4g}",
        f"{ratio:.3f}",
        f"{most:.2f}{over}" if most else "",
        f"{ms['float_xnnpack']:.4g}" if "float_xnnpack" in ms else "",
        f"{ms['float_xnnpack'] / mine:.2f}" if "float_xnnpack" in ms else "",
    )
    return "| " + " | ".join(cells) + " |"


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(LIMITS), help="names; default: all")
    parser.add_argument("--target", default="host", help="a target that runs here")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--core", type=int, help="core to stay on; default: the last")
    parser.add_argument("--json", type=Path, help="file that keeps the figures")
    parser.add_argument("--svg", type=Path, help="file that gets a drawing of them")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    return parser.parse_args()


def main() -> None:
    """Print the table; keep it where the options say."""
    options = arguments()
    for name in ("onnx", "onnxruntime", "openvino", *(("matplotlib",) if options.svg else ())):
        package(name)
    core = pin(options.core)  # before any engine makes threads
    known = peaks()
    integers = [rate for name, rate in known.items() if not name.startswith("VFMADD")]
    peak = max(integers, default=None)
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    rates = ", ".join(f"{name} {rate:.1f}" for name, rate in known.items())
    about = (
        f"{processor()}, one thread on one core, target `{options.target}`, medians of "
        f"{options.rounds} interleaved rounds, milliseconds. {versions}; OpenVINO on ONNX or on "
        f".tflite, whichever is faster. Measured peaks of the core, GMAC/s: {rates}."
    )
    print(f"{about} Core {core}.\n\n{HEAD}")
    rows = []
    for name in options.models:
        rows.append(measure(name, options.target, options.rounds))
        print(line(rows[-1], peak), flush=True)
    found = {"about": about, "core": core, "peaks": known, "rows": rows}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.svg:
        from chart import draw

        draw(found, options.svg)
    if options.write:
        table = "\n".join([HEAD, *(line(row, peak) for row in rows)])
        write_section(TITLE, f"{about}\n\n{table}")


if __name__ == "__main__":
    main()
