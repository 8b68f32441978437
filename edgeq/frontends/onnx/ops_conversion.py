"""Between float numbers and codes: QuantizeLinear and DequantizeLinear, and QONNX's Quant."""

from __future__ import annotations

import numpy as np

from edgeq.frontends.nchw import arithmetic, movement
from edgeq.frontends.onnx import quantized
from edgeq.frontends.onnx.codes import (
    HIGH,
    LOW,
    Code,
    Coded,
    codes_in,
    give_codes,
    held_code,
    is_coded,
    mark,
    scales_of,
    zeros_of,
)
from edgeq.frontends.onnx.converter import converts, converts_codes, converts_islands
from edgeq.frontends.onnx.folding import folds
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.ops_islands import clamp_codes, move, resize
from edgeq.frontends.onnx.ops_movement import paddings
from edgeq.frontends.onnx.targets import (
    QUANTS,
    Target,
    quant_bounds,
    quant_code,
    stated_code,
)
from edgeq.numerics import onnx
from edgeq.ops.quantize import Quantize


@converts("QuantizeLinear")
def quantize(node: Node) -> None:
    """Numbers, scale, optional zero point."""
    node.expect(3, optional=1)
    code = stated_code(node)
    made = arithmetic.each(node, node.value(), Quantize, kind=code.kind)
    give_codes(node, made, code, real=False)


@converts_islands("QuantizeLinear")
def recode(node: Node) -> None:
    """Numbers that are codes already, perhaps of another scale."""
    node.expect(3, optional=1)
    _recode(node, stated_code(node), real=False)


def _recode(node: Node, code: Code, *, real: bool) -> None:
    held = held_code(node, 0)
    if (held.scale, held.zero) == (code.scale, code.zero) and held.origin == code.origin:
        give_codes(node, node.value(), code, real=real)
        return
    target = Target(code, node.outputs[0])
    quantized.table(quantized.reading(node, node.inputs[:1]), target, lambda x: x)
    quantized.settle(node, target, real=real)


@converts_codes("DequantizeLinear")
def dequantize(node: Node) -> None:
    """Codes, scale, optional zero point: they stay codes."""
    node.expect(3, optional=1)
    code = stated_code(node)
    codes_in(node, 0, code)
    give_codes(node, node.build.values[node.inputs[0]], code, real=True)


@converts(*QUANTS)
def quant(node: Node) -> None:
    """Numbers, scale, zero point, and how many bits: they become codes."""
    code, low, high = quant_code(node)
    first = node.build.fresh(f"{node.outputs[0]}:codes")
    out = quantized.writing(node, first)
    made = arithmetic.each(out, node.value(), Quantize, kind=code.kind)
    give_codes(out, made, code, real=False)
    clamp_codes(quantized.reading(node, [first]), code, low, high, real=True)


@converts_islands(*QUANTS)
def quant_again(node: Node) -> None:
    """Numbers that are codes already, perhaps of another scale."""
    code, low, high = quant_code(node)
    first = node.build.fresh(f"{node.outputs[0]}:codes")
    _recode(quantized.writing(node, first), code, real=True)
    clamp_codes(quantized.reading(node, [first]), code, low, high, real=True)


@converts_codes("Clip")
def clip(node: Node) -> None:
    """Codes, and optional bounds in codes: fewer bits than eight."""
    node.expect(3, optional=2)
    code = held_code(node, 0)
    bounds = [LOW, HIGH]
    for index in (1, 2):
        if node.has(index):
            [bound] = node.whole(index, "bounds")[:1] or (0,)
            bounds[index - 1] = int(np.clip(bound - code.origin, LOW, HIGH))
    clamp_codes(quantized.reading(node, node.inputs[:1]), code, bounds[0], bounds[1], real=False)


@converts_codes("Identity", "Dropout", "Transpose", "Reshape", "Flatten", "Squeeze", "Concat")
@converts_codes("Unsqueeze", "Split", "Slice", "Gather", "MaxPool", "GlobalMaxPool")
@converts_codes("DepthToSpace", "SpaceToDepth")
def move_codes(node: Node) -> None:
    """Arrays in one code, which move."""
    if node.code == "Concat" and any(not is_coded(node, name) for name in node.inputs):
        raise node.unsupported("of codes and float values together")
    move(node)


converts_codes("Resize", "Upsample")(resize)


@converts_codes("Pad")
def pad_codes(node: Node) -> None:
    """One array in codes, its paddings, and the code that they hold."""
    code = held_code(node, 0)
    pairs, fill = paddings(node)
    low, high = LOW + code.origin, HIGH + code.origin
    if not low <= fill <= high or fill != int(fill):
        raise node.error(f"a pad value of {fill}")
    held = int(fill) - code.origin
    movement.border(node, pairs, held)
    mark(node, code.origin != 0, real=False)


@converts_islands("Pad")
def pad(node: Node) -> None:
    """One array, its paddings, and the number that they hold, which is rounded to a code."""
    code = held_code(node, 0)
    pairs, fill = paddings(node)
    stated = code.zero + code.origin
    held = onnx.quantized(np.array(fill), code.scale, stated, code.bounds) - code.origin
    if onnx.dequantized(held, code.scale, code.zero) != np.float32(fill):
        raise node.unsupported(f"with pad values of {fill:g}, which is between two codes")
    movement.border(node, pairs, int(held))
    mark(node, code.origin != 0, real=True)


# ---- Constants


def _spread(node: Node, array: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Return a scale or zero point shaped to broadcast with ``array``, and along which axis."""
    if row.size == 1:
        return row.reshape(()), None
    axis = node.axis(node.integer("axis", 1), array.ndim)
    if row.shape != array.shape[axis : axis + 1]:
        raise node.unsupported(f"with scales of shape {row.shape} for {array.shape}")
    return row.reshape([-1 if i == axis else 1 for i in range(array.ndim)]), axis


@folds("QuantizeLinear")
def fold_quantize(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """Numbers, scale, zero point."""
    scale, _ = _spread(node, arrays[0], scales_of(node, 1))
    stated = zeros_of(node, 2)
    zero, _ = _spread(node, arrays[0], stated)
    if stated.dtype.itemsize > 2:
        raise node.unsupported(f"to {stated.dtype.name}")
    kind = np.iinfo(stated.dtype)
    codes = np.clip(np.rint(np.nan_to_num(arrays[0] / scale)), -(2.0**20), 2.0**20)
    return np.clip(codes.astype(np.int32) + zero, kind.min, kind.max).astype(stated.dtype)


@folds("DequantizeLinear")
def fold_dequantize(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """Codes, scale, zero point: what they were is remembered."""
    codes = arrays[0]
    if codes.dtype.kind not in "iu" or node.integer("block_size", 0):
        raise node.unsupported(f"of constants of {codes.dtype.name}, or in blocks")
    scale, axis = _spread(node, codes, scales_of(node, 1))
    stated = zeros_of(node, 2) if node.has(2) else np.zeros((), codes.dtype)
    if stated.dtype != codes.dtype:
        raise node.error(f"codes of {codes.dtype.name}, zero points of {stated.dtype.name}")
    zero, along = _spread(node, codes, stated)
    if codes.size:
        axis = along if axis is None else axis
        node.islands.coded[node.outputs[0]] = Coded(codes, scale, zero, axis)
    centred = codes.astype(np.int64) - zero.astype(np.int64)
    return (centred.astype(np.float32) * scale).astype(np.float32)


@folds("Clip")
def fold_clip(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array, and optional bounds."""
    bounds = [node.array(index) if node.has(index) else None for index in (1, 2)]
    if any(bound is not None and bound.size != 1 for bound in bounds):
        raise node.error("several bounds")
    low, high = (None if bound is None else bound.reshape(()) for bound in bounds)
    if low is None and high is None:
        return arrays[0]
    return np.clip(arrays[0], low, high).astype(arrays[0].dtype)


@folds(*QUANTS)
def fold_quant(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """Numbers, scale, zero point, and how many bits; scales broadcast with the numbers."""
    real, scale, zero, width = arrays
    signed, narrow = bool(node.integer("signed", 1)), bool(node.integer("narrow", 0))
    if width.size != 1 or not zero.size:
        raise node.unsupported(f"with {width.size} widths and {zero.size} zero points")
    low, high = quant_bounds(node, float(width.reshape(())), signed=signed, narrow=narrow)
    scale = scales_of(node, 1)
    if np.any(zero != np.rint(zero)) or zero.min() < low or zero.max() > high:
        raise node.unsupported("with such zero points")
    if np.broadcast_shapes(real.shape, scale.shape, zero.shape) != real.shape:
        raise node.error(f"scales of shape {scale.shape} for {real.shape}")
    long = [i for i in range(-scale.ndim, 0) if scale.shape[i] > 1]
    if len(long) > 1 or (zero.size > 1 and zero.shape != scale.shape):
        raise node.unsupported("with scales along several dimensions")
    codes = np.clip(np.rint(np.nan_to_num(real / scale) + zero), low, high)
    kind = np.int8 if signed else np.uint8
    axis = long[0] % real.ndim if long else None
    held = Coded(codes.astype(kind), np.ravel(scale), np.ravel(zero).astype(kind), axis)
    if codes.size:
        node.islands.coded[node.outputs[0]] = held
    return ((codes - zero) * scale).astype(np.float32)
