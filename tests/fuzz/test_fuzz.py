"""Some thousands of damaged files of each format; ``tests.fuzz.run`` does as many as one likes."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from edgeq.errors import ModelError
from tests.fuzz import npz_changes, onnx_changes, pool, tflite_changes
from tests.fuzz.commands import examine_commands, run_command
from tests.fuzz.examine import Found, examine
from tests.fuzz.minimise import minimised
from tests.fuzz.mutate import damaged
from tests.fuzz.pool import Chunk, Job
from tests.fuzz.seeds import SUFFIXES, seeds

INPUTS = {".npz": 3000, ".onnx": 1500, ".tflite": 4000}
# Of these, so many at least load: mutation that breaks everything at once would find little.
SOUND = 0.05


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files_fail_in_no_other_way(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"input{suffix}"
    outcomes: Counter[str] = Counter()
    for number in range(INPUTS[suffix]):
        found = examine(damaged(suffix, 0, number), path)
        assert not found.failure, (number, found.failure, found.detail)
        outcomes[found.outcome.split(",")[0]] += 1
    assert outcomes["refused"] > INPUTS[suffix] / 10
    assert INPUTS[suffix] - outcomes["refused"] > INPUTS[suffix] * SOUND


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_commands_write_all_or_nothing(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"input{suffix}"
    for number in range(60):
        found = examine_commands(damaged(suffix, 1, number), path)
        assert not found.failure, (number, found.failure, found.detail)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_seeds_are_sound(suffix: str, tmp_path: Path) -> None:
    outcomes = [examine(data, tmp_path / f"seed{suffix}").outcome for data in seeds(suffix)]
    # One .tflite is for its many kinds of fields, not for what it computes.
    assert sum("refused" in outcome for outcome in outcomes) == (suffix == ".tflite")


def test_a_file_follows_from_its_number() -> None:
    for suffix in SUFFIXES:
        files = [damaged(suffix, 3, number) for number in range(50)]
        assert files == [damaged(suffix, 3, number) for number in range(50)]
        assert len(set(files)) > 40


def test_changes_take_what_is_damaged_already() -> None:
    for suffix, module in (
        (".npz", npz_changes),
        (".onnx", onnx_changes),
        (".tflite", tflite_changes),
    ):
        for number in range(40):
            data = damaged(suffix, 4, number)
            for rng in (Random(0), Random(1)):
                assert isinstance(module.changed(data, rng), bytes)


def test_onnx_messages_are_written_as_they_were_read() -> None:
    for data in seeds(".onnx"):
        message = onnx_changes.parsed(data)
        assert message is not None and onnx_changes.written(message) == data


def test_failures_are_found_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "input.npz"

    def loaded(error: BaseException) -> Found:
        def load(*arguments: object, **options: object) -> None:
            raise error

        monkeypatch.setattr("tests.fuzz.examine.load", load)
        return examine(b"", path)

    assert loaded(ValueError("no")).failure.startswith("ValueError at ")
    assert loaded(MemoryError()).failure.startswith("MemoryError at ")
    assert loaded(ModelError("no", where="elsewhere")).failure.startswith("a refusal without")
    assert loaded(ModelError("n" * 30_000, where=str(path))).failure.endswith("too long")


def test_endless_reading_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*arguments: object, **options: object) -> None:
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue

    monkeypatch.setattr("tests.fuzz.examine.load", load)
    monkeypatch.setattr("tests.fuzz.examine.HANG_SECONDS", 0.05)
    assert examine(b"", tmp_path / "input.npz").failure.startswith("Hang at ")


def test_what_ends_a_process_costs_one_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(data: bytes, path: Path) -> Found:
        if data == damaged(".npz", 5, 7):
            os._exit(9)
        return Found("lowered")

    monkeypatch.setattr(pool, "examine", dies)
    tallies = list(pool.run(iter([Chunk(".npz", 0, 12)]), Job(5), 1))
    outcomes = sum((tally.outcomes for tally in tallies), Counter())
    assert outcomes == {(".npz", "lowered"): 11, (".npz", "failed"): 1}
    [failure] = [failure for tally in tallies for failure in tally.failures.values()]
    assert failure.first == (".npz", 7) and failure.data == damaged(".npz", 5, 7)


def test_failing_files_are_made_small() -> None:
    data = bytes(range(1, 101))
    assert minimised(data, lambda found: 42 in found) == bytes([42])
    kept = minimised(data, lambda found: len(found) == 100 and found[50] == 51)
    assert kept == bytes(50) + bytes([51]) + bytes(49)


def test_internal_errors_of_commands_are_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeq.api.generate", lambda *arguments, **options: 1 // 0)
    path = tmp_path / "input.npz"
    path.write_bytes(seeds(".npz")[0])
    code, err = run_command("compile", str(path), "-o", str(tmp_path / "out"))
    assert code == 70 and "internal error" in err
