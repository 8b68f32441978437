"""Portable rows of the end of detectors: boxes from anchors, and non-maximum suppression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.ops.detection_postprocess import DetectionPostprocess
from edgeq.plan.program import Data, Scratch

_SIDES = ("h", "w")


def _tables(half: np.ndarray) -> tuple[tuple[Data, ...], dict[str, str]]:
    """Return half the exponentials of the codes, and the name of each side's: perhaps of one."""
    names = ("half",) * 2 if np.array_equal(*half) else ("half_height", "half_width")
    comments = ("size", "size") if names[0] == names[1] else ("height", "width")
    data = {
        name: Data(name, table, f"half of e^{side} of each code of a {side}, before the anchor")
        for name, side, table in zip(names, comments, half, strict=True)
    }
    return tuple(data.values()), dict(zip(_SIDES, names, strict=True))


def _flags(op: DetectionPostprocess, io: Operands, table: Mapping[str, str]) -> dict[str, Any]:
    boxes, scores, anchors = io.ins
    return {
        "table": table,
        "box_scale": boxes.scale,
        "score_scale": scores.scale,
        "anchor_scale": None if anchors.dtype.is_float else anchors.scale,
        "divisors": [float(np.float32(scale)).hex() for scale in op.scales[:2]],
        "iou_threshold": op.iou_threshold,
        "several": not op.regular and op.classes > 1,
    }


def _constants(op: DetectionPostprocess, io: Operands) -> dict[str, int]:
    boxes, scores, anchors = io.ins
    zero = {} if anchors.dtype.is_float else {"ANCHOR_ZERO": anchors.zero_point}
    return {
        "BOXES": boxes.shape[1],
        "COORDINATES": boxes.shape[2],
        "COLUMNS": scores.shape[2],
        "BACKGROUND": scores.shape[2] - op.num_classes,
        "CLASSES": op.num_classes,
        "BOX_ZERO": boxes.zero_point,
        "BOX_LEAST": boxes.dtype.min,
        **zero,
        "SCORE_ZERO": scores.zero_point,
        "SCORE_LEAST": scores.dtype.min,
        "LOWEST": op.arithmetic.lowest,
        "SLOTS": op.max_detections * op.max_classes_per_detection,
    }


def _facts(op: DetectionPostprocess, io: Operands, constants: dict[str, int], heap: int) -> Facts:
    data, table = _tables(op.arithmetic.half)
    note = f"detections among {io.x.shape[1]} boxes of {op.num_classes} classes"
    return Facts(constants, data, _flags(op, io, table), _scratch(op, io, heap), note)


def fast_facts(op: DetectionPostprocess, io: Operands) -> Facts:
    """Return the facts of suppression by the best score of each box."""
    constants = {**_constants(op, io), "MOST": op.max_detections}
    constants["STEP"] = op.max_classes_per_detection
    heap = 0
    if op.classes > 1:
        heap, made = op.classes, op.classes // 2
        constants.update(SHOWN=heap, MADE=made, TURNS=made + op.num_classes - 1)
    return _facts(op, io, constants, heap)


def regular_facts(op: DetectionPostprocess, io: Operands) -> Facts:
    """Return the facts of suppression class by class."""
    constants = {**_constants(op, io), "MOST": op.most, "PLACES": op.max_detections}
    return _facts(op, io, constants, 0)


def _scratch(op: DetectionPostprocess, io: Operands, heap: int) -> Scratch:
    """Return the memory of the next box of each one, and of a heap of classes."""
    boxes = io.x.shape[1]
    short = max(boxes, op.num_classes) <= DType.INT16.max
    return Scratch("next", DType.INT16 if short else DType.INT32, boxes + heap)


def _regular(op: DetectionPostprocess, io: Operands) -> bool:
    return op.regular


_ROLES = (
    *("boxes", "scores", "anchors"),
    *("found_boxes", "found_classes", "found_scores", "found_count"),
)

ROWS = (
    Kernel(
        "portable/detection_postprocess_regular",
        DetectionPostprocess,
        regular_facts,
        _regular,
        roles=_ROLES,
    ),
    Kernel("portable/detection_postprocess", DetectionPostprocess, fast_facts, roles=_ROLES),
)
