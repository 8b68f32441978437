"""Every real float model: the graph = LiteRT and ONNX Runtime within float rounding; quantized by
edgeq, the generated C = the reference, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import onnxruntime
import pytest

import edgeq
from edgeq import api, frontends, reference
from edgeq.ir.graph import Graph, Operands
from edgeq.ir.types import elements
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.quantize import quantize
from edgeq.verify import verify_model
from tests.litert import run_litert
from tests.shared_material import require_shared

STORED = (
    "mlperf_ad01_fp32",
    "mlperf_pretrainedResnet_fp32",
    "mlperf_pretrainedResnet_large_fp32",
    "mlperf_vww_96_fp32",
)
SPEED = (
    "speed/k_mobilenet_v1_0.25_128_float",
    "speed/k_mobilenet_v1_1.0_224_float",
    "speed/k_mobilenet_v2_1.0_224_float",
)
KWS = "emx_micro_kws_m_static_fp32"

UNIT = 2.0**-24  # half a unit in the last place of a float32 of 1
# Operations after a sum: the bias, a division, the rounding of the result.
STEPS = 4
# Of e^x and of a division, in either library, in units in the last place.
EXP_STEPS = 8
# Layer after layer, what a layer rounds is scaled by those behind it. No bound of that is tight:
# the deepest of these networks, 66 layers, is measured at 3.2e-5 of the largest number.
ACCUMULATED = 1e-4

Arrays = list[np.ndarray]


@cache
def load(name: str) -> Graph:
    suffix = ".onnx" if name == KWS else ".tflite"
    return frontends.load(require_shared("models", f"{name}{suffix}"), allow_float=True)


def stored_inputs(name: str) -> list[Arrays]:
    """Return the stored inputs of a model, one list for each run."""
    with np.load(require_shared("goldens", f"{name}.npz")) as found:
        return [[array] for array in found["input0"]]


def seeded_inputs(graph: Graph, count: int) -> list[Arrays]:
    """Return random inputs between 0 and 1, one list for each run."""
    rng = np.random.default_rng(0)
    shapes = [graph.tensors[name].shape for name in graph.inputs]
    return [[rng.random(shape, np.float32) for shape in shapes] for _ in range(count)]


def inputs_of(name: str, count: int) -> list[Arrays]:
    if name in SPEED:
        return seeded_inputs(load(name), count)
    shapes = [load(name).tensors[port].shape for port in load(name).inputs]
    runs = stored_inputs(name)[:count]
    return [[a.reshape(s) for a, s in zip(run, shapes, strict=True)] for run in runs]


def terms(op: Op, io: Operands) -> int:
    """Return how many numbers an operation adds up for an output."""
    if op.KIND in ("conv2d", "fully_connected"):
        return elements(io.ins[1].shape[1:])
    if op.KIND == "depthwise_conv2d":
        return elements(io.ins[1].shape[1:3])
    if op.KIND == "average_pool2d":
        return elements(getattr(op, "window", ()))
    if op.KIND == "mean":
        return io.x.elements // io.y.elements
    return 2 if op.KIND == "add" else 0


def deviation(op: Op, io: Operands, arrays: Sequence[np.ndarray], y: np.ndarray) -> np.ndarray:
    """Return how far two float32 results of one operation may be apart.

    A sum of n products, in any order, with or without fused multiply-adds, is off by n * u times
    the sum of their magnitudes at most (Higham, Accuracy and Stability, section 3.1; u = 2^-24,
    and n * u is so small that the terms of higher order vanish). Both sides may be.
    """
    count = terms(op, io)
    if op.KIND == "softmax":
        # Differences of logits round too, by u times their magnitude.
        spread = np.ptp(arrays[0])
        return 2 * UNIT * (io.x.shape[-1] + EXP_STEPS + spread) * y + np.float32(2.0**-126)
    if count == 0:
        return np.zeros(y.shape, np.float32)
    plain = replace(op, activation=Activation.NONE) if hasattr(op, "activation") else op
    [magnitudes] = plain.evaluate_float(io, [np.abs(array) for array in arrays])
    return 2 * UNIT * (count + STEPS) * magnitudes


def beyond(op: Op, io: Operands, arrays: Sequence[np.ndarray], wanted: np.ndarray) -> float:
    """Return by how much an operation misses ``wanted`` beyond rounding; at most 0 if not."""
    [got] = op.evaluate_float(io, arrays)
    assert got.shape == wanted.shape
    return float((np.abs(got - wanted) - deviation(op, io, arrays, wanted)).max())


@pytest.mark.parametrize("name", (*STORED, *SPEED))
def test_every_layer_computes_what_litert_does(name: str) -> None:
    """Each layer gets what LiteRT computed before it, so that only its own rounding counts."""
    graph = load(name)
    [inputs] = inputs_of(name, 1)
    data = require_shared("models", f"{name}.tflite").read_bytes()
    found = run_litert(data, inputs, "builtin" if name in SPEED else "ref", tensors=True)
    values: dict[str, np.ndarray] = found[1]
    constants = {t.name: t.array for t in graph.tensors.values() if t.is_constant}
    checked = 0
    for op, io in graph.walk():
        arrays = [constants[n] if n in constants else values[n] for n in op.inputs]
        over = beyond(op, io, arrays, values[op.outputs[0]])
        assert over <= 0, f"{op.source}: {over} beyond rounding"
        checked += 1
    assert checked == len(graph.ops)


def test_a_bias_that_is_a_little_off_is_noticed() -> None:
    graph = load(STORED[1])
    tensors = reference.run_tensors(graph, inputs_of(STORED[1], 1)[0])
    for op, io in graph.walk():
        if op.KIND == "conv2d":
            x, w, bias = (tensors[name] for name in op.inputs)
            assert beyond(op, io, (x, w, bias), tensors[op.outputs[0]]) <= 0
            assert beyond(op, io, (x, w, bias + np.float32(0.002)), tensors[op.outputs[0]]) > 0


@pytest.mark.parametrize("name", (*STORED, *SPEED))
def test_a_whole_network_computes_what_litert_does(name: str) -> None:
    graph = load(name)
    runs = inputs_of(name, 1 if name in SPEED else 4)
    data = require_shared("models", f"{name}.tflite").read_bytes()
    for inputs in runs:
        tensors = reference.run_tensors(graph, inputs)
        [wanted] = run_litert(data, inputs, "builtin" if name in SPEED else "ref")
        [output] = graph.outputs
        assert tensors[output].shape == wanted.shape
        error = np.abs(tensors[output] - wanted).max()
        assert error <= ACCUMULATED * np.abs(wanted).max()


def test_the_onnx_network_computes_what_its_runtime_does() -> None:
    path = require_shared("models", f"{KWS}.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for inputs in inputs_of(KWS, 4):
        [found] = reference.run(load(KWS), inputs)
        [wanted] = session.run(None, dict(zip(load(KWS).inputs, inputs, strict=True)))
        assert np.abs(found - wanted).max() <= ACCUMULATED * np.abs(wanted).max()


@pytest.mark.parametrize("name", (*STORED, KWS, *SPEED))
def test_quantized_by_edgeq_it_is_bit_exact(name: str) -> None:
    graph = load(name)
    runs = inputs_of(name, 1 if name in SPEED else 4)
    integer = quantize(graph, (tuple(run) for run in runs))
    lowered = api.lower(integer)
    compiled = edgeq.compile(integer)
    verdict = verify_model(lowered, compiled, [reference.sample_inputs(lowered)])
    assert verdict.difference is None, str(verdict.difference)
    assert verdict.tensors == sum(len(call.outputs) for call in compiled.program.calls)
