from __future__ import annotations

from edgeq.frontends.onnx.converter import CODES, CONVERTERS, ISLANDS
from edgeq.frontends.onnx.kinds import KINDS, operators
from edgeq.ops.base import REGISTRY


def test_every_operator_is_in_the_table() -> None:
    assert set(KINDS) == {*CONVERTERS, *CODES, *ISLANDS}


def test_the_table_names_operations() -> None:
    assert set(operators()) <= set(REGISTRY)
