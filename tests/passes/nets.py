"""Small networks for pass tests: written by hand, or drawn at random; and what a run gives."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from edgeq import reference
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.state import State
from edgeq.ir.types import DType, Shape
from edgeq.ir.verify import verify
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.pad import Pad
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split
from edgeq.ops.transpose import Transpose
from edgeq.passes.lower_arithmetic import lower_arithmetic

SAME: Any = object()  # the first input's


def quant(scale: float = 0.5, zero_point: int = 0) -> QuantParams:
    return QuantParams.per_tensor(scale, zero_point)


@dataclass
class Net:
    """A graph while it is written; tensors are known by name."""

    dtype: DType = DType.INT8
    params: QuantParams | None = field(default_factory=quant)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    states: list[State] = field(default_factory=list)

    @property
    def computed(self) -> list[str]:
        """Return the inputs and what operations write."""
        return [*self.inputs, *(name for op in self.ops for name in op.outputs)]

    def input(self, shape: Shape, **fields: Any) -> str:
        name = self._enter(f"in{len(self.inputs)}", shape, **fields)
        self.inputs.append(name)
        return name

    def state(self, initial: np.ndarray, **fields: Any) -> str:
        """Add a tensor that keeps its value from run to run, unless ``becomes`` says otherwise."""
        name = self._enter(f"s{len(self.states)}", initial.shape, **fields)
        self.states.append(State(name, name, initial))
        return name

    def becomes(self, name: str, after: str) -> None:
        """Let a state be ``after`` in the next run."""
        self.states = [replace(s, next=after) if s.name == name else s for s in self.states]

    def const(self, array: np.ndarray, params: QuantParams | None = None) -> str:
        name = f"c{len(self.tensors)}"
        self.tensors[name] = Tensor(name, array.shape, DType.of(array.dtype), params, array)
        return name

    def op(
        self,
        cls: type[Op],
        *inputs: str,
        outs: int = 1,
        dtype: DType = SAME,
        params: QuantParams | None = SAME,
        **fields: Any,
    ) -> Any:
        """Add an operation; return the name of its output, or of all when there are several."""
        ins = tuple(self.tensors[name] for name in inputs)
        names = tuple(f"t{len(self.tensors)}.{i}" for i in range(outs))
        op = cls(inputs=inputs, outputs=names, **fields)
        known = ins[0].dtype if dtype is SAME else dtype
        code = ins[0].quant if params is SAME else params
        blank = tuple(Tensor(name, (), known, code) for name in names)
        for name, shape in zip(names, op.shapes(Operands(ins, blank)), strict=True):
            self._enter(name, shape, dtype=known, params=code)
        self.ops.append(op)
        return names[0] if outs == 1 else names

    def conv(self, x: str, out: int = 2, size: int = 1, **fields: Any) -> str:
        depth = self.tensors[x].shape[3]
        return self._conv(Conv2D, x, (out, size, size, depth), 0, **fields)

    def depthwise(self, x: str, size: int = 1, **fields: Any) -> str:
        depth = self.tensors[x].shape[3]
        return self._conv(DepthwiseConv2D, x, (1, size, size, depth), 3, **fields)

    def graph(self, *outputs: str, numerics: str = "gemmlowp") -> Graph:
        tensors, ops = self.tensors, tuple(self.ops)
        ports = (tuple(self.inputs), outputs, numerics)
        return verify(Graph("net", tensors, ops, *ports, states=tuple(self.states)))

    def _conv(self, cls: type[Op], x: str, shape: Shape, axis: int, **fields: Any) -> str:
        rng = np.random.default_rng(len(self.tensors))
        dtype = self.tensors[x].dtype
        if dtype.is_float:
            # Whole numbers: sums are exact in any order.
            return self.op(
                cls, x, self.const(rng.integers(-4, 4, shape).astype(np.float32)), **fields
            )
        low = 1 if dtype is DType.UINT8 else -127
        codes = rng.integers(low, low + 255, shape).astype(dtype.numpy)
        return self.op(cls, x, self.const(codes, quant(0.01, low + 127)), **fields)

    def _enter(
        self, name: str, shape: Shape, dtype: DType = SAME, params: QuantParams | None = SAME
    ) -> str:
        dtype = self.dtype if dtype is SAME else dtype
        params = self.params if params is SAME else params
        self.tensors[name] = Tensor(name, shape, dtype, params)
        return name


def outputs(graph: Graph, seed: int = 0, count: int = 1) -> tuple[np.ndarray, ...]:
    """Return what the graph computes from random inputs, in so many runs."""
    graph = verify(graph)
    ready = graph if graph.is_float else lower_arithmetic(graph)
    runs = [reference.sample_inputs(graph, seed + run) for run in range(count)]
    found = reference.run_sequence(ready, runs)
    return tuple(tensors[name] for tensors in found for name in ready.outputs)


def same(before: Graph, after: Graph) -> None:
    """Fail unless both graphs have the same ports and compute the same bits."""
    assert (before.inputs, before.outputs) == (after.inputs, after.outputs)
    for seed in range(2):
        count = 3 if before.states else 1
        found = outputs(before, seed, count), outputs(after, seed, count)
        for want, have in zip(*found, strict=True):
            assert want.dtype == have.dtype
            np.testing.assert_array_equal(have, want)


def kinds(graph: Graph) -> list[str]:
    return [op.KIND for op in graph.ops]


def _border(draw: st.DrawFn, net: Net, x: str) -> None:
    pads = tuple((draw(st.integers(0, 1)), draw(st.integers(0, 1))) for _ in range(2))
    batch = (0, draw(st.sampled_from([0, 0, 0, 1])))
    zero = net.tensors[x].quant.zero_point[0] if net.tensors[x].quant else 0
    value = draw(st.sampled_from([zero, zero, 7]))
    net.op(Pad, x, paddings=(batch, *pads, (0, 0)), value=value)


def _convolution(draw: st.DrawFn, net: Net, x: str) -> None:
    size = draw(st.integers(1, min(2, *net.tensors[x].shape[1:3])))
    pad = Padding(*(draw(st.integers(0, 1)) for _ in range(4)))
    activation = draw(st.sampled_from([Activation.NONE, Activation.NONE, Activation.RELU6]))
    make = draw(st.sampled_from([net.conv, net.depthwise]))
    make(x, size=size, padding=pad, activation=activation)


def _relu(draw: st.DrawFn, net: Net, x: str) -> None:
    net.op(Relu, x, activation=draw(st.sampled_from([Activation.RELU, Activation.RELU6])))


def _pool(draw: st.DrawFn, net: Net, x: str) -> None:
    net.op(MaxPool2D, x, window=(1, 1), stride=(1, 1))


def _reorder(draw: st.DrawFn, net: Net, x: str) -> None:
    net.op(Transpose, x, perm=tuple(draw(st.permutations(range(4)))))


def _reshape(draw: st.DrawFn, net: Net, x: str) -> None:
    n, h, w, c = net.tensors[x].shape
    net.op(Reshape, x, shape=draw(st.sampled_from([(n, h, w, c), (n, 1, h * w, c)])))


def _cut(draw: st.DrawFn, net: Net, x: str) -> None:
    n, h, w, c = net.tensors[x].shape
    first = draw(st.integers(0, h - 1))
    net.op(Slice, x, begin=(0, first, 0, 0), size=(n, h - first, w, c))


def _pieces(draw: st.DrawFn, net: Net, x: str) -> None:
    axis = draw(st.integers(0, 3))
    net.op(Split, x, outs=net.tensors[x].shape[axis], axis=axis)


def _join(draw: st.DrawFn, net: Net, x: str) -> None:
    net.op(Concat, *[x] * draw(st.integers(1, 2)), axis=draw(st.integers(0, 3)))


def _convert(draw: st.DrawFn, net: Net, x: str) -> None:
    tensor = net.tensors[x]
    if tensor.quant is None:
        return
    # A flip and, where codes allow it, its inverse; or a change of scale.
    flip = {DType.INT8: (DType.UINT8, 128), DType.UINT8: (DType.INT8, -128)}[tensor.dtype]
    moved = (flip[0], quant(tensor.scale, tensor.zero_point + flip[1]))
    rescaled = (tensor.dtype, quant(0.25, tensor.zero_point))
    dtype, params = draw(st.sampled_from([moved, moved, rescaled]))
    net.op(Requantize, x, dtype=dtype, params=params)


_STEPS = (
    _border,
    _border,
    _convolution,
    _convolution,
    _relu,
    _relu,
    _pool,
    _reorder,
    _reshape,
    _cut,
    _pieces,
    _join,
    _convert,
    _convert,
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph of up to eight operations on images, some of them constant."""
    dtype = draw(st.sampled_from([DType.INT8, DType.INT8, DType.UINT8, DType.FLOAT32]))
    zero = draw(st.integers(dtype.min, dtype.max)) if not dtype.is_float else 0
    net = Net(dtype, None if dtype.is_float else quant(0.5, zero))
    net.input((1, 3, 2, 2))
    codes = np.arange(-6, 6).reshape(1, 2, 3, 2)
    net.const((codes + (6 if dtype is DType.UINT8 else 0)).astype(dtype.numpy), net.params)
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        first = draw(st.sampled_from([codes * 0 + 3, np.arange(12)]))
        net.state(first.reshape(1, 3, 2, 2).astype(dtype.numpy))
    for _ in range(draw(st.integers(1, 8))):
        images = [n for n, t in net.tensors.items() if _is_image(net, t)]
        draw(st.sampled_from(_STEPS))(draw, net, images[-draw(st.integers(1, len(images)))])
    written = [name for op in net.ops for name in op.outputs]
    if not written:
        net.op(Reshape, "in0", shape=(12,))
        written = [net.ops[-1].outputs[0]]
    ports = draw(st.lists(st.sampled_from(written), min_size=1, max_size=3, unique=True))
    for state in net.states:
        tensor = net.tensors[state.name]
        alike = [n for n, t in net.tensors.items() if _form(t) == _form(tensor)]
        net.becomes(state.name, draw(st.sampled_from(alike[::-1])))
    return net.graph(*ports)


def _form(tensor: Tensor) -> Any:
    return tensor.shape, tensor.dtype, tensor.quant


def _is_image(net: Net, tensor: Tensor) -> bool:
    weights = {op.inputs[1] for op in net.ops if isinstance(op, (Conv2D, DepthwiseConv2D))}
    return len(tensor.shape) == 4 and tensor.elements <= 200 and tensor.name not in weights
