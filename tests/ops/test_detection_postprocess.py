"""Detections: the generated C equals the reference, which the front end's tests hold to LiteRT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.ops._suppression import leaders, overlaps
from edgeq.ops.detection_postprocess import DetectionPostprocess
from edgeq.passes.read_codes import read_codes
from edgeq.passes.remove_dead import remove_dead
from edgeq.targets import TARGETS, Target
from tests.frontends.detection import Detector, random_detector
from tests.kernel_harness import PORTABLE, QUICK, Case, check_layers, one_op_graph

KERNELS = {False: "portable/detection_postprocess", True: "portable/detection_postprocess_regular"}
BOARDS = ("aarch64", "armv7-neon", "cortex-m0", "cortex-m55", "riscv32", "hexagon")


def _case(detector: Detector) -> Case:
    graph = remove_dead(read_codes(verify(read_tflite(detector.data(), "m"))))
    (op,) = graph.ops
    assert isinstance(op, DetectionPostprocess)
    more = replace(detector, boxes=detector.boxes[:, ::-1], scores=detector.scores[:, ::-1])
    return Case(
        op, graph.tensors, [detector.inputs, more.inputs], KERNELS[op.regular], "tflite-ref"
    )


def _cases(seeds: Sequence[int]) -> list[Case]:
    return [_case(random_detector(seed, signed=seed % 3 == 0)) for seed in seeds]


@pytest.mark.parametrize("target", [PORTABLE, QUICK], ids=["O2", "O1"])
def test_generated_c(target: Target) -> None:
    check_layers(_cases(range(24)), target)


def test_generated_c_that_layers_share() -> None:
    check_layers(_cases(range(24, 34)), PORTABLE, "kernel")


def test_more_boxes_than_16_bits_count() -> None:
    detector = random_detector(4)
    count = (1 << 15) + 1
    shape = (1, count, 1)
    codes = np.arange(count * 4).reshape(1, count, 4) % 251
    scores = np.arange(count).reshape(shape) * 7 % 256
    anchors = np.full((count, 4), 90, np.uint8)
    detector = replace(
        detector.with_options(num_classes=1, max_classes_per_detection=1, max_detections=9),
        boxes=codes.astype(np.uint8),
        scores=scores.astype(np.uint8),
        anchors=anchors,
    )
    case = _case(detector)
    compiled = check_layers([case], PORTABLE)
    (call,) = compiled.program.calls
    assert call.scratch_bytes == 4 * count


@pytest.mark.parametrize("name", BOARDS)
def test_generated_c_elsewhere(name: str) -> None:
    check_layers(_cases(range(40, 46)), TARGETS[name])


@pytest.mark.parametrize("count", range(1, 8))
def test_leaders_are_the_largest(count: int) -> None:
    rng = np.random.default_rng(count)
    for _ in range(200):
        values = rng.integers(0, 5, 7).tolist()
        found = leaders(values, count)
        assert len(set(found)) == count
        assert [values[i] for i in found] == sorted(values, reverse=True)[:count]


def test_equal_leaders_come_as_the_heap_leaves_them() -> None:
    assert leaders([1, 1, 1, 1], 1) == [0]
    assert leaders([1, 1, 1, 1], 4) == [1, 3, 0, 2]
    assert leaders([0, 1, 1, 2], 2) == [3, 2]


def test_overlaps() -> None:
    boxes = np.float32([[0, 0, 2, 2], [1, 1, 3, 3], [2, 2, 3, 3], [1, 1, 1, 5], [0, 0, 2, 2]])
    expected = np.float32([1, 1 / np.float32(7), 0, 0, 1])
    np.testing.assert_array_equal(overlaps(boxes[0], boxes), expected)
    assert not overlaps(boxes[3], boxes).any()


def _float_graph() -> Graph:
    graph = verify(read_tflite(random_detector(5, signed=True).data(), "m"))
    ops = [op for op in graph.ops if isinstance(op, DetectionPostprocess)]
    return replace(graph.with_ops(ops), inputs=ops[0].inputs[:2])


def test_float32_without_codes_is_refused_but_computed_in_float() -> None:
    graph = _float_graph()
    (op,) = graph.ops
    detector = random_detector(5, signed=True)
    arrays = [
        np.float32(scale) * (array.astype(np.float32) - zero)
        for array, (scale, zero) in (
            (detector.boxes, detector.box_code),
            (detector.scores, detector.score_code),
        )
    ]
    found = op.evaluate_float(graph.operands(op), [*arrays, detector.anchors])
    case = _case(detector)
    lowered = one_op_graph(case.op, case.tensors, "tflite-ref")
    wanted = lowered.ops[0].evaluate(
        lowered.operands(lowered.ops[0]), [*detector.inputs, detector.anchors]
    )
    for want, have in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(have, want)
    with pytest.raises(UnsupportedError, match="boxes and scores in float32, not codes"):
        one_op_graph(op, graph.tensors)


@pytest.mark.parametrize(
    ("name", "change", "error", "message"),
    [
        ("anchors", {"data": None}, UnsupportedError, "anchors that are computed at run time"),
        ("scores", {"quant": None}, ModelError, "tensor 'scores' has no scale"),
        ("boxes", {"dtype": DType.INT16}, ModelError, "tensor 'boxes' is int16"),
        ("y0", {"dtype": DType.INT32}, ModelError, "output is int32, expected float32"),
    ],
)
def test_refusals(name: str, change: Mapping[str, Any], error: type, message: str) -> None:
    case = _case(random_detector(7))
    tensors: dict[str, Tensor] = dict(case.tensors)
    tensors[name] = replace(tensors[name], **change)
    with pytest.raises(error, match=message):
        one_op_graph(case.op, tensors)
