"""uint8 to int8: subtract 128 from codes and zero points (Jacob et al. 2017, appendix B).

``scale * (q - z)`` is unchanged, so no real number moves; operations whose integer arithmetic is
not symmetric under the shift carry the difference themselves (``Op.flipped``). Inputs and outputs
of the network keep their type: an exact conversion (XOR 0x80) stands between.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.state import State
from edgeq.ir.types import DType
from edgeq.ops.base import Op
from edgeq.ops.requantize import Requantize
from edgeq.passes._names import unused

OFFSET = 128


def flip_uint8(graph: Graph) -> Graph:
    """Return the graph with every quantized uint8 tensor as int8; outputs keep all bits.

    A graph that computes nothing in uint8 stays as it is.
    """
    uint8 = {name for name, tensor in graph.tensors.items() if _flips(tensor)}
    if not any(op.COMPUTES and uint8 & {*op.inputs, *op.outputs} for op in graph.ops):
        return graph
    flipped_ops = [op.flipped(io) for op, io in graph.walk()]
    if any(op is None for op in flipped_ops):
        return graph
    tensors = {name: _flip(tensor) for name, tensor in graph.tensors.items()}
    head = _edges(graph, graph.inputs, tensors, entering=True)
    tail = _edges(graph, graph.outputs, tensors, entering=False)
    inner = {port: inside for port, inside, _ in (*head, *tail)}
    body = [_rename(op, inner) for op in flipped_ops if op is not None]
    ops = [op for _, _, op in head] + body + [op for _, _, op in tail]
    states = tuple(_state(graph, state, inner) for state in graph.states)
    return replace(graph, states=states).with_ops(ops, tensors)


def _flips(tensor: Tensor) -> bool:
    return tensor.dtype is DType.UINT8 and tensor.quant is not None


def _flip(tensor: Tensor) -> Tensor:
    if not _flips(tensor) or tensor.quant is None:
        return tensor
    quant = QuantParams(
        tensor.quant.scale, tuple(z - OFFSET for z in tensor.quant.zero_point), tensor.quant.axis
    )
    data = None if tensor.data is None else _codes(tensor.data)
    return replace(tensor, dtype=DType.INT8, quant=quant, data=data)


def _codes(codes: np.ndarray) -> np.ndarray:
    return (codes.astype(np.int16) - OFFSET).astype(np.int8)


def _state(graph: Graph, state: State, inner: dict[str, str]) -> State:
    """Return a state with flipped codes: nothing outside of the network sees them."""
    after = inner.get(state.next, state.next)
    if not _flips(graph.tensors[state.name]):
        return replace(state, next=after)
    # One value stays one: no array of a large state is made.
    one = _codes(state.initial.reshape(-1)[:1]).reshape(())
    whole = np.broadcast_to(one, state.initial.shape)
    return replace(state, next=after, initial=whole if state.is_uniform else _codes(state.initial))


def _edges(
    graph: Graph, ports: tuple[str, ...], tensors: dict[str, Tensor], *, entering: bool
) -> list[tuple[str, str, Op]]:
    """Return (port, inner tensor, conversion) for each uint8 port; adds the inner tensors."""
    edges: list[tuple[str, str, Op]] = []
    for port in ports:
        original = graph.tensors[port]
        if not _flips(original):
            continue
        inside = unused(f"{port}:int8", tensors)
        tensors[inside] = replace(tensors[port], name=inside)
        tensors[port] = original
        read, written = (port, inside) if entering else (inside, port)
        role, dtype = ("input", "int8") if entering else ("output", "uint8")
        source = f"{role} '{port}' as {dtype}"
        edges.append((port, inside, Requantize(inputs=(read,), outputs=(written,), source=source)))
    return edges


def _rename(op: Op, names: dict[str, str]) -> Op:
    return replace(
        op,
        inputs=tuple(names.get(name, name) for name in op.inputs),
        outputs=tuple(names.get(name, name) for name in op.outputs),
    )
