"""What the objects of generated C are made of: no library, no writable data, the user's sections.

For every processor without an operating system, by its compiler and by Clang.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import edgeq
from edgeq import api
from edgeq.emit.project import sources
from edgeq.host.cross import cross_toolchain
from edgeq.host.machine import port_flags
from edgeq.plan.program import Program
from edgeq.resources import runtime_dir
from edgeq.targets import TARGETS, Target, target
from tests.models.catalogue import Model
from tests.models.projects import WARNINGS, build

BARE = tuple(each for each in TARGETS.values() if each.port != "hosted")
COMPILERS = ("own", "clang")
# Padding, residual sums, a copying pool, float output; pixels that are repeated, float ports;
# 64-bit floating point.
MODELS = ("stm_miniresnetv2_1stacks_64x50_esc10", "mcu_person_detection")
DOUBLES = "mcu_ptq_mnist_lenet-300-100"
SECTIONS = {"CODE": ".itcm", "WEIGHTS": ".qspi", "ARENA": ".dtcm"}

# The C library: what compilers make of copies, whatever the code says.
LIBRARY = r"memcpy|memset|__aeabi_mem(cpy|set|clr)[48]?"
# The compiler's own library, where a processor has no instruction for it.
DIVISION = r"__aeabi_u?idiv(mod)?"
ZEROS = r"__clzsi2"
SINGLE = r"__aeabi_(f2iz|i2f|f(add|sub|mul|div|cmp\w\w))|__(fixsfsi|floatsisf|\w{2,3}sf[23])"
DOUBLE = r"__aeabi_(d2f|d2iz|f2d|i2d|d(add|sub|mul|div|cmp\w\w))"
DOUBLE += r"|__(fixdfsi|floatsidf|extendsfdf2|truncdfsf2|\w{2,3}df[23])"
HEXAGON = r"__hexagon_(divsf3|(add|sub|mul|div)df3)"
NO_SINGLE = ("cortex-m0", "cortex-m3", "riscv32")
# Where code for Linux finds data, wherever it is loaded.
TABLE = "_GLOBAL_OFFSET_TABLE_"
RELOCATED = ".data.rel.ro"
TRIPLES = {"cortex_m": "arm-none-eabi", "riscv32": "riscv32-unknown-elf"}
TRIPLES["hexagon"] = "hexagon-unknown-elf"


@dataclass(frozen=True)
class Section:
    """A section that is in memory when the program runs."""

    name: str
    bytes: int
    writable: bool


def allowed(name: str, processor: str) -> str:
    """Return a pattern of the functions that a model may call on a processor."""
    patterns = [LIBRARY]
    patterns += [DIVISION, ZEROS] if processor == "cortex-m0" else []
    patterns += [ZEROS] if processor == "riscv32" else []
    patterns += [SINGLE] if processor in NO_SINGLE else []
    patterns += [TABLE, HEXAGON] if processor.startswith("hexagon") else []
    patterns += [DOUBLE] if name == DOUBLES and processor != "cortex-m55" else []
    return "|".join(patterns)


@cache
def project(name: str, processor: str) -> tuple[Program, dict[str, str]]:
    graph = edgeq.load(Model(name).path)
    lowered = api.lower(graph)
    program = api.program_of(graph, lowered, target(processor), "net")
    return program, sources(program)


def command(chosen: Target, compiler: str) -> tuple[str, ...]:
    """Return a compiler, with the flags that it needs for a target, warnings being errors."""
    if compiler == "own":
        tools = cross_toolchain(chosen)
        words: tuple[str, ...] = (*tools.compiler.command, *tools.flags)
    else:
        words = ("clang", f"--target={TRIPLES[chosen.port]}", *chosen.flags)
    return (*words, *port_flags(chosen, str(runtime_dir() / "port")), *WARNINGS)


def compiled(
    where: Path, chosen: Target, compiler: str, files: dict[str, str], flags: Sequence[str] = ()
) -> dict[str, ELFFile]:
    """Return the objects of the sources among ``files``, by the name of the source."""
    for path, text in files.items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_text(text, encoding="utf-8")
    name, *words = command(chosen, compiler)
    found = {}
    for path in (each for each in files if each.endswith(".c")):
        out = where / f"{Path(path).stem}.o"
        build(name, where, *words, *flags, "-Iinclude", "-Isrc", "-c", path, "-o", str(out))
        found[Path(path).stem] = ELFFile(BytesIO(out.read_bytes()))
    return found


def in_memory(elf: ELFFile) -> list[Section]:
    """Return what a program holds in memory; what the loader alone sets is not writable."""
    return [
        Section(each.name, each["sh_size"], bool(each["sh_flags"] & 1) and each.name != RELOCATED)
        for each in elf.iter_sections()
        if each["sh_flags"] & 2 and each["sh_size"]
    ]


def undefined(elf: ELFFile) -> set[str]:
    """Return what an object takes from others."""
    table = elf.get_section_by_name(".symtab")
    assert table is not None
    found = {s.name for s in table.iter_symbols() if s["st_shndx"] == "SHN_UNDEF" and s.name}
    return {name for name in found if not name.startswith("net_")}


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("chosen", BARE, ids=lambda each: each.name)
def test_nothing_is_called_but_the_compilers_own_and_nothing_is_writable(
    chosen: Target, compiler: str, tmp_path: Path
) -> None:
    for name in (*MODELS, DOUBLES):
        _, files = project(name, chosen.name)
        # Weights are the same for all: compiled once below.
        code = {path: text for path, text in files.items() if not path.endswith("_weights.c")}
        (tmp_path / name).mkdir()
        elf = compiled(tmp_path / name, chosen, compiler, code)["net"]
        pattern = re.compile(allowed(name, chosen.name))
        assert {each for each in undefined(elf) if not pattern.fullmatch(each)} == set(), name
        assert [each for each in in_memory(elf) if each.writable] == []


def test_the_pattern_refuses_what_matters() -> None:
    for name in ("memmove", "malloc", "__aeabi_lmul", "__aeabi_uldivmod", "__aeabi_memmove4"):
        for processor in (each.name for each in BARE):
            assert not re.fullmatch(allowed(DOUBLES, processor), name)
    assert not re.fullmatch(allowed(MODELS[0], "cortex-m4"), "__aeabi_fmul|__aeabi_idiv")
    assert not re.fullmatch(allowed(MODELS[0], "cortex-m3"), "__aeabi_idiv")


def test_every_function_of_a_header_is_in_the_section_of_code() -> None:
    include = runtime_dir() / "include"
    paths = [include / "edgeq_fixed_point.h", *include.glob("*_dsp.h"), *include.glob("*_mve.h")]
    assert len(paths) > 4
    defined = re.compile(r"^ *(EDGEQ_CODE )?.*\bstatic [\w ]+?[ *](\w+)\(", re.M)
    for path in paths:
        found = defined.findall(path.read_text(encoding="utf-8"))
        assert found
        assert [name for placed, name in found if not placed] == [], path.name


# By which processors compile what: the shared functions of both instruction sets, small and fast.
PLACED = (("cortex-m4", "-O2"), ("cortex-m4", "-Os"), ("cortex-m55", "-O2"), ("cortex-m0", "-Os"))


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("processor", "level"), PLACED)
def test_code_and_weights_are_in_the_sections_of_the_user(
    processor: str, level: str, compiler: str, tmp_path: Path
) -> None:
    graph = edgeq.load(Model("mlperf_kws_ref_model").path)
    program, files = edgeq.generate(graph, processor, name="net")
    wanted = ("src/", "include/", "examples/main.c")
    texts = {path: text for path, text in files.items() if path.startswith(wanted)}
    # The example prints; a processor without a library does not.
    texts["examples/stdio.h"] = "int printf(const char *format, ...);\n"
    flags = [
        f'-DNET_{what}_SECTION=__attribute__((section("{section}")))'
        for what, section in SECTIONS.items()
    ]
    objects = compiled(tmp_path, target(processor), compiler, texts, (level, "-Iexamples", *flags))
    code = {s.name: s for s in in_memory(objects["net"])}
    functions = code.pop(".itcm")
    assert functions.bytes > 2000
    # Left are texts of statuses, a table of them or of a switch, and what unwinds the stack.
    code.pop(".qspi", None)  # what layers differ in that share a function
    texts_only = re.compile(r"\.rodata(\.str\S*|\.cst\S*)?|\.ARM\.exidx\S*")
    assert [name for name in code if not texts_only.fullmatch(name)] == []
    assert sum(s.bytes for name, s in code.items() if not name.startswith(".ARM")) < 512
    [weights] = in_memory(objects["net_weights"])
    assert weights.name == ".qspi"
    assert program.data_bytes <= weights.bytes < program.data_bytes + 8 * len(program.data)
    arena = {s.name: s for s in in_memory(objects["main"])}[".dtcm"]
    assert program.arena <= arena.bytes <= program.arena + program.alignment


@pytest.mark.parametrize("chosen", (target("cortex-m4"), target("riscv32")), ids=lambda t: t.name)
def test_without_macros_everything_is_where_compilers_put_it(
    chosen: Target, tmp_path: Path
) -> None:
    _, files = project("mlperf_kws_ref_model", chosen.name)
    objects = compiled(tmp_path, chosen, "own", files)
    for elf in objects.values():
        found = in_memory(elf)
        assert {each.name.split(".")[1] for each in found} <= {"text", "rodata", "srodata"}
        assert not any(each.writable for each in found)
