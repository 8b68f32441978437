"""A float network as ONNX, for engines that run it beside its integer twin: the same structure."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx_twin import BUILDERS, OPSET, NoTwinError, Twin, nchw

from edgeq.ir.graph import Graph, Operands, Tensor


class FloatTwin(Twin):
    """The same, of real numbers."""

    def weights(self, tensor: Tensor, array: np.ndarray, axis: int) -> str:
        """Return the weights as they are."""
        return self.constant(array.astype(np.float32))

    def bias(self, io: Operands) -> list[str]:
        """Return the bias, in a list that is empty when there is none."""
        return [self.constant(io.ins[2].array.reshape(-1))] if len(io.ins) > 2 else []

    def clamps(self, op: Any, io: Operands) -> bool:
        """Tell whether there is an activation."""
        return any(bound is not None for bound in op.activation.bounds)


def float_onnx(graph: Graph) -> bytes:
    """Return a float network as an ONNX file; raise ``NoTwinError`` where it has no translation."""
    twin = FloatTwin()
    for name in graph.inputs:
        twin.reals[name] = name
    for op, io in graph.walk():
        if op.KIND not in BUILDERS:
            raise NoTwinError(op.KIND)
        twin.reals[io.y.name] = BUILDERS[op.KIND](twin, op, io)
    ports, ends = (
        [_port(graph.tensors[name], twin.reals[name]) for name in names]
        for names in (graph.inputs, graph.outputs)
    )
    body = helper.make_graph(twin.nodes, graph.name or "network", ports, ends, twin.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _port(tensor: Tensor, name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, nchw(tensor.shape))
