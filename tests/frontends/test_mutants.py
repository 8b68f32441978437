"""Damaged models: whatever the damage, an error of the family or a graph that can be lowered."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq import api
from edgeq.errors import EdgeqError
from edgeq.frontends import load
from edgeq.frontends.floats import require_integer
from edgeq.frontends.npz import graph_bytes
from edgeq.frontends.npz_container import read_arrays
from edgeq.frontends.npz_header import read_graph
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify_operations, verify_structure
from tests.frontends.broken_files import BUILT
from tests.frontends.tflite.one_op import CONV, OneOp, conv, ints

MODELS = (
    "tflm_hello_world_int8",
    "mlperf_kws_ref_model",
    "tflm_micro_speech_quantized",
    "mltk_anomaly_detection",
    "mltk_tflite_micro_magic_wand",
    "coral_split_concat",
)
WORDS = (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0, 1, 0x7FC00000, 0x7F800000, 0x00000001, 1 << 30)


def survives(graph: Graph) -> bool:
    """Check and lower a graph as read; tell whether it was sound."""
    try:
        require_integer(verify_structure(graph))
        api.lower(verify_operations(graph))
    except EdgeqError as error:
        assert str(error)
        return False
    return True


def built() -> Iterator[bytes]:
    """Yield small files, in which most bytes mean something."""
    yield BUILT
    yield conv(scale=[0.5, 0.25]).data("CONV_2D", Conv2DOptions=CONV)
    yield OneOp().x(2, 3).const(ints(-1, 1)).y(2).data("MEAN")
    pads = OneOp().x(2, 2).const([[1, 0], [0, 2]]).const(np.int8([9]), scale=0.5).y(3, 4)
    yield pads.data("PADV2")
    cut = OneOp().x(6, 5).const(ints(1, 0)).const(ints(5, 4)).const(ints(2, 1)).y(2)
    yield cut.data("STRIDED_SLICE", StridedSliceOptions={"shrink_axis_mask": 2})
    resize = OneOp().x(1, 2, 2, 1).const(ints(4, 6)).y(1, 4, 6, 1)
    yield resize.data("RESIZE_BILINEAR", ResizeBilinearOptions={"align_corners": True})
    pool = OneOp().x(1, 4, 4, 1).y(1, 2, 2, 1)
    sizes = {"stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2}
    yield pool.data("MAX_POOL_2D", Pool2DOptions=sizes)


def damaged(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        # Weights fill the middle of large files; what describes them is at both ends.
        at = rng.choice((rng.randrange(min(len(data), 6000)), -1 - rng.randrange(8000)))
        at = max(at, -len(data)) % len(data)
        if rng.random() < 0.5:
            changed[at] = rng.choice((rng.randrange(256), changed[at] ^ 1 << rng.randrange(8)))
        else:
            word = rng.choice(WORDS).to_bytes(4, "little")
            changed[at : at + 4] = word[: len(data) - at]
    return bytes(changed)


def read_damaged(files: list[bytes], count: int, seed: int) -> int:
    """Read ``count`` damaged files; return how many were sound all the same."""
    rng = random.Random(seed)
    sound = 0
    for _ in range(count):
        data = damaged(rng.choice(files), rng)
        try:
            graph = read_tflite(data, "m")
        except EdgeqError as error:
            assert str(error)
            continue
        sound += survives(graph)
    return sound


def test_damaged_real_models(shared: Path) -> None:
    files = [(shared / "models" / f"{name}.tflite").read_bytes() for name in MODELS]
    assert read_damaged(files, 600, 7) > 60


def test_damaged_built_models() -> None:
    assert read_damaged(list(built()), 3000, 11) > 40


Paths = list[tuple[Any, ...]]
NUMBERS = (0, 1, -1, 2, 3, 7, 255, -128, 2**31 - 1, -(2**31), 2**31, 2**40, 10**400)
REALS = (0.5, -0.0, 1e-45, 1e-40, 1e-20, 1e-13, 1e12, 1e38, 1e308)
TEXTS = ("", "*/\n\0", "int8", "uint8", "int16", "int32", "float32", "bool", "relu", "none")
LIKE: dict[type, tuple[Any, ...]] = {
    int: NUMBERS,
    float: REALS,
    str: TEXTS,
    bool: (True, False),
    type(None): (None, 0, 1, -1),
}
ANYTHING = (*NUMBERS, *REALS, *TEXTS, None, True, [], {}, [[]], [2**31 - 1] * 4)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    elif path:
        yield path


def altered(header: Any, paths: Paths, rng: random.Random) -> bytes:
    header = copy.deepcopy(header)
    for _ in range(rng.choice((1, 1, 1, 2))):
        place = header
        *way, last = rng.choice(paths)
        try:
            for key in way:
                place = place[key]
            same_type = LIKE.get(type(place[last]), ANYTHING)
            place[last] = rng.choice(same_type if rng.random() < 0.8 else ANYTHING)
        except (KeyError, IndexError, TypeError):
            continue
    return json.dumps(header).encode()


@pytest.mark.parametrize(
    "name", [*MODELS, "mltk_autoencoder_example", "stm_miniresnetv2_1stacks_64x50_esc10"]
)
def test_altered_descriptions(name: str, shared: Path) -> None:
    arrays = read_arrays(graph_bytes(load(shared / "models" / f"{name}.tflite")))
    header = json.loads(arrays.pop("graph").tobytes())
    # Attributes and codes are where a change is not seen at once.
    telling = ("attributes", "scale", "zero_point", "shape")
    paths = [path for path in leaves(header) if any(key in path for key in telling)]
    paths += list(leaves(header))[:40]
    rng = random.Random(name)
    for _ in range(150):
        try:
            graph = read_graph(altered(header, paths, rng), arrays)
        except EdgeqError as error:
            assert str(error)
            continue
        survives(graph)
