"""Custom operators, whose options are a FlexBuffer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.frontends.tflite.converter import BYTES, converts
from edgeq.frontends.tflite.flexbuffer import Number, numbers
from edgeq.frontends.tflite.node import Node
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import DType
from edgeq.ops._float_codes import reals
from edgeq.ops.base import Op
from edgeq.ops.detection_postprocess import DetectionPostprocess

_SCALES = ("y_scale", "x_scale", "h_scale", "w_scale")
_LARGEST = 1 << 31


@converts("CUSTOM:TFLite_Detection_PostProcess", types=BYTES)
def detection_postprocess(node: Node) -> list[Op]:
    """Boxes, scores and anchors; files may leave the shapes of the outputs to the operator."""
    node.expect(3, 4)
    boxes, scores, anchors = map(node.tensor, range(3))
    if boxes.dtype.is_float != anchors.dtype.is_float:
        raise node.unsupported(f"of {boxes.dtype.value} boxes with {anchors.dtype.value} anchors")
    if scores.quant is not None and not _is_plain(scores):
        raise node.unsupported("of scores whose last bit depends on their place")
    op = DetectionPostprocess(**node.ports, **_options(node))
    io = Operands(tuple(node.tensor(i) for i in range(3)), tuple(map(node.output, range(4))))
    for tensor, shape in zip(io.outs, op.shapes(io), strict=True):
        node.created[tensor.name] = replace(tensor, shape=shape)
    return [op]


def _is_plain(scores: Tensor) -> bool:
    """Tell whether LiteRT converts each score code to the same number wherever it is.

    It does so eight at a time, as ``scale * code - scale * zero point``, and with one rounding less
    at the end. That differs unless the zero point is 0 or the scale a power of two.
    """
    if scores.dtype not in (DType.INT8, DType.UINT8):
        return True
    codes = np.arange(scores.dtype.min, scores.dtype.max + 1)
    scale = np.float32(scores.scale)
    with np.errstate(all="ignore"):  # whether the scale makes sense is looked at later
        turned = scale * codes.astype(np.float32) + scale * np.float32(-scores.zero_point)
        return np.array_equal(turned, reals(codes, scores))


def _options(node: Node) -> dict[str, Any]:
    found = numbers(node.custom)
    return {
        "max_detections": _integer(node, found, "max_detections"),
        "max_classes_per_detection": _integer(node, found, "max_classes_per_detection"),
        "num_classes": _integer(node, found, "num_classes"),
        "detections_per_class": _integer(node, found, "detections_per_class", 100),
        "regular": bool(found.get("use_regular_nms", False)),
        "score_threshold": _real(node, found, "nms_score_threshold"),
        "iou_threshold": _real(node, found, "nms_iou_threshold"),
        "scales": tuple(_real(node, found, name) for name in _SCALES),
    }


def _option(node: Node, found: Mapping[str, Number], name: str) -> Number:
    if name not in found:
        raise node.error(f"has no option '{name}'")
    return found[name]


def _integer(node: Node, found: Mapping[str, Number], name: str, default: int | None = None) -> int:
    if default is not None and name not in found:
        return default
    value = _option(node, found, name)
    if not -_LARGEST <= value < _LARGEST:
        raise node.error(f"option '{name}' is beyond 32 bits")
    return int(value)


def _real(node: Node, found: Mapping[str, Number], name: str) -> float:
    with np.errstate(over="ignore"):
        value = float(np.float32(_option(node, found, name)))
    if not np.isfinite(value):
        raise node.error(f"option '{name}' is beyond float32")
    return value
