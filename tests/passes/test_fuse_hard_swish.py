"""Hard swish is recognised as files spell it, and nothing that is like it."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul
from edgeq.ops.relu import Relu
from edgeq.passes.fuse_hard_swish import fuse_hard_swish
from edgeq.passes.remove_dead import remove_dead
from tests.passes.nets import Net, kinds, outputs


def spelled(
    *,
    three: float = 3.0,
    sixth: float = 1 / 6,
    clamp: Activation = Activation.RELU6,
    last: bool = False,
    turned: bool = False,
    other: bool = False,
) -> Graph:
    net = Net(DType.FLOAT32, None)
    x = net.input((64,))
    factor = net.const(np.float32([sixth]))
    operands = (net.const(np.float32([three])), x)
    gate = net.op(Relu, net.op(Add, *operands[:: -1 if turned else 1]), activation=clamp)
    y = net.input((64,)) if other else x
    if last:
        product = net.op(Mul, *((gate, y) if turned else (y, gate)))
        return net.graph(net.op(Mul, *((factor, product) if turned else (product, factor))))
    part = net.op(Mul, gate, factor)
    return net.graph(net.op(Mul, *((part, y) if turned else (y, part))))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_every_spelling_becomes_one_operation(last: bool, turned: bool) -> None:
    graph = spelled(last=last, turned=turned)
    fused = remove_dead(fuse_hard_swish(graph))
    assert kinds(fused) == ["hard_swish"] and fused.outputs == graph.outputs
    # Three products and quotients, each rounded to 24 bits.
    np.testing.assert_allclose(outputs(fused), outputs(graph), rtol=4 * 2.0**-24)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    "changed",
    [
        {"three": 2.9},
        {"sixth": 0.2},
        {"clamp": Activation.RELU},
        {"other": True},
    ],
    ids=str,
)
def test_what_is_only_like_it_stays(last: bool, changed: dict[str, object]) -> None:
    graph = spelled(last=last, **changed)  # type: ignore[arg-type]
    assert kinds(fuse_hard_swish(graph)) == kinds(graph)
