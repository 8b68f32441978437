from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends import npz_header
from edgeq.frontends.npz_header import read_graph
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify

PADDING = {"top": 0, "bottom": 0, "left": 0, "right": 0}
CONV = {"stride": [1, 1], "dilation": [1, 1], "padding": PADDING, "activation": "relu"}
CODE = {"scale": [0.5], "zero_point": [0], "axis": None}
HEADER: dict[str, Any] = {
    "format": "edgeq-graph",
    "version": 1,
    "name": "net",
    "numerics": "gemmlowp",
    "inputs": ["x"],
    "outputs": ["z"],
    "tensors": [
        {"name": "x", "shape": [1, 4, 4, 1], "dtype": "int8", **CODE},
        {
            "name": "w",
            "shape": [2, 1, 1, 1],
            "dtype": "int8",
            "scale": [0.5, 0.25],
            "zero_point": [0, 0],
            "axis": 0,
            "data": "weights",
        },
        {"name": "y", "shape": [1, 4, 4, 2], "dtype": "int8", **CODE},
        {"name": "z", "shape": [1, 4, 4, 2], "dtype": "int8", **CODE},
    ],
    "ops": [
        {"kind": "conv2d", "inputs": ["x", "w"], "outputs": ["y"], "attributes": CONV},
        {"kind": "relu", "inputs": ["y"], "outputs": ["z"], "source": "here"},
    ],
}
ARRAYS = {"weights": np.ones((2, 1, 1, 1), np.int8)}


def read(header: Any) -> Graph:
    return verify(read_graph(json.dumps(header).encode(), ARRAYS))


def changed(value: Any, *path: Any) -> Any:
    """Return the header with the value at ``path`` replaced."""
    header = copy.deepcopy(HEADER)
    place = header
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return header


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    return [path, *(deeper for key in keys for deeper in paths(value[key], (*path, key)))]


PATHS = [path for path in paths(HEADER) if path]


def test_the_header_is_a_network() -> None:
    assert [op.KIND for op in read(HEADER).ops] == ["conv2d", "relu"]


HOSTILE = [
    *(None, True, 0, -1, 2**31 - 1, 2**31, 2**40, 10**400, 0.5, -0.0, 1e308, 1e-320),
    *("", "x", "\ud800", "*/\n\0", [], {}, [[]], [None], ["x", "x"], {"x": 1}, [2**31] * 4),
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_any_field_may_be_anything(value: Any) -> None:
    for path in PATHS:
        try:
            read(changed(value, *path))
        except EdgeqError as error:
            assert str(error).isprintable() or value == "*/\n\0", path


def test_no_field_may_be_missing_but_the_optional() -> None:
    optional = {"source", "attributes", "axis", "stride", "dilation", "padding", "activation"}
    for path in PATHS:
        if not isinstance(path[-1], str):
            continue
        header = copy.deepcopy(HEADER)
        place = header
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        # Several scales need their dimension.
        if path[-1] in optional and path != ("tensors", 1, "axis"):
            read(header)
        else:
            with pytest.raises(ModelError):
                read(header)


@pytest.mark.parametrize("path", [("extra",), ("tensors", 0, "extra"), ("ops", 0, "extra")])
def test_unknown_fields_are_refused(path: tuple[Any, ...]) -> None:
    with pytest.raises(ModelError, match="has the unknown field 'extra'"):
        read(changed(1, *path))


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ("*", ("tensors", 0, "name"), "input 'x' is not a tensor of the model"),
        ("w", ("tensors", 0, "name"), "tensor 1 has the name 'w', empty or repeated"),
        ("", ("tensors", 0, "name"), "tensor 0 has the name '', empty or repeated"),
        ("\ud800", ("tensors", 0, "name"), "half of a surrogate pair"),
        ("float64", ("tensors", 0, "dtype"), "tensor 0 'x': unknown type 'float64'"),
        ([1, 4, 4, 2**40], ("tensors", 0, "shape"), "integer beyond 32 bits"),
        ([1, 4, 4, True], ("tensors", 0, "shape"), "not a list of integers"),
        ([1.0], ("tensors", 0, "zero_point"), "not a list of integers"),
        ([0], ("tensors", 0, "scale"), "not positive and finite"),
        (["1"], ("tensors", 0, "scale"), "not a list of numbers"),
        ("none", ("tensors", 1, "data"), "there is no entry 'none' for its data"),
        ([1, 1, 1, 2], ("tensors", 1, "shape"), "its data is int8 (2, 1, 1, 1), expected int8"),
        ("int16", ("tensors", 1, "dtype"), "its data is int8"),
        ("tf", ("numerics",), "unknown numerics profile 'tf'"),
        (0, ("version",), "not a positive integer"),
        ([1], ("ops", 0, "attributes", "stride"), "op[0] conv2d: attribute 'stride' has 1 items"),
        ([1, 2**40], ("ops", 0, "attributes", "stride"), "'stride' is an integer beyond 32 bits"),
        ({"top": 1}, ("ops", 0, "attributes", "padding"), "'padding' is not a Padding"),
        ("gelu", ("ops", 0, "attributes", "activation"), "'activation' has an unknown value"),
        (1, ("ops", 0, "attributes", "strides"), "unknown attribute 'strides'"),
        (7, ("ops", 1, "attributes"), "here: attributes are not an object"),
        ({}, ("ops", 1, "outputs"), "here: the outputs are not a list of names"),
    ],
)
def test_messages_name_the_place(value: Any, path: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ModelError) as error:
        read(changed(value, *path))
    assert message in str(error.value)


def test_unused_data_is_refused() -> None:
    with pytest.raises(ModelError, match="entry 'more' belongs to no tensor"):
        read_graph(json.dumps(HEADER).encode(), {**ARRAYS, "more": np.ones(1, np.int8)})


def test_unknown_kinds_and_versions_are_unsupported() -> None:
    header = changed("conv3d", "ops", 0, "kind")
    header["ops"][1]["kind"] = "einsum"
    with pytest.raises(UnsupportedError, match="unknown operations: 'conv3d', 'einsum'"):
        read(header)
    with pytest.raises(UnsupportedError, match="version other than 1"):
        read(changed(2, "version"))


def test_attributes_without_a_default_must_be_given() -> None:
    with pytest.raises(ModelError, match=r"op\[0\] reshape: attribute 'shape' is missing"):
        read(changed({"kind": "reshape", "inputs": ["x"], "outputs": ["y"]}, "ops", 0))


TEXT = json.dumps(HEADER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5000,
        TEXT[:-1],
        TEXT.replace("0.5", "NaN"),
        TEXT.replace("0.5", "-Infinity"),
        TEXT.replace("0.5", "1e999"),
        TEXT.replace('"name": "net"', '"name": "net", "name": "net"'),
        TEXT.replace("edgeq-graph", "other"),
        TEXT + "x",
    ],
    ids=lambda text: text[:10] + text[-10:],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ModelError):
        read_graph(text.encode(), ARRAYS)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(ModelError, match="not JSON"):
        read_graph(TEXT.replace("net", "n\u00e9t").encode("utf-8") + b"\xff", ARRAYS)


def test_a_long_description_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_header, "MAX_HEADER_BYTES", 100)
    with pytest.raises(ModelError, match="at most 100"):
        read(HEADER)
