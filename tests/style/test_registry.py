"""The rules of change: what an operation, a kernel, a template and a pass come with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

import edgeq.ops.all  # noqa: F401  enters every operation
from edgeq.kernels.portable import FAMILIES, ROWS
from edgeq.ops.base import REGISTRY, Op
from edgeq.passes.pipeline import FLOAT_PIPELINE, PIPELINE
from edgeq.resources import templates_dir
from tests.style.sources import ROOT, files

# Operations without a kernel, and why none is needed.
FOLDED = {
    "qlinear_global_average_pool": "it is lowered to a mean",
    "shape": "its output follows from a shape, so it is a constant at compile time",
}

# Operations that have no float arithmetic, and why.
_RULE = "it is a rule for codes, which only a quantized file states"
_REFUSED = "front ends refuse the float form"
INTEGER_ONLY = {
    "lstm": _REFUSED,
    "lstm_cell": _REFUSED,
    "qlinear_add": _RULE,
    "qlinear_average_pool2d": _RULE,
    "qlinear_mul": _RULE,
    "qlinear_softmax": _RULE,
    "svdf": _REFUSED,
    "table": "it is a function of codes",
}

HEADER = re.compile(r"\{#- (?P<name>[A-Za-z0-9_.]+): [^\n]+\. -?#\}")


@pytest.mark.parametrize("kind", REGISTRY)
def test_an_operation_has_a_file_and_a_test_of_its_name(kind: str) -> None:
    cls = REGISTRY[kind]
    assert kind == cls.KIND
    assert (ROOT / "edgeq" / "ops" / f"{kind}.py").is_file()
    assert cls.__module__ == f"edgeq.ops.{kind}"
    assert (ROOT / "tests" / "ops" / f"test_{kind}.py").is_file()
    assert cls.__doc__


def test_every_file_of_an_operation_registers_one() -> None:
    paths = (ROOT / "edgeq" / "ops").glob("[a-z]*.py")
    # activation.py is what several operations have in common, as a part of the file format.
    assert {path.stem for path in paths} - {"base", "all", "activation"} == set(REGISTRY)


@pytest.mark.parametrize("kind", REGISTRY)
def test_an_operation_has_a_portable_row_or_a_reason(kind: str) -> None:
    has_row = any(row.op is REGISTRY[kind] for row in ROWS)
    assert has_row != (kind in FOLDED)


def _defines(cls: type[Op], name: str) -> bool:
    return getattr(cls, name) is not getattr(Op, name)


@pytest.mark.parametrize("kind", REGISTRY)
def test_an_operation_says_all_that_every_operation_must(kind: str) -> None:
    cls = REGISTRY[kind]
    for name in ("check", "shapes", "evaluate"):
        assert _defines(cls, name), name
    assert _defines(cls, "evaluate_float") != (kind in INTEGER_ONLY)


def test_reasons_are_for_operations_that_exist() -> None:
    for reasons in (FOLDED, INTEGER_ONLY):
        assert set(reasons) <= set(REGISTRY)
        assert all(reasons.values())


# ---- Kernels and templates ----------------------------------------------------------------


def _templates() -> list[str]:
    paths = sorted((templates_dir() / "portable").rglob("*.j2"))
    return [path.relative_to(templates_dir()).as_posix() for path in paths]


def test_rows_and_templates_belong_together() -> None:
    assert set(_templates()) == {f"{row.id}.c.j2" for row in ROWS}


def test_no_row_stands_twice() -> None:
    found = [(row.id, row.op, row.facts, row.accepts) for row in ROWS]
    assert len(set(found)) == len(found)
    assert len(ROWS) == sum(len(family.ROWS) for family in FAMILIES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.op.KIND}-{row.id}")
def test_rows_are_of_known_operations_and_well_named(row: object) -> None:
    isa, name = row.id.split("/")
    assert isa == "portable"
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
    assert row.op is REGISTRY[row.op.KIND]
    assert row.in_place is None or row.in_place not in row.packed


def test_the_last_row_of_an_operation_can_be_reached() -> None:
    """A row that accepts everything ends an operation's rows: none after it is ever chosen."""
    default = type(ROWS[0]).__dataclass_fields__["accepts"].default
    for op in REGISTRY.values():
        rows = [row for row in ROWS if row.op is op]
        assert default not in [row.accepts for row in rows[:-1]], op.KIND


def _strings(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def _named_in_kernel_tests() -> frozenset[str]:
    """Return every string in the tests that compile single layers."""
    return frozenset(
        string
        for path in files(".py", folders=("tests/ops", "tests/kernels"))
        for string in _strings(path.read_text(encoding="utf-8"))
    )


@pytest.mark.parametrize("kernel", sorted({row.id for row in ROWS}))
def test_a_test_names_the_kernel_that_it_compiles(kernel: str) -> None:
    # ``check_layer(..., kernel="portable/conv2d_s8")``, or a helper that adds the folder.
    assert {kernel, kernel.removeprefix("portable/")} & _named_in_kernel_tests()


@pytest.mark.parametrize("path", sorted(templates_dir().rglob("*.j2")), ids=lambda path: path.name)
def test_a_template_opens_with_one_line_about_itself(path: object) -> None:
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    found = HEADER.fullmatch(first)
    assert found, first
    names = {path.name, path.name.removesuffix(".j2"), path.name.removesuffix(".c.j2")}
    assert found["name"] in names
    assert rest


# ---- Passes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", dict.fromkeys(PIPELINE + FLOAT_PIPELINE), ids=lambda step: step.__name__
)
def test_a_pass_has_a_file_and_a_test_of_its_name(step: object) -> None:
    name = step.__name__
    assert step.__module__ == f"edgeq.passes.{name}"
    assert (ROOT / "tests" / "passes" / f"test_{name}.py").is_file()
    assert step.__doc__


def test_every_pass_is_in_the_pipeline() -> None:
    found = {path.stem for path in (ROOT / "edgeq" / "passes").glob("[a-z]*.py")}
    assert found == {step.__name__ for step in PIPELINE + FLOAT_PIPELINE} | {"pipeline"}
