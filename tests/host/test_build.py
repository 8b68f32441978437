"""Projects are built in private folders that go away, with errors that name the cause."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

import pytest

from edgeq._host import Library
from edgeq.errors import ToolchainError
from edgeq.host import build as build_module
from edgeq.host.build import build_shared
from edgeq.host.toolchain import Compiler, host_compiler
from tests.host import tiny

FLAGS = ("-std=c99", "-O2")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary folders are made in, empty at first."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def build(files=tiny.FILES, **changes):
    return build_shared(files, "tiny", **{"compiler": host_compiler(), "flags": FLAGS, **changes})


def test_every_compiler_builds_a_library_that_loads(compiler):
    with build(compiler=compiler) as built:
        assert built.library.name == "libtiny.so"
        assert [path.name for path in built.objects] == ["tiny.o", "tiny_weights.o"]
        Library(built.library, "tiny")
        Library(built, "tiny")


def test_the_folder_is_private_and_removed_on_close(temporary):
    built = build()
    assert built.root.parent == temporary
    assert built.root.stat().st_mode & 0o077 == 0
    built.close()
    built.close()
    assert list(temporary.iterdir()) == []


def test_the_folder_is_removed_with_the_object(temporary):
    built = build()
    alive = weakref.ref(built)
    del built
    gc.collect()
    assert alive() is None
    assert list(temporary.iterdir()) == []


def test_the_folder_is_removed_when_python_ends(temporary):
    code = (
        f"import tempfile; tempfile.tempdir = {str(temporary)!r}\n"
        "from tests.host.test_build import build\n"
        "kept = build(); print(kept.root)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert done.stdout.decode().startswith(str(temporary))
    assert list(temporary.iterdir()) == []


def test_a_loaded_library_outlives_its_folder(open_session):
    with build() as built:
        library = Library(built, "tiny")
    session = open_session(library)
    session.run_layer(0)


def test_an_error_is_the_first_one_of_the_compiler_and_leaves_nothing(compiler, temporary):
    broken = "int ok;\nint broken(void) { return missing_name; }\n"
    with pytest.raises(ToolchainError) as caught:
        build({**tiny.FILES, "src/z.c": broken}, compiler=compiler)
    assert caught.value.what.startswith("src/z.c:2:")
    assert "missing_name" in caught.value.what
    assert caught.value.where == compiler.command[0]
    assert str(temporary) not in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_a_link_error_is_an_error_too(temporary):
    twice = "const int tiny_weights[4];\n"
    with pytest.raises(ToolchainError, match="tiny_weights"):
        build({**tiny.FILES, "src/z.c": twice})
    assert list(temporary.iterdir()) == []


def test_a_compiler_that_is_gone_is_an_error(temporary):
    with pytest.raises(ToolchainError, match=r"/missing/cc does not run"):
        build(compiler=Compiler(("/missing/cc",), "gcc", "1"))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("path", ("/src/a.c", "../src/a.c", "src/../../a.c", "", "src\\a.c"))
def test_paths_stay_inside_the_project(temporary, path):
    with pytest.raises(ToolchainError, match="not a path inside a project"):
        build({**tiny.FILES, path: "int a;\n"})
    assert list(temporary.iterdir()) == []


def test_a_project_has_sources(temporary):
    with pytest.raises(ToolchainError, match=r"no src/\*\.c"):
        build({"include/tiny.h": "", "test/src/a.c": "int a;\n", "src/deep/a.c": "int b;\n"})
    assert list(temporary.iterdir()) == []


def test_names_and_text_are_never_given_to_a_shell(temporary):
    harmless = {**tiny.FILES, "src/a $(touch made) `touch made`;touch made.c": "int a;\n"}
    with build(harmless) as built:
        assert len(built.objects) == 3
        assert not list(temporary.rglob("made"))


def test_text_is_written_whole_in_pieces(monkeypatch):
    monkeypatch.setattr(build_module, "_CHUNK", 7)
    text = "/* \u00b5s \u2192 \U0001f600 */\nint later;\r\n" * 5
    with build({**tiny.FILES, "docs/note.txt": text}) as built:
        assert (built.root / "docs/note.txt").read_bytes() == text.encode()


def test_flags_reach_the_compiler():
    picky = {**tiny.FILES, "src/z.c": "#ifndef CHOSEN\n#error not chosen\n#endif\nint z;\n"}
    with pytest.raises(ToolchainError, match="not chosen"):
        build(picky)
    build(picky, flags=(*FLAGS, "-DCHOSEN")).close()
