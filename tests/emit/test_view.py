"""The program in C text: pointers, parameters, comments, arrays, ports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.emit.view import STRING_BYTES, bracketed, call_view, data_view, pointer, port_view
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.plan.program import Argument, Call, Data, Place, Port, Region
from tests.host.tiny import PROGRAM


@pytest.mark.parametrize(
    ("place", "const", "text"),
    [
        (Place("arena", offset=16), False, "(int8_t *)(ctx->arena + 16)"),
        (Place("arena"), True, "(const int8_t *)(ctx->arena + 0)"),
        (Place("input", index=1), True, "(const int8_t *)ctx->input[1]"),
        (Place("input", offset=4), True, "(const int8_t *)((const uint8_t *)ctx->input[0] + 4)"),
        (Place("output", index=2), False, "(int8_t *)ctx->output[2]"),
        (Place("output", offset=8), True, "(const int8_t *)((uint8_t *)ctx->output[0] + 8)"),
        (Place("data", symbol="l00_x1"), True, "tiny_l00_x1"),
    ],
)
def test_pointers(place: Place, const: bool, text: str) -> None:
    assert pointer(PROGRAM, place, DType.INT8, const) == text


def test_a_region_of_the_arena_has_a_pointer_of_its_own() -> None:
    several = replace(PROGRAM, named=(Region("dtcm", 16, 64), Region("sram", 48, 128)))
    place = Place("arena", index=1, offset=24)
    assert pointer(several, place, DType.INT8, False) == "(int8_t *)(ctx->sram + 24)"
    assert pointer(several, Place("arena"), DType.INT8, True) == "(const int8_t *)(ctx->dtcm + 0)"


def _call(**changes: object) -> Call:
    arguments = (
        Argument("x", DType.INT8, True, False, Place("input")),
        Argument("y", DType.INT16, False, True, Place("arena", offset=2)),
    )
    call = replace(
        PROGRAM.calls[0],
        arguments=arguments,
        constants={"COUNT": 4},
        data={"weights": "l00_weights"},
        flags={"wide": True},
    )
    return replace(call, **changes)


def test_calls() -> None:
    view = call_view(PROGRAM, _call())
    assert view.parameters == "const int8_t *x, int16_t *restrict y"
    assert view.invocation == (
        "l00_sum((const int8_t *)ctx->input[0], (int16_t *)(ctx->arena + 2))"
    )
    assert view.template == "portable/sum.c.j2"
    assert view.data == {"weights": "tiny_l00_weights"}
    assert view.types == {"x": "int8_t", "y": "int16_t"}
    assert (view.constants, view.flags) == ({"COUNT": 4}, {"wide": True})


@pytest.mark.parametrize(
    ("note", "source", "comment"),
    [
        ("", "", "Layer 0: sum"),
        ("3x3 window", "", "Layer 0: 3x3 window"),
        ("", "op 7 */ evil", "Layer 0: op 7 * / evil"),
        ("3x3 window", "op 7", "Layer 0: 3x3 window; op 7"),
    ],
)
def test_comments(note: str, source: str, comment: str) -> None:
    assert call_view(PROGRAM, _call(note=note, source=source)).comment == comment


def test_data() -> None:
    view = data_view(PROGRAM, Data("l00_bias", np.array([[1, -2]], np.int32), "bias */"))
    assert (view.symbol, view.c_type, view.length) == ("tiny_l00_bias", "int32_t", 2)
    assert view.comment == "bias * /"
    assert view.initialiser == "{\n    1, -2,\n}"


def test_an_empty_array_has_one_element() -> None:
    view = data_view(PROGRAM, Data("l00_none", np.empty(0, np.int32)))
    assert (view.length, view.initialiser) == (1, "{\n    0,\n}")


def test_long_arrays_of_bytes_are_strings() -> None:
    for dtype, items, string in (
        (np.int8, STRING_BYTES, False),
        (np.int8, STRING_BYTES + 1, True),
        (np.int16, STRING_BYTES + 1, False),
    ):
        text = bracketed(np.zeros(items, dtype))
        assert text.startswith('\n    "' if string else "{\n")


def test_ports() -> None:
    code = QuantParams.per_tensor(0.5, -3)
    view = port_view(1, Port("image */", (2, 3), DType.INT8, code, 6, 64))
    assert (view.index, view.name, view.c_type, view.shape) == (1, "image * /", "int8_t", (2, 3))
    assert (view.elements, view.bytes, view.offset) == (6, 6, 64)
    assert (view.scale, view.zero_point, view.low, view.high) == (0.5, -3, -125, 130)
    raw = port_view(0, Port("n", (5,), DType.INT32, None, 20, 0))
    assert (raw.elements, raw.scale, raw.zero_point, raw.low, raw.high) == (5, None, None, 0, 0)
