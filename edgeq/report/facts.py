"""What there is to report, as plain data: ``--json`` prints it, and the terminal tables show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import edgeq.ops.all  # noqa: F401  (fills the registry)
from edgeq.frontends import READERS
from edgeq.frontends.onnx import kinds as onnx_kinds
from edgeq.frontends.tflite import CONVERTERS
from edgeq.frontends.tflite.kinds import KINDS
from edgeq.frontends.torch import kinds as torch_kinds
from edgeq.host.doctor import Tool
from edgeq.ir.graph import Graph
from edgeq.ops.base import REGISTRY
from edgeq.plan.program import Call, Program
from edgeq.plan.select import table
from edgeq.report.arena import buffers, where
from edgeq.report.budget import flash_by_layer, ram_by_layer
from edgeq.report.op_types import described, types_of
from edgeq.report.operations import operations as operations_of
from edgeq.report.port import port
from edgeq.targets import TARGETS
from edgeq.verify import Verdict

Facts = dict[str, Any]


def parameters(graph: Graph) -> int:
    """Return the elements of all constants that operations compute with, each counted once."""
    names = {name for op in graph.ops if op.COMPUTES for name in op.inputs}
    return sum(graph.tensors[name].elements for name in names if graph.tensors[name].is_constant)


def project(program: Program, files: Iterable[str]) -> Facts:
    """Return the figures of a compiled network."""
    fallbacks = [{"function": call.symbol, "kind": call.kind} for call in program.fallbacks]
    layers = {"layers": len(program.calls), "threads": program.threads, "fallbacks": fallbacks}
    return {**_memory(program), **layers, "files": sorted(files)}


def contents(graph: Graph) -> Facts:
    """Return what is in a graph, whatever it is compiled for."""
    return {
        "name": graph.name,
        "numerics": graph.numerics,
        "macs": sum(op.macs(io) for op, io in graph.walk()),
        "parameters": parameters(graph),
        "ops": dict(sorted(Counter(op.KIND for op in graph.ops).items())),
        "inputs": [port(graph.tensors[name]) for name in graph.inputs],
        "outputs": [port(graph.tensors[name]) for name in graph.outputs],
        "states": [port(graph.tensors[state.name]) for state in graph.states],
    }


def network(graph: Graph, lowered: Graph | None = None, program: Program | None = None) -> Facts:
    """Return the figures of a network, layer by layer and operation by operation.

    Without a program, as for a graph that computes in floating point, there is no memory plan. The
    flash of a layer is that of its constants; its RAM is what is alive in the arena while it runs.
    """
    if lowered is None or program is None:
        layers = [_float_layer(graph, index) for index in range(len(graph.ops))]
        lists = {"layers": layers, "operations": operations_of(graph), "buffers": []}
        return {**contents(graph), **_NO_MEMORY, **lists}
    flash, ram = flash_by_layer(program, ()), ram_by_layer(lowered, program)
    return {
        **contents(graph),
        **_memory(program),
        "name": graph.name,
        "layers": [
            {
                **_layer(lowered, program, call),
                "flash_data": flash[call.index],
                "ram": ram[call.index],
            }
            for call in program.calls
        ],
        "operations": operations_of(lowered, program),
        "buffers": buffers(lowered, program),
    }


def verification(verdicts: Iterable[Verdict], peers: Iterable[Verdict] = ()) -> Facts:
    """Return what was compared, with C and with other engines, and whether all of it was equal."""
    targets, against = ([verdict.facts() for verdict in each] for each in (verdicts, peers))
    passed = all(each["passed"] for each in (*targets, *against))
    return {"passed": passed, "targets": targets, "against": against}


def operations() -> list[Facts]:
    """Return every operation: its types, the front ends that read it, and its kernels by ISA."""
    kinds: dict[str, list[str]] = {}
    for code in sorted(CONVERTERS):
        for kind in tflite_kinds(code):
            kinds.setdefault(kind, []).append(code)
    readers = {
        "tflite": kinds,
        "onnx": onnx_kinds.operators(),
        "pt2": torch_kinds.operators(),
    }
    isas = tuple(dict.fromkeys(isa for target in TARGETS.values() for isa in target.isas))
    return [
        {
            "kind": kind,
            "types": described(kind),
            "float_networks": types_of(kind).in_float,
            "frontends": [name for name in sorted(_FORMATS) if kind in readers.get(name, REGISTRY)],
            **{name: codes.get(kind, []) for name, codes in readers.items()},
            "kernels": {
                isa: list(dict.fromkeys(r.id for r in table(isa) if r.op is REGISTRY[kind]))
                for isa in isas
            },
        }
        for kind in sorted(REGISTRY)
    ]


def tflite_kinds(code: str) -> tuple[str, ...]:
    """Return the operations that a .tflite operator becomes.

    >>> tflite_kinds("DEPTHWISE_CONV_2D"), tflite_kinds("SQUEEZE")
    (('depthwise_conv2d',), ('reshape',))
    """
    if code in KINDS:
        return KINDS[code]
    plain = code.replace("_", "").lower()
    near = [kind for kind in REGISTRY if plain.startswith(kind.replace("_", ""))]
    return (max(near, key=len),) if near else ()


def targets() -> list[Facts]:
    """Return every target."""
    return [
        {
            "name": target.name,
            "summary": target.summary,
            "isas": list(target.isas),
            "alignment": target.alignment,
            "flags": list(target.flags),
            "runner": target.runner,
            "runner_arguments": list(target.runner_arguments),
            "modelled": target.is_modelled,
            "compilers": [" ".join(each.command) for each in target.compilers],
        }
        for target in TARGETS.values()
    ]


def tools(found: Iterable[Tool]) -> list[Facts]:
    """Return every compiler and emulator, found or not."""
    return [
        {
            "name": tool.name,
            "found": tool.found,
            "purpose": tool.purpose,
            "path": tool.path or None,
            "version": tool.version or None,
            "install": tool.install,
        }
        for tool in found
    ]


_FORMATS = tuple(suffix.lstrip(".") for suffix in READERS)
_NO_MEMORY: Facts = dict.fromkeys(
    (
        "target",
        "optimize",
        "arena",
        "lower_bound",
        "regions",
        "state_bytes",
        "alignment",
        "flash_data",
        "stack",
        "stack_of",
    )
)


def _memory(program: Program) -> Facts:
    return {
        "name": program.name,
        "target": program.target,
        "numerics": program.numerics,
        "optimize": program.optimize,
        "macs": program.macs,
        "arena": program.arena,
        "lower_bound": program.lower_bound,
        "regions": [asdict(region) for region in program.regions],
        "state_bytes": program.state_bytes,
        "alignment": program.alignment,
        "flash_data": program.data_bytes,
        "stack": program.stack,
        "stack_of": list(program.stack_of),
    }


def _float_layer(graph: Graph, index: int) -> Facts:
    op = graph.ops[index]
    return {
        "index": index,
        "kind": op.KIND,
        "source": op.source,
        "macs": op.macs(graph.operands(op)),
        "parameters": _constants(graph, op.inputs),
        "inputs": list(op.inputs),
        "outputs": [port(graph.tensors[name]) for name in op.outputs],
    }


def _layer(lowered: Graph, program: Program, call: Call) -> Facts:
    return {
        "index": call.index,
        "kind": call.kind,
        "function": call.symbol,
        "kernel": call.kernel,
        "source": call.source,
        "macs": call.macs,
        "parameters": _constants(lowered, call.inputs),
        "scratch": call.scratch_bytes,
        "inputs": list(call.inputs),
        "outputs": [
            {**port(lowered.tensors[name]), **where(program, name)} for name in call.outputs
        ],
    }


def _constants(graph: Graph, names: Iterable[str]) -> int:
    found = (graph.tensors[name] for name in dict.fromkeys(names))
    return sum(tensor.elements for tensor in found if tensor.is_constant)
