"""The losses of each layer: what they measure, and which comes first."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgeq.errors import QuantizationError
from edgeq.ir.types import DType
from edgeq.quantize import Config, quantize
from edgeq.quantize.equalize import equalize
from edgeq.quantize.explain import explain
from tests.quantize import float_nets
from tests.quantize.test_equalize import uneven

NET = float_nets.residual()


def test_every_layer_is_measured_worst_first() -> None:
    integer = quantize(NET, float_nets.samples(NET))
    losses = explain(NET, integer, float_nets.samples(NET, 4, seed=5))
    assert [loss.isolated for loss in losses] == sorted(loss.isolated for loss in losses)
    assert {loss.tensor for loss in losses} == {"r", "d", "s", "p", "f", "l", "y"}
    by_tensor = {loss.tensor: loss for loss in losses}
    assert all(25 < loss.isolated < 80 for loss in losses)
    # What the layers before have lost is part of the accumulated noise.
    assert all(loss.accumulated <= loss.isolated + 3 for loss in losses)
    assert by_tensor["d"].accumulated < by_tensor["d"].isolated
    assert by_tensor["r"].channel_ratio is not None
    assert by_tensor["s"].channel_ratio is None
    assert by_tensor["l"].layer == "dense"


def test_one_layer_alone_has_the_decibels_of_its_rounding() -> None:
    w = np.eye(3, dtype=np.float32)
    graph = float_nets.dense(w)
    runs = list(float_nets.samples(graph, 50))
    integer = quantize(graph, runs)
    (loss,) = explain(graph, integer, runs)
    # Weights are exact, so the noise is that of uniform rounding: a twelfth of a squared step.
    energy = np.mean([x**2 for (x,) in runs])
    expected = 10 * math.log10(energy / (integer.tensors["y"].scale ** 2 / 12))
    assert loss.isolated == pytest.approx(expected, abs=1)
    # Input and output have one code here: the second rounding changes nothing.
    assert loss.accumulated == loss.isolated
    assert (loss.clipped, loss.channel_ratio) == (0.0, 1.0)


def test_clipping_is_counted() -> None:
    graph = float_nets.dense(np.eye(3, dtype=np.float32))
    integer = quantize(graph, [(np.array([[-1, 0.5, 1]], np.float32),)])
    (loss,) = explain(graph, integer, [(np.array([[-9, 0.5, 9]], np.float32),)])
    assert loss.clipped == pytest.approx(2 / 3)
    assert loss.accumulated < 3


def test_uneven_channels_are_seen_in_their_ratio_and_their_loss() -> None:
    graph = uneven()
    even = equalize(graph)
    config = Config(per_channel=False)
    losses = [
        explain(
            each, quantize(each, float_nets.samples(graph), config), float_nets.samples(graph, 2)
        )
        for each in (graph, even)
    ]
    ratios = [{loss.tensor: loss.channel_ratio or 0 for loss in found} for found in losses]
    assert ratios[0]["a"] > 100
    assert ratios[1]["a"] < 10
    last = [next(loss for loss in found if loss.tensor == "y") for found in losses]
    assert last[0].accumulated + 15 < last[1].accumulated


def test_fixed_and_rescaled_tensors_and_uint8_are_measured_too() -> None:
    graph = float_nets.joined()
    integer = quantize(graph, float_nets.samples(graph), Config(dtype=DType.UINT8))
    losses = explain(graph, integer, float_nets.samples(graph, 3))
    assert {loss.tensor for loss in losses} == {"g", "c", "y"}
    assert all(loss.accumulated > 25 for loss in losses)


def test_what_cannot_be_explained_is_refused() -> None:
    with pytest.raises(QuantizationError, match="no samples"):
        explain(NET, quantize(NET, float_nets.samples(NET)), [])
    with pytest.raises(QuantizationError, match="nothing to explain"):
        explain(NET, quantize(NET, config=Config(weights_only=True)), float_nets.samples(NET))
