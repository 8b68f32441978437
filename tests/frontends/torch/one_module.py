"""Small modules, and the comparison of what is read of them with torch."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgeq import reference
from edgeq.errors import EdgeqError
from edgeq.frontends.torch import from_torch
from edgeq.ir.graph import Graph

torch.set_num_threads(1)

# Both sides compute in float32 and differ in the order of their sums, in fused multiply-adds and
# in exp and tanh, which libraries round differently. A sum of n products of magnitude m is off by
# n * m * 2^-24 at most: with the few hundred products of these modules that is below 1e-5 of the
# largest number that goes in or comes out.
RELATIVE = 1e-5

Function = Callable[..., Any]


class Of(nn.Module):
    """A function of its inputs and of the modules that it holds."""

    def __init__(self, function: Function, *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs, *self.parts)


def seeded(module: nn.Module, seed: int = 0) -> nn.Module:
    """Return a module in evaluation mode; weights, and running statistics, repeat nowhere."""
    made = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, array in (*module.named_parameters(), *module.named_buffers()):
            if not array.is_floating_point():
                continue
            fan_in = max(1, array[0].numel()) if array.ndim > 1 else 1
            array.normal_(0, fan_in**-0.5, generator=made)
            if name.endswith("running_var") or (array.ndim == 1 and name.endswith("weight")):
                array.abs_().add_(0.5)
    return module.eval()


def arrays(*shapes: tuple[int, ...], seed: int = 7) -> list[np.ndarray]:
    """Return float32 numbers that repeat nowhere."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def same_as_torch(module: nn.Module | Function, *shapes: tuple[int, ...], parts: Any = ()) -> Graph:
    """Return the graph of a module; raise unless it computes what torch does."""
    made = seeded(module if isinstance(module, nn.Module) else Of(module, *parts))
    inputs = arrays(*shapes)
    graph = from_torch(made, [torch.from_numpy(array) for array in inputs])
    compare(graph, made, inputs)
    return graph


def compare(graph: Graph, module: nn.Module, inputs: list[np.ndarray]) -> None:
    """Raise unless a graph gives what a module does."""
    found = reference.run(graph, inputs)
    with torch.no_grad():
        wanted = module(*(torch.from_numpy(array.copy()) for array in inputs))
    wanted = wanted if isinstance(wanted, (tuple, list)) else (wanted,)
    assert len(found) == len(wanted)
    for got, tensor in zip(found, wanted, strict=True):
        expected = tensor.numpy()
        assert got.shape == expected.shape
        largest = max(np.abs(array).max() for array in (*inputs, expected))
        np.testing.assert_allclose(got, expected, rtol=RELATIVE, atol=RELATIVE * largest)


def saved(module: nn.Module, *shapes: tuple[int, ...], **options: Any) -> bytes:
    """Return the .pt2 file of a module."""
    example = tuple(torch.from_numpy(array) for array in arrays(*shapes))
    stream = io.BytesIO()
    torch.export.save(torch.export.export(module, example, **options), stream)
    return stream.getvalue()


def kinds(graph: Graph) -> list[str]:
    """Return the kinds of a graph's operations in order."""
    return [op.KIND for op in graph.ops]


def message(
    module: nn.Module | Function, *shapes: tuple[int, ...], error: type[EdgeqError] = EdgeqError
) -> str:
    """Return why a module is refused."""
    made = module if isinstance(module, nn.Module) else Of(module)
    with pytest.raises(error) as found:
        from_torch(made, [torch.from_numpy(array) for array in arrays(*shapes)])
    return str(found.value)
