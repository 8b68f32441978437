"""The generated project of every real model: warnings, sanitizers, self-test, format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.models.catalogue import COMPILED, SMALL, parameters
from tests.models.projects import (
    COMPILERS,
    INCLUDE,
    SANITIZE,
    WARNINGS,
    Project,
    build,
    need,
    run,
)
from tests.style.sources import ROOT


def layers(generated: Project) -> int:
    header = (generated.root / "include" / f"{generated.name}.h").read_text(encoding="utf-8")
    found = re.search(r"_LAYERS (\d+)", header)
    assert found
    return int(found[1])


@pytest.mark.parametrize("compiler", COMPILERS)
@parameters(COMPILED)
def test_self_test_is_clean_under_warnings_and_sanitizers(
    generated: Project, compiler: str, tmp_path: Path
) -> None:
    where = generated.root
    binary = str(tmp_path / "selftest")
    flags = (*WARNINGS, *INCLUDE, *SANITIZE)
    build(compiler, where, *flags, *generated.self_test, "-o", binary)
    build(compiler, where, *flags, "-c", "examples/main.c", "-o", "/dev/null")
    done = run((binary,), tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:4000]
    assert done.stdout == f"ok: {generated.name}, {layers(generated)} layers\n"


@pytest.mark.parametrize("compiler", COMPILERS)
@parameters(SMALL)
def test_example_runs(generated: Project, compiler: str, tmp_path: Path) -> None:
    binary = str(tmp_path / "example")
    sources = (*generated.sources, "examples/main.c")
    build(compiler, generated.root, "-std=c99", "-Iinclude", *sources, "-o", binary)
    done = run((binary,), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"(output \d\[\d\] = -?\d\S*\n)+", done.stdout)


@parameters(COMPILED)
def test_code_is_formatted(generated: Project) -> None:
    style = f"--style=file:{ROOT / '.clang-format'}"
    name = generated.name
    written = (f"include/{name}.h", f"src/{name}.c", f"src/{name}_weights.h")
    for path in (*written, "src/edgeq_fixed_point.h", "test/selftest.c", "examples/main.c"):
        done = run((need("clang-format"), style, path), generated.root)
        assert done.returncode == 0, done.stderr
        text = (generated.root / path).read_text(encoding="utf-8")
        changed = [
            pair
            for pair in zip(text.splitlines(), done.stdout.splitlines(), strict=False)
            if pair[0] != pair[1]
        ]
        assert (changed[:3], len(text.splitlines())) == ([], len(done.stdout.splitlines()))
