"""Small quantized ONNX models, and the comparison of what is read of them with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from edgeq import api, reference
from edgeq.frontends.onnx import read_onnx
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify

MS = "com.microsoft"
QONNX = "qonnx.custom_op.general"
TYPES = {
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.float32): TensorProto.FLOAT,
}
FULL = {np.dtype(np.int8): (-128, 128), np.dtype(np.uint8): (0, 256)}


@dataclass
class Net:
    """A model under construction; ``q`` and ``dq`` add conversions."""

    opset: int = 17
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def node(self, code: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node with one output; return its name."""
        domain, _, code = code.rpartition("::")
        self.nodes.append(helper.make_node(code, inputs, [name], domain=domain, **attributes))
        return name

    def hold(self, name: str, array: Any) -> str:
        """Add a constant; return its name."""
        self.constants[name] = np.asarray(array)
        return name

    def code(self, name: str, scale: Any, zero: Any) -> tuple[str, str]:
        """Add a scale and a zero point; return their names."""
        held = self.hold(f"{name}_scale", np.asarray(scale, np.float32))
        return held, self.hold(f"{name}_zero", zero)

    def q(self, x: str, name: str, scale: Any, zero: Any, **attributes: Any) -> str:
        """Add a QuantizeLinear; return the name of the codes."""
        return self.node("QuantizeLinear", [x, *self.code(name, scale, zero)], name, **attributes)

    def dq(self, x: str, name: str, scale: Any, zero: Any, **attributes: Any) -> str:
        """Add a DequantizeLinear; return the name of the numbers."""
        return self.node("DequantizeLinear", [x, *self.code(name, scale, zero)], name, **attributes)

    def file(self, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Any]) -> bytes:
        """Return the model; ``outputs`` are names with their types."""
        graph = helper.make_graph(
            self.nodes,
            "small",
            [
                helper.make_tensor_value_info(name, TYPES[array.dtype], array.shape)
                for name, array in inputs.items()
            ],
            [
                helper.make_tensor_value_info(name, TYPES[np.dtype(kind)], None)
                for name, kind in outputs.items()
            ],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        domains = [helper.make_opsetid(name, 1) for name in (MS, QONNX)]
        opsets = [helper.make_opsetid("", self.opset), *domains]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def run_onnx(data: bytes, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return what ONNX Runtime computes with its default optimizations."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, dict(arrays))
    return found


def lowered_of(data: bytes) -> Graph:
    """Return the verified integer graph of a file, in finished arithmetic."""
    return api.lower(verify(read_onnx(data, "small")))


def check(data: bytes, *runs: Mapping[str, np.ndarray]) -> Graph:
    """Fail unless every output of every run equals that of ONNX Runtime; return the graph."""
    lowered = lowered_of(data)
    for arrays in runs:
        wanted = run_onnx(data, arrays)
        got = reference.run(lowered, [arrays[name] for name in lowered.inputs])
        for want, have in zip(wanted, got, strict=True):
            assert have.dtype == want.dtype
            np.testing.assert_array_equal(have, want)
    return lowered


def codes(rng: np.random.Generator, dtype: Any, *shape: int) -> np.ndarray:
    """Return codes of the whole range of a type."""
    return rng.integers(*FULL[np.dtype(dtype)], shape).astype(dtype)


def scale(rng: np.random.Generator, around: float = 0.05) -> np.float32:
    """Return a scale within a factor of 4 of ``around``."""
    return np.float32(around * 2.0 ** rng.uniform(-2, 2))


def kinds(graph: Graph) -> list[str]:
    """Return the operations of a graph."""
    return [op.KIND for op in graph.ops]
