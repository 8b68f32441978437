"""One product for a rescaling: the codes of every sum that a layer can have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.graph import Operands
from edgeq.ir.quant import QuantParams
from edgeq.kernels.dsp.linear import line
from edgeq.kernels.dsp.plain import plain
from edgeq.kernels.dsp.streams import plain_stream, straight_stream
from edgeq.numerics import requantize
from edgeq.ops.conv2d import Conv2D
from tests.kernel_harness import Case, check_layers, one_op_graph
from tests.kernels.dsp.test_product import TWIN, after_relu
from tests.kernels.neon.layers import ROUNDINGS, conv_case


def layer(case: Case) -> tuple[Conv2D, Operands, np.ndarray]:
    """Return a lowered layer and its weights, [channels, window]."""
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    assert isinstance(op, Conv2D)
    return op, io, io.ins[1].array.reshape(io.y.shape[3], -1).astype(np.int64)


@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda numerics: numerics.name)
@pytest.mark.parametrize(("shift", "scale"), [(2, 1), (4, 1), (12, 256), (6, 1), (14, 256)])
def test_every_sum_gives_its_code(shift: int, scale: int, numerics) -> None:
    op, io, w = layer(conv_case((1, 1, 3, 8), 6, (1, 1), zeros=(-3, -128), numerics=numerics))
    chosen = [0, 3, 5]
    found = line(io, op.arithmetic, w, shift=shift, scale=scale, chosen=chosen)
    assert found is not None
    for i, channel in enumerate(chosen):
        # With the codes' zero point in the bias, a sum of codes is what products alone give.
        bias = int(io.ins[2].array[channel]) - io.x.zero_point * int(w[channel].sum())
        most = 128 * int(np.abs(w[channel]).sum())
        sums = np.arange(-most + 3 * most // 128, most - 3 * most // 128)
        scaled = sums * scale + int(found.bias[i])
        assert np.abs(scaled).max() < 2**31
        codes = ((scaled * int(found.multiplier[i])) >> 32) + int(found.addend[i])
        assert np.abs(codes).max() < 2**31
        every = np.zeros((len(sums), 6), np.int32)
        every[:, channel] = sums + bias
        wanted = requantize(every, op.arithmetic.requant)[:, channel].astype(np.int64) - 128
        got = np.clip(codes >> shift, -128, 127)
        np.testing.assert_array_equal(got, np.clip(wanted, -128, 127))


def test_the_stream_of_one_product_has_every_number_at_its_place() -> None:
    op, io, w = layer(conv_case((1, 1, 3, 8), 3, (1, 1), zeros=(-3, -128)))
    words = straight_stream(io, op.arithmetic, w, w, 4)
    firsts = line(io, op.arithmetic, w, shift=4)
    seconds = line(io, op.arithmetic, w, shift=12, scale=256)
    assert words is not None and firsts is not None and seconds is not None
    for block, (a, b) in zip(words.reshape(2, 2 + 4 + 4), ((0, 1), (1, 2)), strict=True):
        assert block[0] == firsts.bias[a]
        sum_of_both = int(seconds.bias[b]) + int(firsts.bias[a])
        assert int(block[1]) % 2**32 == sum_of_both % 2**32
        assert block[2:3].view(np.int16).tolist() == (256 * w[b, [0, 2]] + w[a, [0, 2]]).tolist()
        wanted = [firsts.multiplier[a], firsts.addend[a], seconds.multiplier[b], seconds.addend[b]]
        assert block[6:].tolist() == wanted


def test_the_plain_stream_has_every_number_at_its_place() -> None:
    op, io, w = layer(conv_case((1, 1, 3, 8), 3, (1, 1), zeros=(-3, -128)))
    words = plain_stream(io, op.arithmetic, w, w, 12)
    found = plain(io, op.arithmetic, w, shift=12, scale=256)
    assert words is not None and found is not None
    for block, (a, b) in zip(words.reshape(2, 1 + 4 + 3), ((0, 1), (1, 2)), strict=True):
        assert block[0] == found.bias[b]
        assert block[1:2].view(np.int16).tolist() == (256 * w[b, [0, 2]] + w[a, [0, 2]]).tolist()
        assert block[5:].tolist() == [found.multiplier[a], found.multiplier[b], found.bias[a]]


def test_negative_sums_rounded_the_other_way_have_no_line() -> None:
    op, io, w = layer(conv_case((1, 1, 3, 8), 4, (1, 1), zeros=(-3, 5), numerics="gemmlowp"))
    assert straight_stream(io, op.arithmetic, w, w, 4) is None
    assert plain_stream(io, op.arithmetic, w, w, 12) is None


def test_channels_with_one_answer_need_no_line() -> None:
    case = after_relu(conv_case((1, 1, 3, 8), 4, (1, 1), row="dsp/conv2d_s8"))
    scales = case.tensors["w"].quant.scale
    w = replace(case.tensors["w"], quant=QuantParams((1e-12, 1e-12, *scales[2:]), (0,) * 4, 0))
    bias = case.tensors["b"].array.copy()
    bias[:2] = 2**31 - 1 - 2**20
    changed = replace(
        case, tensors={**case.tensors, "w": w, "b": replace(case.tensors["b"], data=bias)}
    )
    op, io, codes = layer(changed)
    words = straight_stream(io, op.arithmetic, codes, codes, 4)
    assert words is not None
    assert words.reshape(2, 10)[0, 6:].tolist() == [0, -128 << 4, 0, -128 << 12]
    words = plain_stream(io, op.arithmetic, codes, codes, 11)
    assert words is not None
    # The zero point is the answer, and the addend.
    assert words.reshape(2, 8)[0].tolist() == [0, 0, 0, 0, 0, 1 << 30, 1 << 30, 0]
    check_layers([changed], TWIN)
