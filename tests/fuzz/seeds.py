"""The sound files that mutation starts from: small, so that most bytes mean something."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from edgeq.frontends.npz import graph_bytes
from tests.frontends.detection import random_detector
from tests.frontends.onnx import test_mutants as onnx_files
from tests.frontends.test_mutants import built as tflite_files
from tests.frontends.tflite.one_op import CONV, OneOp, ints
from tests.frontends.tflite.test_variables import Stateful
from tests.ops.recurrent_files import Cell, Lstm, Svdf
from tests.random_graphs import random_graph
from tests.shared_material import shared_path

SUFFIXES = (".npz", ".onnx", ".tflite")
# Larger files are mostly weights, which any value suits.
MOST_BYTES = 20_000
GRAPHS = 24


@lru_cache
def seeds(suffix: str, real: bool = False) -> tuple[bytes, ...]:
    """Return files of one format; with ``real`` those of the shared models that are small, too."""
    built = {".npz": _npz, ".onnx": onnx_files.built, ".tflite": _tflite}
    found = list(built[suffix]())
    if real:
        paths = sorted(shared_path("models").rglob(f"*{suffix}"))
        found += [path.read_bytes() for path in paths if path.stat().st_size <= MOST_BYTES]
    return tuple(found)


def _npz() -> Iterator[bytes]:
    for seed in range(GRAPHS):
        yield graph_bytes(random_graph(seed, 5))


def _tflite() -> Iterator[bytes]:
    yield from tflite_files()
    yield from _tflite_elementwise()
    yield from _tflite_weighted()
    yield from _tflite_movement()
    yield from _tflite_states()
    yield from (random_detector(seed, signed=bool(seed)).data() for seed in range(2))


def _tflite_elementwise() -> Iterator[bytes]:
    for code, options in (("ADD", "AddOptions"), ("MUL", "MulOptions")):
        pairs = OneOp().x(1, 2, 2, 3).x(1, 1, 1, 3).y(1, 2, 2, 3)
        yield pairs.data(code, **{options: {"fused_activation_function": "RELU"}})
    soft = OneOp().x(2, 5).y(2, 5, scale=1 / 256, zero_point=-128)
    yield soft.data("SOFTMAX", SoftmaxOptions={"beta": 1.0})
    yield OneOp().x(2, 5).y(2, 5, scale=1 / 256, zero_point=-128).data("LOGISTIC")
    yield OneOp().x(2, 5).y(2, 5, scale=1 / 128).data("TANH")
    yield OneOp().x(2, 5).y(2, 5, scale=16 / 256, zero_point=127).data("LOG_SOFTMAX")
    yield OneOp().x(2, 5).y(2, 5).data("HARD_SWISH")
    yield OneOp().x(3, dtype="float32").y(3).data("QUANTIZE")
    yield OneOp().x(3).y(3, dtype="float32").data("DEQUANTIZE")
    yield OneOp().x(2, 5).const(ints(1)).y(2, dtype="int32").data("ARG_MAX")


def _tflite_weighted() -> Iterator[bytes]:
    weights, bias = np.ones((3, 4), np.int8), np.zeros(3, np.int32)
    dense = OneOp().x(2, 4).const(weights, scale=0.25).const(bias).y(2, 3)
    yield dense.data("FULLY_CONNECTED", FullyConnectedOptions={"keep_num_dims": True})
    deep = OneOp().x(1, 4, 4, 2).const(np.ones((1, 3, 3, 2), np.int8), scale=[0.5, 0.25], axis=3)
    options = {**CONV, "depth_multiplier": 1}
    yield deep.none().y(1, 4, 4, 2).data("DEPTHWISE_CONV_2D", DepthwiseConv2DOptions=options)


def _tflite_movement() -> Iterator[bytes]:
    yield OneOp().x(2, 6).const(ints(3, -1)).y(3, 4).data("RESHAPE")
    yield OneOp().x(2, 6).const(ints(1, 0)).y(6, 2).data("TRANSPOSE")
    joined = OneOp().x(2, 3).x(2, 2).y(2, 5)
    yield joined.data("CONCATENATION", ConcatenationOptions={"axis": -1})
    halves = OneOp().const(ints(1)).x(2, 6).y(2, 3).y(2, 3)
    yield halves.data("SPLIT", SplitOptions={"num_splits": 2})
    parts = OneOp().x(2, 6).const(ints(2, 4)).const(ints(1)).y(2, 2).y(2, 4)
    yield parts.data("SPLIT_V", SplitVOptions={"num_splits": 2})
    yield OneOp().x(2, 3).x(2, 3).y(2, 2, 3).data("PACK", PackOptions={"axis": 1})
    yield OneOp().x(4, 5).const(ints(1, 0)).const(ints(2, -1)).y(2, 5).data("SLICE")


def _tflite_states() -> Iterator[bytes]:
    """Yield files with variables of every kind; detectors have the options in flexbuffers."""
    window = Stateful(window=np.zeros((1, 4), np.int8), sum=np.ones((1, 4), np.int8))
    moved = window.tensor((1, 8))
    before = window.read(window.handle("window"))
    window.b.op("CONCATENATION", [before, window.x], [moved], ConcatenationOptions={"axis": 1})
    bounds = [window.b.const(name, ints(*at)) for name, at in (("a", (0, 4)), ("b", (1, 4)))]
    last = window.tensor()
    window.b.op("SLICE", [moved, *bounds], [last])
    window.assign(window.handle("window"), last)
    total = window.add(last, window.read(window.handle("sum")))
    window.assign(window.handle("sum"), total)
    yield window.data(moved, total)
    yield Svdf(depth=4, units=2, rank=2, steps=3).file()
    yield Svdf(depth=4, units=2, steps=3, state="int8", bias=False).file()
    yield Lstm(depth=3, cells=2, steps=2).file()
    yield Lstm(depth=3, cells=2, steps=2, time_major=True, clip=1.5, single=False).file()
    yield Lstm(depth=3, cells=2, single=True).file()
    yield from (Cell(depth=3, cells=2, variable=variable).file() for variable in (False, True))


def real_files_present() -> bool:
    """Tell whether the shared models are here."""
    return Path(shared_path("models")).is_dir()
