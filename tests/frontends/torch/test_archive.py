"""Files that would run code when torch loads them, and files that are none."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends.torch import read_pt2
from edgeq.frontends.torch.archive import safe_archive
from tests.frontends.torch.one_module import saved

MODEL = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"


@pytest.fixture(scope="module")
def plain() -> dict[str, bytes]:
    """Return the members of a small file."""
    data = saved(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (1, 4))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def packed(members: dict[str, bytes], *more: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in (*members.items(), *more):
            archive.writestr(f"archive/{name}", data)
    return stream.getvalue()


def message(data: bytes, error: type[EdgeqError]) -> str:
    with pytest.raises(error) as found:
        read_pt2(data, "net")
    return str(found.value)


class Touches:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_sample_inputs_are_never_unpickled(plain: dict[str, bytes], tmp_path: Path) -> None:
    mark = tmp_path / "run"
    stream = io.BytesIO()
    torch.save({"x": Touches(mark)}, stream)
    members = {**plain, "data/sample_inputs/model.pt": stream.getvalue()}
    assert [op.KIND for op in read_pt2(packed(members), "net").ops] == ["fully_connected"]
    assert not mark.exists()
    # This is what torch itself would do with such a file.
    with pytest.raises((AssertionError, AttributeError, TypeError)):
        torch.export.load(io.BytesIO(packed(members)))
    assert mark.exists()


def test_pickled_weights_are_refused(plain: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(plain[WEIGHTS])
    [first, *_] = config["config"].values()
    first["use_pickle"] = True
    mark = tmp_path / "run"
    members = {**plain, WEIGHTS: json.dumps(config).encode()}
    members[f"data/weights/{first['path_name']}"] = pickle.dumps(Touches(mark))
    assert "weights or constants that are pickled" in message(packed(members), UnsupportedError)
    assert not mark.exists()


@pytest.mark.parametrize(
    "target",
    [
        *("torch.hub.load", "torch.load", "torch.ops.load_library", "_operator.attrgetter"),
        *("torch.ops.aten.__init__", "torch.ops.mylib.strange.default", "math.floor", "#x"),
    ],
)
def test_functions_in_place_of_operators_are_refused(plain: dict[str, bytes], target: str) -> None:
    text = plain[MODEL].decode().replace("torch.ops.aten.relu.default", target)
    found = message(packed({**plain, MODEL: text.encode()}), UnsupportedError)
    assert f"1 of its operations is none of torch.ops.aten:\n  {target} x1\n" in found


def test_extents_that_are_text_to_evaluate_are_refused(plain: dict[str, bytes]) -> None:
    program = json.loads(plain[MODEL])
    program["graph_module"]["graph"]["sym_int_values"] = {
        "s0": {"as_expr": {"expr_str": "__import__('os').getcwd()", "hint": None}}
    }
    found = message(packed({**plain, MODEL: json.dumps(program).encode()}), UnsupportedError)
    assert "an extent computed as '__import__" in found


def test_other_members_are_refused(plain: dict[str, bytes]) -> None:
    found = message(packed(plain, ("data/aotinductor/model/a.so", b"\x7fELF")), UnsupportedError)
    assert "a member that is no part of a program: 'data/aotinductor/model/a.so'" in found


def test_the_format_of_older_versions_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("serialized_exported_program.json", b"{}")
        archive.writestr("serialized_state_dict.pt", b"")
    assert "as older versions of torch save them" in message(stream.getvalue(), UnsupportedError)


def test_files_that_a_user_added_are_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "some net.pt2"
    program = torch.export.export(nn.Sequential(nn.Linear(4, 3)), (torch.zeros(1, 4),))
    torch.export.save(program, path, extra_files={"notes.txt": "trained on Monday"})
    assert [op.KIND for op in read_pt2(path.read_bytes(), "net").ops] == ["fully_connected"]


Change = Callable[[dict[str, bytes]], bytes]


def without(name: str) -> Change:
    return lambda members: packed({key: data for key, data in members.items() if key != name})


def with_member(name: str, data: bytes) -> Change:
    return lambda members: packed({**members, name: data})


BROKEN: list[tuple[Change, str]] = [
    (lambda members: b"", "not a .pt2 file"),
    (lambda members: b"PK\x03\x04" * 9, "not a .pt2 file"),
    (lambda members: packed(members)[:900], "not a .pt2 file"),
    (without(MODEL), "no program of torch.export"),
    (without("data/weights/weight_0"), "torch cannot load it"),
    (with_member(MODEL, b"{"), "not a .pt2 file"),
    (with_member(MODEL, b"[" * 100_000), "nested too deeply"),
    (with_member(MODEL, b"{}"), "torch cannot load it"),
    (with_member("data/weights/weight_0", b"1234"), "torch cannot load it"),
]


@pytest.mark.parametrize(("change", "reason"), BROKEN, ids=[str(i) for i in range(len(BROKEN))])
def test_broken_files_are_refused(plain: dict[str, bytes], change: Change, reason: str) -> None:
    assert reason in message(change(plain), ModelError)


def test_the_archive_is_bounded(plain: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeq.frontends.torch.archive.MAX_TOTAL_BYTES", 1 << 10)
    with pytest.raises(ModelError, match="bytes in the archive, at most 1024"):
        safe_archive(packed(plain))
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = packed(plain, (MODEL, b"{}"))
    monkeypatch.undo()
    with pytest.raises(ModelError, match=r"no program of torch\.export"):
        safe_archive(twice)
