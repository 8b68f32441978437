"""A plan and its finished codes to the quantized graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgeq.errors import EdgeqError, UnsupportedError
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.profiles import profile
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ir.verify import verify_structure
from edgeq.ops._accumulate import ScaleProduct
from edgeq.ops.base import Op
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.pad import Pad
from edgeq.ops.quantize import Quantize
from edgeq.ops.requantize import Requantize
from edgeq.passes._names import unused
from edgeq.passes.lower_arithmetic import followed
from edgeq.quantize.config import Config
from edgeq.quantize.ranges import to_codes
from edgeq.quantize.rules import QuantPlan
from edgeq.quantize.weights import Coded, code_bias

NUMERICS = "gemmlowp"


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """All that is known when the graph is rebuilt.

    ``activations`` by group; ``weights`` by name; ``biases`` as float64 by index of the layer.
    """

    activations: Mapping[str, QuantParams]
    weights: Mapping[str, Coded]
    biases: Mapping[int, np.ndarray]


def integer_graph(graph: Graph, plan: QuantPlan, codes: Codes, config: Config) -> Graph:
    """Return the integer graph of a prepared float graph, verified down to its arithmetic."""
    build = _Build(plan, codes, config, dict(graph.tensors), [])
    for name in plan.groups:
        build.tensors[name] = build.coded(graph.tensors[name])
    for name in plan.weights:
        build.tensors[name] = _weights(graph.tensors[name], codes.weights[name], config.dtype)
    for index, op in enumerate(graph.ops):
        build.ops.append(build.layer(index, op) if index in plan.layers else build.other(index, op))
    built = replace(graph, numerics=NUMERICS, tensors=build.tensors)
    built = verify_structure(built.with_ops(build.ops, build.tensors))
    return _checked(float_ports(built, config) if config.float_io else built)


def weights_only_graph(graph: Graph, plan: QuantPlan, codes: Codes, config: Config) -> Graph:
    """Return the float graph that reads its weights from codes; biases stay in float32."""
    tensors = dict(graph.tensors)
    renamed: dict[str, str] = {}
    ops: list[Op] = []
    for name, coded in codes.weights.items():
        tensors[name] = _weights(graph.tensors[name], coded, config.dtype)
        renamed[name] = unused(f"{name}_real", tensors)
        tensors[renamed[name]] = replace(graph.tensors[name], name=renamed[name], data=None)
        source = f"quantize: weights '{name}'"
        ops.append(Dequantize(inputs=(name,), outputs=(renamed[name],), source=source))
    for index, op in enumerate(graph.ops):
        if index in codes.biases:
            op = _with_bias(op, tensors, codes.biases[index].astype(np.float32), DType.FLOAT32)
        if index in plan.layers:
            op = replace(op, inputs=(op.inputs[0], renamed[op.inputs[1]], *op.inputs[2:]))
        ops.append(op)
    return verify_structure(replace(graph, tensors=tensors).with_ops(ops, tensors))


@dataclass(frozen=True, slots=True, eq=False)
class _Build:
    plan: QuantPlan
    codes: Codes
    config: Config
    tensors: dict[str, Tensor]
    ops: list[Op]

    def coded(self, tensor: Tensor) -> Tensor:
        """Return a float tensor as codes."""
        params = self.codes.activations[self.plan.groups[tensor.name]]
        dtype = self.config.activation_dtype
        data = tensor.data
        if data is not None:
            data = to_codes(data, params, dtype.min, dtype.max)
        return replace(tensor, dtype=dtype, quant=params, data=data)

    def layer(self, index: int, op: Op) -> Op:
        """Return an operation with weights, its bias in codes."""
        x, w = self.tensors[op.inputs[0]], self.tensors[op.inputs[1]]
        params = self.codes.weights[w.name].params
        if index in self.codes.biases:
            dtype = self.config.bias_dtype
            bias = code_bias(self.codes.biases[index], x.scale, params, dtype)
            op = _with_bias(op, self.tensors, bias, dtype)
        wide = params.per_channel and self.config.dtype is DType.INT8
        # As LiteRT forms the products of scales: the bits stay the same in a file of its format.
        narrow = not wide and (op.KIND == "fully_connected" or self.config.dtype is DType.UINT8)
        product = ScaleProduct.FLOAT32 if narrow else ScaleProduct.FLOAT64
        return replace(op, scale_product=product)  # type: ignore[call-arg]

    def other(self, index: int, op: Op) -> Op:
        """Return an operation without weights, rescaling before it what its plan says."""
        for at, place in self.plan.conversions:
            if at == index:
                op = self._rescaled(op, place)
        if isinstance(op, Pad):
            y = self.tensors[op.outputs[0]]
            if y.quant is not None:
                value = to_codes(np.array([op.value]), y.quant, y.dtype.min, y.dtype.max)
                op = replace(op, value=int(value[0]))
        return op

    def _rescaled(self, op: Op, place: int) -> Op:
        x, y = self.tensors[op.inputs[place]], self.tensors[op.outputs[0]]
        name = unused(f"{x.name}_rescaled", self.tensors)
        self.tensors[name] = replace(x, name=name, quant=y.quant)
        source = f"quantize: {op.source or op.KIND}, input {place}"
        self.ops.append(Requantize(inputs=(x.name,), outputs=(name,), source=source))
        inputs = (*op.inputs[:place], name, *op.inputs[place + 1 :])
        return replace(op, inputs=inputs)


def _with_bias(op: Op, tensors: dict[str, Tensor], bias: np.ndarray, dtype: DType) -> Op:
    """Return the layer with a bias of its own: layers that share a float one differ in scale."""
    old = op.inputs[2] if len(op.inputs) > 2 else f"{op.inputs[1]}_bias"
    name = unused(f"{old}_{dtype.value}", tensors)
    tensors[name] = Tensor(name, bias.shape, dtype, None, bias)
    return replace(op, inputs=(*op.inputs[:2], name))


def _weights(tensor: Tensor, coded: Coded, dtype: DType) -> Tensor:
    return replace(tensor, dtype=dtype, quant=coded.params, data=coded.codes)


def float_ports(graph: Graph, config: Config) -> Graph:
    """Return the graph with float32 inputs and outputs under the names they had."""
    tensors, before, after = dict(graph.tensors), [], []
    inner: dict[str, str] = {}
    for name in dict.fromkeys((*graph.inputs, *graph.outputs)):
        tensor = graph.tensors[name]
        if tensor.dtype is not config.activation_dtype:
            continue
        inner[name] = unused(f"{name}_{tensor.dtype.value}", tensors)
        tensors[inner[name]] = replace(tensor, name=inner[name])
        tensors[name] = Tensor(name, tensor.shape, DType.FLOAT32)
        ends = {"inputs": (name,), "outputs": (inner[name],), "source": f"quantize: '{name}'"}
        if name in graph.inputs:
            before.append(Quantize(**ends))  # type: ignore[arg-type]
        else:
            ends = {**ends, "inputs": (inner[name],), "outputs": (name,)}
            after.append(Dequantize(**ends))  # type: ignore[arg-type]
    ops = [
        replace(
            op,
            inputs=tuple(inner.get(n, n) for n in op.inputs),
            outputs=tuple(inner.get(n, n) for n in op.outputs),
        )
        for op in graph.ops
    ]
    return replace(graph, tensors=tensors).with_ops([*before, *ops, *after], tensors)


def _checked(graph: Graph) -> Graph:
    """Return the graph; raise ``UnsupportedError`` that lists every operation without integers."""
    numerics = profile(graph.numerics)
    refused = []
    for op, io in graph.walk():
        try:
            op.check(io)
            op.lower(io, followed(numerics, io))
        except EdgeqError as error:
            refused.append(str(error))
    if refused:
        count = f"{len(refused)} operations have" if len(refused) > 1 else "an operation has"
        raise UnsupportedError(f"{count} no integer form here: " + "; ".join(refused))
    return graph
