"""The quantized ONNX networks: reference, C, ONNX Runtime's outputs and its tensors inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import edgeq
from edgeq import api, reference, samples
from edgeq.ir.quant import Rounding
from edgeq.peers import verify_against
from edgeq.targets import TARGETS
from edgeq.verify import verify_model
from tests.frontends.onnx.quantized_files import quantized_files
from tests.shared_material import require_shared

NAMES = ("emx_micro_kws_m_qdq", "emx_micro_kws_m_static_qoperator")
EMULATED = ("cortex-m0", "cortex-m4", "cortex-m55", "aarch64")


def files(name: str) -> tuple[Any, Any]:
    """Return the paths of a model and of its goldens."""
    return require_shared("models", f"{name}.onnx"), require_shared("goldens", f"{name}.npz")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["host", "portable"])
def test_reference_and_c_and_golden_are_equal(name: str, target: str) -> None:
    path, golden = files(name)
    graph = edgeq.load(path)
    lowered = api.lower(graph)
    runs = samples.load_inputs(golden, lowered)
    verdict = verify_model(
        lowered, edgeq.compile(graph, target), runs, samples.load_outputs(golden, lowered)
    )
    assert verdict.difference is None, str(verdict.difference)
    assert (verdict.runs, verdict.golden_values) == (4, 40)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [name for name in EMULATED if name in TARGETS])
def test_emulated(name: str, target: str) -> None:
    path, golden = files(name)
    graph = edgeq.load(path)
    lowered = api.lower(graph)
    [run] = samples.load_inputs(golden, lowered)[:1]
    [want] = samples.load_outputs(golden, lowered)[:1]
    np.testing.assert_array_equal(edgeq.compile(graph, target)(*run), want[0])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_transposed_at_run_time(name: str) -> None:
    kinds = {op.KIND for op in edgeq.load(files(name)[0]).ops}
    assert "transpose" not in kinds
    # Floats stay at the ends.
    assert not edgeq.load(files(name)[0]).is_float


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_has_an_integer_requantizer(name: str) -> None:
    lowered = api.lower(edgeq.load(files(name)[0]))
    layers = [op for op in lowered.ops if op.KIND in ("conv2d", "fully_connected")]
    assert len(layers) == 6
    assert {op.arithmetic.requant.rounding for op in layers} == {Rounding.SINGLE}


@pytest.mark.parametrize("name", NAMES)
def test_tensors_inside_are_those_of_the_runtime(name: str) -> None:
    path, golden = files(name)
    lowered = api.lower(edgeq.load(path))
    verdict = verify_against("onnxruntime", path, lowered, samples.load_inputs(golden, lowered))
    assert verdict.difference is None, str(verdict.difference)
    assert (verdict.runs, verdict.tensors, verdict.golden_values) == (4, 13, 40)


@pytest.mark.parametrize("name", NAMES)
def test_the_operation_of_a_changed_weight_is_named(name: str, tmp_path: Path) -> None:
    path, golden = files(name)
    lowered = api.lower(edgeq.load(path))
    model = onnx.load(path)
    conv = [node for node in model.graph.node if node.op_type in ("Conv", "QLinearConv")][1]
    makers = {output: node for node in model.graph.node for output in node.output}
    held = conv.input[3] if conv.op_type == "QLinearConv" else makers[conv.input[1]].input[0]
    [weights] = [array for array in model.graph.initializer if array.name == held]
    changed = numpy_helper.to_array(weights).copy()
    changed[3, 0, 0, 0] ^= 0x40
    weights.CopyFrom(numpy_helper.from_array(changed, held))
    onnx.save(model, tmp_path / "changed.onnx")
    runs = samples.load_inputs(golden, lowered)[:1]
    verdict = verify_against("onnxruntime", tmp_path / "changed.onnx", lowered, runs)
    assert verdict.difference is not None
    index = list(model.graph.node).index(conv)
    assert f"onnx:node[{index}] {conv.op_type} " in verdict.difference.layer
    assert verdict.difference.index[-1] == 3


@pytest.mark.parametrize("place", [0, 1])
def test_generated_files_are_equal_inside(place: int, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(list(quantized_files())[place])
    lowered = api.lower(edgeq.load(path))
    runs = [reference.sample_inputs(lowered, seed) for seed in range(2)]
    verdict = verify_against("onnxruntime", path, lowered, runs)
    assert verdict.difference is None, str(verdict.difference)
    assert verdict.tensors >= 4
