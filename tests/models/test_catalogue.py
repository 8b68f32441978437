"""The catalogue has every shared .tflite model once, and the refused ones fail for their reason."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeq
from edgeq import api
from tests.models.catalogue import COMPILED, REFUSED, Refused


def test_every_model_is_in_the_catalogue_once(shared: Path) -> None:
    root = shared / "models"
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.tflite"))
    named = [*COMPILED, *(refused.model for refused in REFUSED)]
    assert sorted(f"{model.name}.tflite" for model in named) == files


@pytest.mark.parametrize("refused", REFUSED, ids=[refused.model.stem for refused in REFUSED])
def test_what_cannot_compile_is_refused_for_its_reason(refused: Refused) -> None:
    path = refused.model.path
    with pytest.raises(refused.error) as caught:
        api.lower(edgeq.load(path))
    assert type(caught.value) is refused.error
    message = str(caught.value)
    assert [piece for piece in (str(path), *refused.says) if piece not in message] == []


def test_the_operations_refused_are_all_there_are() -> None:
    # The counts per kind must add up to the count of the first line: none is left out.
    for refused in REFUSED:
        if "not supported" not in refused.says[0]:
            continue
        with pytest.raises(refused.error) as caught:
            edgeq.load(refused.model.path)
        first, *lines = caught.value.what.splitlines()
        counts = [int(line.split(" x")[1].split(":")[0]) for line in lines if " x" in line]
        assert sum(counts) == int(first.split()[0])
