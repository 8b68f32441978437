"""The C interface as a firmware calls it: wrong arguments, two models in one image, C++."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edgeq
from tests.interface import wrong_calls
from tests.models.catalogue import COMPILED, Model, parameters
from tests.models.projects import (
    COMPILERS,
    INCLUDE,
    SANITIZE,
    WARNINGS,
    Project,
    build,
    project,
    run,
    write,
)

# Exit status 0 when init refuses, for what it knows of the caller, and touches nothing.
STALE = """
#include <string.h>
#include "{0}.h"

static uint8_t memory[2 * {1}_ARENA_BYTES + {1}_ARENA_ALIGN], before[sizeof memory];

int main(void)
{{
    uint8_t *arena = memory + ({1}_ARENA_ALIGN - (uintptr_t)memory % {1}_ARENA_ALIGN);
    {0}_context ctx, untouched;

    memset(&ctx, 0x5A, sizeof ctx);
    memset(&untouched, 0x5A, sizeof untouched);
    if ({0}_init(&ctx, arena, {1}_ARENA_BYTES) != {1}_ERROR_ABI) {{
        return 1;
    }}
    if (memcmp(memory, before, sizeof memory) != 0) {{
        return 2;
    }}
    return memcmp(&ctx, &untouched, sizeof ctx) != 0;
}}
"""

BOTH = """
#include "{0}.h"
#include "{1}.h"

static uint8_t a[{2}_ARENA_BYTES + {2}_ARENA_ALIGN], b[{3}_ARENA_BYTES + {3}_ARENA_ALIGN];

int main(void)
{{
    uint8_t *p = a + ({2}_ARENA_ALIGN - (uintptr_t)a % {2}_ARENA_ALIGN);
    uint8_t *q = b + ({3}_ARENA_ALIGN - (uintptr_t)b % {3}_ARENA_ALIGN);
    {0}_context first;
    {1}_context second;

    if ({0}_init(&first, p, {2}_ARENA_BYTES) != {2}_OK) {{
        return 1;
    }}
    if ({1}_init(&second, q, {3}_ARENA_BYTES) != {3}_OK) {{
        return 2;
    }}
    return {0}_run(&first) != {2}_OK || {1}_run(&second) != {3}_OK;
}}
"""

# One port of each kind; several of both; float ports.
CALLED = tuple(
    map(Model, ("tflm_hello_world_int8", "coral_split_concat", "mltk_anomaly_detection"))
)
PAIR = (Model("tflm_hello_world_int8"), Model("mltk_tflite_micro_magic_wand"))


def check_calls(compiler: str, generated: Project, text: str, where: Path, *flags: str) -> None:
    """Fail at the first line of the program that finds something else than it expects."""
    (where / "calls.c").write_text(text, encoding="utf-8")
    sources = (*generated.sources, str(where / "calls.c"))
    binary = str(where / "calls")
    options = (*WARNINGS, *SANITIZE, *flags, "-Iinclude", *sources, "-o", binary)
    build(compiler, generated.root, *options)
    done = run((binary,), where)
    assert (done.returncode, done.stderr) == (0, ""), text.splitlines()[done.returncode - 2]


@pytest.mark.parametrize("compiler", COMPILERS)
@parameters(CALLED)
def test_wrong_arguments_are_refused_and_nothing_is_touched(
    generated: Project, compiler: str, tmp_path: Path
) -> None:
    check_calls(compiler, generated, wrong_calls(generated.name), tmp_path)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_region_is_checked(compiler: str, tmp_path: Path) -> None:
    graph = edgeq.load(CALLED[1].path)
    whole, _ = edgeq.generate(graph, "portable", name="net")
    arena = {"dtcm": whole.arena // 2, "sram": whole.arena}
    program, files = edgeq.generate(graph, "portable", name="net", arena=arena)
    assert all(region.bytes for region in program.regions)
    write(tmp_path / "net", files.items())
    generated = Project(tmp_path / "net", "net")
    check_calls(compiler, generated, wrong_calls("net", ("dtcm", "sram")), tmp_path)
    (tmp_path / "main.cpp").write_text('#include "net.h"\n', encoding="utf-8")
    plus = {"gcc": "g++", "clang": "clang++"}[compiler]
    flags = ("-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-Inet/include")
    build(plus, tmp_path, *flags, "main.cpp")
    # The self-test has guard zones round each region.
    binary = str(tmp_path / "selftest")
    options = (*WARNINGS, *SANITIZE, *INCLUDE, *generated.self_test)
    build(compiler, generated.root, *options, "-o", binary)
    assert run((binary,), tmp_path).returncode == 0


OTHER_HEADERS = (
    (r"(_ABI_VERSION) (\d+)", r"\1 1\2"),
    (r"(uint8_t \*arena;)", r"\1 void *more;"),
    (r"(const void \*input\[)", r"\g<1>1 + "),
)


@pytest.mark.parametrize(("pattern", "instead"), OTHER_HEADERS)
def test_a_caller_with_another_header_is_refused(
    folder: Path, pattern: str, instead: str, tmp_path: Path
) -> None:
    model = project(folder, PAIR[0])
    header = (model.root / "include" / f"{model.name}.h").read_text(encoding="utf-8")
    text, changes = re.subn(pattern, instead, header)
    assert changes == 1
    (tmp_path / f"{model.name}.h").write_text(text, encoding="utf-8")
    main = STALE.format(model.name, model.name.upper())
    (tmp_path / "main.c").write_text(main, encoding="utf-8")
    flags = (*WARNINGS, *SANITIZE)
    build("gcc", tmp_path, *flags, "-I.", "-c", "main.c", "-o", "main.o")
    binary = str(tmp_path / "stale")
    sources = [str(model.root / source) for source in model.sources]
    include = f"-I{model.root / 'include'}"
    build("gcc", tmp_path, *flags, include, *sources, "main.o", "-o", binary)
    done = run((binary,), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_two_models_live_in_one_program(folder: Path, compiler: str, tmp_path: Path) -> None:
    pair = [project(folder, model) for model in PAIR]
    names = [each.name for each in pair]
    main = tmp_path / "main.c"
    main.write_text(BOTH.format(*names, *map(str.upper, names)), encoding="utf-8")
    sources = [str(each.root / source) for each in pair for source in each.sources]
    include = [f"-I{each.root / 'include'}" for each in pair]
    binary = str(tmp_path / "both")
    build(compiler, tmp_path, *WARNINGS, *SANITIZE, *include, *sources, str(main), "-o", binary)
    done = run((binary,), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("standard", ["c++11", "c++17"])
@parameters(COMPILED)
def test_a_c_plus_plus_program_includes_the_header(generated: Project, standard: str) -> None:
    flags = (f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++")
    build("g++", generated.root, *flags, f"include/{generated.name}.h")


def test_a_c_plus_plus_program_links_the_c(folder: Path, tmp_path: Path) -> None:
    model = project(folder, PAIR[0])
    (tmp_path / "main.cpp").write_text(
        f'#include "{model.name}.h"\n'
        f"int main() {{ return {model.name}_run(NULL) - {model.name.upper()}_ERROR_NULL; }}\n",
        encoding="utf-8",
    )
    objects = []
    for source in model.sources:
        objects.append(str(tmp_path / f"{Path(source).stem}.o"))
        build("gcc", model.root, "-std=c99", "-Iinclude", "-c", source, "-o", objects[-1])
    include = f"-I{model.root / 'include'}"
    build("g++", tmp_path, include, "main.cpp", *objects, "-o", "program")
    assert run((str(tmp_path / "program"),), tmp_path).returncode == 0
