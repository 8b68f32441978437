"""Executed instructions, flash and RAM of small networks on microcontrollers, beside other engines.

Counts repeat exactly and are not time. Flash is code and constant data of the network's object
files; RAM is the arena (inputs and outputs are in it), the context, and the compiler's own figure
for the stack. Those of the other engines were measured elsewhere on the same emulated boards, with
the same compiler, and are quoted. Ratios are edgeq's figure over theirs.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import model_path, write_section

import edgeq
from edgeq import reference
from edgeq.host.sizes import flash_bytes
from edgeq.ir.graph import Graph
from edgeq.report.budget import POINTER

TITLE = "Microcontrollers"
TARGETS = (
    "cortex-m0",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "riscv32",
)
MODELS = (
    "mlperf_kws_ref_model",
    "mlperf_vww_96_int8",
    "mlperf_pretrainedResnet_quant",
    "mlperf_ad01_int8",
    "tflm_person_detect",
)
# TFLM with CMSIS-NN, int8 kernels only: instructions per inference, flash and RAM of the image.
PEERS: dict[tuple[str, str], tuple[int, int, int]] = {
    ("mlperf_kws_ref_model", "cortex-m4"): (7_699_736, 107_240, 24_640),
    ("mlperf_vww_96_int8", "cortex-m4"): (24_101_545, 386_592, 102_528),
    ("mlperf_pretrainedResnet_quant", "cortex-m4"): (29_863_149, 149_600, 56_816),
    ("mlperf_ad01_int8", "cortex-m4"): (582_867, 304_976, 4_008),
    ("tflm_person_detect", "cortex-m4"): (22_928_028, 344_128, 84_168),
    ("mlperf_kws_ref_model", "cortex-m7"): (7_645_551, 105_592, 24_624),
    ("mlperf_vww_96_int8", "cortex-m7"): (24_025_160, 384_944, 102_512),
    ("mlperf_pretrainedResnet_quant", "cortex-m7"): (30_025_991, 148_176, 56_800),
    ("mlperf_ad01_int8", "cortex-m7"): (583_168, 302_480, 4_008),
    ("tflm_person_detect", "cortex-m7"): (22_715_455, 342_352, 84_168),
    ("mlperf_kws_ref_model", "cortex-m55"): (1_787_251, 107_152, 29_296),
    ("mlperf_vww_96_int8", "cortex-m55"): (6_433_111, 386_504, 102_720),
    ("mlperf_pretrainedResnet_quant", "cortex-m55"): (4_810_839, 150_216, 56_900),
    ("mlperf_ad01_int8", "cortex-m55"): (149_894, 303_032, 10_844),
    ("tflm_person_detect", "cortex-m55"): (6_382_843, 347_472, 84_636),
}
# TinyEngine, its faster build; it compiles no others, and its results are not those of the model.
TINY_ENGINE: dict[tuple[str, str], tuple[int, int, int]] = {
    ("mlperf_vww_96_int8", "cortex-m4"): (19_711_649, 248_264, 61_252),
    ("mlperf_ad01_int8", "cortex-m4"): (771_907, 280_928, 3_540),
    ("mlperf_vww_96_int8", "cortex-m7"): (19_720_935, 248_312, 61_252),
    ("mlperf_ad01_int8", "cortex-m7"): (771_928, 280_968, 3_540),
}
ENGINES = (("TFLM", PEERS), ("TinyEngine", TINY_ENGINE))
SIZE_TARGETS = ("cortex-m4", "cortex-m55")
HEAD = (
    "| model | target | optimize | instructions | per MAC | code | data | beyond weights | RAM "
    "| of TFLM: instructions | flash | RAM | of TinyEngine: instructions | flash | RAM |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def weights(graph: Graph) -> int:
    """Return the bytes of the weights alone: what operations multiply by."""
    names = {op.inputs[1] for op, io in graph.walk() if op.macs(io)}
    tensors = (graph.tensors[name] for name in names)
    return sum(tensor.bytes for tensor in tensors if tensor.is_constant)


def row(name: str, target: str, optimize: str) -> str:
    """Return one line of the table."""
    graph = edgeq.load(model_path(name))
    compiled: Any = edgeq.compile(graph, target, optimize=optimize)
    found = compiled.instructions(*reference.sample_inputs(graph))
    build = compiled.build()
    flash = flash_bytes(build.objects)
    program = compiled.program
    ram = program.arena + program.context_bytes(POINTER) + build.stack.bytes
    whole = flash["code"] + flash["data"]
    cells = [name, target, optimize, f"{found.total:,}"]
    cells += [f"{found.total / max(program.macs, 1):.3f}", f"{flash['code']:,}"]
    cells += [f"{flash['data']:,}", f"{whole - weights(graph):,}", f"{ram:,}"]
    for _, figures in ENGINES:
        peer = figures.get((name, target), (0, 0, 0))
        mine = (found.total, whole, ram)
        cells += [f"{a / b:.2f}" if b else "" for a, b in zip(mine, peer, strict=True)]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table; with --write also keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--target", action="append", help="one of the targets (default: all)")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    lines = ["`benchmarks/microcontrollers.py --write`", "", HEAD]
    for name in options.models:
        for optimize, targets in (("speed", TARGETS), ("size", SIZE_TARGETS)):
            for target in options.target or targets:
                lines.append(row(name, target, optimize))
                print(lines[-1], flush=True)
    if options.write:
        write_section(TITLE, "\n".join(lines))


if __name__ == "__main__":
    main()
