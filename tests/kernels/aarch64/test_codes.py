"""Functions of one code by table, and numbers that become codes, against the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq import api, reference
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.logistic import Logistic
from edgeq.ops.quantize import Quantize
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.tanh import Tanh
from edgeq.plan.select import select
from edgeq.targets import target
from tests.kernel_harness import Case, check_layers, compile_layer, one_op_graph
from tests.ops.elementwise_cases import all_codes, by_name, coded
from tests.passes.nets import Net, quant

TARGET = target("aarch64")
LOOKUP, QUANTIZE = "aarch64/lookup_8", "aarch64/quantize_8"
IO = {"inputs": ("x",), "outputs": ("y",)}
COUNTS = (16, 17, 31, 32, 33, 256)
ROUNDINGS = [Numerics(r.value, "for tests", r) for r in (Rounding.GEMMLOWP, Rounding.FLOAT32)]


def lookup(op: Op, count: int, x: DType = DType.INT8, y: DType = DType.INT8, **named) -> Case:
    zero = 0 if y is DType.UINT8 else -128
    settings = {"scale": 1 / 128 if isinstance(op, Tanh) else 1 / 256, "zero": zero, **named}
    if isinstance(op, Tanh):
        settings["zero"] = 0
    tensors = coded("x", (count,), x, 0.05, 3), coded("y", (count,), y, **settings)
    return Case(op, by_name(*tensors), [[np.resize(all_codes(x), count)]], LOOKUP)


def test_every_code_at_lengths_round_the_vector() -> None:
    cases = [lookup(Logistic(**IO), count) for count in COUNTS]
    cases += [lookup(op(**IO), 256) for op in (Tanh, HardSwish)]
    cases += [lookup(op(**IO), 256, scale=0.02, zero=-3) for op in (Relu, Requantize)]
    cases.append(lookup(Logistic(**IO), 256, DType.UINT8, DType.UINT8))
    types = (DType.UINT8, DType.INT8), (DType.INT8, DType.UINT8)
    cases += [lookup(Requantize(**IO), 270, x, y, scale=0.03, zero=7) for x, y in types]
    check_layers(cases, TARGET)


def test_a_constant_operand_is_in_the_table() -> None:
    constant = coded("c", (1,), scale=0.1, zero=4, data=np.array([77], np.int8))
    found = by_name(coded("x", (256,), scale=0.05), constant, coded("y", (256,), scale=0.09))
    op = Add(inputs=("x", "c"), outputs=("y",))
    check_layers([Case(op, found, [[all_codes(DType.INT8)]], LOOKUP)], TARGET)


@pytest.mark.parametrize("count", [16, 45])
def test_output_over_the_input(count: int) -> None:
    net = Net(DType.INT8, quant(0.05, 3))
    x = net.input((1, count))
    for scale in (0.04, 0.03, 0.02):
        x = net.op(HardSwish, x, params=quant(scale, 3))
    graph = net.graph(x)
    compiled = api.compile(graph, target="aarch64")
    places = compiled.program.places
    assert {place.kind for name, place in places.items() if name != "in0"} == {"output"}
    for seed in range(2):
        arrays = reference.sample_inputs(graph, seed)
        (expected,) = reference.run(api.lower(graph), arrays)
        np.testing.assert_array_equal(compiled(*arrays), expected)


def test_what_needs_no_table_or_is_short_stays_portable() -> None:
    flip = lookup(Requantize(**IO), 64, DType.UINT8, scale=0.05, zero=3 - 128)
    for found in (flip, lookup(Logistic(**IO), 15)):
        [(lowered, io)] = one_op_graph(found.op, found.tensors).walk()
        row = select(lowered, io, ("aarch64", "portable"))
        assert row is not None and row.id.startswith("portable/")


# ---- Numbers to codes ---------------------------------------------------------------------


def numbers(rng: np.random.Generator, scale: float, count: int) -> np.ndarray:
    """Return ties, their neighbours, and numbers far beyond any code."""
    ties = ((rng.integers(-700, 700, count) + 0.5) * scale).astype(np.float32)
    side = np.where(rng.random(count) < 0.5, np.inf, -np.inf).astype(np.float32)
    far = rng.choice(np.array([3e38, -3e38, 1e7, -1e7, 1e-45, -0.0]), count)
    pick = rng.integers(0, 3, count)
    return np.choose(pick, [ties, np.nextafter(ties, side), far.astype(np.float32)])


def quantize(count: int, dtype: DType, scale: float, zero: int) -> Case:
    found = by_name(coded("x", (count,), DType.FLOAT32), coded("y", (count,), dtype, scale, zero))
    rng = np.random.default_rng(count)
    return Case(Quantize(**IO), found, [[numbers(rng, scale, count)] for _ in range(2)], QUANTIZE)


@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
def test_ties_and_ranges(numerics: Numerics) -> None:
    cases = [quantize(count, DType.INT8, 0.3, 3) for count in COUNTS]
    cases += [quantize(999, DType.INT8, 2.0**-7, zero) for zero in (-128, 127)]
    cases += [quantize(999, DType.UINT8, 37.5, zero) for zero in (0, 200, 255)]
    check_layers([replace(case, numerics=numerics) for case in cases], TARGET)


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
def test_nan_and_infinity(dtype: DType) -> None:
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 3e38, -3e38] + [0.0] * 10, np.float32)
    zero, low, high = dtype.max - 100, dtype.min, dtype.max
    tensors = coded("x", special.shape, DType.FLOAT32), coded("y", special.shape, dtype, 0.5, zero)
    compiled = compile_layer(one_op_graph(Quantize(**IO), by_name(*tensors)), TARGET)
    assert compiled(special).tolist() == [zero, zero, high, low, high, low] + [zero] * 10


def test_short_ones_and_16_bits_stay_portable() -> None:
    for found in (quantize(15, DType.INT8, 0.3, 3), quantize(64, DType.INT16, 0.3, 0)):
        [(lowered, io)] = one_op_graph(found.op, found.tensors).walk()
        row = select(lowered, io, ("aarch64", "portable"))
        assert row is not None and row.id == "portable/quantize"
