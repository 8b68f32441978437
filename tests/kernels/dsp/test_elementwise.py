"""Sums and codes of numbers with the DSP extension: on boards, and the C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.kernels import affine
from edgeq.kernels.dsp import elementwise
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul
from edgeq.ops.quantize import Quantize
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, compile_layer, one_op_graph
from tests.kernels.dsp.test_product import SANITIZED, TARGETS, TWIN, named
from tests.kernels.layers import FACTORS, SCALES, UNEVEN, add_case, all_pairs, channels_case, on
from tests.kernels.neon.layers import ROUNDINGS

LENGTHS = (4, 5, 6, 7, 8, 9, 31, 32, 33, 100)
ENDS = ((-128, 127, 127), (-128, -128, 0))
STEEP = (2.9, 5.7, 1.01)


def lengths() -> list[Case]:
    """Return lengths round the word."""
    return on("dsp", [add_case(count) for count in LENGTHS])


def pairs() -> list[Case]:
    """Return sums of all pairs of codes, of every number of bits."""
    cases = [all_pairs(scales=scales) for scales in (*SCALES, STEEP)]
    cases += [all_pairs(zeros=zeros) for zeros in ENDS]
    cases += [all_pairs(scales=(0.5, 0.5, 1.0), zeros=(0, 0, 0))]
    return on("dsp", cases)


def bits_of(case: Case) -> int:
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    assert isinstance(op, Add)
    return int(elementwise.add_facts(op, io).flags["bits"])


def channels() -> list[Case]:
    """Return sums and products with a constant for each channel, of every code."""
    cases = [channels_case(Add, 32, scales=s) for s in UNEVEN]
    cases += [channels_case(Add, 8, zeros=z, scales=UNEVEN[-1]) for z in ENDS]
    cases += [channels_case(Add, c, rows) for c in (4, 12) for rows in (2, 3)]
    cases += [channels_case(Mul, 4, scales=FACTORS[0], zeros=z) for z in ENDS]
    cases += [channels_case(Mul, 8, scales=FACTORS[1], numerics=r) for r in ROUNDINGS]
    return [replace(case, kernel="dsp/affine_s8") for case in cases]


def products() -> list[Case]:
    """Return products with a constant for each channel that have no affine form."""
    rounded = [r for r in ROUNDINGS if r.name != "float32"]
    cases = [channels_case(Mul, c, scales=FACTORS[0], numerics=r) for c in (4, 12) for r in rounded]
    cases += [channels_case(Mul, 8, scales=FACTORS[0], zeros=z) for z in ENDS]
    cases += [channels_case(Mul, 8, rows, scales=FACTORS[0]) for rows in (1, 2, 3)]
    return [replace(case, kernel="dsp/mul_channels_s8") for case in cases]


def numbers(rng: np.random.Generator, scale: float, count: int) -> np.ndarray:
    """Return ties, their neighbours, any numbers, and some far beyond any code."""
    ties = ((rng.integers(-300, 300, count) + 0.5) * scale).astype(np.float32)
    side = np.where(rng.random(count) < 0.5, np.inf, -np.inf).astype(np.float32)
    rare = np.array([3e38, -3e38, 1e7, -1e7, 1e-45, -0.0], np.float32)
    return np.choose(
        rng.integers(0, 4, count),
        [ties, np.nextafter(ties, side), rng.choice(rare, count), rng.normal(0, 60 * scale, count)],
    ).astype(np.float32)


def number_case(count: int, scale: float, zero: int, row: str, seed: int = 0) -> Case:
    """Return float32 numbers that become int8 codes."""
    tensors = {
        "x": Tensor("x", (count,), DType.FLOAT32),
        "y": Tensor("y", (count,), DType.INT8, QuantParams.per_tensor(scale, zero)),
    }
    rng = np.random.default_rng(count + seed)
    runs = [[numbers(rng, scale, count)] for _ in range(3)]
    return Case(Quantize(inputs=("x",), outputs=("y",)), tensors, runs, row)


def number_cases(row: str) -> list[Case]:
    """Return lengths round the word, scales, zero points, and both ways of ties."""
    cases = [number_case(count, 0.3, 3, row) for count in (1, 2, 3, 4, 5, 7, 8, 9, 999)]
    cases += [
        number_case(999, scale, zero, row)
        for scale, zero in ((2.0**-7, -128), (37.5, 127), (0.0039, 0))
    ]
    by_float = next(numerics for numerics in ROUNDINGS if numerics.name == "float32")
    return [*cases, *(replace(case, numerics=by_float) for case in cases)]


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [lengths, pairs])
def test_sums(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


@pytest.mark.parametrize("processor", TARGETS, ids=named)
def test_constants_for_channels(processor: Target | str) -> None:
    check_layers(channels(), processor)


@pytest.mark.parametrize("processor", TARGETS, ids=named)
def test_products_rounded_as_they_stand(
    processor: Target | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elementwise, "affine_form", lambda op, io, lowest: None)
    check_layers(products(), processor)
    check_layers(products(), replace(TWIN, cflags=(*SANITIZED, *WARNINGS)))


@pytest.mark.parametrize("digits", [2, 3])
@pytest.mark.parametrize("fraction", [1, 4, 7])
def test_affine_forms_of_any_digits(
    digits: int, fraction: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affine, "DIGITS", (digits,))
    monkeypatch.setattr(affine, "FRACTIONS", (fraction,))
    scales = (0.0394, 0.1042, 0.9) if digits == 3 else (0.5, 0.5, 1.0)
    case = channels_case(Add, 8, scales=scales, zeros=(0, 0, 0))
    taken = row_of(case) == "dsp/affine_s8"
    assert taken or digits == 2
    check_layers([case], TWIN)


def test_roundings_and_scales_on_all_pairs() -> None:
    cases = [all_pairs(scales=s, numerics=r) for s in SCALES[:2] for r in ROUNDINGS]
    taken = [case for case in cases if row_of(case) == "dsp/add_s8"]
    assert len(taken) > 4
    check_layers(taken, TWIN)


def row_of(case: Case) -> str:
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    row = select(op, io, target("cortex-m4").isas)
    assert row is not None
    return row.id


def test_every_number_of_bits_is_taken() -> None:
    assert {bits_of(case) for case in pairs()} == {20, 21, 22, 23}


def test_the_form_is_the_proven_one() -> None:
    case = all_pairs()
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    assert isinstance(op, Add)
    facts = elementwise.add_facts(op, io)
    names = ("X0_FACTOR", "X1_FACTOR", "OFFSET")
    p, q, constant = (facts.constants[name] for name in names)
    codes = [array.astype(np.int64) for array in case.runs[0]]
    found = ((p >> 8) * codes[0] + (q >> 8) * codes[1] + constant) >> facts.flags["bits"]
    assert (np.clip(found, -128, 127) == op.evaluate(io, case.runs[0])[0]).all()
    assert max(abs(p), abs(q)) < 2**31


def test_what_it_does_not_take_is_portable() -> None:
    cases = [add_case(3), add_case(64, activation=Activation.RELU6)]
    assert [row_of(case) for case in cases] == ["portable/add_s8"] * 2
    other = number_case(8, 0.3, 3, "")
    y = Tensor("y", (8,), DType.INT16, QuantParams.per_tensor(0.3, 0))
    assert row_of(replace(other, tensors={**other.tensors, "y": y})) == "portable/quantize"


@pytest.mark.parametrize("processor", TARGETS, ids=named)
def test_codes_of_numbers(processor: Target | str) -> None:
    check_layers(number_cases("dsp/quantize_s8"), processor)


def test_nan_and_infinity() -> None:
    special = [np.nan, -np.nan, np.inf, -np.inf, 3e38, -3e38, 0.0, -0.0]
    case = number_case(8, 0.5, 27, "")
    for processor in ("cortex-m4", TWIN):
        compiled = compile_layer(one_op_graph(case.op, case.tensors), processor)
        found = np.asarray(compiled(np.array(special, np.float32)))
        assert found.tolist() == [27, 27, 127, -128, 127, -128, 27, 27]


def test_the_twin_has_no_undefined_behaviour() -> None:
    flags = (*SANITIZED, *WARNINGS)
    check_layers(lengths(), replace(TWIN, cflags=flags))
    check_layers(pairs(), replace(TWIN, cflags=flags))
    check_layers(channels(), replace(TWIN, cflags=flags))
    check_layers(number_cases("dsp/quantize_s8"), replace(TWIN, cflags=flags))
