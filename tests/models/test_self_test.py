"""The self-test of a generated project: a single wrong bit fails it, and it names the layer.

On this machine, and on processors without an operating system.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq.emit.names import comment_text
from edgeq.emit.runner import linker_script
from edgeq.host.build import PROGRAM, build_objects, build_program
from edgeq.host.cross import cross_toolchain, find_emulator
from edgeq.host.machine import command, execute, port_flags, port_sources
from edgeq.host.sizes import code_of_functions
from edgeq.plan.program import Data, Program
from edgeq.resources import runtime_dir
from edgeq.targets import Target, target
from tests import small_networks
from tests.models.catalogue import Model
from tests.models.projects import INCLUDE, WARNINGS, build, run, write

NAME = "net"
WEIGHTS = f"src/{NAME}_weights.c"
FLAGS = ("-std=c99", "-O1", *INCLUDE)
ARRAY = re.compile(rf"const (u?int\d+)_t {NAME}_(\w+)\[\d+\] = {{\n(.*?)\n}};", re.S)
# Depthwise, pointwise and ordinary convolutions, and products; weights packed by each target.
MODEL = Model("mltk_keyword_spotting")
BARE = [target(name) for name in ("cortex-m0", "cortex-m4", "cortex-m55", "riscv32")]
# What the self-test prints, on a machine that has no C library.
STDIO = {
    "stdio.h": (
        "#include <stddef.h>\n"
        "int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));\n"
        "int memcmp(const void *a, const void *b, size_t bytes);\n"
    ),
    "stdio.c": r"""
#include <stdarg.h>
#include "port.h"
#include "stdio.h"

int printf(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    for (; *format != '\0'; ++format) {
        char text[12] = {*format, '\0'};

        if (*format != '%') {
            port_complain(text);
        } else if (*++format == 's') {
            port_complain(va_arg(arguments, const char *));
        } else {
            char *digit = text + sizeof text - 1;
            int left = va_arg(arguments, int);

            for (*digit = '\0'; left > 0 || *digit == '\0'; left /= 10) {
                *--digit = (char)('0' + left % 10);
            }
            port_complain(digit);
        }
    }
    va_end(arguments);
    return 0;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *p = a;
    const unsigned char *q = b;

    for (; bytes > 0 && *p == *q; --bytes) {
        ++p;
        ++q;
    }
    return bytes == 0 ? 0 : *p - *q;
}
""",
}
Files = Mapping[str, str]


def generated(where: str) -> tuple[Program, dict[str, str]]:
    """Return the project of the model for a target."""
    return edgeq.generate(edgeq.load(MODEL.path), target=where, name=NAME)


def layer_of(name: str) -> int:
    return int(re.match(r"l(\d+)_", name)[1])


def flips(program: Program) -> Iterator[tuple[Data, int, int]]:
    """Yield arrays and one bit of each: first, middle, last; lowest, middle and highest bit."""
    for number, data in enumerate(program.data):
        places = (0, data.array.size // 2, data.array.size - 1)
        bits = (0, 4 * data.array.itemsize, 8 * data.array.itemsize - 1)
        yield data, places[number % 3], bits[number // 3 % 3]


def flipped(array: np.ndarray, place: int, bit: int) -> np.ndarray:
    """Return an array with one bit of one element the other way."""
    changed = array.copy().reshape(-1)
    unsigned = changed.view(f"u{array.itemsize}")
    unsigned[place] ^= unsigned.dtype.type(1 << bit)
    return changed


def with_array(text: str, name: str, array: np.ndarray) -> str:
    """Return the weights file with other values in one array."""
    found = next(each for each in ARRAY.finditer(text) if each[2] == name)
    values = ", ".join(str(value) for value in array.tolist())
    # The lowest number is none in C: a minus sign and a number too large.
    values = values.replace("-2147483648", "-2147483647 - 1")
    return f"{text[: found.start(3)]}{values}{text[found.end(3) :]}"


def with_flip(files: Files, data: Data, place: int, bit: int) -> str:
    """Return the weights file with one bit of a constant flipped."""
    return with_array(files[WEIGHTS], data.name, flipped(data.array, place, bit))


def complaint(program: Program, data: Data) -> tuple[int, str]:
    """Return what a self-test ends with and says when a constant is not right."""
    readers = [call for call in program.functions if data.name in call.data.values()]
    passed = [c for c in program.functions if data.name in [a.place.symbol for a in c.arguments]]
    source = comment_text((readers + passed)[0].source, 60)
    where = f"layer {layer_of(data.name)} ({source})"
    return 1, f"{where} differs: constants '{NAME}_{data.name}'\n"


@dataclass(frozen=True)
class Here:
    """The self-test on this machine: the code is compiled once, then linked with constants."""

    folder: Path
    files: Files

    def prepare(self) -> Here:
        """Write the project and compile the self-test, which includes the code."""
        write(self.folder, list(self.files.items()))
        build("gcc", self.folder, *FLAGS, "-c", "test/selftest.c", "-o", "selftest.o")
        return self

    def run(self, weights: str, other: str = "") -> tuple[int, str]:
        """Return the exit status, and what is printed, with constants and a file more."""
        sources = {WEIGHTS: weights, "other.c": other or "extern int unused;\n"}
        write(self.folder, list(sources.items()))
        build("gcc", self.folder, *FLAGS, *sources, "selftest.o", "-o", "selftest")
        done = run(("./selftest",), self.folder)
        return done.returncode, done.stdout


def there(files: Files, where: Target) -> tuple[int, str]:
    """Run the self-test in an emulator; return its exit status and what it printed."""
    tools = cross_toolchain(where)
    # Only what is compiled by itself stays below src/: the self-test includes the code.
    library = {p: t for p, t in files.items() if p.startswith(("src/", "include/"))}
    code = {f"{NAME}.c": library.pop(f"src/{NAME}.c")}
    main = files["test/selftest.c"].replace(f'"../src/{NAME}.c"', f'"{NAME}.c"')
    around = {"main.c": main, **STDIO, **port_sources(where)}
    around[f"{NAME}_vectors.h"] = files[f"test/{NAME}_vectors.h"]
    link = tools.link
    if where.board:
        around["board.ld"] = linker_script(where)
        link = (*link, "-T", f"{PROGRAM}/board.ld")
    flags = (*tools.flags, *port_flags(where, PROGRAM), "-Isrc", "-Icode", "-fno-builtin-printf")
    both = {**library, **{f"code/{name}": text for name, text in code.items()}}
    built = build_program(both, around, compiler=tools.compiler, flags=flags, link=link)
    with built:
        line = command(where, find_emulator(where), (), built.library)
        answer = execute(where, line, b"", built.root, 60)
    return answer.status, answer.complaint + "\n"


def test_one_wrong_bit_in_any_constant_is_traced_to_its_layer(tmp_path: Path) -> None:
    program, files = generated("portable")
    kinds = {data.name.split("_", 1)[1] for data in program.data}
    assert {"weights", "bias", "multiplier", "shift"} <= kinds
    prepared = Here(tmp_path, files).prepare()
    assert prepared.run(files[WEIGHTS]) == (0, f"ok: {NAME}, {len(program.calls)} layers\n")
    for data, place, bit in flips(program):
        assert prepared.run(with_flip(files, data, place, bit)) == complaint(program, data)


def test_wrong_constants_that_pass_are_found_by_what_their_layer_writes(tmp_path: Path) -> None:
    program, files = generated("portable")
    weights = [data for data in program.data if data.name.endswith("_weights")]
    assert len(weights) == 10
    vectors = f"test/{NAME}_vectors.h"
    text = files[vectors]
    # Any checksum passes: constants then are what they are.
    unsuspecting = re.sub(r'(sizeof \w+, )0x\w+u, "', r'\1UINT32_MAX, "', text)
    assert unsuspecting.count("UINT32_MAX") == len(program.data)
    source = files["test/selftest.c"]
    compared = "constant->bytes) != constant->crc32) {"
    assert source.count(compared) == 1
    lenient = source.replace(compared, f"{compared[:-3]} && constant->crc32 != UINT32_MAX) {{")
    files |= {vectors: unsuspecting, "test/selftest.c": lenient}
    prepared = Here(tmp_path, files).prepare()
    for data in weights:
        status, said = prepared.run(with_flip(files, data, data.array.size // 2, 6))
        assert (status, said.split(" '")[0]) == (1, f"layer {layer_of(data.name)} differs: tensor")


def test_code_that_is_wrong_is_traced_to_its_layer(tmp_path: Path) -> None:
    program, files = generated("portable")
    source = f"src/{NAME}.c"
    code = files[source]
    for call in program.calls[:-1]:
        place, size = program.places[call.outputs[0]], call.output_bytes[0]
        assert place.kind == "arena"
        hook = f"        EDGEQ_LAYER_OUTPUT({call.index}, ctx->arena + {place.offset}, {size});\n"
        assert code.count(hook) == 1
        last = place.offset + size - 1
        spoilt = f"        ctx->arena[{last}] ^= (uint8_t)(spoilt == {call.index});\n"
        code = code.replace(hook, spoilt + hook)
    prepared = Here(tmp_path, {**files, source: f"extern int spoilt;\n{code}"}).prepare()
    for call in program.calls[:-1]:
        status, said = prepared.run(files[WEIGHTS], f"int spoilt = {call.index};\n")
        assert (status, said.split(" '")[0]) == (1, f"layer {call.index} differs: tensor")


def test_a_network_may_have_the_name_of_its_self_test(tmp_path: Path) -> None:
    graph = small_networks.network()
    _, files = edgeq.generate(graph, target="portable", name="selftest")
    write(tmp_path, list(files.items()))
    sources = ("src/selftest_weights.c", "test/selftest.c")
    build("gcc", tmp_path, *WARNINGS, *INCLUDE, *sources, "-o", "check")
    assert run(("./check",), tmp_path).stdout.startswith("ok: selftest, ")


@pytest.mark.parametrize("target", BARE, ids=lambda target: target.name)
def test_bare_processors_trace_one_wrong_bit_to_its_layer(target: Target) -> None:
    program, files = generated(target.name)
    assert there(files, target) == (0, f"ok: {NAME}, {len(program.calls)} layers\n")
    # Packed weights end in padding, and packed streams hold all of a layer's constants.
    chosen = list(flips(program))[:: max(1, len(program.data) // 4)]
    assert len(chosen) >= 4
    for data, place, bit in chosen:
        bad = {**files, WEIGHTS: with_flip(files, data, place, bit)}
        assert there(bad, target) == complaint(program, data)


def test_the_hook_costs_nothing() -> None:
    chosen = target("cortex-m4")
    tools = cross_toolchain(chosen)
    flags = (*tools.flags, *port_flags(chosen, str(runtime_dir() / "port")))
    _, files = generated(chosen.name)
    source = f"src/{NAME}.c"
    code = {path: text for path, text in files.items() if path.startswith(("src/", "include/"))}
    plain = {**code, source: re.sub(r" +EDGEQ_LAYER_OUTPUT\(\d.*\n", "", code[source])}
    assert plain[source] != code[source]
    functions = []
    for each in (code, plain):
        with build_objects(each, compiler=tools.compiler, flags=flags) as built:
            functions.append(code_of_functions(built.objects))
    assert functions[0] == functions[1] and f"{NAME}_run_layer" in functions[0]
