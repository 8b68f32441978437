"""Boxes of object detection in float32: areas in common, suppression, the best classes.

Each step is one IEEE operation, in the order of LiteRT's ``detection_postprocess.cc``, so results
are the same bits wherever float32 is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Boxes = np.ndarray
"""Rows of ymin, xmin, ymax, xmax."""


def overlaps(box: np.ndarray, boxes: Boxes) -> np.ndarray:
    """Return the intersection over union of one box with each of ``boxes``; 0 without an area."""
    zero = np.float32(0)
    with np.errstate(all="ignore"):
        areas = [(b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1]) for b in (box, boxes)]
        # As std::max and std::min choose where a number is NaN.
        near = np.where(box[:2] < boxes[:, :2], boxes[:, :2], box[:2])
        far = np.where(boxes[:, 2:] < box[2:], boxes[:, 2:], box[2:])
        sides = far - near
        sides = np.where(sides < zero, zero, sides)
        shared = sides[:, 0] * sides[:, 1]
        ratio = shared / (areas[0] + areas[1] - shared)
    return np.where((areas[0] <= zero) | (areas[1] <= zero), zero, ratio).astype(np.float32)


def suppress(boxes: Boxes, scores: np.ndarray, least: float, limit: float, most: int) -> list[int]:
    """Return the indices of at most ``most`` boxes, of falling score.

    A box counts with a score of ``least`` at least, and unless it shares more than ``limit`` with
    a better one that is returned. Of equal scores the first box is better.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= np.float32(least)]
    chosen: list[int] = []
    while len(order) and len(chosen) < most:
        best, order = int(order[0]), order[1:]
        chosen.append(best)
        order = order[~(overlaps(boxes[best], boxes[order]) > np.float32(limit))]
    return chosen


def leaders(values: Sequence[float], count: int) -> list[int]:
    """Return the indices of the ``count`` largest values, the largest first.

    One alone is the first of equals. Of several, equals come in the order in which the heap of
    ``std::partial_sort`` in GNU libstdc++ leaves them: that is what LiteRT calls.
    """
    if count == 1:
        return [int(np.argmax(values))]
    heap = list(range(count))
    for hole in reversed(range(count // 2)):
        _sink(heap, hole, count, heap[hole], values)
    for index in range(count, len(values)):
        if values[index] > values[heap[0]]:
            _sink(heap, 0, count, index, values)
    for last in range(count - 1, 0, -1):
        index, heap[last] = heap[last], heap[0]
        _sink(heap, 0, last, index, values)
    return heap


def _sink(heap: list[int], hole: int, length: int, index: int, values: Sequence[float]) -> None:
    """Put an index below a hole: down along the smaller children, then up to its place."""
    top = hole
    while 2 * hole + 1 < length:
        child = 2 * hole + 1
        if child + 1 < length and not values[heap[child + 1]] > values[heap[child]]:
            child += 1
        heap[hole], hole = heap[child], child
    while hole > top and values[heap[(hole - 1) // 2]] > values[index]:
        heap[hole], hole = heap[(hole - 1) // 2], (hole - 1) // 2
    heap[hole] = index
