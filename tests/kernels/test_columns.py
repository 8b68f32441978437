"""Weights of depthwise windows, by columns, for each output row."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.kernels.columns import borders, column_weights, packed_columns, rows_at_once
from edgeq.ops._spatial import Padding
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from tests.kernel_harness import one_op_graph
from tests.kernels.neon.layers import IO, depthwise_case


@pytest.mark.parametrize(("deep", "lanes"), [(4, 16), (2, 8)])
def test_columns_are_packed_for_each_output_row(deep: int, lanes: int) -> None:
    w = np.arange(3 * 2 * (lanes + 1)).reshape(3, 2, lanes + 1)
    columns = column_weights(w, 2, deep)
    packed = packed_columns(columns, lanes).reshape(2, 2, 2, -1, lanes, deep)
    for vector, start in enumerate((0, 1)):
        for column in range(2):
            taps = w[:, column, start : start + lanes]
            for c in range(lanes):
                upper = packed[vector, 0, column, :, c].ravel().tolist()
                lower = packed[vector, 1, column, :, c].ravel().tolist()
                assert upper == [*taps[:, c], 0]
                assert lower == [0, *taps[:, c]]


def test_few_channels_are_filled_up() -> None:
    packed = packed_columns(np.ones((1, 1, 1, 3, 4), np.int8), 16).reshape(16, 4)
    assert packed[:3].all() and not packed[3:].any()


def found(x: tuple, kernel: tuple[int, int], **changes: object):
    case = depthwise_case(x, kernel, **changes)
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    return op, io


def test_rows_share_columns_where_there_is_room() -> None:
    x = (1, 9, 9, 8)
    assert [rows_at_once(*found(x, (k, 3)), 4) for k in (1, 2, 3, 4, 7)] == [1, 1, 2, 1, 2]
    assert [rows_at_once(*found(x, (k, 3)), 2) for k in (1, 2, 3, 4, 5)] == [2, 1, 2, 1, 2]
    assert rows_at_once(*found(x, (3, 3), stride=(2, 2)), 4) == 1
    assert rows_at_once(*found(x, (3, 3), dilation=(2, 2)), 4) == 1
    assert rows_at_once(*found((1, 3, 9, 8), (3, 3)), 4) == 1


def test_borders() -> None:
    assert DepthwiseConv2D(**IO).padding == Padding(0, 0, 0, 0)
    assert borders(*found((1, 5, 5, 8), (3, 3))) == (False, False)
    assert borders(*found((1, 5, 5, 8), (3, 3), padding=Padding(0, 1, 0, 0))) == (True, False)
    assert borders(*found((1, 5, 5, 8), (3, 3), padding=Padding(0, 0, 1, 0))) == (False, True)
    even = {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}
    # The last window of odd sizes does not reach the padding.
    assert borders(*found((1, 5, 5, 8), (3, 3), **even)) == (False, False)
    assert borders(*found((1, 6, 6, 8), (3, 3), **even)) == (True, True)
