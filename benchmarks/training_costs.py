"""What networks of ``training.py`` cost: bytes, time here, instructions on emulated processors."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from common import processor
from engines import Call, edgeq_timed, interleaved, onnxruntime_call, timed
from instructions import invoked
from microcontrollers import weights
from onnx_floats import float_onnx
from onnx_twin import nchw, onnx_twin, twin_codes
from quantization_torch import batch_run
from training_rows import Network, ptq
from training_tasks import Bench, Record, prepared

import edgeq
import edgeq.train
from edgeq import reference
from edgeq.host.compiled import Compiled
from edgeq.host.sizes import flash_bytes
from edgeq.ir.graph import Graph

TARGETS = ("cortex-m4", "aarch64-dotprod")
ROUNDS = 21
CLOSE = 1e-3  # of the largest output: float sums in another order


def costs(bench: Bench, network: Network, python: Path | None) -> Record:
    """Return what the integer network costs, beside the float one.

    ``python`` is a folder that ``aarch64_python.py`` made: instructions in floats need it.
    """
    module = prepared(bench, ptq()(network)).eval()
    floats, graph = edgeq.train.float_graph(module), edgeq.train.convert(module)
    found: dict[str, Any] = {
        "what": f"costs of {network.key}",
        "macs": edgeq.compile(graph).program.macs,
        "float_bytes": weights(floats),
        "bytes": weights(graph),
        "ms": milliseconds(floats, graph),
        "machine": processor(),
        "onnxruntime": version("onnxruntime"),
    }
    for target in TARGETS:
        compiled: Any = edgeq.compile(graph, target)
        flash = flash_bytes(compiled.build().objects)
        found[target] = {
            "instructions": compiled.instructions(*reference.sample_inputs(graph)).total,
            "code": flash["code"],
            "data": flash["data"],
            "ram": compiled.program.arena,
        }
    if python is not None:
        found[TARGETS[-1]]["float_instructions"] = float_instructions(floats, python)
    return found


def float_instructions(graph: Graph, python: Path) -> int:
    """Return the instructions of ONNX Runtime on the float network."""
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch, "floats.onnx")
        model.write_bytes(float_onnx(graph))
        x = np.zeros(nchw(graph.tensors[graph.inputs[0]].shape), np.float32)
        engine = "onnxruntime"
        return invoked(python, model, [x], TARGETS[-1], (engine,), "onnx_invokes.py")[engine]


def milliseconds(floats: Graph, graph: Graph) -> dict[str, float]:
    """Return the medians of edgeq's C and of ONNX Runtime, in integers and in floats."""
    compiled, inputs = edgeq.compile(graph, "host"), reference.sample_inputs(graph)
    integer = integer_call(graph, compiled, inputs)
    engines = {
        "edgeq": edgeq_timed(compiled, inputs),
        "onnxruntime": timed(integer),
        "onnxruntime_float": timed(float_call(floats)),
    }
    return {name: round(ms, 4) for name, ms in interleaved(engines, ROUNDS).items()}


def integer_call(graph: Graph, compiled: Compiled, inputs: Sequence[np.ndarray]) -> Call:
    """Return ONNX Runtime on the same integer network."""
    outputs = [np.asarray(compiled(*inputs))]
    codes, expected = (
        [twin_codes(graph.tensors[name], array) for name, array in zip(names, arrays, strict=True)]
        for names, arrays in ((graph.inputs, inputs), (graph.outputs, outputs))
    )
    return onnxruntime_call(onnx_twin(graph), codes, expected)


def float_call(graph: Graph) -> Call:
    """Return ONNX Runtime on the float network."""
    (name,) = graph.inputs
    x = np.random.default_rng(0).uniform(-1, 1, graph.tensors[name].shape).astype(np.float32)
    expected = batch_run(graph)(x)
    there = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    most = CLOSE * float(np.abs(expected).max())
    return onnxruntime_call(float_onnx(graph), [there], [expected], most)
