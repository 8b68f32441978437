"""Damaged ONNX files: whatever the damage, an error of the family or a graph that is sound."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgeq.errors import EdgeqError
from edgeq.frontends.nchw.ports import channels_last_ports
from edgeq.frontends.npz import graph_bytes
from edgeq.frontends.onnx import read_onnx
from edgeq.ir.verify import verify
from tests.frontends.onnx.one_model import model, node, values
from tests.frontends.onnx.quantized_files import quantized_files

NUMBERS = (0, 1, -1, 2, 3, 4, 7, 255, 2**31 - 1, -(2**31), 2**31, 2**40, 2**63 - 1, -(2**63))
REALS = (0.0, -0.0, 1.0, 6.0, -3.5, 1e-45, 1e38, -1e38, float("inf"), float("nan"))
TEXTS = (b"", b"x", b"a", b"w", b"*/\n\0", b"NOTSET", b"SAME_UPPER", b"linear", b"\xff\xfe")
CODES = ("Conv", "Gemm", "Reshape", "Concat", "Add", "Slice", "Pad", "Resize", "Shape", "Split")


IMAGE = {"x": (1, 4, 6, 6)}
CONSTANTS = {
    "w": values(4, 4, 3, 3), "b": values(4), "k": values(4 * 36, 5), "v": np.abs(values(4)),
    "low": np.float32(0), "high": np.float32(6), "s": np.array([0, -1]),
    "p": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "f": np.array([1, 1, 2, 2], np.float32),
    "one": np.array([1]), "two": np.array([2]), "sizes": np.array([2, 2]),
}  # fmt: skip
LAYERS = [
    node("Conv", "x w b", "c", pads=[1, 1, 1, 1], strides=[1, 1]),
    node("BatchNormalization", "c b b b v", "n"),
    node("Clip", "n low high", "r"),
]


def built() -> Iterator[bytes]:
    """Yield small files that between them use most operators."""
    yield from _float_files()
    yield from quantized_files()


def _float_files() -> Iterator[bytes]:
    yield model(
        [*LAYERS, node("Reshape", "r s", "f2"), node("Gemm", "f2 k", "g"), node("Softmax", "g")],
        IMAGE,
        CONSTANTS,
    )
    yield model(
        [
            *LAYERS,
            node("Pad", "r p low", "q"),
            node("MaxPool", "q", "m", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
            node("Resize", "m - f", "u", mode="linear"),
            node("Split", "u sizes", "s1 s2", axis=1),
            node("Concat", "s2 s1 s1", "t", axis=1),
            node("Slice", "t one two one", "l"),
            node("ReduceMean", "l", axes=[2, 3], keepdims=0),
        ],
        IMAGE,
        CONSTANTS,
    )
    yield model(
        [
            node("Shape", "x", "h"),
            node("Gather", "h one", "i"),
            node("Mul", "i two", "j"),
            node("ConstantOfShape", "one", "m1"),
            node("Cast", "m1", "m2", to=7),
            node("Sub", "m2 one", "m3"),
            node("Concat", "j m3", "o", axis=0),
            node("Transpose", "x", "z", perm=[0, 2, 3, 1]),
            node("Reshape", "z o", "q"),
            node("Unsqueeze", "q two", "e"),
            node("Squeeze", "e two", "d"),
            node("HardSigmoid", "d", "a"),
            node("Mul", "a d"),
        ],
        IMAGE,
        CONSTANTS,
    )


def bytes_damaged(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(changed))
        if rng.random() < 0.2:
            del changed[at : at + rng.choice((1, 1, 4, 40))]
        else:
            changed[at] = rng.choice((rng.randrange(256), changed[at] ^ 1 << rng.randrange(8)))
    return bytes(changed)


def other(value: Any, rng: random.Random) -> Any:
    if isinstance(value, (bool, int)):
        return rng.choice(NUMBERS)
    if isinstance(value, float):
        return rng.choice(REALS)
    if isinstance(value, bytes):
        return rng.choice((*TEXTS, value[:-1], value + value))
    return rng.choice((*CODES, value[:-1], "x", "y", "c", "one", ""))


def change(message: Any, rng: random.Random) -> None:
    """Change one field somewhere below ``message`` to a number or a text that it may hold."""
    for _ in range(64):
        fields = message.ListFields()
        if not fields:
            return
        field, value = rng.choice(fields)
        if isinstance(value, (bool, int, float, bytes, str)):
            try:
                setattr(message, field.name, other(value, rng))
            except (ValueError, TypeError):
                continue
            return
        if not hasattr(value, "ListFields"):
            place = rng.randrange(len(value))
            if rng.random() < 0.15:
                del value[place]
                return
            if not hasattr(value[place], "ListFields"):
                try:
                    value[place] = other(value[place], rng)
                except (ValueError, TypeError):
                    continue
                return
            value = value[place]
        message = value


def fields_damaged(data: bytes, rng: random.Random) -> bytes:
    found = onnx.ModelProto.FromString(data)
    for _ in range(rng.choice((1, 1, 2))):
        change(found.graph if rng.random() < 0.95 else found, rng)
    return found.SerializeToString()


def survives(data: bytes) -> bool:
    try:
        graph = verify(channels_last_ports(read_onnx(data, "m")))
    except EdgeqError as error:
        assert str(error) and "\0" not in str(error)
        return False
    assert graph_bytes(graph)
    return True


def test_damaged_bytes(shared: Path) -> None:
    files = [(shared / "models" / "emx_micro_kws_m_static_fp32.onnx").read_bytes(), *built()]
    assert all(survives(data) for data in files)
    rng = random.Random(5)
    count = sum(survives(bytes_damaged(rng.choice(files), rng)) for _ in range(1500))
    assert 100 < count < 1400


def test_damaged_fields() -> None:
    files = list(built())
    rng = random.Random(6)
    count = sum(survives(fields_damaged(rng.choice(files), rng)) for _ in range(4000))
    assert 400 < count < 3600
