"""``docs/ops.md`` is what the registry, the front ends and the kernels give."""

from __future__ import annotations

from edgeq.frontends.tflite import CONVERTERS
from edgeq.ops.base import REGISTRY
from edgeq.report.op_page import page
from tests.style.sources import ROOT


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    assert written == page(), "edgeq ops --markdown > docs/ops.md"


def test_the_page_has_every_operation_and_operator_once() -> None:
    parts = page().split("\n## ")
    assert len(parts) == 3
    for names, part in ((REGISTRY, parts[0]), (CONVERTERS, parts[1])):
        lines = [line for line in part.splitlines() if line.startswith("| `")]
        assert [line.split("`")[1] for line in lines] == sorted(names)
        assert len({line.count(" |") for line in lines}) == 1
    assert "`WHILE`" in parts[2] and "`ADD`" not in parts[2]
