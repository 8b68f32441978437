"""The C interface as a firmware calls it: wrong arguments, two models in one image, C++."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.catalogue import COMPILED, Model, parameters
from tests.models.projects import COMPILERS, SANITIZE, WARNINGS, Project, build, project, run

# Each expectation is a line of the program; the first that fails is its exit status.
CALLS = """
#include <string.h>
#include "{name}.h"

static uint8_t memory[{upper}_ARENA_BYTES + 2 * {upper}_ARENA_ALIGN];
static uint8_t before[sizeof memory];

#define EXPECT(condition) do {{ if (!(condition)) {{ return __LINE__; }} }} while (0)

int main(void)
{{
    uint8_t *arena = memory + ({upper}_ARENA_ALIGN - (uintptr_t)memory % {upper}_ARENA_ALIGN);
    uint8_t other[{upper}_INPUT0_BYTES + {upper}_OUTPUT0_BYTES];
    {name}_context ctx, untouched;

    memset(memory, 0x5A, sizeof memory);
    memset(before, 0x5A, sizeof before);
    memset(&ctx, 0x5A, sizeof ctx);
    memset(&untouched, 0x5A, sizeof untouched);

    EXPECT({name}_init(NULL, arena, {upper}_ARENA_BYTES) == {upper}_ERROR_NULL);
    EXPECT({name}_init(&ctx, NULL, {upper}_ARENA_BYTES) == {upper}_ERROR_NULL);
    EXPECT({name}_init(&ctx, arena, {upper}_ARENA_BYTES - 1) == {upper}_ERROR_ARENA_BYTES);
    EXPECT({name}_init(&ctx, arena, 0) == {upper}_ERROR_ARENA_BYTES);
    for (size_t shift = 1; shift < {upper}_ARENA_ALIGN; ++shift) {{
        EXPECT({name}_init(&ctx, arena + shift, {upper}_ARENA_BYTES) == {upper}_ERROR_ARENA_ALIGN);
    }}
    EXPECT(memcmp(&ctx, &untouched, sizeof ctx) == 0);

    EXPECT({name}_run(NULL) == {upper}_ERROR_NULL);
    EXPECT({name}_input(NULL, 0) == NULL && {name}_output(NULL, 0) == NULL);
    EXPECT({name}_bind_input(NULL, 0, other) == {upper}_ERROR_NULL);
    EXPECT({name}_bind_output(NULL, 0, other) == {upper}_ERROR_NULL);
    memset(&ctx, 0, sizeof ctx);
    EXPECT({name}_run(&ctx) == {upper}_ERROR_NULL);

    EXPECT({name}_init(&ctx, arena, {upper}_ARENA_BYTES) == {upper}_OK);
    EXPECT({name}_init(&ctx, arena, {upper}_ARENA_BYTES + 1) == {upper}_OK);
    untouched = ctx;
    EXPECT({name}_input(&ctx, -1) == NULL && {name}_input(&ctx, {upper}_INPUTS) == NULL);
    EXPECT({name}_output(&ctx, -1) == NULL && {name}_output(&ctx, {upper}_OUTPUTS) == NULL);
    EXPECT({name}_bind_input(&ctx, 0, NULL) == {upper}_ERROR_NULL);
    EXPECT({name}_bind_output(&ctx, 0, NULL) == {upper}_ERROR_NULL);
    EXPECT({name}_bind_input(&ctx, -1, other) == {upper}_ERROR_INDEX);
    EXPECT({name}_bind_input(&ctx, {upper}_INPUTS, other) == {upper}_ERROR_INDEX);
    EXPECT({name}_bind_output(&ctx, -1, other) == {upper}_ERROR_INDEX);
    EXPECT({name}_bind_output(&ctx, {upper}_OUTPUTS, other) == {upper}_ERROR_INDEX);
    EXPECT({name}_run_layer(&ctx, -1) == {upper}_ERROR_INDEX);
    EXPECT({name}_run_layer(&ctx, {upper}_LAYERS) == {upper}_ERROR_INDEX);
    EXPECT(memcmp(&ctx, &untouched, sizeof ctx) == 0);
    EXPECT(memcmp(memory, before, sizeof memory) == 0);

    EXPECT((uint8_t *){name}_input(&ctx, 0) >= arena);
    EXPECT((uint8_t *){name}_input(&ctx, 0) + {upper}_INPUT0_BYTES <= arena + {upper}_ARENA_BYTES);
    EXPECT({name}_bind_output(&ctx, 0, other) == {upper}_OK && {name}_output(&ctx, 0) == other);
    for (int status = {upper}_OK; status <= {upper}_ERROR_INDEX + 1; ++status) {{
        EXPECT({name}_strerror(status) != NULL && strlen({name}_strerror(status)) > 1);
    }}
    return 0;
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


@pytest.mark.parametrize("compiler", COMPILERS)
@parameters(CALLED)
def test_wrong_arguments_are_refused_and_nothing_is_touched(
    generated: Project, compiler: str, tmp_path: Path
) -> None:
    text = CALLS.format(name=generated.name, upper=generated.name.upper())
    (tmp_path / "calls.c").write_text(text, encoding="utf-8")
    sources = (*generated.sources, str(tmp_path / "calls.c"))
    binary = str(tmp_path / "calls")
    build(compiler, generated.root, *WARNINGS, *SANITIZE, "-Iinclude", *sources, "-o", binary)
    done = run((binary,), tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), text.splitlines()[done.returncode - 1]


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
