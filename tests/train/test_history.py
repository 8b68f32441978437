"""Scalars over steps: written as they come, read again, and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.errors import ModelError
from edgeq.train import History


def test_a_history_outlives_the_run(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    history = History(path)
    for step in range(5):
        history.record(step, {"loss": 1 / (step + 1), "range/x/low": -step, "range/x/high": step})
    again = History(path)
    assert again.rows == history.rows
    assert again.series("range/x/low") == ([0, 1, 2, 3, 4], [0, -1, -2, -3, -4])
    # Killed after step 4, resumed from a checkpoint of step 2.
    again.record(3, {"loss": 0.0})
    assert History(path).rows == again.rows
    assert list(again.rows) == [0, 1, 2, 3]
    assert again.series("loss")[1][-1] == 0
    assert again.series("other") == ([], [])


def test_a_line_that_was_not_finished_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    History(path).record(0, {"loss": 1})
    with path.open("a") as stream:
        stream.write('{"step": 1, "lo')
    again = History(path)
    again.record(1, {"loss": 0.5})
    assert History(path).rows == {0: {"loss": 1}, 1: {"loss": 0.5}}


def test_ranges_are_drawn(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    for step in range(3):
        history.record(step, {"range/a/low": -1, "range/a/high": step, "loss": 1})
    for suffix, mark in (("png", b"\x89PNG"), ("svg", b"<svg")):
        for name in ("one", "two"):
            history.plot(tmp_path / f"{name}.{suffix}")
        one, two = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("one", "two"))
        assert mark in one
        assert one == two
    history.plot(tmp_path / "loss.svg", prefix="loss")
    assert "<svg" in (tmp_path / "loss.svg").read_text()


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"loss": 1}', '{"step": 1, "loss": "high"}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(ModelError, match=r"history\.jsonl:1: no history of a training"):
        History(path)
