"""Flash and stack as the compiler made them."""

from __future__ import annotations

import pytest

from edgeq.errors import ToolchainError
from edgeq.host.build import build_shared
from edgeq.host.sizes import Symbol, flash_bytes, stack_bytes, symbols
from tests.host import tiny

SIZED = {
    "src/a.c": (
        "extern const int table[100]; const int table[100] = { 1 };\n"
        "extern const char *const names[3];\n"
        'const char *const names[3] = { "one", "two", "three" };\n'
        "static int scratch[500];\n"
        "int *memory(void); int *memory(void) { return scratch; }\n"
    ),
    "src/b.c": "int plus(int a, int b); int plus(int a, int b) { return a + b; }\n",
}


@pytest.fixture(scope="module")
def built(compiler):
    with build_shared(SIZED, "sized", compiler=compiler, flags=("-std=c99", "-O2")) as build:
        yield build


def test_flash_is_code_and_constants_but_not_zeroed_memory(built):
    strings = len("one\0two\0three\0")
    total = flash_bytes(built.objects)
    assert total["data"] == 400 + 24 + strings
    assert total["code"] > 0


def test_the_sum_over_objects_is_the_total(built):
    total = flash_bytes(built.objects)
    parts = [flash_bytes([path]) for path in built.objects]
    assert {kind: sum(part[kind] for part in parts) for kind in total} == total
    assert parts[1]["data"] == 0


def test_symbols_have_sizes_the_largest_first(built):
    found = symbols(built.objects)
    assert found[0] == Symbol("table", "data", 400)
    assert Symbol("names", "data", 24) in found
    assert {s.name for s in found if s.kind == "code"} == {"memory", "plus"}
    assert "scratch" not in {s.name for s in found}
    assert [s.bytes for s in found] == sorted((s.bytes for s in found), reverse=True)


def test_code_symbols_fill_the_code(built):
    code = sum(s.bytes for s in symbols(built.objects) if s.kind == "code")
    # The rest aligns functions.
    assert 0 < code <= flash_bytes(built.objects)["code"] < code + 64


@pytest.mark.parametrize("content", (b"", b"not an object file", b"\x7fELF"))
def test_what_is_not_elf_is_an_error(tmp_path, content):
    path = tmp_path / "x.o"
    path.write_bytes(content)
    for measure in (flash_bytes, symbols):
        with pytest.raises(ToolchainError, match=r"x\.o: cannot measure it"):
            measure([path])


def test_a_missing_object_is_an_error(tmp_path):
    with pytest.raises(ToolchainError, match="cannot measure it"):
        flash_bytes([tmp_path / "gone.o"])


def test_stack_is_the_deepest_path_through_the_levels(tmp_path):
    gcc, clang = tmp_path / "gcc.su", tmp_path / "clang.su"
    gcc.write_text(
        "src/a.c:3:5:tiny_run\t16\tstatic\n"
        "src/a.c:9:5:tiny_init\t8\tstatic\n"
        "src/a.c:20:13:l00_conv.constprop.0\t1000\tstatic\n"
        "src/a.c:30:13:l01_pool\t200\tdynamic,bounded\n"
    )
    clang.write_text(
        "src/b.c:1:tiny_run_layer\t24\tstatic\nsrc/h.h:2:edgeq_requantize\t40\tstatic\n"
    )
    assert stack_bytes([gcc, clang]) == 24 + 16 + 1000 + 40
    assert stack_bytes([]) == 0


@pytest.mark.parametrize(
    ("line", "message"),
    (
        ("src/a.c:3:5:l00_x\t16\tdynamic", "'l00_x' has a stack frame without a bound"),
        ("src/a.c:3:5:l00_x\tmany\tstatic", "not understood"),
        ("nonsense", "not understood"),
    ),
)
def test_stack_without_a_bound_is_an_error(tmp_path, line, message):
    path = tmp_path / "a.su"
    path.write_text(line + "\n")
    with pytest.raises(ToolchainError, match=message):
        stack_bytes([path])


def test_the_compilers_own_reports_are_read(compiler):
    big = {
        "src/a.c": (
            "void l00_fill(volatile char *out);\n"
            "void l00_fill(volatile char *out)\n"
            "{ volatile char big[3000]; for (int i = 0; i < 3000; ++i) big[i] = out[i];\n"
            "  for (int i = 0; i < 3000; ++i) out[i] = big[2999 - i]; }\n"
        )
    }
    with build_shared(big, "big", compiler=compiler, flags=("-std=c99", "-O2")) as build:
        assert build.stack_usage
        assert 2800 < stack_bytes(build.stack_usage) < 3200
    with build_shared(tiny.FILES, "tiny", compiler=compiler, flags=("-std=c99", "-O2")) as build:
        assert stack_bytes(build.stack_usage) < 256
