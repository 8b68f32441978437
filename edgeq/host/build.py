"""Compile a generated project, in a folder that cleans up after itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from types import TracebackType

from edgeq.errors import ToolchainError
from edgeq.host.stack import Stack, worst_stack
from edgeq.host.toolchain import Compiler, first_error

_CHUNK = 1 << 20  # characters encoded at a time: weights can be 120 MB of text
_OBJECTS = "build"
PROGRAM = "program"
# What compilers tell of the stack; GCC writes both.
_REPORTS = ("-fstack-usage", "-fcallgraph-info=su")


class Build:
    """A built project: the shared ``library`` or the program, and what else the compiler left.

    The private folder it lies in is removed by ``close``, by leaving the ``with`` block, or when
    the object is garbage collected. A library that is still loaded then keeps working.
    """

    def __init__(self, library: str) -> None:
        folder = tempfile.mkdtemp(prefix="edgeq-")
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.root = Path(folder)
        self.library = self.root / library

    @property
    def objects(self) -> tuple[Path, ...]:
        """Return the object files, one for each source."""
        return tuple(sorted((self.root / _OBJECTS).glob("*.o")))

    @property
    def stack_usage(self) -> tuple[Path, ...]:
        """Return the compiler's stack reports; none from a compiler that writes no such report."""
        return tuple(sorted((self.root / _OBJECTS).glob("*.su")))

    @property
    def call_graphs(self) -> tuple[Path, ...]:
        """Return the compiler's call graphs; none from a compiler that writes none."""
        return tuple(sorted((self.root / _OBJECTS).glob("*.ci")))

    @property
    def stack(self) -> Stack:
        """Return the deepest path through the code of the objects."""
        return worst_stack(self.call_graphs, self.stack_usage, self.objects)

    def close(self) -> None:
        """Remove the folder; calling it again does nothing."""
        self._remove()

    def __fspath__(self) -> str:
        return str(self.library)

    def __enter__(self) -> Build:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def build_shared(
    files: Mapping[str, str], name: str, *, compiler: Compiler, flags: Sequence[str]
) -> Build:
    """Build ``src/*.c`` of a project into ``lib<name>.so``.

    ``files`` maps paths with ``/`` to text. Each source is compiled by itself, as many at a time
    as there are processors, with ``flags`` and position-independent code. Raise
    ``ToolchainError`` with the compiler's first error.
    """
    return _build(files, f"lib{name}.so", compiler, (*flags, "-fPIC"), ("-shared",))


def build_program(
    files: Mapping[str, str],
    main: Mapping[str, str],
    *,
    compiler: Compiler,
    flags: Sequence[str],
    link: Sequence[str] = (),
) -> Build:
    """Build ``src/*.c`` of a project, and around it a static program of the files of ``main``.

    ``main`` maps names in the folder ``PROGRAM`` to text; its sources are not among the objects.
    ``link`` are arguments of the linker. Otherwise as ``build_shared``.
    """
    around = {f"{PROGRAM}/{path}": text for path, text in main.items()}
    sources = [path for path in around if path.endswith(".c")]
    options = ("-static", "-Iinclude", f"-I{PROGRAM}", *sources)
    return _build({**files, **around}, "run", compiler, flags, options, link)


def build_objects(files: Mapping[str, str], *, compiler: Compiler, flags: Sequence[str]) -> Build:
    """Compile ``src/*.c`` of a project and link nothing. Otherwise as ``build_shared``."""
    return _compiled(files, "nothing", compiler, flags)


def build_plugin(source: Path, *, compiler: Compiler, flags: Sequence[str]) -> Build:
    """Build one source file into a shared library that another program loads."""
    build = Build(f"{source.stem}.so")
    with _closing_on_error(build):
        spelled = compiler.flags((*flags, "-fPIC", "-shared"))
        _run(build.root, (*compiler.command, *spelled, str(source), "-o", build.library.name))
    return build


def _build(
    files: Mapping[str, str],
    result: str,
    compiler: Compiler,
    flags: Sequence[str],
    link: Sequence[str],
    last: Sequence[str] = (),
) -> Build:
    """Compile each source, then link the objects, between the arguments ``link`` and ``last``."""
    build = _compiled(files, result, compiler, flags)
    with _closing_on_error(build):
        objects = _sources(files).values()
        spelled = compiler.flags(flags)
        _run(build.root, (*compiler.command, *spelled, *link, *objects, *last, "-o", result))
    return build


def _compiled(
    files: Mapping[str, str], result: str, compiler: Compiler, flags: Sequence[str]
) -> Build:
    """Compile each source, in the folder that ``result`` is then to be in."""
    sources = _sources(files)
    build = Build(result)
    with _closing_on_error(build):
        _write_project(build.root, files)
        report = tuple(flag for flag in _REPORTS if compiler.accepts(flag))
        spelled = (*compiler.flags(flags), *report, "-Iinclude", "-Isrc")
        commands = [
            (*compiler.command, *spelled, "-c", path, "-o", object_)
            for path, object_ in sources.items()
        ]
        _run_all(build.root, commands)
    return build


def _sources(files: Mapping[str, str]) -> dict[str, str]:
    """Return the object file for each source; check that every path stays inside the project."""
    for path in files:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path:
            raise ToolchainError(f"'{path}' is not a path inside a project")
    sources = {
        path: f"{_OBJECTS}/{PurePosixPath(path).stem}.o"
        for path in sorted(files)
        if PurePosixPath(path).match("src/*.c") and path.startswith("src/")
    }
    if not sources:
        raise ToolchainError("the project has no src/*.c to compile")
    return sources


def _write_project(root: Path, files: Mapping[str, str]) -> None:
    (root / _OBJECTS).mkdir()
    for path, text in files.items():
        place = root.joinpath(*PurePosixPath(path).parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("w", encoding="utf-8", newline="\n") as file:
            for start in range(0, len(text), _CHUNK):
                file.write(text[start : start + _CHUNK])


def _run_all(root: Path, commands: Sequence[Sequence[str]]) -> None:
    workers = max(1, min(len(commands), _processors()))
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(lambda command: _run(root, command), commands):
            pass


def _run(root: Path, command: Sequence[str]) -> None:
    # The folder is the working directory, so that messages name files without its path.
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        raise ToolchainError(f"{command[0]} does not run: {error}") from error
    if done.returncode != 0:
        reason = first_error(done.stderr) or f"it ended with status {done.returncode}"
        raise ToolchainError(reason, where=command[0])


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _closing_on_error(build: Build) -> Iterator[None]:
    try:
        yield
    except BaseException:
        build.close()
        raise
