"""Give every output of the network memory of its own: an input or state that is one is copied.

A caller may bind each port to other memory, and a state's belongs to the context. (Constants that
are outputs get their copy where constants are folded.)
"""

from __future__ import annotations

from dataclasses import replace

from edgeq.ir.graph import Graph
from edgeq.ops.reshape import Reshape
from edgeq.passes._names import unused


def separate_ports(graph: Graph) -> Graph:
    """Return the graph with a copy in place of each output that is also an input or a state.

    That keeps its name, so the output has another one.
    """
    tensors = dict(graph.tensors)
    outputs, copies = [], []
    for name in graph.outputs:
        port = name
        if name in graph.sources:
            port = unused(f"{name}:output", tensors)
            tensors[port] = replace(tensors[name], name=port)
            kind = "an input" if name in graph.inputs else "a state"
            source = f"output '{name}', which is {kind}"
            shape = tensors[name].shape
            copies.append(Reshape(inputs=(name,), outputs=(port,), source=source, shape=shape))
        outputs.append(port)
    return replace(graph, outputs=tuple(outputs)).with_ops((*graph.ops, *copies), tensors)
