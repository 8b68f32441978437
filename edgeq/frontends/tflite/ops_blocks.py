"""Operators that move blocks between dimensions: pad, reshape, transpose, reshape, slice.

Only the transpose moves elements one by one, and reshapes cost nothing.
"""

from __future__ import annotations

from edgeq.frontends.tflite.chain import Step, chain
from edgeq.frontends.tflite.converter import ANY, converts
from edgeq.frontends.tflite.node import Node
from edgeq.ir.types import Shape, elements
from edgeq.ops.base import Op
from edgeq.ops.pad import Pad
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.transpose import Transpose

_SPACE = (0, 1, 3, 2, 4, 5)  # [n, h, block, w, block, c] and back: the same exchange


def _reordered(shape: Shape, perm: Shape, result: Shape) -> list[Step]:
    """Return the steps that read an array as ``shape`` and write its dimensions as ``perm``."""
    return [
        (Reshape, {"shape": shape}),
        (Transpose, {"perm": perm}),
        (Reshape, {"shape": result}),
    ]


def _block(node: Node, kind: str) -> tuple[Shape, int]:
    node.expect(1)
    block = int(node.required(kind, "BlockSize"))
    if block < 1:
        raise node.error(f"block size {block}")
    return node.image(), block


@converts("DEPTH_TO_SPACE", types=ANY)
def depth_to_space(node: Node) -> list[Op]:
    """One image, whose channels become the pixels of blocks."""
    (n, h, w, c), block = _block(node, "DepthToSpaceOptions")
    if c % block**2:
        raise node.error(f"{c} channels in blocks of {block} by {block}")
    depth = c // block**2
    result = (n, h * block, w * block, depth)
    return chain(node, _reordered((n, h, w, block, block, depth), _SPACE, result))


@converts("SPACE_TO_DEPTH", types=ANY)
def space_to_depth(node: Node) -> list[Op]:
    """One image, of which the pixels of each block become channels."""
    (n, h, w, c), block = _block(node, "SpaceToDepthOptions")
    if h % block or w % block:
        raise node.error(f"{h} by {w} pixels in blocks of {block} by {block}")
    rows, columns = h // block, w // block
    result = (n, rows, columns, c * block**2)
    return chain(node, _reordered((n, rows, block, columns, block, c), _SPACE, result))


def _blocks(node: Node, what: str) -> tuple[Shape, Shape, tuple[tuple[int, int], ...]]:
    """Return the input's shape, the extents of a block, and the borders of each dimension."""
    node.expect(3)
    x, block, flat = node.tensor(0).shape, node.integers(1, "block sizes"), node.integers(2, what)
    count = len(block)
    if not 0 < count < len(x) or len(flat) != 2 * count:
        raise node.error(f"{count} block sizes and {len(flat)} {what} for {len(x)} dimensions")
    if min(block) < 1 or min(flat) < 0:
        raise node.error(f"block {block} and {what} {flat}")
    pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
    return x, block, ((0, 0), *pairs, *((0, 0),) * (len(x) - count - 1))


@converts("SPACE_TO_BATCH_ND", types=ANY)
def space_to_batch(node: Node) -> list[Op]:
    """One array, the extents of a block, and what to pad each dimension with first."""
    x, block, paddings = _blocks(node, "paddings")
    count, quant = len(block), node.output().quant
    shape = tuple(a + before + after for a, (before, after) in zip(x, paddings, strict=True))
    n, space, rest = shape[0], shape[1 : count + 1], shape[count + 1 :]
    if any(extent % size for extent, size in zip(space, block, strict=True)):
        raise node.error(f"{space} elements in blocks of {block}")
    outer = tuple(extent // size for extent, size in zip(space, block, strict=True))
    split = (n, *(each for pair in zip(outer, block, strict=True) for each in pair), *rest)
    inside, outside = range(2, 2 * count + 1, 2), range(1, 2 * count, 2)
    perm = (*inside, 0, *outside, *range(2 * count + 1, len(split)))
    value = 0 if quant is None else quant.zero_point[0]
    pad: list[Step] = [(Pad, {"paddings": paddings, "value": value})]
    result = (n * elements(block), *outer, *rest)
    return chain(node, pad + _reordered(split, perm, result))


@converts("BATCH_TO_SPACE_ND", types=ANY)
def batch_to_space(node: Node) -> list[Op]:
    """One array, the extents of a block, and what to cut off each dimension in the end."""
    x, block, crops = _blocks(node, "crops")
    count = len(block)
    if x[0] % elements(block):
        raise node.error(f"a batch of {x[0]} in blocks of {block}")
    n, space, rest = x[0] // elements(block), x[1 : count + 1], x[count + 1 :]
    perm = [count]
    for axis in range(count):
        perm += [count + 1 + axis, axis]
    perm += range(2 * count + 1, len(x) + count)
    whole = (n, *(a * b for a, b in zip(space, block, strict=True)), *rest)
    begin = tuple(before for before, _ in crops)
    size = tuple(a - before - after for a, (before, after) in zip(whole, crops, strict=True))
    cut: list[Step] = [(Slice, {"begin": begin, "size": size})]
    return chain(node, _reordered((*block, n, *space, *rest), tuple(perm), whole) + cut)
