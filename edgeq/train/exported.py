"""A PyTorch module to a float graph that keeps what training needs of its batch normalizations.

Normalizations right behind a convolution or linear layer are taken out of a copy before it is
exported: training folds them itself. Layers are found again by their weights, which are replaced
by numbers that occur nowhere else.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import nn

from edgeq import reference
from edgeq.errors import EdgeqError, ModelError
from edgeq.ir.graph import Graph
from edgeq.train.batch_norm import BatchNorm

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def graph_of(
    module: Any, example_inputs: tuple[Any, ...] | None
) -> tuple[Graph, dict[str, BatchNorm]]:
    """Return the float graph of a module and its normalizations by the weights before them.

    Raise ``ModelError`` for what is no module, lacks example inputs or cannot be exported.
    """
    if not isinstance(module, nn.Module):
        raise ModelError(f"{type(module).__name__} is neither a Graph nor a PyTorch module")
    if example_inputs is None:
        raise ModelError("a PyTorch module without example inputs", hint="pass example_inputs")
    plain = copy.deepcopy(module).eval()
    norms = _taken_out(plain, example_inputs)
    marks = _marked(plain, list(norms))
    graph = _exported(plain, example_inputs)
    return _unmarked(graph, marks, norms)


def check_export(module: Any, graph: Graph, example_inputs: tuple[Any, ...]) -> None:
    """Raise ``ModelError`` unless the float graph answers the example inputs as the module does.

    It would not where a layer's output is read by a normalization and by something else too.
    """
    arrays = [x.detach().cpu().numpy() for x in example_inputs]
    with torch.no_grad():
        expected = copy.deepcopy(module).eval()(*example_inputs)
    expected = expected if isinstance(expected, (tuple, list)) else (expected,)
    for want, found in zip(expected, reference.run(graph, arrays), strict=True):
        wanted = want.cpu().numpy()
        # Sums of float32 products in another order, layer upon layer.
        slack = 1e-3 * float(np.abs(wanted).max(initial=0))
        if wanted.shape != found.shape or not np.allclose(wanted, found, rtol=0, atol=slack):
            raise ModelError(
                "the exported network gives other numbers than the module",
                hint="read a layer's output only through the batch normalization behind it",
            )


def _exported(module: nn.Module, example_inputs: tuple[Any, ...]) -> Graph:
    # The front end imports much of PyTorch: only when a module is given.
    package: Any = import_module("edgeq")
    try:
        graph: Graph = package.from_torch(module, example_inputs)
    except EdgeqError:
        raise
    except Exception as error:
        # Whatever the module's own code or the exporter raises: one error, of one family.
        first = str(error).strip().partition("\n")[0]
        raise ModelError(f"the module cannot be exported: {first}") from error
    return graph


def _taken_out(module: nn.Module, inputs: tuple[Any, ...]) -> dict[nn.Module, BatchNorm]:
    """Replace each normalization behind a layer by nothing; return them by layer."""
    made: dict[int, tuple[Any, nn.Module]] = {}
    follows: dict[nn.Module, nn.Module] = {}

    def after(layer: nn.Module, args: Any, y: Any) -> None:
        if isinstance(layer, NORMS) and layer.track_running_stats and id(args[0]) in made:
            follows[layer] = made[id(args[0])][1]
        # Holding the output keeps its identity from being used again.
        made[id(y)] = (y, layer if isinstance(layer, LAYERS) else nn.Identity())

    leaves = [part for part in module.modules() if not list(part.children())]
    hooks = [part.register_forward_hook(after) for part in leaves]
    try:
        with torch.no_grad():
            module(*inputs)
    except Exception as error:
        raise ModelError(f"the module does not run on its example inputs: {error}") from error
    finally:
        for hook in hooks:
            hook.remove()
    found: dict[nn.Module, BatchNorm] = {}
    names = {part: name for name, part in module.named_modules()}
    for norm, layer in follows.items():
        if isinstance(layer, LAYERS) and layer not in found:
            found[layer] = _values(norm, layer)
            owner, _, last = names[norm].rpartition(".")
            setattr(module.get_submodule(owner), last, nn.Identity())
    return found


def _values(norm: Any, layer: Any) -> BatchNorm:
    """Return the normalization's numbers, the layer's bias moved into its mean."""
    count = norm.num_features
    gamma, beta = norm.weight, norm.bias
    mean = norm.running_mean if layer.bias is None else norm.running_mean - layer.bias.detach()
    return BatchNorm(
        gamma=np.ones(count) if gamma is None else gamma.detach().cpu().numpy(),
        beta=np.zeros(count) if beta is None else beta.detach().cpu().numpy(),
        mean=mean.detach().cpu().numpy(),
        variance=norm.running_var.detach().cpu().numpy(),
        epsilon=norm.eps,
        momentum=0.1 if norm.momentum is None else norm.momentum,
    )


def _marked(module: nn.Module, layers: list[Any]) -> dict[float, tuple[np.ndarray, Any]]:
    """Fill the weights of each layer with a number of its own; return the real ones by it."""
    marks = {}
    for index, layer in enumerate(layers):
        mark = float(np.float32(1 + index / 4096))
        marks[mark] = (layer.weight.detach().cpu().numpy().copy(), layer)
        with torch.no_grad():
            layer.weight.fill_(mark)
            if layer.bias is not None:
                layer.bias.zero_()
    return marks


def _unmarked(
    graph: Graph,
    marks: dict[float, tuple[np.ndarray, Any]],
    norms: dict[nn.Module, BatchNorm],
) -> tuple[Graph, dict[str, BatchNorm]]:
    tensors, found = dict(graph.tensors), {}
    for op in graph.ops:
        if op.WEIGHTS_AXIS is None or not graph.tensors[op.inputs[1]].is_constant:
            continue
        tensor = graph.tensors[op.inputs[1]]
        mark = float(tensor.array.flat[0])
        if mark not in marks or not (tensor.array == mark).all():
            continue
        real, layer = marks.pop(mark)
        tensors[tensor.name] = replace(tensor, data=_in_order(real, op.KIND, tensor.shape))
        found[tensor.name] = norms[layer]
    if marks:
        raise ModelError(
            "a layer before a batch normalization is not in the exported network",
            hint="call the module on inputs that reach all its layers",
        )
    return replace(graph, tensors=tensors), found


def _in_order(w: np.ndarray, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return weights [O,C,...] as the graph has them: channels last, depthwise [1,...,O]."""
    if kind == "fully_connected":
        return w.reshape(shape)
    while w.ndim < 4:
        w = w[:, :, np.newaxis]
    if kind == "depthwise_conv2d":
        return w.transpose(1, 2, 3, 0).reshape(shape)
    return w.transpose(0, 2, 3, 1).reshape(shape)
