"""The end of detectors as LiteRT computes it, and what files may say wrongly about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

from edgeq import api, reference
from edgeq.errors import EdgeqError, ModelError, QuantizationError, UnsupportedError
from edgeq.frontends.npz import graph_bytes, read_npz
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify
from edgeq.ops.detection_postprocess import DetectionPostprocess
from tests.frontends.detection import CODE, Detector, random_detector
from tests.litert import run_litert


def _graph(detector: Detector) -> Graph:
    return verify(read_tflite(detector.data(), "m"))


def _check(detector: Detector) -> None:
    """Fail unless the reference gives LiteRT's bits, and zeros where LiteRT writes nothing."""
    theirs = run_litert(detector.data(), detector.inputs)
    mine = reference.run(api.lower(_graph(detector)), detector.inputs)
    assert mine[3].tobytes() == theirs[3].tobytes()
    found, most = int(mine[3][0]), detector.options["max_detections"]
    used = detector.used[: len(detector.used) // most * found]
    for want, have in zip(theirs[:3], mine[:3], strict=True):
        assert (have.shape, have.dtype) == (want.shape, want.dtype)
        np.testing.assert_array_equal(have[0][used], want[0][used])
        assert not np.delete(have[0], used, axis=0).any()


@pytest.mark.parametrize("first", range(0, 160, 20))
def test_codes_equal_litert(first: int) -> None:
    for seed in range(first, first + 20):
        _check(random_detector(seed))


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_converted_codes_equal_litert(first: int) -> None:
    for seed in range(first, first + 20):
        _check(random_detector(seed, signed=True))


def test_every_code_of_a_box_is_decoded_as_litert_does() -> None:
    codes = np.stack([np.arange(256), np.arange(256)[::-1]] * 2, axis=1)
    anchors = np.full((256, 4), 1, np.uint8)
    anchors[:, 2:] = 200
    options = random_detector(0).options
    detector = Detector(
        codes[None].astype(np.uint8), np.full((1, 256, 1), 9, np.uint8), anchors, options
    )
    limits = {"max_detections": 256, "max_classes_per_detection": 1, "num_classes": 1}
    _check(detector.with_options(**limits, nms_iou_threshold=1.0, nms_score_threshold=0.0))
    _check(detector.with_options(**limits, nms_iou_threshold=0.4, use_regular_nms=True))


def test_the_graph_is_one_of_integers_with_ends_in_float() -> None:
    graph = _graph(random_detector(3, signed=True))
    assert not graph.is_float
    lowered = api.lower(graph)
    assert [op.KIND for op in lowered.ops] == ["detection_postprocess"]
    again = api.lower(read_npz(graph_bytes(graph), "m"))
    inputs = random_detector(3, signed=True).inputs
    for want, have in zip(
        reference.run(lowered, inputs), reference.run(again, inputs), strict=True
    ):
        assert want.tobytes() == have.tobytes()


def test_options_that_have_defaults() -> None:
    detector = random_detector(1).with_options(detections_per_class=None, use_regular_nms=None)
    (op,) = _graph(detector).ops
    assert isinstance(op, DetectionPostprocess)
    assert (op.detections_per_class, op.regular) == (100, False)


BASE = random_detector(2)


def _huge() -> bytes:
    """Return options with a threshold that only float64 holds."""
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in BASE.options.items():
            builder.Key(name)
            if name == "nms_score_threshold":
                builder.Float(1e60, 8)
            else:
                builder.Add(value)
    return bytes(builder.Finish())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_detections": None}, ModelError, "has no option 'max_detections'"),
        ({"y_scale": None}, ModelError, "has no option 'y_scale'"),
        ({"max_detections": 0}, ModelError, "is not positive"),
        ({"num_classes": -1}, ModelError, "is not positive|scores have shape"),
        ({"max_detections": 2**40}, ModelError, "'max_detections' is beyond 32 bits"),
        ({"max_detections": 2**30}, EdgeqError, "bytes"),
        ({"nms_iou_threshold": 0.0}, ModelError, "the threshold of the overlap is 0"),
        ({"nms_iou_threshold": 1.5}, ModelError, "the threshold of the overlap is 1.5"),
        ({"h_scale": 0.0}, ModelError, "a scale is 0"),
        ({"h_scale": 1e-60}, ModelError, "a scale is 0"),
        ({"h_scale": 1e-6}, QuantizationError, "leave the range of float32"),
        ({"y_scale": 1e-38}, QuantizationError, "leave the range of float32"),
        ({"detections_per_class": 0, "use_regular_nms": True}, ModelError, "is not positive"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        api.lower(_graph(BASE.with_options(**options)))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"custom": b""}, ModelError, "0 bytes of options"),
        ({"custom": _huge()}, ModelError, "'nms_score_threshold' is beyond float32"),
        ({"custom": b"\0" * 9}, ModelError, "the options are not a map"),
        ({"score_code": (0.01, 3)}, UnsupportedError, "whose last bit depends on their place"),
        ({"anchors": np.ones((99, 4), np.uint8)}, ModelError, "anchors have shape"),
        ({"anchors": BASE.anchors.astype(np.float32)}, UnsupportedError, "uint8 boxes with float"),
        ({"anchor_code": (0.1, 255)}, ModelError, "an anchor has a negative size"),
        ({"scores": BASE.scores.astype(np.int32)}, ModelError, "tensor 'scores' is int32"),
        ({"scores": BASE.scores[:, :-1]}, ModelError, "scores have shape"),
        ({"boxes": BASE.boxes[..., :3]}, ModelError, "boxes have shape"),
    ],
)
def test_files_that_are_refused(changes: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        api.lower(_graph(replace(BASE, **changes)))


def test_scores_of_a_power_of_two_may_have_a_zero_point() -> None:
    _check(replace(BASE, score_code=(1 / 128, 17)))


def test_other_custom_operators_are_refused_by_name() -> None:
    data = BASE.data().replace(CODE.encode(), b"X" + CODE.encode()[1:])
    with pytest.raises(UnsupportedError, match="CUSTOM:XFLite_Detection_PostProcess x1"):
        read_tflite(data, "m")
