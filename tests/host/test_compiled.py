"""A compiled network called as a function, layer by layer, and measured."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeq.errors import ModelError, TargetError, ToolchainError, VerifyError
from edgeq.host.compiled import Compiled
from edgeq.plan.program import Place
from edgeq.targets import target
from edgeq.targets.base import Target
from tests.host import tiny

WEIGHTS = np.array([1, 10, 100, -1000], np.int32)
A = np.array([1, -2, 3, 127], np.int8)
B = np.array([[10, 20], [-300, 4000]], np.int16)


def expected(a, b):
    return (a.astype(np.int32) + b.reshape(*b.shape[:-2], 4)) * WEIGHTS


def single(**changes):
    """Return the tiny model with its first output only, and its program otherwise changed."""
    header = tiny.HEADER.replace("output[2]", "output[1]").replace("LAYERS 3", "LAYERS 2")
    source = (tiny.PORTS + tiny.LAYERS).replace("    ctx->output[1] = ctx->arena + 48;\n", "")
    source = source.replace("index > 1 ? NULL : ctx->output", "index > 0 ? NULL : ctx->output")
    source = source.replace("l02_places(ctx, ctx->output[1]);", "l02_places(ctx, NULL);")
    program = dataclasses.replace(
        tiny.PROGRAM, outputs=tiny.PROGRAM.outputs[:1], calls=tiny.PROGRAM.calls[:2], **changes
    )
    files = {**tiny.FILES, "include/tiny.h": header, "src/tiny.c": source}
    return Compiled(program, files, tiny.TENSORS, target("portable"))


@given(
    a=arrays.arrays(np.int8, 4),
    b=arrays.arrays(np.int16, (2, 2)),
)
def test_one_run(compiled, a, b):
    scaled, _ = compiled(a, b)
    np.testing.assert_array_equal(scaled, expected(a, b), strict=True)


def test_one_output_is_an_array_and_not_a_tuple():
    result = single()(A, B)
    assert isinstance(result, np.ndarray)
    np.testing.assert_array_equal(result, expected(A, B), strict=True)


def test_inputs_are_read_in_place(compiled):
    scaled, places = compiled(A, B)
    assert places.tolist() == [A.ctypes.data, scaled.ctypes.data]


@given(st.data())
def test_a_leading_axis_is_a_sequence_of_runs(compiled, data):
    runs = data.draw(st.integers(0, 4))
    a = data.draw(arrays.arrays(np.int8, (runs, 4)))
    b = data.draw(arrays.arrays(np.int16, (runs, 2, 2)))
    scaled, places = compiled(a, b)
    np.testing.assert_array_equal(scaled, expected(a, b), strict=True)
    assert [row[0] for row in places.tolist()] == [row.ctypes.data for row in a]
    assert [row[1] for row in places.tolist()] == [row.ctypes.data for row in scaled]


def test_inputs_with_gaps_are_gathered(compiled):
    a = np.repeat(A, 2)[::2]
    b = np.asfortranarray(B)
    assert not b.flags.c_contiguous
    np.testing.assert_array_equal(compiled(a, b)[0], expected(A, B))
    odd = np.frombuffer(b"x" + B.tobytes(), np.int16, offset=1).reshape(2, 2)
    assert not odd.flags.aligned
    np.testing.assert_array_equal(compiled(A, odd)[0], expected(A, B))


@pytest.mark.parametrize(
    ("inputs", "message"),
    (
        ((A,), r"model 'tiny': 1 inputs given, expected 2: 'a', 'b'"),
        ((A[:3], B), r"input 'a' is int8\[3\], expected int8\[4\]"),
        ((A, B.astype(np.int32)), r"input 'b' is int32\[2, 2\], expected int16\[2, 2\]"),
        ((A, B.astype(">i2")), r"input 'b' is >i2\[2, 2\], expected int16\[2, 2\]"),
        ((A, B.reshape(4)), r"input 'b' is int16\[4\]"),
        ((A, B.reshape(1, 1, 2, 2)), r"input 'b' is int16\[1, 1, 2, 2\]"),
        (([1, 2, 3, 4], B), r"input 'a' is int64\[4\], expected int8\[4\]"),
        ((A[None], B), r"differ in their number of runs: 'a' \(1, 4\), 'b' \(2, 2\)"),
        ((np.stack([A] * 2), np.stack([B] * 3)), "differ in their number of runs"),
    ),
)
def test_inputs_that_do_not_fit(compiled, inputs, message):
    with pytest.raises(ModelError, match=message):
        compiled(*inputs)


def test_every_tensor_by_name(compiled):
    found = compiled.tensors(A, B)
    assert list(found) == ["sum", "scaled", "places"]
    total = A.astype(np.int32).reshape(2, 2) + B
    np.testing.assert_array_equal(found["sum"], total, strict=True)
    np.testing.assert_array_equal(found["scaled"], expected(A, B), strict=True)
    assert found["places"][0] == A.ctypes.data


def test_tensors_are_copies(compiled):
    first = compiled.tensors(A, B)["sum"]
    kept = first.copy()
    compiled.tensors(np.zeros_like(A), B)
    np.testing.assert_array_equal(first, kept)


def test_tensors_are_read_when_their_layer_ends():
    # Layer 1 writes its result over the sum that layer 0 left.
    source = (tiny.PORTS + tiny.LAYERS).replace(
        "l01_scale(sum, ctx->output[0]);", "l01_scale(sum, sum);"
    )
    program = dataclasses.replace(
        tiny.PROGRAM, places={**tiny.PROGRAM.places, "scaled": Place("arena", offset=16)}
    )
    files = {**tiny.FILES, "src/tiny.c": source}
    found = Compiled(program, files, tiny.TENSORS, target("portable")).tensors(A, B)
    np.testing.assert_array_equal(found["sum"], A.astype(np.int32).reshape(2, 2) + B)
    np.testing.assert_array_equal(found["scaled"], expected(A, B))


def test_a_tensor_may_lie_in_a_port_at_an_offset():
    places = {**tiny.PROGRAM.places, "sum": Place("input", 1, 2), "scaled": Place("output", 0, 4)}
    tensors = {
        **tiny.TENSORS,
        "sum": dataclasses.replace(tiny.TENSORS["sum"], shape=(1,)),
        "scaled": dataclasses.replace(tiny.TENSORS["scaled"], shape=(2, 1)),
    }
    program = dataclasses.replace(tiny.PROGRAM, places=places)
    found = Compiled(program, tiny.FILES, tensors, target("portable")).tensors(A, B)
    assert found["sum"].tobytes() == B.tobytes()[2:6]
    assert found["scaled"].ravel().tolist() == expected(A, B)[1:3].tolist()


def test_only_one_run_is_stepped_or_measured(compiled):
    for method in (compiled.tensors, compiled.profile):
        with pytest.raises(ModelError, match="one run is expected"):
            method(A[None], B[None])


def test_a_profile_has_a_row_for_each_layer(compiled):
    profile = compiled.profile(A, B, repeats=3)
    assert [(r.index, r.symbol, r.kernel, r.macs) for r in profile.rows] == [
        (0, "l00_sum", "portable/sum", 0),
        (1, "l01_scale", "portable/scale", 4),
        (2, "l02_places", "portable/places", 8),
    ]
    assert profile.rows[1].source == "op[1] 'scaled'"
    assert profile.repeats == 3
    assert profile.macs == 12
    assert all(row.ns >= 0 for row in profile.rows)


def test_the_c_is_built_once_and_when_it_is_needed():
    broken = Compiled(tiny.PROGRAM, {"src/tiny.c": "int"}, tiny.TENSORS, target("portable"))
    assert "tiny for portable: int8[4], int16[2, 2] -> int32[4], int64[2]" in repr(broken)
    with pytest.raises(ModelError):
        broken(A)
    with pytest.raises(ToolchainError):
        broken(A, B)
    network = Compiled(tiny.PROGRAM, tiny.FILES, tiny.TENSORS, target("host"))
    network(A, B)
    assert network.build() is network.build()
    assert network.build().library.exists()


def test_a_compiler_can_be_chosen(compiler):
    network = Compiled(
        tiny.PROGRAM, tiny.FILES, tiny.TENSORS, target("host"), compiler=compiler.name
    )
    np.testing.assert_array_equal(network(A, B)[0], expected(A, B))
    missing = Compiled(
        tiny.PROGRAM, tiny.FILES, tiny.TENSORS, target("host"), compiler="missing-cc"
    )
    with pytest.raises(ToolchainError, match="missing-cc"):
        missing(A, B)


def test_code_for_another_machine_is_not_run_here():
    other = Target("other", "a processor", ("portable",), 8)
    network = Compiled(tiny.PROGRAM, tiny.FILES, tiny.TENSORS, other)
    with pytest.raises(TargetError, match="'other' does not run on this machine"):
        network(A, B)


def test_files_cannot_be_changed(compiled):
    assert dict(compiled.files) == tiny.FILES
    with pytest.raises(TypeError):
        compiled.files["src/tiny.c"] = ""


def test_a_layer_that_leaves_its_arena_is_an_error():
    files = tiny.misbehaving("ctx->arena[TINY_ARENA_BYTES] = 0;")
    network = Compiled(tiny.PROGRAM, files, tiny.TENSORS, target("portable"))
    for method in (network, network.tensors, network.profile):
        with pytest.raises(VerifyError, match="outside its arena of 64 bytes, at offset 64"):
            method(A, B)


def test_threads_have_arenas_of_their_own(compiled):
    arenas, ready, wrong = set(), threading.Barrier(3), []

    def work(seed: int) -> None:
        with compiled.session() as session:
            arenas.add(session.arena.view(0).ctypes.data)
            ready.wait(60)
        rng = np.random.default_rng(seed)
        for _ in range(50):
            a = rng.integers(-128, 128, 4, np.int8)
            if not np.array_equal(compiled(a, B)[0], expected(a, B)):
                wrong.append(a)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(arenas) == 3
    assert wrong == []


def test_a_session_is_used_again_and_lets_go_of_its_arrays(compiled):
    with compiled.session() as first:
        first.begin((A, B))
    with compiled.session() as second:
        assert second is first
        assert second.input_address(0) != A.ctypes.data
