"""Every operation gets its integers, under the graph's profile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.errors import EdgeqError
from edgeq.ir.profiles import PROFILES
from edgeq.ops.reshape import Reshape
from edgeq.passes.lower_arithmetic import lower_arithmetic
from tests.passes.nets import Net


@pytest.mark.parametrize("name", PROFILES)
def test_the_profile_is_that_of_the_graph(name: str) -> None:
    net = Net()
    y = net.conv(net.input((1, 2, 2, 3)))
    graph = net.graph(net.op(Reshape, y, shape=(8,)), numerics=name)
    conv, view = lower_arithmetic(graph).ops
    assert conv.arithmetic.requant.rounding is PROFILES[name].rounding("conv2d")
    assert view.arithmetic is None


def test_an_unknown_profile_is_an_error() -> None:
    net = Net()
    graph = net.graph(net.conv(net.input((1, 2, 2, 3))))
    with pytest.raises(EdgeqError, match="unknown numerics profile 'exact'"):
        lower_arithmetic(replace(graph, numerics="exact"))
