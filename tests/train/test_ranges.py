"""Ranges of activations: their codes, their averages, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgeq.errors import QuantizationError
from edgeq.ir.types import DType
from edgeq.quantize.ranges import activation_params
from edgeq.quantize.rules import QuantPlan
from edgeq.train import Config
from edgeq.train.ranges import Ranges


def plan_of(*names: str) -> QuantPlan:
    return QuantPlan({name: name for name in names}, {}, {}, (), ())


def ranges_of(config: Config, count: int, bits: int = 8) -> Ranges:
    names = [f"t{i}" for i in range(count)]
    return Ranges(plan_of(*names), {}, dict.fromkeys(names, bits), config)


@pytest.mark.parametrize("bits", [2, 4, 7, 8])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
def test_spans_are_the_codes_of_conversion(bits: int, symmetric: bool, dtype: DType) -> None:
    rng = np.random.default_rng(bits)
    found = [(-float(a), float(b)) for a, b in rng.lognormal(0, 3, (200, 2))]
    found += [(0.0, 6.0), (-3.0, 0.0), (0.5, 2.0), (-2.0, -0.5), (-1.5, 1e-9), (-1.0, 254.0)]
    config = Config(dtype=dtype, symmetric_activations=symmetric, activation_bits=bits)
    ranges = ranges_of(config, len(found), bits)
    ranges.set({f"t{i}": span for i, span in enumerate(found)})
    for span, real in zip(ranges.spans(), found, strict=True):
        params = activation_params(real, dtype, symmetric=symmetric, where="", bits=bits)
        lowest = dtype.max - (1 << bits) + 1
        first, last = lowest - params.zero_point[0], dtype.max - params.zero_point[0]
        assert (float(span.scale), float(span.first), float(span.last)) == (
            params.scale[0],
            first,
            last,
        )


def observe(ranges: Ranges, low: float, high: float) -> None:
    ranges.observe({0: [torch.tensor([low, high])]}, move=True)


def test_averages_start_with_the_first_step_and_hold_zero() -> None:
    ranges = ranges_of(Config(decay=0.75), 1)
    observe(ranges, 1.0, 4.0)
    assert ranges.get() == {"t0": (0.0, 4.0)}
    observe(ranges, -2.0, 8.0)
    assert ranges.get() == {"t0": (-0.5, 5.0)}
    assert ranges.observed == 2


def test_constants_of_a_group_are_always_inside() -> None:
    ranges = Ranges(plan_of("a"), {"a": (-3.0, 0.0)}, {}, Config())
    observe(ranges, 0.0, 1.0)
    assert ranges.get() == {"a": (-3.0, 1.0)}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 2.0**41])
def test_ranges_that_explode_are_named(bad: float) -> None:
    with pytest.raises(QuantizationError, match=r"tensor 't0': .* explodes"):
        observe(ranges_of(Config(), 2), 0.0, bad)


def test_no_range_is_known_before_the_first_step() -> None:
    with pytest.raises(QuantizationError, match="no range of activations is known yet"):
        ranges_of(Config(), 1).get()
    with pytest.raises(QuantizationError, match="no range for tensor 't1'"):
        ranges_of(Config(), 2).set({"t0": (0, 1)})


def test_gradients_pass_inside_the_range_alone() -> None:
    ranges = ranges_of(Config(), 1)
    ranges.set({"t0": (0.0, 255.0)})
    x = torch.tensor([-1.0, -0.25, 0.0, 3.5, 2.5, 255.0, 255.25, 300.0], requires_grad=True)
    y = ranges.quantized(x, 0, ranges.spans()[0], None)
    assert y.tolist() == [0, 0, 0, 4, 3, 255, 255, 255]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_learned_steps_see_what_they_clamp_and_what_they_round() -> None:
    ranges = ranges_of(Config(learned_steps=True), 1)
    ranges.set({"t0": (0.0, 255.0)})
    x = torch.tensor([-1.0, 300.0, 3.25], requires_grad=True)
    slope = torch.tensor([2.0, 3.0, 1.0])
    (ranges.quantized(x, 0, ranges.spans()[0], None) * slope).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 1]
    # 3.25 is rounded to 3: a quarter of a step, of which there are 255.
    stretch = -0.25 / 255
    expected = np.array([2 - stretch, 3 + stretch]) / np.sqrt(3 * 255)
    assert ranges.ends.grad is not None
    np.testing.assert_allclose(ranges.ends.grad[0].numpy(), expected, rtol=1e-6)  # float32 sums
