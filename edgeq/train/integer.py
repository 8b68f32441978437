"""The integer network on batches in PyTorch: the deployed arithmetic at a trainer's speed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from edgeq import api
from edgeq.errors import ModelError, UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.ops._float_codes import LIMIT
from edgeq.quantize.rules import refuse_states
from edgeq.train.integer_ops import INTEGER_OPS, Run, in_numpy
from edgeq.train.movement import described, mixes_samples

CPU = torch.device("cpu")
BATCH = 32


class IntegerModule(nn.Module):
    """An integer network whose every bit is that of ``edgeq.reference`` and of the C.

    Called like the module that was trained, it takes float32 batches (quantized as the C's users
    do) or batches of codes, and returns float32 numbers; ``codes`` returns the codes themselves.
    ``graph`` is the integer network, not lowered: what ``edgeq.compile`` takes.
    """

    def __init__(self, graph: Graph, device: torch.device = CPU) -> None:
        super().__init__()
        self.graph, self.device = graph, device
        self.lowered = api.lower(graph)
        refuse_states(self.lowered)
        mixed = [described(op) for op, io in self.lowered.walk() if mixes_samples(op, io)]
        if mixed:
            raise UnsupportedError(
                "operations that do not keep the samples of a batch apart: " + ", ".join(mixed)
            )
        self._runs: list[tuple[Any, Run]] = [
            (op, INTEGER_OPS.get(op.KIND, in_numpy)(op, io, device))
            for op, io in self.lowered.walk()
        ]
        self._constants = {
            name: torch.as_tensor(tensor.array.copy(), device=device)
            for name, tensor in self.lowered.tensors.items()
            if tensor.is_constant
        }

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the outputs as float32 numbers; one alone, not in a tuple."""
        outputs = tuple(
            self._reals(name, y)
            for name, y in zip(self.graph.outputs, self._all(inputs), strict=True)
        )
        return outputs[0] if len(outputs) == 1 else outputs

    def codes(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the outputs as the C returns them; one alone, not in a tuple."""
        outputs = self._all(inputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def quantized(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return inputs as the network takes them: real numbers where it takes codes quantized."""
        if len(inputs) != len(self.graph.inputs):
            raise ModelError(f"{len(inputs)} inputs given, the model has {len(self.graph.inputs)}")
        pairs = zip(self.graph.inputs, inputs, strict=True)
        return tuple(self._input(name, x.to(self.device)) for name, x in pairs)

    def _input(self, name: str, x: Tensor) -> Tensor:
        tensor = self.graph.tensors[name]
        dtype: torch.dtype = getattr(torch, tensor.dtype.value)
        if tuple(x.shape[1:]) != tensor.shape[1:]:
            wanted = ", ".join(map(str, ("N", *tensor.shape[1:])))
            raise ModelError(f"input '{name}' has shape {tuple(x.shape)}, expected [{wanted}]")
        if x.dtype == dtype or not x.is_floating_point() or tensor.quant is None:
            if x.dtype != dtype:
                raise ModelError(f"input '{name}' is {x.dtype}, expected {dtype} or float32")
            return x
        limit = float(LIMIT)
        steps = (x.float() / tensor.scale).clamp_(-limit, limit)
        # The remainder is exact; adding one half to the quotient would not be.
        whole = steps.trunc()
        whole += torch.where((steps - whole).abs() >= 0.5, steps.sign(), torch.zeros_like(steps))
        codes = whole.int() + tensor.zero_point
        return codes.clamp_(tensor.dtype.min, tensor.dtype.max).to(dtype)

    def _all(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            ready = self.quantized(*inputs)
            runs = [self._some(part) for part in _parts(ready)]
        return tuple(torch.cat(outputs) for outputs in zip(*runs, strict=True))

    def _some(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        values = dict(self._constants)
        values.update(zip(self.lowered.inputs, inputs, strict=True))
        for op, run in self._runs:
            results = run([values[name] for name in op.inputs])
            results = results if isinstance(results, tuple) else (results,)
            values.update(zip(op.outputs, results, strict=True))
        return tuple(values[name] for name in self.lowered.outputs)

    def _reals(self, name: str, y: Tensor) -> Tensor:
        tensor = self.graph.tensors[name]
        if tensor.quant is None:
            return y
        return (y.int() - tensor.zero_point).float() * tensor.scale


def _parts(inputs: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
    """Yield batches small enough for the intermediate results to stay in memory."""
    yield from zip(*(x.split(BATCH) for x in inputs), strict=True)
