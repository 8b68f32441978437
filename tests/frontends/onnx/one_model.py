"""Small ONNX models, and the comparison of what is read of them with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeq import reference
from edgeq.errors import EdgeqError
from edgeq.frontends.onnx import read_onnx
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify

OPSET = 17
# Both sides compute in float32 and differ in the order of their sums, in fused multiply-adds and
# in exp and tanh, which libraries round differently. A sum of n products of magnitude m is off by
# n * m * 2^-24 at most: with the few hundred products of these models that is below 1e-5 of the
# largest number that goes in or comes out.
RELATIVE = 1e-5


def values(*shape: int, seed: int = 0) -> np.ndarray:
    """Return float32 numbers that repeat nowhere."""
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(np.float32)


def node(code: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """Return a node; operands are words, "-" an absent one."""
    ins = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(code, ins, outputs.split(), **attributes)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[Any]],
    constants: Mapping[str, Any] | None = None,
    outputs: str = "y",
    opset: int = OPSET,
) -> bytes:
    """Return the file of a model with float32 inputs."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
            for name, shape in inputs.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs.split()],
        [
            numpy_helper.from_array(np.asarray(array), name)
            for name, array in (constants or {}).items()
        ],
    )
    opsets = [helper.make_opsetid("", opset)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return made.SerializeToString()


def same_as_runtime(data: bytes, *, scale: float = 1.0) -> Graph:
    """Return the graph of a file; raise unless it computes what ONNX Runtime does."""
    graph = verify(read_onnx(data, "m"))
    arrays = [
        values(*graph.tensors[name].shape, seed=7 + i) * np.float32(scale)
        for i, name in enumerate(graph.inputs)
    ]
    found = reference.run(graph, arrays)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    assert [port.name for port in session.get_inputs()] == list(graph.inputs)
    assert [port.name for port in session.get_outputs()] == list(graph.outputs)
    wanted = session.run(None, dict(zip(graph.inputs, arrays, strict=True)))
    for got, expected in zip(found, wanted, strict=True):
        assert got.shape == expected.shape
        largest = max(np.abs(a).max() for a in (*arrays, expected))
        np.testing.assert_allclose(got, expected, rtol=RELATIVE, atol=RELATIVE * largest)
    return graph


def kinds(graph: Graph) -> list[str]:
    """Return the kinds of a graph's operations in order."""
    return [op.KIND for op in graph.ops]


def message(data: bytes, error: type[EdgeqError] = EdgeqError) -> str:
    """Return why a file is refused."""
    with pytest.raises(error) as found:
        read_onnx(data, "m")
    return str(found.value)
