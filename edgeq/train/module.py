"""The float network as a PyTorch module that computes what inference will compute."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.ops.base import Op
from edgeq.quantize.ranges import Range
from edgeq.quantize.rules import QuantPlan
from edgeq.train.batch_norm import BatchNorm, Folded
from edgeq.train.config import Config
from edgeq.train.float_ops import FLOAT_OPS, activated, sums
from edgeq.train.layout import Step, buffer_name, floor_of, keys_of, program_of, tensor_of
from edgeq.train.ranges import Ranges
from edgeq.train.state import restored, structure
from edgeq.train.straight import Span
from edgeq.train.weights import first_steps, least_scales, simulated_weights, stepped_weights


class QuantModule(nn.Module):
    """A float graph that is trained under simulated quantization.

    Called with one float32 batch per input, [N, ...] where the graph has [1, ...], it returns the
    float32 outputs that the quantized network approximates. In training mode each call is one
    step: it observes ranges, and quantizes by those of the steps before (so the first step sees
    real activations). In evaluation mode nothing changes.
    """

    def __init__(
        self,
        graph: Graph,
        plan: QuantPlan,
        config: Config,
        norms: Mapping[int, BatchNorm],
        bits: Mapping[str, int],
    ) -> None:
        super().__init__()
        self.graph, self.plan, self.config, self.bits = graph, plan, config, bits
        self.fingerprint = config.fingerprint(structure(graph, norms))
        self.steps = 0
        self.keys = keys_of(graph, plan, norms)
        self.constants = nn.ParameterDict(
            {self.keys[name]: nn.Parameter(tensor_of(graph, name)) for name in self.keys}
        )
        self.norms = nn.ModuleDict(
            {
                str(index): Folded(norm, graph.ops[index].WEIGHTS_AXIS or 0, config)
                for index, norm in norms.items()
            }
        )
        self.ranges = Ranges(plan, floor_of(graph, plan), bits, config)
        self.weight_steps = nn.ParameterDict()
        self.program = program_of(graph, plan, self.ranges.index)
        self.inputs = [self.ranges.index[plan.groups[name]] for name in graph.inputs]
        self._random: dict[torch.device, torch.Generator] = {}
        for name, tensor in graph.tensors.items():
            if tensor.is_constant and name not in self.keys and tensor.dtype.is_float:
                self.register_buffer(
                    buffer_name(graph, name), tensor_of(graph, name), persistent=False
                )
        if config.learned_steps:
            for name, w in self.folded_weights().items():
                steps = nn.Parameter(first_steps(w, plan.weights[name], config))
                self.weight_steps[self.keys[name]] = steps

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the outputs for one batch per input; one alone, not in a tuple."""
        self._check(inputs)
        # Ranges and codes are formed in float32 whatever the trainer's precision.
        run = _Run(self, self.training, self._spans())
        values = run.values(inputs)
        if self.training:
            self.ranges.observe(run.extremes, move=self._averages())
            self.steps += 1
        names = self._left_out() if self.config.logits else self.graph.outputs
        outputs = tuple(values[name] for name in names)
        return outputs[0] if len(outputs) == 1 else outputs

    def _spans(self) -> list[Span] | None:
        """Return the codes of activations, or ``None`` where they are real numbers still."""
        waits = self.training and self.steps < self.config.delay
        return None if waits or not self.ranges.observed else self.ranges.spans()

    def _averages(self) -> bool:
        """Tell whether ranges still follow what is seen: learned ones stop after the delay."""
        learns = self.config.learned_steps and self.steps >= self.config.delay
        return not (learns and self.ranges.observed)

    def _left_out(self) -> tuple[str, ...]:
        """Return the outputs, with what a softmax reads in place of what it writes."""
        made = self.graph.producers()
        last = [made.get(name) for name in self.graph.outputs]
        return tuple(
            op.inputs[0] if op is not None and op.KIND in ("softmax", "log_softmax") else name
            for name, op in zip(self.graph.outputs, last, strict=True)
        )

    def folded_weights(self) -> dict[str, Tensor]:
        """Return the real weights of each layer as they are quantized, by name."""
        found: dict[str, Tensor] = {}
        for index in self.plan.layers:
            name = self.graph.ops[index].inputs[1]
            w, key = self.constants[self.keys[name]], str(index)
            folded = cast(Folded, self.norms[key]) if key in self.norms else None
            found[name] = w if folded is None else folded.folded(w)[0]
        return found

    def noise(self, like: Tensor) -> Tensor:
        """Return uniform numbers within half a step of 0, from the module's own generator."""
        source = self._random.get(like.device)
        if source is None:
            source = torch.Generator(like.device)
            source.manual_seed(self.config.seed)
            self._random[like.device] = source
        return torch.rand(like.shape, generator=source, device=like.device, dtype=like.dtype) - 0.5

    def set_ranges(self, ranges: Mapping[str, Range]) -> None:
        """Take the activations' ranges from elsewhere, such as a calibration, by group."""
        self.ranges.set(ranges)

    def scalars(self) -> dict[str, float]:
        """Return both ends of every range, by names that TensorBoard groups; none before any."""
        if not self.ranges.observed:
            return {}
        return {
            f"range/{name}/{end}": value
            for name, ends in self.ranges.get().items()
            for end, value in zip(("low", "high"), ends, strict=True)
        }

    def eval_integer(self) -> Any:
        """Return the integer network as it would be deployed now, to run on batches."""
        from edgeq.train.convert import convert
        from edgeq.train.integer import IntegerModule

        return IntegerModule(convert(self), device=self.ranges.floor.device)

    def __deepcopy__(self, memo: dict[int, Any]) -> QuantModule:
        """Return a module with weights, ranges and random numbers of its own."""
        # What it holds of the graph never changes.
        memo |= {id(kept): kept for kept in (self.graph, self.plan, self.bits, self.program)}
        twin = QuantModule.__new__(QuantModule)
        memo[id(self)] = twin
        own = {name: value for name, value in self.__dict__.items() if name != "_random"}
        twin.__dict__.update(copy.deepcopy(own, memo))
        twin._random = {}
        twin.set_extra_state(self.get_extra_state())
        return twin

    def get_extra_state(self) -> dict[str, Any]:
        """Return what a resumed run needs besides parameters and buffers."""
        return {
            "fingerprint": self.fingerprint,
            "steps": self.steps,
            "observed": self.ranges.observed,
            "random": {str(d): source.get_state() for d, source in self._random.items()},
        }

    def set_extra_state(self, state: Any) -> None:
        """Take what ``get_extra_state`` returned."""
        self.steps, self.ranges.observed = state["steps"], state["observed"]
        for name, numbers in state["random"].items():
            source = torch.Generator(torch.device(name))
            source.set_state(numbers.cpu())
            self._random[torch.device(name)] = source

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Take a checkpoint; raise ``ModelError`` for one that is of something else."""
        try:
            return super().load_state_dict(state_dict, *args, **options)
        except RuntimeError as error:
            what = " ".join(str(error).split())
            raise ModelError(f"the checkpoint does not fit: {what}") from None

    def _load_from_state_dict(self, state: Any, prefix: str, *rest: Any) -> None:
        # Before anything is overwritten.
        restored(state.get(f"{prefix}_extra_state"), self.fingerprint)
        super()._load_from_state_dict(state, prefix, *rest)

    def _check(self, inputs: tuple[Tensor, ...]) -> None:
        if len(inputs) != len(self.graph.inputs):
            raise ModelError(f"{len(inputs)} inputs given, the model has {len(self.graph.inputs)}")
        for index, (name, x) in enumerate(zip(self.graph.inputs, inputs, strict=True)):
            expected = self.graph.tensors[name].shape[1:]
            if tuple(x.shape[1:]) != expected or not x.is_floating_point():
                wanted = ", ".join(map(str, ("N", *expected)))
                raise ModelError(
                    f"input {index} ('{name}') is {x.dtype} {tuple(x.shape)}, "
                    f"expected floating point [{wanted}]"
                )
            if not len(x):
                raise ModelError(f"input {index} ('{name}') is a batch of no samples")


class _Run:
    """One pass over the network."""

    def __init__(self, module: QuantModule, observes: bool, spans: list[Span] | None) -> None:
        self.module, self.observes, self.spans = module, observes, spans
        self.noise = module.noise if observes and module.config.stochastic else None
        self.extremes: dict[int, list[Tensor]] = {}

    def values(self, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Return every tensor by name."""
        module = self.module
        values = {name: module.constants[key] for name, key in module.keys.items()}
        values |= self._others()
        for name, x, group in zip(module.graph.inputs, inputs, module.inputs, strict=True):
            values[name] = self._written(x, group, group)
        for index, step in enumerate(module.program):
            if index in module.plan.layers:
                results: Any = self._layer(index, step, values)
            else:
                arrays = [values[name] for name in step.op.inputs]
                results = FLOAT_OPS[step.op.KIND](step.op, step.io, arrays)
            results = results if isinstance(results, tuple) else (results,)
            for name, y, group, seen in zip(
                step.op.outputs, results, step.groups, step.seen, strict=True
            ):
                values[name] = self._written(y, group, seen)
        return values

    def _others(self) -> dict[str, Tensor]:
        """Return the constants that are no parameters, as their codes stand for them."""
        module, found = self.module, {}
        for name, tensor in module.graph.tensors.items():
            if tensor.is_constant and name not in module.keys and tensor.dtype.is_float:
                x = module.get_buffer(buffer_name(module.graph, name))
                group = module.plan.groups.get(name)
                found[name] = x if group is None else self._coded(x, module.ranges.index[group])
        return found

    def _written(self, x: Tensor, group: int, seen: int) -> Tensor:
        if self.observes and 0 <= seen < len(self.module.ranges.names):
            with torch.no_grad():
                self.extremes.setdefault(seen, []).append(torch.stack(x.detach().aminmax()).float())
        return x if group < 0 else self._coded(x, group)

    def _coded(self, x: Tensor, group: int) -> Tensor:
        if self.spans is None:
            return x
        return self.module.ranges.quantized(x, group, self.spans[group], self.noise)

    def _layer(self, index: int, step: Step, values: Mapping[str, Tensor]) -> Tensor:
        module, op = self.module, step.op
        x, w, *rest = (values[name] for name in op.inputs)
        key = str(index)
        if key in module.norms:
            y = module.norms[key](
                lambda weights: sums(op, step.io, x, weights),
                lambda weights, bias: self._weights(op, weights, bias),
                w,
                module.steps if self.observes else None,
            )
        else:
            bias = rest[0] if rest else None
            y = sums(op, step.io, x, self._weights(op, w, bias))
            y = y if bias is None else y + bias
        return activated(op.activation, y)  # type: ignore[attr-defined]

    def _weights(self, op: Op, w: Tensor, bias: Tensor | None) -> Tensor:
        """Return the weights as their codes stand for them."""
        axis, least = self.module.plan.weights[op.inputs[1]], None
        if bias is not None and self.spans is not None:
            group = self.module.plan.groups[op.inputs[0]]
            scale = self.spans[self.module.ranges.index[group]].scale
            dtype = self.module.config.post_training.bias_dtype
            least = least_scales(bias, scale, axis, dtype)
        key = self.module.keys[op.inputs[1]]
        if key in self.module.weight_steps:
            steps = self.module.weight_steps[key]
            return stepped_weights(w, axis, self.module.config, steps, least)
        return simulated_weights(w, axis, self.module.config, least, self.noise)
