"""Real networks, with their weights: PyTorch, LiteRT, ONNX Runtime and the graph agree."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnxruntime
import pytest
import torch

from edgeq import frontends, reference
from edgeq.frontends.torch import from_torch
from edgeq.ir.graph import Graph
from tests.frontends.torch.twin import Twin
from tests.litert import run_litert
from tests.shared_material import require_shared

NAMES = (
    "mlperf_ad01_fp32.tflite",
    "mlperf_pretrainedResnet_fp32.tflite",
    "mlperf_vww_96_fp32.tflite",
    "speed/k_mobilenet_v2_1.0_224_float.tflite",
    "emx_micro_kws_m_static_fp32.onnx",
)
# Of the largest number: see tests/models/test_float_models.py, where the bound of a single layer
# is proven and that of a whole network measured.
ACCUMULATED = 1e-4


def runtime(name: str, graph: Graph, x: np.ndarray) -> np.ndarray:
    """Return what the runtime of a file computes."""
    path = require_shared("models", name)
    if path.suffix == ".tflite":
        return run_litert(path.read_bytes(), [x], "builtin")[0]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {graph.inputs[0]: x})[0]


@pytest.mark.parametrize("name", NAMES)
def test_one_network_in_every_framework(name: str) -> None:
    graph = frontends.load(require_shared("models", name), allow_float=True)
    shape = graph.tensors[graph.inputs[0]].shape
    x = np.random.default_rng(0).random(shape, np.float32)
    is_image = len(shape) == 4
    turned = np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if is_image else x
    module = Twin(graph).eval()
    again = from_torch(module, [torch.from_numpy(turned)])
    found = {
        "torch": module(torch.from_numpy(turned)).numpy(),
        "from_torch": reference.run(again, [turned])[0],
        "graph": reference.run(graph, [x])[0],
    }
    wanted = runtime(name, graph, x)
    for framework, got in found.items():
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() <= ACCUMULATED * np.abs(wanted).max(), framework
    # Layer by layer the same network: but for the image that comes channels first, nothing moves.
    counts = Counter(op.KIND for op in again.ops)
    counts.subtract(op.KIND for op in graph.ops)
    rest = {kind: count for kind, count in counts.items() if count and kind != "reshape"}
    assert rest == ({"transpose": 1} if is_image else {})
