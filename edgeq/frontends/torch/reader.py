"""Modules and .pt2 files to graph: exported, made plain by torch, then read node by node."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from edgeq.emit.names import c_identifier
from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.nchw.builder import Builder
from edgeq.frontends.nchw.ports import channels_last_ports
from edgeq.frontends.nchw.reading import finished, read_nodes
from edgeq.frontends.nchw.values import Value, identity
from edgeq.frontends.tflite.tensors import readable
from edgeq.frontends.torch.archive import safe_archive
from edgeq.frontends.torch.calls import torch_errors
from edgeq.frontends.torch.converter import CONVERTERS
from edgeq.frontends.torch.folding import FOLDS, fold
from edgeq.frontends.torch.node import Node
from edgeq.frontends.torch.program import (
    add_inputs,
    check_outputs,
    codes_of,
    constants_of,
    input_shapes,
    names_of,
    nodes_of,
    outputs_of,
)
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify

# What torch takes apart into operators that are read; all others stay as the user wrote them, so
# that messages name what is in the module.
DECOMPOSED = frozenset(
    """pixel_shuffle pixel_unshuffle channel_shuffle movedim swapaxes tile concatenate
    feature_dropout numpy_T mT upsample_nearest1d""".split()
)
# Open extents are tried at this size: the only one that the graph then has.
_BATCH = 1


def from_torch(
    module: Any, example_inputs: Sequence[Any], *, name: str = "", channels_last: bool = False
) -> Graph:
    """Return the float graph of a module, which computes on images stored channels last.

    ``module`` is a ``torch.nn.Module``, read as it is in evaluation mode, or what
    ``torch.export.export`` made of one; ``example_inputs`` are the tensors to call it with, float32
    and of the shapes that the graph is to have. Outputs keep their shapes and come in the order
    in which the module returns them. With ``channels_last`` images enter and leave as [N,H,W,C],
    as a camera gives them, which saves a copy. Raise ``UnsupportedError`` when torch cannot
    export the module, or that lists every operation edgeq does not implement.

    The graph computes in floating point: ``edgeq.quantize.quantize`` makes it one of integers.
    """
    torch = _torch("edgeq.from_torch")
    if isinstance(module, torch.export.ExportedProgram):
        program = module
    elif isinstance(module, torch.nn.Module):
        program = _exported(torch, module, tuple(example_inputs))
    else:
        raise ModelError(f"a {type(module).__name__}, not a torch.nn.Module")
    title = name or type(getattr(module, "graph_module", module)).__name__
    graph = graph_of(torch, program, c_identifier(title))
    return verify(channels_last_ports(graph) if channels_last else graph)


def read_pt2(data: bytes, name: str) -> Graph:
    """Return the float graph of a file that ``torch.export.save`` wrote.

    Raise ``ModelError`` when the file is malformed, ``UnsupportedError`` when it holds what could
    run code while torch loads it (``archive``), or that lists every operation that edgeq does not
    implement. Precautions are no proof: load .pt2 files only from where you would take code.
    """
    torch = _torch("reading .pt2")
    safe = safe_archive(data)
    with torch_errors("torch cannot load it", ModelError):
        program = torch.export.load(io.BytesIO(safe))
    return graph_of(torch, program, name)


def graph_of(torch: Any, program: Any, name: str) -> Graph:
    """Return the float graph of an exported program."""
    program = _plain(torch, _closed(torch, program))
    check_outputs(program)
    build = Builder(names_of(program))
    build.constants.update(constants_of(program))
    inputs = add_inputs(program, build)
    nodes = list(nodes_of(program, build))
    hint = "supported: " + ", ".join(sorted(code for code in CONVERTERS if code[0] != "_"))
    read_nodes(nodes, lambda node: _known(node.code), _read, hint)
    return finished(name, build, inputs, outputs_of(program, build), "torch")


def _known(code: str) -> bool:
    plain = code.removesuffix("_")  # which means: in place
    return plain in CONVERTERS or plain in FOLDS or plain in DECOMPOSED


def _read(node: Node) -> None:
    if fold(node):
        return
    if node.code in CONVERTERS:
        CONVERTERS[node.code](node)
    elif node.code in FOLDS:
        raise node.unsupported("of values that are computed at run time")
    else:
        # Torch has not taken it apart, because the program holds others that are not supported:
        # something of its shape stands for it, so that the rest is looked at as well.
        for index, shape in enumerate(node.shapes):
            made = node.build.add(node.outputs[index], shape)
            node.give(Value(made, shape, identity(len(shape))), index)


def _exported(torch: Any, module: Any, example: tuple[Any, ...]) -> Any:
    """Export a module in evaluation mode, and leave it in the mode it was in."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        return _captured(torch, module, example, "torch.export cannot capture it")
    finally:
        for part, mode in modes.items():
            part.training = mode


def _captured(torch: Any, module: Any, example: tuple[Any, ...], what: str) -> Any:
    """Export a callable module; without gradients, which would appear as regions of their own."""
    with torch_errors(what, UnsupportedError), torch.no_grad():
        return torch.export.export(module, example)


def _closed(torch: Any, program: Any) -> Any:
    """Return a program of fixed extents: its batch, if open, is 1. Regions are unfolded."""
    shapes = input_shapes(program)
    fixed = all(isinstance(extent, int) for shape in shapes.values() for extent in shape)
    if fixed and "wrap_with_set_grad_enabled" not in codes_of(program):
        return program
    for name, shape in shapes.items():
        if not all(isinstance(extent, int) for extent in shape[1:]):
            raise UnsupportedError(
                f"has extents known at run time only: {tuple(map(str, shape))}",
                where=f"input '{readable(name)}'",
                hint="only the batch, dimension 0, may be open: export with fixed extents",
            )
    example = tuple(
        torch.zeros([extent if isinstance(extent, int) else _BATCH for extent in shape])
        for shape in shapes.values()
    )
    return _captured(torch, program.module(), example, "torch cannot export it again")


def _plain(torch: Any, program: Any) -> Any:
    """Return a program without operations in place; unchanged where some operator is unknown."""
    if not all(map(_known, codes_of(program))):
        return program
    with torch_errors("torch cannot make it plain", UnsupportedError):
        full = torch.export.default_decompositions()
        table = {
            op: rule
            for op, rule in full.items()
            if op._schema.name.removeprefix("aten::") in DECOMPOSED
        }
        return program.run_decompositions(table)


def _torch(what: str) -> Any:
    try:
        import torch
    except ImportError:
        raise UnsupportedError(
            f"{what} needs the package 'torch'", hint="pip install 'edgeq[torch]'"
        ) from None
    return torch
