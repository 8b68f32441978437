"""The page of a network: its numbers are those of the figures, and no name becomes markup."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from edgeq import api
from edgeq.frontends.npz import graph_bytes
from edgeq.ir.graph import Graph
from edgeq.report import facts
from edgeq.report.html.page import page
from edgeq.report.operations import weights
from edgeq.targets import target
from tests.report.reading import Page
from tests.small_networks import float_network, network, pair

HOSTILE = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "' onload='alert(1)",
    "{{ 7 * 191 }}{% raw %}",
    "<!-- ",
    "]]></svg><a href=javascript:alert(1)>",
    "\u202egnp.exe\x1b[2J\x00",
    "&lt;&#60;",
    "n" * 5000,
)


def figures(graph: Graph, *targets: str, model: str = "model.npz") -> dict[str, Any]:
    """Return what ``edgeq report --json`` prints of a network."""
    named = {"model": model, "model_sha256": api.model_hash(graph)}
    lowered = graph if graph.is_float else api.lower(graph)
    plans = [facts.network(graph)] if graph.is_float else []
    for name in targets:
        program = api.program_of(graph, lowered, target(name))
        plans.append(facts.network(graph, lowered, program))
    data = graph_bytes(graph)
    return {
        **named,
        "file_bytes": len(data),
        "file_sha256": hashlib.sha256(data).hexdigest(),
        "output": "report.html",
        "version": "1.2.3",
        "options": {},
        "inspect": [{**named, **plan} for plan in plans],
        "weights": weights(lowered),
        "bench": [None] * len(plans),
        "explain": None,
    }


def renamed(graph: Graph, name: str) -> Graph:
    """Return a network in which every name and source is ``name`` and a number."""
    names = {old: f"{name}{i}" for i, old in enumerate(graph.tensors)}
    tensors = {names[old]: replace(t, name=names[old]) for old, t in graph.tensors.items()}
    ops = tuple(
        replace(
            op,
            inputs=tuple(names[i] for i in op.inputs),
            outputs=tuple(names[o] for o in op.outputs),
            source=name,
        )
        for op in graph.ops
    )
    ends = (tuple(names[i] for i in graph.inputs), tuple(names[o] for o in graph.outputs))
    return Graph(name, tensors, ops, *ends)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return figures(network(), "portable", "cortex-m4")


@pytest.fixture(scope="module")
def seen(found: dict[str, Any]) -> Page:
    return Page(page(found))


def test_every_section_is_there_and_every_element_is_closed(seen: Page) -> None:
    assert seen.open == []
    assert list(seen.sections) == [
        "header", "model", "network", "operations", "memory", "cost", "flash", "weights",
    ]  # fmt: skip
    for name in list(seen.sections)[1:]:
        assert "The same numbers: " in seen.sections[name].text


def test_nothing_is_loaded_and_nothing_runs(seen: Page) -> None:
    assert {a for a in seen.addresses if not a.startswith("#")} == {"data:,"}
    assert {a[1:] for a in seen.addresses if a.startswith("#")} == set(seen.sections) - {"header"}
    assert not {"script", "img", "iframe", "object", "embed", "form"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]


def test_the_head_has_the_figures(found: dict[str, Any], seen: Page) -> None:
    plan = found["inspect"][0]
    wanted = [plan["macs"], plan["parameters"], plan["arena"], plan["flash_data"]]
    assert seen.sections["header"].values == [str(value) for value in wanted]
    text = seen.sections["model"].text
    assert found["file_sha256"] in text and found["model_sha256"] in text
    assert "edgeq inspect model.npz --target portable --json" in text
    for key, heading in (
        ("arena", "Arena, bytes"),
        ("lower_bound", "Lower bound"),
        ("flash_data", "Constants, bytes"),
        ("stack", "Stack, bytes"),
    ):
        assert seen.column("model", heading) == [f"{plan[key]:,}" for plan in found["inspect"]]


def test_operations_are_those_of_the_plan(found: dict[str, Any], seen: Page) -> None:
    rows = found["inspect"][0]["operations"]
    assert seen.column("operations", "Operation") == [row["kind"] for row in rows]
    for key, heading in (("macs", "MACs"), ("parameters", "Parameters")):
        wanted = [f"{row[key]:,}" if row[key] else "" for row in rows]
        assert seen.column("operations", heading) == wanted
    outputs = [row["outputs"][0] for row in rows]
    assert seen.column("operations", "Scale") == [f"{port['scale']:.4g}" for port in outputs]
    zeros = [str(port["zero_point"]).replace("-", "\N{MINUS SIGN}") for port in outputs]
    assert seen.column("operations", "Zero") == zeros
    for plan in found["inspect"]:
        kernels = ["".join(row["kernels"]) for row in plan["operations"]]
        assert seen.column("operations", f"Kernel, {plan['target']}") == kernels


@pytest.mark.parametrize("which", [0, 1])
def test_plans_are_those_of_each_target(found: dict[str, Any], seen: Page, which: int) -> None:
    plan = found["inspect"][which]
    text = seen.sections["memory"].text
    assert f"The arena takes {plan['arena']:,} bytes" in text
    assert f"can take less than {plan['lower_bound']:,}" in text
    for key, heading in (("offset", "Offset"), ("bytes", "Bytes")):
        wanted = [f"{buffer[key]:,}" for buffer in plan["buffers"]]
        assert seen.column("memory", heading, which) == wanted
    macs = [f"{layer['macs']:,}" if layer["macs"] else "" for layer in plan["layers"]]
    assert seen.column("cost", "MACs", which) == macs
    flash = [f"{layer['flash_data']:,}" for layer in plan["layers"]]
    assert seen.column("flash", "Bytes", which) == flash
    assert "Counted, not measured." in seen.sections["cost"].text
    assert "instructions" not in seen.sections["cost"].text


def test_a_gap_to_the_bound_is_stated(found: dict[str, Any]) -> None:
    plan = found["inspect"][0]
    worse = {**plan, "arena": plan["lower_bound"] + 96}
    text = Page(page({**found, "inspect": [worse], "bench": [None]})).sections["memory"].text
    assert "the gap is 96 bytes" in text
    assert "meets the bound" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name: str) -> None:
    graph = renamed(network(), name)
    html = page(figures(graph, "portable", model=name))
    usual = Page(page(figures(renamed(network(), "plain"), "portable", model="plain")))
    seen = Page(html)
    assert seen.open == []
    breaks = ("wbr",)  # names may go on in another line
    assert [t for t in seen.tags if t not in breaks] == [t for t in usual.tags if t not in breaks]
    assert [n for n, _ in seen.attributes] == [n for n, _ in usual.attributes]
    assert seen.addresses == usual.addresses
    assert "1337" not in html
    assert not {"\x1b", "\x00", "\u202e"} & set(html)


def test_a_float_network_has_neither_plan_nor_cost() -> None:
    seen = Page(page(figures(float_network())))
    assert list(seen.sections) == ["header", "model", "network", "operations", "weights"]
    assert "edgeq inspect model.npz --json" in seen.sections["model"].text


def test_a_network_of_two_inputs_and_outputs() -> None:
    seen = Page(page(figures(pair(), "portable")))
    assert "Output 1" in seen.sections["model"].text
    assert seen.sections["network"].text.count("input ") == 2


def test_a_quoted_file_is_one_word_of_the_command() -> None:
    seen = Page(page(figures(network(), "portable", model="my model.npz")))
    assert "edgeq inspect 'my model.npz' --target portable --json" in seen.sections["model"].text


def test_the_same_figures_give_the_same_page(found: dict[str, Any]) -> None:
    assert page(found) == page(found)
