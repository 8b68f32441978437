from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from edgeq._host import Library, Session
from edgeq.host.build import build_shared
from edgeq.host.compiled import Compiled
from edgeq.host.toolchain import Compiler, find_compilers, host_compiler
from edgeq.targets import target
from edgeq.version import ABI_VERSION
from tests.host import tiny

FLAGS = (*target("portable").flags, "-Wall", "-Wextra", "-Werror")


@pytest.fixture(scope="session", params=find_compilers(), ids=lambda found: Path(found.name).name)
def compiler(request: pytest.FixtureRequest) -> Compiler:
    """Each compiler of this machine."""
    return request.param


@pytest.fixture(scope="session")
def library() -> Iterator[Library]:
    """The tiny model, loaded."""
    with build_shared(tiny.FILES, "tiny", compiler=host_compiler(), flags=FLAGS) as build:
        yield Library(build.library, "tiny")


@pytest.fixture
def load() -> Callable[[Mapping[str, str]], Library]:
    """Return a function that builds and loads another project of that name."""

    def load_files(files: Mapping[str, str]) -> Library:
        with build_shared(files, "tiny", compiler=host_compiler(), flags=FLAGS) as build:
            return Library(build.library, "tiny")

    return load_files


def start(library: Library, **changes: object) -> Session:
    """Return a session of the tiny model."""
    facts = {
        "inputs": tiny.INPUTS,
        "outputs": tiny.OUTPUTS,
        "regions": [("its arena", tiny.ARENA)],
        "alignment": 8,
        "layers": 3,
        "pointers": 5,
        "abi": ABI_VERSION,
    }
    return Session(library, **{**facts, **changes})


@pytest.fixture
def session(library: Library) -> Session:
    return start(library)


@pytest.fixture(scope="session")
def open_session() -> Callable[..., Session]:
    return start


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    network = Compiled(tiny.PROGRAM, tiny.FILES, tiny.TENSORS, target("portable"))
    network.build()
    return network
