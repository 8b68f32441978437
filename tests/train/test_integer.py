"""Integer evaluation in PyTorch: the bits of the reference for every operation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgeq import reference
from edgeq.errors import ModelError, UnsupportedError
from edgeq.ir.types import DType
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.train import IntegerModule
from edgeq.train.integer_ops import INTEGER_OPS
from tests.passes.nets import Net, quant
from tests.random_graphs import PROFILES, random_graph

SEEDS = range(160)
RUNS = 3


def test_random_networks_give_the_bits_of_the_reference() -> None:
    kinds: Counter[str] = Counter()
    for seed in SEEDS:
        graph = replace(random_graph(seed), numerics=PROFILES[seed % len(PROFILES)])
        try:
            module = IntegerModule(graph)
        except UnsupportedError as error:
            assert "keep the samples of a batch apart" in str(error)
            continue
        kinds.update(op.KIND for op in module.lowered.ops)
        runs = [reference.sample_inputs(module.lowered, run) for run in range(RUNS)]
        batches = [torch.from_numpy(np.concatenate(port)) for port in zip(*runs, strict=True)]
        found = module.codes(*batches)
        expected = [reference.run(module.lowered, run) for run in runs]
        outputs = found if isinstance(found, tuple) else (found,)
        for y, parts in zip(outputs, zip(*expected, strict=True), strict=True):
            wanted = np.concatenate(parts)
            assert y.numpy().dtype == wanted.dtype
            np.testing.assert_array_equal(y.numpy(), wanted, err_msg=f"seed {seed}")
    assert set(INTEGER_OPS) - set(kinds) <= {"pack"}


def deep(layer: str, depth: int = 160) -> IntegerModule:
    """Return a layer of extreme codes, whose sums float32 cannot hold."""
    net = Net(DType.INT8)
    net.params = quant(0.5, -128)
    x = net.input((1, 3, 3, depth))
    codes = np.random.default_rng(0).integers(100, 128, (6, 3, 3, depth)).astype(np.int8)
    wide = {"params": quant(2.0**20, 0)}
    if layer == "conv2d":
        y = net.op(Conv2D, x, net.const(codes, quant(0.37, 0)), **wide)
    elif layer == "grouped":
        halves = net.const(codes[..., : depth // 2].copy(), quant(0.37, 0))
        y = net.op(Conv2D, x, halves, **wide)
    else:
        rows = net.const(codes.reshape(6, -1), quant(0.37, 0))
        y = net.op(FullyConnected, x, rows, **wide)
    return IntegerModule(net.graph(y))


@pytest.mark.parametrize("layer", ["conv2d", "grouped", "fully_connected"])
def test_sums_beyond_24_bits_are_exact(layer: str) -> None:
    module = deep(layer)
    rng = np.random.default_rng(1)
    x = rng.integers(100, 128, (4, 3, 3, 160)).astype(np.int8)
    x[0] = 127
    w = module.lowered.tensors[module.lowered.ops[0].inputs[1]].array.astype(np.int64)
    taps = w.reshape(6, -1).sum(1).max() * 255
    assert 2**24 < taps < 2**31
    expected = [reference.run(module.lowered, [x[i : i + 1]])[0] for i in range(len(x))]
    found = module.codes(torch.from_numpy(x))
    assert isinstance(found, torch.Tensor)
    np.testing.assert_array_equal(found.numpy(), np.concatenate(expected))


def test_settings_of_the_trainer_do_not_reach_integers() -> None:
    module = deep("grouped", 16)
    x = torch.from_numpy(
        np.random.default_rng(1).integers(-128, 128, (4, 3, 3, 16)).astype(np.int8)
    )
    expected = module.codes(x)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = IntegerModule(module.graph).codes(x)
    finally:
        torch.set_float32_matmul_precision(before)
    assert isinstance(found, torch.Tensor)
    assert isinstance(expected, torch.Tensor)
    assert torch.equal(found, expected)
    assert not found.requires_grad


def test_real_inputs_are_quantized_as_by_the_integer_network() -> None:
    module = deep("conv2d")
    reals = torch.tensor([-0.24, -0.25, 0.0, 0.25, 0.74, 0.75, 1e9, -1e9, float("inf"), 127.25])
    x = torch.zeros(1, 3, 3, 160)
    x.view(-1)[: len(reals)] = reals
    (codes,) = module.quantized(x)
    expected = [-128, -128, -128, -127, -127, -126, 127, -128, 127, 127]
    assert codes.view(-1)[: len(reals)].tolist() == expected


def test_inputs_that_do_not_fit_are_refused() -> None:
    module = deep("conv2d")
    for inputs, message in (
        ((), "0 inputs given, the model has 1"),
        ((torch.zeros(1, 3, 3, 2),), r"expected \[N, 3, 3, 160\]"),
        ((torch.zeros(1, 3, 3, 160, dtype=torch.int32),), "is torch.int32, expected torch.int8"),
    ):
        with pytest.raises(ModelError, match=message):
            module(*inputs)
