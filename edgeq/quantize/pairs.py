"""Tell whether an integer network was made from a float network, so that names match."""

from __future__ import annotations

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Graph
from edgeq.quantize.rules import prepare


def check_pair(floats: Graph, integers: Graph) -> None:
    """Raise ``QuantizationError`` unless ``integers`` was made from ``floats``.

    Inputs must be as many and of the same shapes. Tensors are matched by name, as converters and
    ``edgeq quantize`` keep them: some computed tensor must be in both, and those that are, with
    the weights they are computed from, must have the same shapes.
    """
    ready = prepare(floats)
    shapes = [[g.tensors[name].shape for name in g.inputs] for g in (ready, integers)]
    if shapes[0] != shapes[1]:
        raise QuantizationError(
            f"the inputs differ: {_text(shapes[0])} in floats, {_text(shapes[1])} in integers",
            hint="--float takes the model that the other was quantized from",
        )
    both = [op for op in ready.ops if _has_codes(integers, op.outputs[0])]
    if not both:
        raise QuantizationError(
            "no tensor of the one has a name of the other",
            hint="--float takes the model that the other was quantized from",
        )
    names = {name for op in both for name in op.outputs}
    names |= {op.inputs[1] for op in both if op.WEIGHTS_AXIS is not None}
    for name in sorted(names):
        found = integers.tensors.get(name)
        if found is None or found.shape != ready.tensors[name].shape:
            there = "absent" if found is None else _text([found.shape])
            raise QuantizationError(
                f"tensor '{name}' is {_text([ready.tensors[name].shape])} in floats, "
                f"{there} in integers",
                hint="the networks were not made from each other",
            )


def _has_codes(graph: Graph, name: str) -> bool:
    return name in graph.tensors and graph.tensors[name].quant is not None


def _text(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "scalar" for shape in shapes)
