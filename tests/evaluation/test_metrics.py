"""Metrics equal what is computed over all samples at once."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.errors import EdgeqError, ModelError
from edgeq.evaluation.metrics import Metric, metric_maker, wilson

RNG = np.random.default_rng(0)
NOTHING = (np.zeros(1),)


def over(name: str, outputs: np.ndarray, targets: np.ndarray) -> Metric:
    """Return a metric that has seen all samples."""
    metric = metric_maker(name)()
    for y, target in zip(outputs, targets, strict=True):
        metric.add(NOTHING, (y,), np.asarray(target))
    return metric


def test_top_k_is_the_share_of_classes_among_the_largest() -> None:
    y, t = RNG.normal(size=(200, 1, 10)), RNG.integers(0, 10, 200)
    order = np.argsort(-y[:, 0], axis=1)
    for k in (1, 3, 5):
        wanted = np.mean([t[i] in order[i, :k] for i in range(200)])
        found = over(f"top{k}", y, t)
        assert found.value() == wanted
        assert found.interval() == wilson(round(wanted * 200), 200)
    assert over("top1", y, t[:, np.newaxis]).value() == over("top1", y, t).value()


def test_of_equal_outputs_the_lower_class_comes_first() -> None:
    y = np.array([[0, 2, 2, 2, 1]])
    assert [over("top1", y, np.array([t])).value() for t in range(5)] == [0, 1, 0, 0, 0]
    assert [over("top2", y, np.array([t])).value() for t in range(5)] == [0, 1, 1, 0, 0]


def test_a_single_whole_number_is_the_class() -> None:
    y = np.array([[3], [4], [4]])
    assert over("top1", y, np.array([3, 4, 5])).value() == 2 / 3
    with pytest.raises(ModelError, match="label 1 for 1 classes"):
        over("top1", y[:1] / 10, np.array([1]))


@pytest.mark.parametrize(
    ("name", "target", "what"),
    [
        ("top1", 10, "label 10 for 10 classes"),
        ("top1", -1, "label -1"),
        ("top1", [1, 2], r"a class for each sample, not \[2\]"),
        ("top1", 1.5, "a class for each sample"),
        ("top10", 1, "all would be hits"),
        ("miou", [[1, 2], [3, 4]], "is no map of classes"),
        ("miou", [1, 2], "a mask of shape"),
        ("mse", [1, 2], r"an output of \[1, 10\] against a target of \[2\]"),
    ],
)
def test_targets_that_do_not_fit_are_refused(name: str, target: object, what: str) -> None:
    with pytest.raises(ModelError, match=what):
        over(name, np.zeros((1, 1, 10)), np.asarray([target]))


def test_metrics_that_need_targets_say_so() -> None:
    for name in ("top1", "miou"):
        with pytest.raises(ModelError, match=r"needs (labels|masks)"):
            metric_maker(name)().add(NOTHING, (np.zeros((1, 4)),), None)


@pytest.mark.parametrize("first", [False, True])
def test_mean_iou_is_that_of_all_pixels(first: bool) -> None:
    y = RNG.normal(size=(6, 1, 4, 5, 3))
    masks = RNG.integers(0, 3, (6, 4, 5))
    masks[0, 0] = 255
    found, there = y[:, 0].argmax(-1)[masks != 255], masks[masks != 255]
    shares = [
        np.sum((found == c) & (there == c)) / np.sum((found == c) | (there == c)) for c in range(3)
    ]
    given = np.moveaxis(y, -1, 2) if first else y
    assert over("miou", given, masks).value() == pytest.approx(np.mean(shares), rel=1e-12)


def test_mean_iou_of_maps_of_classes_counts_the_classes_that_occur() -> None:
    y = np.array([[[[7], [7]], [[2], [2]]]], np.int64)[np.newaxis]
    masks = np.array([[[7, 2], [2, 2]]])
    assert over("miou", y, masks).value() == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert math.isnan(metric_maker("miou")().value())


def test_a_mask_of_another_size_takes_the_nearest_pixels() -> None:
    y = np.array([[[[[9.0, 0], [0, 9]]]]])  # one row, of class 0 and class 1
    masks = np.array([[[0, 0, 1, 1], [0, 1, 1, 1]]])
    assert over("miou", y, masks).value() == pytest.approx((3 / 4 + 4 / 5) / 2)
    smaller = np.array([[[0, 0], [0, 0]]])
    assert over("miou", np.zeros((1, 1, 4, 4, 3)), smaller).value() == 1
    with pytest.raises(ModelError, match=r"an output of \[5\] is no map"):
        over("miou", np.zeros((1, 5)), smaller)


def test_errors_are_means_over_all_elements() -> None:
    y, t = RNG.normal(size=(2, 7, 1, 4))
    assert over("mse", y, t).value() == pytest.approx(((y - t) ** 2).mean(), rel=1e-12)
    assert over("mae", y, t).value() == pytest.approx(np.abs(y - t).mean(), rel=1e-12)
    own = metric_maker("mse")()
    own.add((np.full(4, 3.0),), (np.full(4, 1.0),), None)
    assert own.value() == 4


def test_wilsons_interval_is_the_score_test_turned_round() -> None:
    for hits, samples in ((0, 10), (3, 10), (10, 10), (7566, 10_000)):
        low, high = wilson(hits, samples)
        assert 0 <= low <= hits / samples <= high <= 1
        for end in (low, high):
            if 0 < end < 1:
                deviation = math.sqrt(end * (1 - end) / samples)
                assert abs(hits / samples - end) / deviation == pytest.approx(1.96, rel=1e-4)
    assert all(map(math.isnan, wilson(0, 0)))


def test_a_function_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_metric.py").write_text(
        "def worst(output, target):\n    return abs(output - target).max()\n"
        "def broken(output, target):\n    return output.nothing\n"
        "number = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    y, t = RNG.normal(size=(2, 7, 1, 4))
    found = over("own_metric:worst", y, t)
    assert found.value() == pytest.approx(np.abs(y - t).max(axis=(1, 2)).mean())
    assert sys.path == before
    with pytest.raises(EdgeqError, match="metric own_metric:broken: AttributeError"):
        over("own_metric:broken", y, t)
    for name, what in (
        ("own_metric:none", "cannot be imported"),
        ("no_such_module:f", "cannot be imported"),
        ("own_metric:number", "is no function"),
    ):
        with pytest.raises(EdgeqError, match=what):
            metric_maker(name)
    several = metric_maker(lambda outputs, target: len(outputs))()
    several.add(NOTHING, (y, y, y), None)
    assert several.value() == 3


def test_an_unknown_metric_lists_those_there_are() -> None:
    for name in ("top0", "accuracy"):
        with pytest.raises(EdgeqError, match=r"unknown metric.*top1, top5, miou"):
            metric_maker(name)
