"""Program to {path: text}: every file of the output folder. Nothing is written here."""

from __future__ import annotations

import json
from dataclasses import replace

from edgeq.emit.environment import render
from edgeq.emit.vectors import Vectors, vectors_view
from edgeq.emit.view import CallView, call_view, data_view, is_string, port_view
from edgeq.ir.graph import Graph
from edgeq.plan.program import Port, Program
from edgeq.resources import runtime_dir
from edgeq.version import VERSION

# Stands for a function's name while texts are compared; no C name is like it.
_SYMBOL = "@function@"


def sources(program: Program) -> dict[str, str]:
    """Return the files that a user compiles: header, code, weights, fixed-point primitives."""
    return _sources(program, _context(program))


def _sources(program: Program, context: dict[str, object]) -> dict[str, str]:
    name = program.name
    calls: tuple[CallView, ...] = context["calls"]  # type: ignore[assignment]
    bodies, shared = _functions(calls)
    context = {**context, "calls": shared}
    return {
        f"include/{name}.h": render("model/model.h.j2", **context),
        f"src/{name}.c": render("model/model.c.j2", bodies=bodies, **context),
        f"src/{name}_weights.c": render("model/weights.c.j2", **context),
        f"src/{name}_weights.h": render("model/weights.h.j2", **context),
        **{f"src/{name}": _header(name) for name in headers(program)},
    }


def _functions(calls: tuple[CallView, ...]) -> tuple[list[str], tuple[CallView, ...]]:
    """Return the text of every function, and the calls; parts that are equal share a function."""
    bodies: list[str] = []
    shared: list[CallView] = []
    for call in calls:
        known: dict[str, str] = {}
        parts = []
        for part in call.parts or (call,):
            text = render(part.template, k=replace(part, symbol=_SYMBOL)).strip() + "\n"
            symbol = known.setdefault(text, part.symbol)
            if symbol == part.symbol:
                bodies.append(text.replace(_SYMBOL, symbol))
            invocation = part.invocation.replace(part.symbol, symbol, 1)
            parts.append(replace(part, symbol=symbol, invocation=invocation))
        shared.append(replace(call, parts=tuple(parts)) if call.parts else parts[0])
    return bodies, tuple(shared)


def headers(program: Program) -> tuple[str, ...]:
    """Return the files of ``runtime/include/`` that a program's code includes."""
    return ("edgeq_fixed_point.h", *program.headers)


def _header(name: str) -> str:
    return (runtime_dir() / "include" / name).read_text(encoding="utf-8")


def project(program: Program, graph: Graph, vectors: Vectors) -> dict[str, str]:
    """Return the whole output folder: sources, self-test, example, build files, manifest."""
    context = _context(program)
    name = program.name
    view = vectors_view(program, vectors)
    return {
        **_sources(program, context),
        f"test/{name}_vectors.h": render("model/vectors.h.j2", vectors=view, **context),
        "test/selftest.c": render("model/selftest.c.j2", vectors=view, **context),
        "examples/main.c": render("model/main.c.j2", **context),
        "CMakeLists.txt": render("model/CMakeLists.txt.j2", **context),
        "Makefile": render("model/Makefile.j2", **context),
        "README.md": render("model/README.md.j2", **context),
        "manifest.json": json.dumps(manifest(program, graph), indent=2) + "\n",
    }


def manifest(program: Program, graph: Graph) -> dict[str, object]:
    """Return what a tool may want to know of a compiled network, as plain data."""
    return {
        "name": program.name,
        "generator": f"edgeq {VERSION}",
        "abi": 1,
        "model_sha256": program.model_hash,
        "target": program.target,
        "numerics": program.numerics,
        "arena": program.arena,
        "lower_bound": program.lower_bound,
        "alignment": program.alignment,
        "flash_data": program.data_bytes,
        "stack": program.stack,
        "stack_of": list(program.stack_of),
        "threads": program.threads,
        "macs": program.macs,
        "inputs": [port_facts(port) for port in program.inputs],
        "outputs": [port_facts(port) for port in program.outputs],
        "fallbacks": [call.symbol for call in program.fallbacks],
        "layers": [_layer(program, graph, index) for index in range(len(program.calls))],
    }


def port_facts(port: Port) -> dict[str, object]:
    """Return name, shape, dtype, scale and zero point of an input or output."""
    quant = port.quant if port.dtype.is_quantized else None
    return {
        "name": port.name,
        "shape": list(port.shape),
        "dtype": port.dtype.value,
        "scale": None if quant is None else quant.scale[0],
        "zero_point": None if quant is None else quant.zero_point[0],
        "offset": port.offset,
    }


def _layer(program: Program, graph: Graph, index: int) -> dict[str, object]:
    call = program.calls[index]
    outputs = []
    for name in call.outputs:
        place, tensor = program.places[name], graph.tensors[name]
        outputs.append(
            {
                "name": name,
                "shape": list(tensor.shape),
                "dtype": tensor.dtype.value,
                "memory": place.kind,
                "port": place.index,
                "offset": place.offset,
            }
        )
    return {
        "index": index,
        "function": call.symbol,
        "kernel": call.kernel,
        "parts": len(call.parts) or 1,
        "source": call.source,
        "macs": call.macs,
        "scratch": call.scratch_bytes,
        "outputs": outputs,
    }


def _context(program: Program) -> dict[str, object]:
    return {
        "p": program,
        "upper": program.name.upper(),
        "headers": headers(program),
        "version": VERSION,
        "calls": tuple(call_view(program, call) for call in program.calls),
        "data": tuple(data_view(program, data) for data in program.data),
        "strings": any(is_string(data.array) for data in program.data),
        "inputs": tuple(port_view(i, port) for i, port in enumerate(program.inputs)),
        "outputs": tuple(port_view(i, port) for i, port in enumerate(program.outputs)),
    }
