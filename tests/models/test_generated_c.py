"""The generated project of every real model: warnings, sanitizers, self-test, format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.models.catalogue import COMPILED, SMALL, Model, parameters
from tests.models.projects import (
    COMPILERS,
    INCLUDE,
    SANITIZE,
    WARNINGS,
    Project,
    build,
    need,
    project,
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
    objects = []
    for source in (*generated.sources, "test/selftest.c"):
        objects.append(str(tmp_path / f"{Path(source).stem}.o"))
        build(compiler, where, *WARNINGS, *INCLUDE, *SANITIZE, "-c", source, "-o", objects[-1])
    binary = str(tmp_path / "selftest")
    build(compiler, where, *SANITIZE, *objects, "-o", binary)
    done = run((binary,), tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:4000]
    assert done.stdout == f"ok: {generated.name}, {layers(generated)} layers\n"


@pytest.mark.parametrize("compiler", COMPILERS)
@parameters(COMPILED)
def test_code_has_no_warnings_when_optimised(
    generated: Project, compiler: str, tmp_path: Path
) -> None:
    # The flow analysis of compilers sees more with optimisation, and less with sanitizers.
    for source in (f"src/{generated.name}.c", "examples/main.c"):
        build(compiler, generated.root, *WARNINGS, *INCLUDE, "-O2", "-c", source, "-o", "/dev/null")


@parameters(SMALL)
def test_example_runs(generated: Project, tmp_path: Path) -> None:
    binary = str(tmp_path / "example")
    where = generated.root
    sources = (*generated.sources, "examples/main.c")
    build("gcc", where, *WARNINGS, "-Iinclude", *SANITIZE, *sources, "-o", binary)
    done = run((binary,), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"(output 0\[\d\] = \S+\n)+", done.stdout)


@parameters(COMPILED)
def test_code_is_formatted(generated: Project) -> None:
    style = f"--style=file:{ROOT / '.clang-format'}"
    for path in (f"src/{generated.name}.c", f"include/{generated.name}.h"):
        done = run((need("clang-format"), style, path), generated.root)
        assert done.returncode == 0, done.stderr
        text = (generated.root / path).read_text(encoding="utf-8")
        changed = [
            pair
            for pair in zip(text.splitlines(), done.stdout.splitlines(), strict=False)
            if pair[0] != pair[1]
        ]
        assert (changed[:3], len(text.splitlines())) == ([], len(done.stdout.splitlines()))


@parameters(COMPILED)
@pytest.mark.parametrize("standard", ["c++11", "c++17"])
def test_a_c_plus_plus_program_includes_the_header(generated: Project, standard: str) -> None:
    flags = (f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++")
    build("g++", generated.root, *flags, "-Iinclude", f"include/{generated.name}.h")


WEIGHT = re.compile(r"const int8_t (\w+)\[\d+\] = \{\n(.*?)\n\};", re.S)


def flip(text: str, symbol: str) -> str:
    """Return the weights file with bit 6 of the middle element of an array flipped."""
    for found in WEIGHT.finditer(text):
        if found[1] == symbol:
            items = list(re.finditer(r"-?\d+", found[2]))
            middle = items[len(items) // 2]
            begin, end = (found.start(2) + at for at in middle.span())
            return f"{text[:begin]}{int(middle[0]) ^ 0x40}{text[end:]}"
    raise LookupError(symbol)


SENSITIVE = (Model("tflm_hello_world_int8"), Model("mltk_keyword_spotting"))


@parameters(SENSITIVE)
def test_a_flipped_weight_bit_is_traced_to_its_layer(generated: Project, tmp_path: Path) -> None:
    code, weights = (f"src/{generated.name}{end}.c" for end in ("", "_weights"))
    binary, changed = str(tmp_path / "selftest"), tmp_path / "weights.c"
    text = (generated.root / weights).read_text(encoding="utf-8")
    symbols = [found[1] for found in WEIGHT.finditer(text) if "weights" in found[1]]
    assert symbols
    for symbol in symbols:
        changed.write_text(flip(text, symbol), encoding="utf-8")
        sources = (code, str(changed), "test/selftest.c")
        build("gcc", generated.root, "-O1", *INCLUDE, *sources, "-o", binary)
        done = run((binary,), tmp_path)
        layer = re.search(r"_l(\d+)_", symbol)
        assert layer
        assert done.returncode == 1
        assert done.stdout.startswith(f"layer {int(layer[1])} differs: tensor '")


BOTH = """
#include <stdio.h>
#include "{0}.h"
#include "{1}.h"
static uint8_t a[{2}_ARENA_BYTES + {2}_ARENA_ALIGN], b[{3}_ARENA_BYTES + {3}_ARENA_ALIGN];
int main(void)
{{
    {0}_context first;
    {1}_context second;
    uint8_t *p = a + ({2}_ARENA_ALIGN - (uintptr_t)a % {2}_ARENA_ALIGN);
    uint8_t *q = b + ({3}_ARENA_ALIGN - (uintptr_t)b % {3}_ARENA_ALIGN);

    if ({0}_init(&first, p, {2}_ARENA_BYTES) != {2}_OK || {1}_init(&second, q, {3}_ARENA_BYTES) != {3}_OK) {{
        return 1;
    }}
    return {0}_run(&first) != {2}_OK || {1}_run(&second) != {3}_OK;
}}
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_two_models_live_in_one_program(folder: Path, compiler: str, tmp_path: Path) -> None:
    pair = [project(folder, model) for model in SENSITIVE]
    names = [each.name for each in pair]
    main = tmp_path / "main.c"
    main.write_text(BOTH.format(*names, *map(str.upper, names)), encoding="utf-8")
    sources = [str(each.root / source) for each in pair for source in each.sources]
    include = [f"-I{each.root / 'include'}" for each in pair]
    binary = str(tmp_path / "both")
    build(compiler, tmp_path, *WARNINGS, *SANITIZE, *include, *sources, str(main), "-o", binary)
    done = run((binary,), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
