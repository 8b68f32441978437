"""C literals: what a compiler reads from them is what was written."""

from __future__ import annotations

import ast
import ctypes
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeq.emit.literals import (
    BYTES_PER_LINE,
    c_float,
    c_integer,
    c_type,
    initialiser,
    string_initialiser,
)
from edgeq.host.build import build_shared
from edgeq.host.toolchain import host_compiler

EDGES = {
    "int8": [-128, -1, 0, 127],
    "uint8": [0, 1, 128, 255],
    "bool": [0, 1],
    "int16": [-(2**15), -1, 2**15 - 1],
    "int32": [-(2**31), -(2**31) + 1, 2**31 - 1],
    "int64": [-(2**63), -(2**63) + 1, 2**63 - 1, 2**31, -(2**31)],
}
FLOATS = [0.0, -0.0, 1.0, 0.1, 2.0**-149, -(2.0**-126), 3.4028234663852886e38, 1e-40]


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers(value: int) -> None:
    text = c_integer(value)
    assert ast.literal_eval(text.strip("()").split(" - ")[0]) - (" - 1" in text) == value
    # The smallest has no literal of type int in C.
    assert "2147483648" not in text


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats(value: float) -> None:
    text = c_float(value)
    assert text.endswith("f")
    again = np.float32(float.fromhex(text[:-1]))
    assert again.tobytes() == np.float32(value).tobytes()


@given(arrays.arrays(st.sampled_from([np.int8, np.uint8]), st.integers(1, 100)))
def test_bytes_as_numbers_in_columns(array: np.ndarray) -> None:
    text = initialiser(array)
    lines = text.split("\n")
    assert [int(item) for item in re.findall(r"-?\d+", text)] == array.tolist()
    assert all(line.startswith(" ") and line.endswith(",") for line in lines)
    assert {len(line) % 6 for line in lines} == {0}
    assert len(lines) == -(-len(array) // BYTES_PER_LINE)


@given(arrays.arrays(st.sampled_from([np.int8, np.uint8]), st.integers(1, 100)))
def test_bytes_as_strings(array: np.ndarray) -> None:
    parts = re.findall(r'^    "((?:\\[0-3][0-7]{2})+)"$', string_initialiser(array), re.M)
    codes = [int(code, 8) for part in parts for code in part.split("\\")[1:]]
    assert codes == array.view(np.uint8).tolist()
    assert string_initialiser(array).count("\n") == len(parts) - 1


def test_what_a_compiler_reads(tmp_path: Path) -> None:
    wanted = {name: np.array(values).astype(name) for name, values in EDGES.items()}
    wanted["float32"] = np.array(FLOATS, np.float32)
    wanted["float64"] = np.array([0.1, -0.0, 2.0**-1074, -1.7976931348623157e308])
    every = np.arange(-128, 128).astype(np.int8)
    lines = ["#include <stdint.h>"]
    for name, array in wanted.items():
        lines += [
            f"const {c_type(array.dtype)} {name}_array[{array.size}] = {{",
            initialiser(array),
            "};",
        ]
    lines += [f"const int8_t text[{every.size}] =\n{string_initialiser(every)};"]
    files = {"src/literals.c": "\n".join(lines) + "\n"}
    flags = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
    with build_shared(files, "literals", compiler=host_compiler(), flags=flags) as build:
        library = ctypes.CDLL(str(build.library))
        for name, array in {**wanted, "text": every}.items():
            symbol = name if name == "text" else f"{name}_array"
            found = (ctypes.c_char * array.nbytes).in_dll(library, symbol).raw
            assert found == array.tobytes(), name


@pytest.mark.parametrize("shape", [(0,), (2, 3), (1, 1, 1)])
def test_any_shape_is_written_in_order(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    assert re.findall(r"\d+", initialiser(array.T)) == [str(v) for v in array.T.ravel()]
