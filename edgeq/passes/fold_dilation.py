"""Turn a convolution of every so-manieth pixel, spelled out as batches, into a dilated one.

Converters write a dilated convolution as: pad, move the pixels of each phase into a batch of their
own, convolve all batches densely, move the pixels back, cut off the rest. The tap at ``k`` of
phase ``p`` reads pixel ``(i + k) * d + p``: that of a window with dilation ``d`` at ``i * d + p``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import Shape
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.pad import Pad
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.transpose import Transpose

_TO_BATCHES = (2, 4, 0, 1, 3, 5)
_FROM_BATCHES = (2, 3, 0, 4, 1, 5)

Convolution = Conv2D | DepthwiseConv2D


@dataclass(frozen=True, slots=True)
class _Links:
    """The graph as neighbours: who writes a tensor, and who alone reads it."""

    graph: Graph
    writers: dict[str, Op]
    readers: dict[str, tuple[Op, ...]]

    def before(self, name: str, cls: type[Op]) -> Op | None:
        """Return what writes ``name`` when it is of a class and nothing else reads the tensor."""
        op = self.writers.get(name)
        return op if isinstance(op, cls) and self._private(name) else None

    def after(self, name: str, cls: type[Op]) -> Op | None:
        """Return what reads ``name`` when it is of a class and alone."""
        op = self.readers[name][0] if self._private(name) else None
        return op if isinstance(op, cls) else None

    def _private(self, name: str) -> bool:
        return len(self.readers[name]) == 1 and name not in self.graph.results


def fold_dilation(graph: Graph) -> Graph:
    """Return the graph with dilated convolutions in place of what spells them out."""
    links = _Links(graph, dict(graph.producers()), dict(graph.consumers()))
    tensors = dict(graph.tensors)
    gone: set[int] = set()
    changed: dict[int, Op] = {}
    for op in graph.ops:
        found = _spelled(links, op) if isinstance(op, Conv2D | DepthwiseConv2D) else None
        if found is None:
            continue
        dilated, moves = found
        gone.update(id(move) for move in moves)
        changed[id(op)] = dilated
        _take_crop(links, tensors, dilated, changed, gone)
    ops = [changed.get(id(op), op) for op in graph.ops if id(op) not in gone]
    return graph.with_ops(ops, tensors)


def _spelled(links: _Links, op: Convolution) -> tuple[Convolution, list[Op]] | None:
    """Return the dilated convolution of ``op`` and the operations that it replaces."""
    if op.stride != (1, 1) or op.dilation != (1, 1) or op.padding.any:
        return None
    inner = _run(links, op.inputs[0], forward=False)
    outer = _run(links, op.outputs[0], forward=True)
    if inner is None or outer is None:
        return None
    image, spread = inner[0].inputs[0], outer[-1].outputs[0]
    shapes = {name: tensor.shape for name, tensor in links.graph.tensors.items()}
    dilation = _phases(shapes[image], inner, _TO_BATCHES, shapes[op.inputs[0]])
    back = _phases(shapes[spread], outer[::-1], _FROM_BATCHES, shapes[op.outputs[0]])
    if dilation is None or back != dilation:
        return None
    outputs = (spread,)
    folded = replace(op, inputs=(image, *op.inputs[1:]), outputs=outputs, dilation=dilation)
    return folded, [*inner, *outer]


def _run(links: _Links, name: str, *, forward: bool) -> list[Op] | None:
    """Return reshape, transpose and reshape, in order of execution, beside a tensor."""
    ops: list[Op] = []
    for cls in (Reshape, Transpose, Reshape):
        op = links.after(name, cls) if forward else links.before(name, cls)
        if op is None:
            return None
        ops.append(op)
        name = op.outputs[0] if forward else op.inputs[0]
    return ops if forward else ops[::-1]


def _phases(image: Shape, moves: list[Op], perm: Shape, batches: Shape) -> tuple[int, int] | None:
    """Return the extents of the blocks between an image and its batches.

    ``moves`` begin at the image's side.
    """
    near, middle, far = moves
    if not (isinstance(near, Reshape) and isinstance(middle, Transpose)):
        return None
    if len(image) != 4 or middle.perm != perm:
        return None
    forward = perm == _TO_BATCHES
    # On the way back, it is the reshape far from the image that takes the batches apart.
    apart = near if forward else far
    if not isinstance(apart, Reshape) or len(apart.shape) != 6:
        return None
    n, height, width, depth = image
    blocks = (apart.shape[2], apart.shape[4]) if forward else (apart.shape[0], apart.shape[1])
    if height % blocks[0] or width % blocks[1]:
        return None
    outer = height // blocks[0], width // blocks[1]
    split = (n, outer[0], blocks[0], outer[1], blocks[1], depth)
    expected = split if forward else (*blocks, n, *outer, depth)
    whole = (n * blocks[0] * blocks[1], *outer, depth)
    return blocks if (apart.shape, batches) == (expected, whole) else None


def _take_crop(
    links: _Links,
    tensors: dict[str, Tensor],
    conv: Convolution,
    changed: dict[int, Op],
    gone: set[int],
) -> None:
    """Pad less instead of cutting off what comes of padding, where that is all that is cut."""
    cut = links.after(conv.outputs[0], Slice)
    pad = links.before(conv.inputs[0], Pad)
    if not isinstance(cut, Slice) or not isinstance(pad, Pad) or any(cut.begin):
        return
    whole = links.graph.tensors[cut.inputs[0]].shape
    crops = [extent - size for extent, size in zip(whole, cut.size, strict=True)]
    ends = [after for _, after in pad.paddings]
    plain = set(cut.steps) == {1} and crops[0] == crops[3] == 0
    if not plain or any(crop > end for crop, end in zip(crops[1:3], ends[1:3], strict=True)):
        return
    paddings = tuple(
        (before, after - crop)
        for (before, after), crop in zip(pad.paddings, [*crops[:3], 0], strict=True)
    )
    padded = links.graph.tensors[pad.outputs[0]]
    shape = tuple(extent - crop for extent, crop in zip(padded.shape, crops, strict=True))
    tensors[padded.name] = replace(padded, shape=shape)
    changed[id(pad)] = replace(pad, paddings=paddings)
    original = next(key for key, op in changed.items() if op is conv)
    changed[original] = replace(conv, outputs=cut.outputs)
    gone.add(id(cut))
