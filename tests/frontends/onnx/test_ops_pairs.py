"""Float operators of two arrays between codes: equal to ONNX Runtime for every pair of codes."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import UnsupportedError
from tests.frontends.onnx.one_quantized import FULL, Net, check, codes, kinds, lowered_of, scale

DTYPES = (np.int8, np.uint8)
STEPS = (0.03, 0.05, 0.06)


def given(net, name, step, zero):
    """Add an input, codes of it, and their numbers."""
    return net.dq(net.q(name, f"{name}q", step, zero), f"{name}f", step, zero)


def ended(net, arrays, name, step, zero):
    """Add codes of a result, and their numbers; return the file."""
    net.dq(net.q(name, f"{name}q", step, zero), "y", step, zero)
    return net.file(arrays, {"y": np.float32})


def line(dtype, step, zero):
    """Return the numbers of all codes."""
    low, high = FULL[np.dtype(dtype)]
    return (np.arange(low, high).astype(np.float32) - np.float32(zero)) * np.float32(step)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("code", ["Add", "Mul"])
def test_two_operands(code, dtype):
    rng = np.random.default_rng(2)
    low = FULL[np.dtype(dtype)][0]
    for constant in (False, True):
        net = Net()
        a, b = (rng.normal(size=s).astype(np.float32) for s in ((2, 3, 4, 5), (3, 1, 1)))
        net.dq(net.q("a", "aq", 0.02, dtype(low + 9)), "af", 0.02, dtype(low + 9))
        if constant:
            net.hold("bq", codes(rng, dtype, 3, 1, 1))
        else:
            net.q("b", "bq", 0.015, dtype(low + 130))
        net.dq("bq", "bf", 0.015, dtype(low + 130))
        net.node(code, ["af", "bf"], "s")
        net.dq(net.q("s", "sq", 0.031, dtype(low + 77)), "y", 0.031, dtype(low + 77))
        arrays = {"a": a} if constant else {"a": a, "b": b}
        data = net.file(arrays, {"y": np.float32})
        if constant and code == "Mul" and dtype is np.int8:
            with pytest.raises(UnsupportedError, match="Mul of int8 constants"):
                lowered_of(data)
        else:
            check(data, arrays)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("code", ["Sub", "Sum", "Max", "Min"])
def test_every_pair_of_codes(code, dtype):
    rng = np.random.default_rng(1)
    low, high = FULL[np.dtype(dtype)]
    for run in range(4):
        net, arrays, names = Net(), {}, []
        steps = [scale(rng) for _ in range(3)] if run % 2 else STEPS
        for name, step in zip("ab", steps, strict=False):
            zero = dtype(rng.integers(low, high))
            names.append(given(net, name, step, zero))
            every = line(dtype, step, zero)
            square = every[:, None] if name == "a" else every[None, :]
            arrays[name] = np.broadcast_to(square, (256, 256)).copy()
        net.node(code, names, "s")
        data = ended(net, arrays, "s", 2 * steps[2], dtype(rng.integers(low, high)))
        check(data, arrays)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("first", [False, True])
def test_difference_from_constants(dtype, first):
    rng = np.random.default_rng(2)
    low = FULL[np.dtype(dtype)][0]
    net = Net()
    held = net.dq(net.hold("bq", codes(rng, dtype, 5, 1, 1)), "bf", 0.04, dtype(low + 90))
    names = [held, given(net, "a", 0.03, dtype(low + 120))]
    net.node("Sub", names if first else names[::-1], "s")
    a = rng.normal(size=(2, 5, 6, 7)).astype(np.float32)
    data = ended(net, {"a": a}, "s", 0.07, dtype(low + 130))
    assert "qlinear_add" in kinds(check(data, {"a": a}))


@pytest.mark.parametrize("steps", [(0.03, 0.05, 0.06), (0.031, 0.0537, 0.0611)])
def test_every_pair_with_constants(steps):
    line = np.arange(-128, 128)
    net = Net()
    net.dq(net.q("a", "aq", steps[0], np.int8(9)), "af", steps[0], np.int8(9))
    net.hold("bq", line.astype(np.int8))
    net.dq("bq", "bf", steps[1], np.int8(-20))
    net.node("Add", ["af", "bf"], "s")
    net.dq(net.q("s", "sq", steps[2], np.int8(5)), "y", steps[2], np.int8(5))
    a = ((line[:, None] - 9) * np.float32(steps[0])).repeat(256, axis=1).astype(np.float32)
    check(net.file({"a": a}, {"y": np.float32}), {"a": a})


@pytest.mark.parametrize("code", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("first", [False, True])
def test_constant_number(code, first):
    for dtype in DTYPES:
        low, high = FULL[np.dtype(dtype)]
        x = (np.arange(low, high) - low - 113.5).astype(np.float32) * np.float32(0.05)
        net = Net()
        net.dq(net.q("x", "xq", 0.05, dtype(low + 113)), "xf", 0.05, dtype(low + 113))
        number = net.hold("n", np.float32(0.37))
        net.node(code, [number, "xf"] if first else ["xf", number], "m")
        net.dq(net.q("m", "mq", 0.05, dtype(low + 90)), "y", 0.05, dtype(low + 90))
        check(net.file({"x": x}, {"y": np.float32}), {"x": x})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("code", "number"),
    [("Max", 0.3), ("Min", 0.4), ("Mul", -0.7), ("Pow", 2), ("Pow", 3), ("PRelu", 0.3)],
)
def test_every_code_and_a_number(code, number, dtype):
    low = FULL[np.dtype(dtype)][0]
    for coded in (False, True):
        net = Net()
        a = line(dtype, 0.03, low + 110)
        name = given(net, "a", 0.03, dtype(low + 110))
        held = net.hold("n", np.float32(number))
        if coded:
            step = np.float32(abs(number) / 60)
            held = net.dq(net.hold("nq", dtype(low + 128 + 60)), "nf", step, dtype(low + 128))
        net.node(code, [name, held], "s")
        data = ended(net, {"a": a}, "s", 0.021, dtype(low + 100))
        graph = check(data, {"a": a})
        assert kinds(graph)[1:-1] in (["table"], ["mul"], ["qlinear_mul"])


def test_a_number_to_each_power():
    net = Net()
    a = line(np.int8, 0.02, 3)
    net.node("Pow", [net.hold("n", np.float32(1.7)), given(net, "a", 0.02, np.int8(3))], "s")
    check(ended(net, {"a": a}, "s", 0.02, np.int8(-100)), {"a": a})


def test_what_stays_in_float_is_refused_by_name():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(1, 3, 4, 4)).astype(np.float32)
    vector = codes(rng, np.int8, 3, 1, 1)
    for code, what in (
        ("Div", "Div of two arrays, in floating point"),
        ("Max", "Max with a constant array, in floating point"),
        ("Mul", "Mul of int8 constants, in floating point"),
        ("PRelu", "PRelu with other than one constant slope, in floating point"),
        ("Pow", "Pow of two arrays, in floating point"),
    ):
        net = Net()
        held = net.dq(net.hold("bq", vector), "bf", 0.04, np.int8(0))
        net.node(code, [given(net, "a", 0.03, np.int8(0)), held], "s")
        with pytest.raises(UnsupportedError, match=what):
            lowered_of(ended(net, {"a": a}, "s", 0.02, np.int8(0)))
