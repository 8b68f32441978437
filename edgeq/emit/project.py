"""Program to {path: text}: every file of the output folder. Nothing is written here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from edgeq.emit.environment import render
from edgeq.emit.functions import function_texts
from edgeq.emit.vectors import Vectors, vectors_view
from edgeq.emit.view import call_view, data_view, is_string, overlaps, port_view, slot_views
from edgeq.ir.graph import Graph
from edgeq.plan.program import Port, Program, Slot
from edgeq.resources import runtime_dir
from edgeq.version import ABI_VERSION, VERSION


def sources(program: Program) -> dict[str, str]:
    """Return the files that a user compiles: header, code, weights, fixed-point primitives."""
    return _sources(program, _context(program))


def _sources(program: Program, context: dict[str, object]) -> dict[str, str]:
    name = program.name
    bodies = function_texts(program)
    return {
        f"include/{name}.h": render("model/model.h.j2", **context),
        f"src/{name}.c": render("model/model.c.j2", bodies=bodies, **context),
        f"src/{name}_weights.c": render("model/weights.c.j2", **context),
        f"src/{name}_weights.h": render("model/weights.h.j2", **context),
        **{f"src/{name}": _header(name) for name in headers(program)},
    }


def headers(program: Program) -> tuple[str, ...]:
    """Return the files of ``runtime/include/`` that a program's code includes."""
    return tuple(sorted(("edgeq_fixed_point.h", *program.headers)))


def _header(name: str) -> str:
    return (runtime_dir() / "include" / name).read_text(encoding="utf-8")


def project(program: Program, graph: Graph, vectors: Sequence[Vectors]) -> dict[str, str]:
    """Return the whole output folder: sources, self-test, example, build files, manifest.

    ``vectors`` are runs one after the other, of which only a network with states needs several.
    """
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
        "abi": ABI_VERSION,
        "model_sha256": program.model_hash,
        "target": program.target,
        "numerics": program.numerics,
        "arena": program.arena,
        "lower_bound": program.lower_bound,
        "regions": [asdict(region) for region in program.regions],
        "alignment": program.alignment,
        "flash_data": program.data_bytes,
        "stack": program.stack,
        "stack_of": list(program.stack_of),
        "threads": program.threads,
        "optimize": program.optimize,
        "macs": program.macs,
        "inputs": [port_facts(program, port) for port in program.inputs],
        "outputs": [port_facts(program, port) for port in program.outputs],
        "states": [_state(slot) for slot in program.states],
        "state_bytes": program.state_bytes,
        "fallbacks": [call.symbol for call in program.fallbacks],
        "layers": [_layer(program, graph, index) for index in range(len(program.calls))],
    }


def port_facts(program: Program, port: Port) -> dict[str, object]:
    """Return name, shape, dtype, scale, zero point and default place of an input or output."""
    quant = port.quant if port.dtype.is_quantized else None
    return {
        "name": port.name,
        "shape": list(port.shape),
        "dtype": port.dtype.value,
        "scale": None if quant is None else quant.scale[0],
        "zero_point": None if quant is None else quant.zero_point[0],
        "region": program.regions[port.region].name,
        "offset": port.offset,
    }


def _state(slot: Slot) -> dict[str, object]:
    shape = list(slot.shape)
    return {"name": slot.name, "shape": shape, "dtype": slot.dtype.value, "bytes": slot.bytes}


def _layer(program: Program, graph: Graph, index: int) -> dict[str, object]:
    call = program.calls[index]
    outputs = []
    for name in call.outputs:
        place, tensor = program.places[name], graph.tensors[name]
        arena = place.kind == "arena"
        outputs.append(
            {
                "name": name,
                "shape": list(tensor.shape),
                "dtype": tensor.dtype.value,
                "memory": program.regions[place.index].name if arena else place.kind,
                "port": 0 if arena else place.index,
                "offset": place.offset,
            }
        )
    return {
        "index": index,
        "function": call.symbol if call.function is None else call.function.symbol,
        "kernel": call.kernel,
        "parts": 1 if call.turns else len(call.parts) or 1,
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
        "abi": ABI_VERSION,
        "calls": tuple(call_view(program, call) for call in program.calls),
        "data": tuple(data_view(program, data) for data in program.data),
        "moves": any(overlaps(copy) for call in program.calls for copy in call.copies),
        "strings": any(is_string(data.array) for data in program.data),
        "inputs": tuple(port_view(i, port) for i, port in enumerate(program.inputs)),
        "outputs": tuple(port_view(i, port) for i, port in enumerate(program.outputs)),
        "states": slot_views(program),
    }
