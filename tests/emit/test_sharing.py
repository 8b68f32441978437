"""Layers that share C functions: which do, what reaches the function, and that no bit changes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from edgeq.emit.functions import function_texts
from edgeq.emit.project import sources
from edgeq.emit.sharing import share
from edgeq.ops._spatial import Padding
from edgeq.ops.add import Add
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.plan.plan import plan
from edgeq.plan.program import Program
from edgeq.targets import target as find_target
from tests.kernel_harness import QUICK, Case, check_layers
from tests.kernels.neon.layers import conv_case, depthwise_case, fully_connected_case
from tests.passes.nets import Net

SAME = Padding(1, 1, 1, 1)
STRICT = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Wvla", "-Werror")


def cases() -> list[Case]:
    """Return layers of a few kernels, in which all that can differ does."""
    return [
        conv_case((1, 5, 4, 8), 4, (1, 1)),
        conv_case((1, 7, 5, 12), 6, (1, 1), zeros=(5, -9)),
        conv_case((1, 4, 9, 8), 7, (1, 1), zero=3),
        conv_case((1, 9, 7, 4), 6, (3, 3), padding=SAME),
        conv_case((1, 6, 8, 8), 10, (5, 3), padding=SAME, stride=(2, 1)),
        conv_case((1, 6, 8, 3), 5, (3, 3), padding=SAME, stride=(2, 2)),
        conv_case((1, 9, 9, 1), 8, (3, 3)),
        depthwise_case((1, 8, 6, 8), (3, 3), padding=SAME),
        depthwise_case((1, 6, 8, 12), (3, 3), padding=SAME, zeros=(7, 0)),
        depthwise_case((1, 9, 9, 16), (3, 3), padding=Padding(0, 1, 0, 1), stride=(2, 2)),
        depthwise_case((1, 5, 7, 4), (3, 3), padding=SAME, stride=(2, 2), zero=-4),
        fully_connected_case(1, 20, 9),
        fully_connected_case(3, 16, 17),
        fully_connected_case(2, 33, 6, zero=9),
    ]


@pytest.mark.parametrize("name", ["portable", "cortex-m4", "cortex-m55", "riscv32"])
def test_layers_that_share_functions_give_the_same_bits(name: str) -> None:
    target = find_target(name)
    chosen = QUICK if name == "portable" else replace(target, cflags=("-Os", *STRICT))
    compiled = check_layers(cases(), chosen, "kernel")
    calls = compiled.program.functions
    assert any(call.function and len(call.function.numbers) > 3 for call in calls)
    assert len({call.function.symbol for call in calls if call.function}) >= 2


def planned(net: Net, *outputs: str, target: str = "cortex-m4") -> Program:
    return plan(lower_arithmetic(net.graph(*outputs)), find_target(target), "0" * 64)


def convolutions(*outs: int, height: int = 8) -> Program:
    """Return a program of pointwise convolutions, one after the other, to so many channels."""
    net = Net()
    x = net.input((1, height, 8, 16))
    for out in outs:
        x = net.conv(x, out=out)
    return planned(net, x)


def functions(program: Program) -> list[str]:
    return [
        call.symbol if call.function is None else call.function.symbol for call in program.functions
    ]


def test_layers_that_differ_in_weights_share_by_default() -> None:
    program = share(convolutions(16, 16), "equal")
    assert functions(program) == ["shared_conv2d_s8"] * 2
    function = program.calls[0].function
    assert function is not None
    assert (function.numbers, function.arrays) == ((), ("stream",))
    code = sources(program)["src/net.c"]
    assert "int32_t *restrict pairs, const int32_t *layer_stream)" in code
    for layer in (0, 1):
        assert re.search(rf"shared_conv2d_s8\(.*, net_l0{layer}_stream\);", code)


@pytest.mark.parametrize(("by", "shared"), [("layer", False), ("equal", False), ("kernel", True)])
def test_layers_that_differ_in_numbers_share_where_that_is_wanted(by: str, shared: bool) -> None:
    program = share(convolutions(16, 300), by)  # type: ignore[arg-type]
    assert (len(set(functions(program))) == 1) == shared
    if not shared:
        assert program.functions[0].function is None
        return
    code = sources(program)["src/net.c"]
    assert "    const int32_t *stream;\n    int16_t out_c;\n    int16_t pairs;\n}" in code
    assert "l01_layer = {.stream = net_l01_stream, .out_c = 300, .pairs = 150};" in code
    assert "    const int16_t OUT_C = layer->out_c;\n" in code
    assert "        PIXELS = 64,\n" in code
    assert "&l01_layer);" in code


def test_the_comment_tells_all_layers() -> None:
    program = share(convolutions(16, 16, 16), "equal")
    (text,) = function_texts(program)
    assert re.search(r"/\* Layer 0: .*\n \* Layer 1: .*\n \* Layer 2: .* \*/\n.*static void", text)


def test_groups_of_one_kernel_have_numbers() -> None:
    # Two groups of one kernel, and a layer that is like none of the others.
    net = Net()
    x = net.input((1, 8, 8, 16))
    a = net.conv(net.conv(x, out=16), out=16)
    b = net.conv(net.conv(net.conv(a, out=8), out=8), out=8)
    assert functions(share(planned(net, b), "equal")) == [
        *["shared_conv2d_s8"] * 2,
        "l02_conv2d_s8",
        *["shared_conv2d_s8_2"] * 2,
    ]


@pytest.mark.parametrize(("by", "shared"), [("equal", False), ("kernel", True)])
def test_pointers_are_restricted_where_all_of_them_are(by: str, shared: bool) -> None:
    # The second sum is written over its first operand, which no later layer reads.
    net = Net()
    x = net.input((1, 8, 8, 16))
    a, b = net.conv(x, out=16), net.conv(x, out=16)
    first = net.op(Add, a, b)
    second = net.op(Add, net.op(Add, first, b), a)
    program = share(planned(net, second, first), by)  # type: ignore[arg-type]
    sums = [call for call in program.calls if call.kind == "add"]
    restricted = {tuple(argument.restrict for argument in call.arguments) for call in sums}
    assert len(restricted) == 2
    assert (len({id(call.function) for call in sums}) == 1) == shared
    if shared:
        assert sums[0].function is not None
        assert sums[0].function.restrict == ("x1",)


def test_sizes_of_arrays_stay_constant_expressions() -> None:
    # Blocks of sums: as many as there are channels, up to a limit.
    net = Net()
    x = net.conv(net.conv(net.input((1, 6, 6, 4)), out=5), out=6)
    calls = share(planned(net, x, target="portable"), "kernel").calls
    assert [call.constants["BLOCK"] for call in calls] == [5, 6]
    assert [call.function for call in calls] == [None, None]


def test_a_declared_constant_keeps_layers_apart() -> None:
    program = convolutions(16, 300)
    calls = tuple(replace(call, fixed=("OUT_C",)) for call in program.calls)
    assert len(set(functions(share(replace(program, calls=calls), "kernel")))) == 2


def test_strips_of_a_layer_always_share() -> None:
    # Two calls on rows of one tensor, as if the layer had been cut.
    program = convolutions(16)
    (call,) = program.calls
    strip = replace(call, symbol="l00_s1_conv2d_s8", constants={**call.constants, "PIXELS": 24})
    both = share(replace(program, calls=(call, strip)), "layer")
    assert functions(both) == ["l00_conv2d_s8"] * 2
    assert both.calls[0].function.numbers == ("PIXELS",)
    text = sources(both)["src/net.c"]
    assert "l00_layer = {.pixels = 64};" in text
    assert "l00_s1_layer = {.pixels = 24};" in text


def test_strips_with_equal_numbers_have_one_structure() -> None:
    program = convolutions(16)
    (call,) = program.calls
    fewer = {**call.constants, "PIXELS": 24}
    second = replace(call, symbol="l00_s1_conv2d_s8", constants=fewer)
    third = replace(second, symbol="l00_s2_conv2d_s8")
    text = sources(share(replace(program, calls=(call, second, third)), "layer"))["src/net.c"]
    assert text.count("_layer = {") == 2
    assert text.count("&l00_layer)") == 1
    assert text.count("&l00_s1_layer)") == 2
    assert "l00_s2_layer" not in text


def test_equal_strips_need_no_numbers() -> None:
    program = convolutions(16)
    (call,) = program.calls
    twice = (call, replace(call, symbol="l00_s1_conv2d_s8"))
    both = share(replace(program, calls=twice), "layer")
    assert (both.calls[0].function.numbers, both.calls[0].function.arrays) == ((), ())
    assert both.calls[0].function is both.calls[1].function
    assert len(function_texts(both)) == 1


def test_sharing_changes_nothing_else() -> None:
    program = convolutions(16, 16)
    shared = share(program, "kernel")
    bare = tuple(replace(call, function=None) for call in shared.calls)
    for before, after in zip(program.calls, bare, strict=True):
        assert (before.symbol, before.constants, before.data) == (
            after.symbol,
            after.constants,
            after.data,
        )
    assert np.array_equal(program.data[0].array, shared.data[0].array)
