"""Random modules give the outputs of torch, and, quantized, the bits of the reference in C."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings
from torch import nn

import edgeq
from edgeq import api, reference
from edgeq.frontends.torch import from_torch
from edgeq.ir.graph import Graph, Tensor
from edgeq.quantize import quantize
from edgeq.verify import verify_model
from tests.frontends.torch.one_module import arrays, compare
from tests.frontends.torch.random_modules import Shape, modules

EXACT = 4


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=modules())
def test_they_compute_what_torch_does(made: tuple[nn.Module, Shape]) -> None:
    module, shape = made
    compare(from_torch(module, [torch.zeros(shape)]), module, arrays(shape))


@settings(
    max_examples=EXACT,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(made=modules())
def test_quantized_they_are_bit_exact(made: tuple[nn.Module, Shape]) -> None:
    module, shape = made
    graph = from_torch(module, [torch.zeros(shape)])
    samples = [[array] for array in arrays(*[shape] * 4)]
    # Where a layer is dead, its range is a point, which the quantizer refuses.
    assume(all(np.ptp(tensor) > 0 for tensor in computed(graph, samples)))
    integer = quantize(graph, samples)
    compiled = edgeq.compile(integer)
    lowered = api.lower(integer)
    verdict = verify_model(lowered, compiled, [reference.sample_inputs(lowered, i) for i in (0, 1)])
    assert verdict.difference is None, str(verdict.difference)
    # The codes stand for what the module computes, not only for what the reference does.
    [x] = arrays(shape)
    [quantized] = reference.run(lowered, [_codes(lowered.tensors[lowered.inputs[0]], x)])
    [real] = reference.run(graph, [x])
    y = lowered.tensors[lowered.outputs[0]]
    error = (quantized.astype(np.float64) - y.zero_point) * y.scale - real
    noise, signal = np.square(error).mean(), np.square(real).mean()
    assert noise <= signal / 10, f"{noise} of {signal}"


def computed(graph: Graph, samples: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Return all that a graph computes of samples, by tensor."""
    runs = [reference.run_tensors(graph, arrays) for arrays in samples]
    names = [name for op in graph.ops for name in op.outputs]
    return [np.array([run[name] for run in runs]) for name in names]


def _codes(x: Tensor, array: np.ndarray) -> np.ndarray:
    codes = np.rint(array / x.scale) + x.zero_point
    return np.clip(codes, -128, 127).astype(np.int8)
