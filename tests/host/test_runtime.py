"""The Cython runtime: binding, guard zones, stepping, times."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq._host import Library
from edgeq.errors import ToolchainError, VerifyError
from edgeq.version import ABI_VERSION
from tests.host import tiny

WEIGHTS = np.array([1, 10, 100, -1000], np.int32)


def inputs():
    return np.array([1, -2, 3, 127], np.int8), np.array([[10, 20], [-300, 4000]], np.int16)


def expected(a, b):
    return (a.astype(np.int32) + b.reshape(-1)) * WEIGHTS


def test_run_gives_the_outputs(session):
    a, b = inputs()
    scaled, places = session.run((a, b))
    assert scaled.dtype == np.int32
    assert scaled.shape == (4,)
    np.testing.assert_array_equal(scaled, expected(a, b))
    assert places.dtype == np.int64


def test_nothing_is_copied(session):
    a, b = inputs()
    outputs = (np.empty(4, np.int32), np.empty(2, np.int64))
    returned = session.run((a, b), outputs)
    assert all(x is y for x, y in zip(returned, outputs, strict=True))
    assert outputs[1].tolist() == [a.ctypes.data, outputs[0].ctypes.data]


def test_begin_binds_the_arrays_until_end(session):
    a, b = inputs()
    scaled, _ = session.begin((a, b))
    assert session.input_address(0) == a.ctypes.data
    assert session.input_address(1) == b.ctypes.data
    assert session.output_address(0) == scaled.ctypes.data
    assert session.input_address(2) == 0
    session.end()
    assert session.input_address(0) == session.arena.view(0).ctypes.data + 32


def test_run_lets_go_of_the_arrays(session):
    a, b = inputs()
    alive = weakref.ref(a)
    session.run((a, b))
    assert session.output_address(0) == session.arena.view(0).ctypes.data
    del a
    assert alive() is None


def test_begin_keeps_the_arrays_alive(session):
    a, b = inputs()
    alive = weakref.ref(a)
    session.begin((a, b))
    del a
    gc.collect()
    assert alive() is not None


def test_layers_run_one_by_one(session):
    a, b = inputs()
    scaled, _ = session.begin((a, b))
    scaled[:] = 0
    session.run_layer(0)
    total = session.arena.view(0)[16:32].view(np.int32)
    np.testing.assert_array_equal(total, a.astype(np.int32) + b.reshape(-1))
    assert not scaled.any()
    session.run_layer(1)
    np.testing.assert_array_equal(scaled, expected(a, b))


def test_a_status_becomes_an_error_with_its_text(session):
    with pytest.raises(VerifyError, match="tiny_run_layer returned 4: no such layer"):
        session.run_layer(3)


def test_too_small_an_arena_is_an_error(library, open_session):
    with pytest.raises(VerifyError, match="tiny_init_abi returned 2"):
        open_session(library, regions=[("its arena", tiny.ARENA - 1)])


@pytest.mark.parametrize("changes", ({"abi": ABI_VERSION + 1}, {"pointers": 6}))
def test_another_interface_is_an_error(library, open_session, changes):
    with pytest.raises(VerifyError, match="tiny_init_abi returned 5"):
        open_session(library, **changes)


@given(log2=st.integers(3, 12))
def test_the_arena_is_aligned_as_promised_and_not_more(library, open_session, log2):
    alignment = 1 << log2
    address = open_session(library, alignment=alignment).arena.view(0).ctypes.data
    assert address % (2 * alignment) == alignment


@pytest.mark.parametrize("alignment", (0, 3, 48))
def test_an_alignment_is_a_power_of_two(library, open_session, alignment):
    with pytest.raises(ValueError, match="power of two"):
        open_session(library, alignment=alignment)


def test_an_impossible_arena_is_refused(library, open_session):
    with pytest.raises(MemoryError):
        open_session(library, regions=[("its arena", 2**64 - 1)])


REGIONS = (("its arena", tiny.ARENA), ("its region 'slow'", 24))


def test_regions_are_apart(library, open_session):
    arena = open_session(library, regions=REGIONS).arena
    (start, end), (other, last) = arena.range(0), arena.range(1)
    assert (end - start, last - other) == (tiny.ARENA, 24)
    assert other - end >= 2 * 4096
    assert (arena.view(0).ctypes.data, arena.view(1).ctypes.data) == (start, other)
    assert arena.view(1).all()
    with pytest.raises(IndexError, match="region 2 of 2"):
        arena.view(2)


@pytest.mark.parametrize("offset", (-1, 24))
def test_every_region_has_guards(load, open_session, offset):
    files = tiny.misbehaving(f"(void)ctx; second[{offset}] ^= 1;")
    text = files["src/tiny.c"].replace("int tiny_init", "static uint8_t *second;\nint tiny_init", 1)
    text = text.replace("ctx->arena = memory[0];", "ctx->arena = memory[0]; second = memory[1];")
    session = open_session(load({**files, "src/tiny.c": text}), regions=REGIONS)
    message = f"^tiny: wrote outside its region 'slow' of 24 bytes, at offset {offset}$"
    with pytest.raises(VerifyError, match=message):
        session.run(inputs())


def test_the_arena_view_outlives_session_and_library(load, open_session):
    view = open_session(load(tiny.FILES)).arena.view(0)
    gc.collect()
    assert view.dtype == np.uint8
    assert view.shape == (tiny.ARENA,)
    view[:] = 7
    assert view.sum() == 7 * tiny.ARENA


@pytest.mark.parametrize(
    ("offset", "value"), ((64, "^= 1"), (164, "= 0"), (4159, "= 0"), (-1, "^= 1"), (-4096, "= 0"))
)
def test_writes_outside_the_arena_are_caught(load, open_session, offset, value):
    message = f"^tiny: wrote outside its arena of 64 bytes, at offset {offset}$"
    session = open_session(load(tiny.misbehaving(f"ctx->arena[{offset}] {value};")))
    with pytest.raises(VerifyError, match=message):
        session.run(inputs())
    session.begin(inputs())
    with pytest.raises(VerifyError, match=message):
        session.run_layer(0)
    for measure in (session.time_layers, session.time_runs):
        with pytest.raises(VerifyError, match=message):
            measure(1)


@pytest.mark.parametrize("offset", (-64, -1, 16, 79))
def test_writes_outside_a_fresh_output_are_caught(load, open_session, offset):
    message = f"^tiny: wrote outside output 'places' of 16 bytes, at offset {offset}$"
    statement = f"((uint8_t *)ctx->output[1])[{offset}] ^= 1;"
    session = open_session(load(tiny.misbehaving(statement)))
    with pytest.raises(VerifyError, match=message):
        session.run(inputs())
    session.begin(inputs())
    with pytest.raises(VerifyError, match=message):
        session.run_layer(0)


def test_the_whole_arena_may_be_written(load, open_session):
    fill = "for (int i = 0; i < TINY_ARENA_BYTES; ++i) { ctx->arena[i] = 1; }"
    output = "for (int i = 0; i < 16; ++i) { ((uint8_t *)ctx->output[1])[i] = 1; }"
    session = open_session(load(tiny.misbehaving(fill + output)))
    _, places = session.run(inputs())
    assert places.tolist() == [0x0101010101010101] * 2
    assert session.arena.view(0).sum() == tiny.ARENA


def test_the_arena_does_not_start_as_zeros(library, open_session):
    assert open_session(library).arena.view(0).all()


A, B = inputs()
SCALED, PLACES = np.empty(4, np.int32), np.empty(2, np.int64)
READ_ONLY = np.empty(4, np.int32)
READ_ONLY.flags.writeable = False
ODD = np.frombuffer(bytearray(9), np.int16, count=4, offset=1)


@pytest.mark.parametrize(
    ("ins", "outs", "message"),
    (
        ((A,), None, "1 inputs given, expected 2"),
        ((A, B), (SCALED,), "1 outputs given, expected 2"),
        ((A, B.tolist()), None, "input 'b' is a list, expected a NumPy array"),
        ((A, B.astype(np.uint16)), None, "input 'b' has dtype uint16, expected int16"),
        ((A, B.astype(">i2")), None, "input 'b' has dtype >i2, expected int16"),
        ((A[:3], B), None, "input 'a' has 3 bytes, expected 4"),
        ((A, B.T), None, "input 'b' is not C-contiguous"),
        ((A, ODD), None, "input 'b' is not aligned for int16"),
        ((A, B), (READ_ONLY, PLACES), "output 'scaled' is read-only"),
        ((A, B), (PLACES.view(np.int32), PLACES), "output 'places' overlaps output 'scaled'"),
        ((PLACES.view(np.int8)[4:8], B), (SCALED, PLACES), "'places' overlaps input 'a'"),
    ),
)
def test_arrays_that_do_not_fit_are_refused(session, ins, outs, message):
    with pytest.raises(ValueError, match=message):
        session.run(ins, outs)
    with pytest.raises(ValueError, match=message):
        session.begin(ins, outs)
    assert session.input_address(0) == session.arena.view(0).ctypes.data + 32


def test_the_arena_itself_is_no_input(session):
    view = session.arena.view(0)[:4].view(np.int8)
    with pytest.raises(ValueError, match="the arena overlaps input 'a'"):
        session.run((view, B))


def test_read_only_inputs_are_fine(session):
    a, b = inputs()
    a.flags.writeable = False
    np.testing.assert_array_equal(session.run((a, b))[0], expected(a, b))


def test_times_have_a_row_per_repeat_and_a_column_per_layer(session):
    session.begin(inputs())
    times = session.time_layers(7)
    assert times.dtype == np.int64
    assert times.shape == (7, 3)
    assert (times >= 0).all()
    assert session.time_runs(5).shape == (5,)


@pytest.mark.parametrize("repeats", (0, -1))
def test_times_need_a_repeat(session, repeats):
    for measure in (session.time_layers, session.time_runs):
        with pytest.raises(ValueError, match="repeats"):
            measure(repeats)


def test_a_failing_layer_fails_the_measurement(library, open_session):
    with pytest.raises(VerifyError, match="no such layer"):
        open_session(library, layers=4).time_layers(2)


def test_what_is_not_a_library_is_an_error(tmp_path: Path):
    with pytest.raises(ToolchainError, match="cannot load"):
        Library(tmp_path / "missing.so", "tiny")
    (tmp_path / "text.so").write_text("not ELF")
    with pytest.raises(ToolchainError, match="cannot load"):
        Library(tmp_path / "text.so", "tiny")


def test_a_missing_function_is_named(load):
    header = tiny.HEADER.replace("tiny_strerror", "tiny_text")
    source = (tiny.PORTS + tiny.LAYERS).replace("tiny_strerror", "tiny_text")
    with pytest.raises(ToolchainError, match="no function tiny_strerror"):
        load({**tiny.FILES, "include/tiny.h": header, "src/tiny.c": source})
