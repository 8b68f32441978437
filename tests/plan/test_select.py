"""The first row that accepts, along the chain of tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.errors import UnsupportedError
from edgeq.ir.types import DType
from edgeq.kernels import portable
from edgeq.kernels.base import Kernel
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.plan import select as module
from edgeq.plan.select import select, select_all, table
from tests.passes.nets import Net


def _never(op: object, io: object) -> bool:
    return False


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Kernel, ...]]:
    """Return tables by name, to be filled by the test."""
    found = {"portable": portable.ROWS}
    monkeypatch.setattr(module, "table", found.__getitem__)
    return found


def _layer() -> tuple:
    net = Net()
    graph = lower_arithmetic(net.graph(net.op(Relu, net.input((4,)))))
    return graph, *next(graph.walk())


def test_a_table_is_that_of_its_package() -> None:
    assert table("portable") is portable.ROWS


def test_the_first_table_that_accepts_wins(tables: dict[str, tuple[Kernel, ...]]) -> None:
    _, op, io = _layer()
    row = select(op, io, ("portable",))
    assert row is not None
    tables["fast"] = (
        replace(row, id="fast/other", op=Reshape),
        replace(row, id="fast/refuses", accepts=_never),
        replace(row, id="fast/takes"),
        replace(row, id="fast/late"),
    )
    assert select(op, io, ("fast", "portable")) is tables["fast"][2]
    assert select(op, io, ("portable", "fast")) is row
    tables["fast"] = tables["fast"][:2]
    assert select(op, io, ("fast", "portable")) is row
    assert select(op, io, ("fast",)) is None
    assert select(op, io, ()) is None


def test_small_code_does_without_spacious_rows(tables: dict[str, tuple[Kernel, ...]]) -> None:
    graph, op, io = _layer()
    row = select(op, io, ("portable",))
    assert row is not None
    tables["fast"] = (replace(row, id="fast/spacious", spacious=True),)
    isas = ("fast", "portable")
    assert select(op, io, isas) is tables["fast"][0]
    assert select(op, io, isas, small=True) is row
    assert select_all(graph, isas) == tables["fast"]
    assert select_all(graph, isas, small=True) == (row,)


def test_every_layer_gets_one() -> None:
    graph, op, io = _layer()
    assert select_all(graph, ("portable",)) == (select(op, io, ("portable",)),)


def test_what_has_none_is_named_by_source_or_kind(tables: dict[str, tuple[Kernel, ...]]) -> None:
    tables["portable"] = ()
    net = Net(DType.INT8)
    y = net.op(Relu, net.op(Reshape, net.input((4,)), shape=(2, 2), source="op 0 'flat'"))
    graph = replace(net.graph(y), origin="model.tflite")
    with pytest.raises(UnsupportedError, match="no kernel for: op 0 'flat'; relu") as error:
        select_all(graph, ("portable",))
    assert error.value.where == "model.tflite"
