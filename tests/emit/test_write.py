"""Writing: all or nothing, and never over what others wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edgeq.emit.write import RECORD, write_file, write_folder
from edgeq.errors import EdgeqError

FILES = {"src/a.c": "int a;\n", "include/a.h": "/* é */\n", "README.md": "read\n"}


def tree(folder: Path) -> dict[str, str]:
    """Return every file below a folder but the record."""
    return {
        p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8")
        for p in folder.rglob("*")
        if p.is_file() and p.name != RECORD
    }


def test_a_new_folder_holds_the_files_and_nothing_is_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    write_folder(FILES, out)
    assert tree(out) == FILES
    assert list(out.parent.iterdir()) == [out]
    assert list(tmp_path.iterdir()) == [out.parent]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path)
    assert tree(tmp_path) == FILES


def test_permissions_are_those_the_user_wants(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_folder(FILES, tmp_path / "out")
        write_file(b"data", tmp_path / "file")
    finally:
        os.umask(old)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("out", "out/src/a.c", "file")]
    assert modes == [0o750, 0o640, 0o640]


def test_writing_again_replaces_and_removes_what_was_written(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path)
    (tmp_path / "src" / "a.c").write_text("damaged")
    (tmp_path / "notes").write_text("mine")
    write_folder({"src/a.c": "int b;\n"}, tmp_path)
    assert tree(tmp_path) == {"src/a.c": "int b;\n", "notes": "mine"}


def test_a_stale_file_that_was_edited_stays(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path)
    (tmp_path / "README.md").write_text("edited")
    write_folder({"src/a.c": ""}, tmp_path)
    assert tree(tmp_path) == {"src/a.c": "", "README.md": "edited"}


def test_the_same_file_of_another_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("read\n")
    write_folder(FILES, tmp_path)
    assert tree(tmp_path) == FILES


@pytest.mark.parametrize("obstacle", ["file", "folder", "link", "file above"])
def test_what_others_wrote_is_in_the_way(tmp_path: Path, obstacle: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    if obstacle == "file":
        (out / "README.md").write_text("mine")
    elif obstacle == "folder":
        (out / "README.md").mkdir()
    elif obstacle == "link":
        (out / "README.md").symlink_to(tmp_path / "elsewhere")
    else:
        (out / "src").write_text("mine")
    before = sorted(out.rglob("*")), tree(out)
    with pytest.raises(EdgeqError, match="is in the way") as caught:
        write_folder(FILES, out)
    assert caught.value.where == str(out)
    assert (sorted(out.rglob("*")), tree(out)) == before
    assert (tmp_path / "elsewhere").read_text() == "mine"


@pytest.mark.parametrize("record", ["not json", "[1]", "[" * 100_000, '{"../victim": "DIGEST"}'])
def test_a_record_that_lies_removes_nothing(tmp_path: Path, record: str) -> None:
    from hashlib import sha256

    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.write_text("mine")
    out.mkdir()
    (out / RECORD).write_text(record.replace("DIGEST", sha256(b"mine").hexdigest()))
    write_folder(FILES, out)
    assert victim.read_text() == "mine"
    assert tree(out) == FILES


def test_the_record_has_no_date_and_no_place(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "one")
    write_folder(FILES, tmp_path / "two")
    assert (tmp_path / "one" / RECORD).read_bytes() == (tmp_path / "two" / RECORD).read_bytes()
    assert set(json.loads((tmp_path / "one" / RECORD).read_text())) == set(FILES)


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_folder(FILES, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert tree(tmp_path / "real") == FILES


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    out = tmp_path / "out"
    if there:
        write_folder({"old": "old"}, out)
    before = sorted(tmp_path.rglob("*"))
    written = []

    def full(self: Path, data: bytes) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(self)
        return 0

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EdgeqError, match="No space left on device"):
        write_folder(FILES, out)
    with pytest.raises(EdgeqError, match="No space left on device"):
        write_file(b"data", tmp_path / "file")
    assert sorted(tmp_path.rglob("*")) == before


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.rglob("*"))
    for out in ("file", "file/out", "loop", "n" * 300):
        with pytest.raises(EdgeqError) as caught:
            write_folder(FILES, tmp_path / out)
        assert caught.value.where == str(tmp_path / out)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(b"old")
    real.chmod(0o600)
    (tmp_path / "link").symlink_to("real")
    write_file(b"new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 2


def test_a_device_is_written_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(b"data", pipe)
        assert os.read(reader, 10) == b"data"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_files_that_cannot_be(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "is a folder"), (tmp_path / "no" / "file", "cannot be")):
        with pytest.raises(EdgeqError, match=reason) as caught:
            write_file(b"data", path)
        assert caught.value.where == str(path)
    assert list(tmp_path.iterdir()) == []
