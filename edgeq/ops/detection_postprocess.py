"""The end of SSD-like detectors: boxes from anchors, then non-maximum suppression.

LiteRT's custom operation ``TFLite_Detection_PostProcess``. Boxes are coded as in Faster R-CNN (Ren
et al. 2015, equation 2). Codes have 8 bits, so each exponential is known in advance; the rest is
sums, products, quotients and comparisons of IEEE numbers, the same bits everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import ClassVar

import numpy as np

from edgeq.errors import QuantizationError, UnsupportedError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType, Shape
from edgeq.ops._elementwise import BYTES, check_one_scale
from edgeq.ops._float_codes import reals
from edgeq.ops._suppression import Boxes, leaders, suppress
from edgeq.ops.base import Arrays, Op, register, require

COORDINATES = 4
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, eq=False)
class DetectionNumbers:
    """Finished numbers of the decoding.

    ``half`` has half the exponential of each code of a height and of a width, in float64;
    ``lowest`` is the first score code, counted from the smallest there is, that may be kept.
    """

    half: np.ndarray
    lowest: int


@register("detection_postprocess")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetectionPostprocess(Op):
    """Inputs: boxes [1, N, 4 or more], scores [1, N, C], anchors [N, 4], constant; 8-bit codes.

    Boxes and anchors are y, x, height and width, of which boxes may have more values, unused.
    Scores have ``num_classes`` columns, or one for the background before them. Outputs, float32:
    boxes [1, K, 4] (ymin, xmin, ymax, xmax), classes [1, K], scores [1, K], their count [1]; K is
    ``max_detections * max_classes_per_detection``, and what is not used is 0.

    Fast suppression (not ``regular``) is by the best score of each box, of which then so many
    classes follow each other; regular suppression is class by class. ``scales`` divide y, x,
    height and width.
    """

    COMPUTES: ClassVar[bool] = False  # float32 only at the end of an integer network

    max_detections: int
    max_classes_per_detection: int
    num_classes: int
    score_threshold: float
    iou_threshold: float
    scales: tuple[float, float, float, float]
    detections_per_class: int = 100
    regular: bool = False

    @property
    def classes(self) -> int:
        """Return how many classes of a box fast suppression gives."""
        return min(self.max_classes_per_detection, self.num_classes)

    @property
    def most(self) -> int:
        """Return how many boxes of a class regular suppression can give."""
        return min(self.detections_per_class, self.max_detections)

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes, types or attributes do not fit."""
        counts = (len(io.ins), len(io.outs))
        require(self, counts == (3, 4), f"{counts[0]} inputs, {counts[1]} outputs, expected 3, 4")
        for tensor in io.ins:
            known = tensor.dtype in (*BYTES, DType.FLOAT32)
            require(self, known, f"tensor '{tensor.name}' is {tensor.dtype.value}")
            coded = tensor.dtype.is_float or tensor.quant is not None
            require(self, coded, f"tensor '{tensor.name}' has no scale")
            check_one_scale(self, tensor)
        for tensor in io.outs:
            is_float = tensor.dtype.is_float
            require(self, is_float, f"output is {tensor.dtype.value}, expected float32")
        self._check_shapes(io)
        self._check_attributes()

    def _check_shapes(self, io: Operands) -> None:
        boxes, scores, anchors = (tensor.shape for tensor in io.ins)
        fits = len(boxes) == 3 and boxes[0] == 1 and boxes[2] >= COORDINATES
        require(self, fits, f"boxes have shape {boxes}, expected (1, N, 4)")
        columns = (self.num_classes, self.num_classes + 1)
        fits = len(scores) == 3 and scores[:2] == boxes[:2] and scores[2] in columns
        expected = f"(1, {boxes[1]}, {columns[0]} or {columns[1]})"
        require(self, fits, f"scores have shape {scores}, expected {expected}")
        fits = anchors == (boxes[1], COORDINATES)
        require(self, fits, f"anchors have shape {anchors}, expected ({boxes[1]}, 4)")

    def _check_attributes(self) -> None:
        counts = [self.max_detections, self.max_classes_per_detection, self.num_classes]
        counts += [self.detections_per_class] if self.regular else []
        require(self, min(counts) > 0, "a number of detections or classes is not positive")
        inside = 0 < np.float32(self.iou_threshold) <= 1
        require(
            self, bool(inside), f"the threshold of the overlap is {self.iou_threshold:g}, not 0..1"
        )
        divisors, least = self._divisors(), np.float32(self.score_threshold)
        finite = np.isfinite([*divisors, least]).all() and divisors.all()
        require(self, bool(finite), "a scale or threshold is no float32, or a scale is 0")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the shapes of boxes, classes, scores and count."""
        slots = self.max_detections * self.max_classes_per_detection
        return (1, slots, COORDINATES), (1, slots), (1, slots), (1,)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the exponentials, and the threshold as a code.

        Raise ``UnsupportedError`` for operands in float32 or anchors that are computed,
        ``QuantizationError`` where a box could leave float32.
        """
        boxes, scores, anchors = io.ins
        if boxes.dtype.is_float or scores.dtype.is_float:
            raise UnsupportedError("boxes and scores in float32, not codes", where=self.source)
        if not anchors.is_constant:
            raise UnsupportedError("anchors that are computed at run time", where=self.source)
        encoded = _all_reals(boxes)
        half = np.array([self._halves(encoded, divisor) for divisor in self._divisors()[2:]])
        self._check_range(encoded, half, _real(anchors.array, anchors))
        lowest = int(np.count_nonzero(_all_reals(scores) < np.float32(self.score_threshold)))
        return self.with_arithmetic(DetectionNumbers(half, lowest))

    def _divisors(self) -> np.ndarray:
        """Return the scales as the runtime has them: float32 numbers, here in float64."""
        with np.errstate(over="ignore", under="ignore"):
            return np.array(self.scales, np.float32).astype(np.float64)

    def _halves(self, encoded: np.ndarray, divisor: float) -> list[float]:
        """Return half of e^(x / divisor) for each x, rounded correctly to float64."""
        with localcontext() as context:
            context.prec = 40
            largest = Decimal(_LARGEST)
            powers = [Decimal(float(x) / float(divisor)) for x in encoded]
            if max(powers) > largest.ln():
                raise self._beyond()
            return [0.5 * float(power.exp()) for power in powers]

    def _check_range(self, encoded: np.ndarray, half: np.ndarray, anchors: np.ndarray) -> None:
        """Raise unless every number of every box is a float32, and no box ends before it begins."""
        require(self, bool(np.isfinite(anchors).all()), "an anchor is no number")
        require(self, bool((anchors[:, 2:] >= 0).all()), "an anchor has a negative size")
        reach = np.abs(encoded).max() / np.abs(self._divisors()[:2])
        wide = anchors.astype(np.float64)
        centres = np.abs(wide[:, :2]).max(0) + reach * wide[:, 2:].max(0)
        sizes = half.max(1) * wide[:, 2:].max(0)
        if not (centres + sizes).max() < _LARGEST / 4:
            raise self._beyond()

    def _beyond(self) -> QuantizationError:
        return QuantizationError("boxes may leave the range of float32", where=self.source)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return boxes, classes, scores and their count."""
        boxes, scores, anchors = (_real(a, t) for a, t in zip(arrays, io.ins, strict=True))
        codes = arrays[0][0, :, 2:COORDINATES].astype(np.int64) - io.x.dtype.min
        half = np.stack([self.arithmetic.half[i][codes[:, i]] for i in (0, 1)], axis=1)
        return self._detections(self._corners(boxes[0], half, anchors), scores[0])

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return boxes, classes, scores and their count."""
        boxes, scores, anchors = (_real(a, t) for a, t in zip(arrays, io.ins, strict=True))
        with np.errstate(over="ignore"):
            half = 0.5 * np.exp(
                boxes[0, :, 2:COORDINATES].astype(np.float64) / self._divisors()[2:]
            )
        return self._detections(self._corners(boxes[0], half, anchors), scores[0])

    def _corners(self, boxes: np.ndarray, half: np.ndarray, anchors: np.ndarray) -> Boxes:
        """Return ymin, xmin, ymax, xmax of each box."""
        wide, divisors = anchors.astype(np.float64), self._divisors()[:2]
        with np.errstate(all="ignore"):
            centre = boxes[:, :2].astype(np.float64) / divisors * wide[:, 2:] + wide[:, :2]
            size = (half * wide[:, 2:]).astype(np.float32)
            middle = centre.astype(np.float32)
            return np.concatenate([middle - size, middle + size], axis=1)

    def _detections(self, boxes: Boxes, scores: np.ndarray) -> tuple[np.ndarray, ...]:
        found = self._by_class(boxes, scores) if self.regular else self._by_box(boxes, scores)
        offset = scores.shape[1] - self.num_classes
        slots = self.max_detections * self.max_classes_per_detection
        outs = [np.zeros((1, slots, width), np.float32) for width in (COORDINATES, 1, 1)]
        for place, row, column in found:
            outs[0][0, place] = boxes[row]
            outs[1][0, place] = column
            outs[2][0, place] = scores[row, offset + column]
        count = len(found) if self.regular else len(found) // self.classes
        return outs[0], outs[1][..., 0], outs[2][..., 0], np.array([count], np.float32)

    def _by_box(self, boxes: Boxes, scores: np.ndarray) -> list[tuple[int, int, int]]:
        """Return place, box and class of each detection, suppressed by the best scores."""
        scores = scores[:, scores.shape[1] - self.num_classes :]
        limits = (self.score_threshold, self.iou_threshold, self.max_detections)
        return [
            (self.max_classes_per_detection * place + rank, row, column)
            for place, row in enumerate(suppress(boxes, scores.max(axis=1), *limits))
            for rank, column in enumerate(leaders(scores[row].tolist(), self.classes))
        ]

    def _by_class(self, boxes: Boxes, scores: np.ndarray) -> list[tuple[int, int, int]]:
        """Return place, box and class of each detection, suppressed class by class.

        Of equal scores those of earlier classes come first.
        """
        scores = scores[:, scores.shape[1] - self.num_classes :]
        limits = (self.score_threshold, self.iou_threshold)
        found = [
            (-scores[row, column], column, rank, row)
            for column in range(self.num_classes)
            for rank, row in enumerate(suppress(boxes, scores[:, column], *limits, self.most))
        ]
        best = sorted(found)[: self.max_detections]
        return [(place, row, column) for place, (_, column, _, row) in enumerate(best)]


def _real(array: np.ndarray, tensor: Tensor) -> np.ndarray:
    return array if tensor.dtype.is_float else reals(array, tensor)


def _all_reals(tensor: Tensor) -> np.ndarray:
    """Return the numbers that the 256 codes of a tensor stand for."""
    return reals(np.arange(tensor.dtype.min, tensor.dtype.max + 1), tensor)
