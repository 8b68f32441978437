"""Networks that remember: C equals the reference run after run, however states are handed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq import api, reference
from edgeq.errors import UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.concat import Concat
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.transpose import Transpose
from edgeq.quantize.quantizer import quantize
from edgeq.train.integer import IntegerModule
from edgeq.verify import verify_model
from tests.models.projects import INCLUDE, SANITIZE, WARNINGS, build, run, write
from tests.passes.nets import Net, quant

SHAPE = (1, 4, 1, 3)
RUNS = 4


def samples(graph: Graph) -> list[tuple[np.ndarray, ...]]:
    return [reference.sample_inputs(graph, seed) for seed in range(RUNS)]


def check(graph: Graph, target: str = "portable", **options: object) -> edgeq.Compiled:
    """Fail unless C computes every tensor of a sequence of runs as the reference does."""
    lowered = api.lower(graph)
    compiled = edgeq.compile(graph, target, **options)  # type: ignore[arg-type]
    runs = samples(lowered)
    want = [tuple(t[n] for n in lowered.outputs) for t in reference.run_sequence(lowered, runs)]
    verdict = verify_model(lowered, compiled, runs, want)
    assert verdict.difference is None, str(verdict.difference)
    return compiled


def first_value(rng: np.random.Generator, dtype: DType) -> np.ndarray:
    if rng.integers(2):
        return np.full(SHAPE, rng.integers(dtype.min, dtype.max + 1), dtype.numpy)
    return rng.integers(dtype.min, dtype.max + 1, SHAPE).astype(dtype.numpy)


def network(seed: int) -> Graph:
    """Return a network of operations that keep the shape, and states that become any tensor."""
    rng = np.random.default_rng(seed)
    net = Net(DType.UINT8 if seed % 4 == 3 else DType.INT8, quant(0.5, 3))
    net.input(SHAPE)
    for _ in range(int(rng.integers(1, 4))):
        net.state(first_value(rng, net.dtype))
    net.const(rng.integers(0, 100, SHAPE).astype(net.dtype.numpy), net.params)
    for _ in range(int(rng.integers(2, 8))):
        _step(rng, net)
    alike = [name for name, tensor in net.tensors.items() if tensor.shape == SHAPE]
    for state in net.states:
        net.becomes(state.name, str(rng.choice(alike)))
    written = [name for op in net.ops for name in op.outputs]
    ports = dict.fromkeys([written[-1], str(rng.choice([*written, "s0"]))])
    return net.graph(*ports)


def _step(rng: np.random.Generator, net: Net) -> None:
    alike = [name for name, tensor in net.tensors.items() if tensor.shape == SHAPE]
    x, z = (str(name) for name in rng.choice(alike, 2))
    kind = rng.integers(6)
    if kind == 0:
        net.op(Relu, x, activation=Activation.RELU6)
    elif kind == 1:
        net.op(Add, x, z)
    elif kind == 2:
        flat = net.op(Reshape, x, shape=(12,))
        net.op(Reshape, flat, shape=SHAPE)
    elif kind == 3:
        # What streaming networks do: the window moves on by one.
        tall = net.op(Concat, x, net.op(Slice, z, begin=(0, 1, 0, 0), size=(1, 1, 1, 3)), axis=1)
        net.op(Slice, tall, begin=(0, 1, 0, 0), size=SHAPE)
    elif kind == 4:
        turned = net.op(Transpose, x, perm=(0, 3, 2, 1))
        net.op(Transpose, turned, perm=(0, 3, 2, 1))
    else:
        net.conv(x, out=3)


@pytest.mark.parametrize("seed", range(12))
def test_any_network_with_states(seed: int) -> None:
    check(network(seed))


def exchange() -> Graph:
    """Return two states that change places in each run."""
    net = Net()
    net.input(SHAPE)
    rng = np.random.default_rng(0)
    s, t = (net.state(first_value(rng, DType.INT8)) for _ in range(2))
    net.becomes(s, t)
    net.becomes(t, s)
    return net.graph(net.op(Add, s, "in0"), t)


def test_states_that_change_places() -> None:
    check(exchange())


def test_an_input_a_constant_and_an_output_become_states() -> None:
    net = Net()
    x, c = net.input(SHAPE), net.const(np.full(SHAPE, 9, np.int8), quant())
    s, t, u, v = (net.state(np.full(SHAPE, value, np.int8)) for value in (1, 2, 3, 4))
    y = net.op(Add, net.op(Add, s, t), net.op(Add, u, v))
    for state, after in ((s, x), (t, c), (u, y), (v, y)):
        net.becomes(state, after)
    check(net.graph(y))


def test_stages_keep_states_until_they_are_read() -> None:
    net = Net()
    shape = (1, 16, 16, 4)
    x, s, t = net.input(shape), *(net.state(np.full(shape, v, np.int8)) for v in (5, 9))
    same = Padding(1, 1, 1, 1)
    wide = net.conv(net.op(Add, x, t), 16, 3, padding=same)
    narrow = net.conv(net.conv(wide, 16, 3, padding=same), 4, 3, padding=same)
    net.becomes(s, net.op(Add, narrow, s))
    net.becomes(t, narrow)
    last = net.conv(net.states[0].next, 4, 3, padding=same)
    compiled = check(net.graph(net.op(MaxPool2D, last, window=(2, 2), stride=(2, 2))))
    streamed = check(net.graph(net.ops[-1].outputs[0]), stream="always")
    assert any(call.turns for call in streamed.program.calls)
    assert streamed.program.arena < compiled.program.arena


def test_parts_of_layers_read_and_write_states() -> None:
    net = Net()
    shape = (1, 64, 64, 6)
    x, s = net.input(shape), net.state(np.full(shape, 5, np.int8))
    net.becomes(s, net.op(Add, x, s))
    compiled = check(net.graph(net.op(Relu, net.states[0].next)), threads=2)
    assert [len(call.parts) for call in compiled.program.calls].count(2) >= 2


def test_states_are_in_no_region_of_the_arena() -> None:
    for seed in range(3):
        program = check(network(seed), arena="fast=64,slow=4096").program
        assert sum(region.bytes for region in program.named) == program.arena


def accumulator() -> Graph:
    """Return a network that adds up its inputs."""
    net = Net()
    x, s = net.input((3,)), net.state(np.array([1, -2, 3], np.int8))
    total = net.op(Add, x, s)
    net.becomes(s, total)
    return net.graph(total)


def test_every_call_begins_anew_and_a_sequence_is_time() -> None:
    compiled = edgeq.compile(accumulator(), "portable")
    ones = np.ones((4, 3), np.int8)
    want = np.cumsum(ones, axis=0) + np.array([1, -2, 3])
    for _ in range(2):
        np.testing.assert_array_equal(compiled(ones), want)
        np.testing.assert_array_equal(compiled(ones[0]), want[0])
        assert compiled.tensors(ones[0])[compiled.program.outputs[0].name].tolist() == [2, -1, 4]
    assert compiled(np.empty((0, 3), np.int8)).shape == (0, 3)


def test_sessions_side_by_side_remember_apart() -> None:
    compiled = edgeq.compile(accumulator(), "portable")
    one, two = np.ones(3, np.int8), np.full(3, 2, np.int8)
    with compiled.session() as a, compiled.session() as b:
        a.reset(), b.reset()
        found = []
        for _ in range(3):
            found.append((a.run([one])[0].tolist(), b.run([two])[0].tolist()))
        assert found[-1] == ([4, 1, 6], [7, 4, 9])
        a.reset()
        assert a.run([one])[0].tolist() == [2, -1, 4]
        assert b.run([two])[0].tolist() == [9, 6, 11]


_PROGRAM = """
#include "net.h"
#include <string.h>
static uint64_t first[NET_ARENA_BYTES / 8 + 1], second[NET_ARENA_BYTES / 8 + 1];
static int run(net_context *ctx, int8_t code)
{
    memset(net_input(ctx, 0), code, NET_INPUT0_BYTES);
    return net_run(ctx) == NET_OK ? *(const int8_t *)net_output(ctx, 0) : 1000;
}
int main(void)
{
    net_context a, b, copy;
    memset(&a, 0, sizeof a);
    if (net_reset(NULL) != NET_ERROR_NULL || net_reset(&a) != NET_ERROR_NULL) { return 1; }
    if (net_init(&a, first, sizeof first) != NET_OK) { return 2; }
    if (net_init(&b, second, sizeof second) != NET_OK) { return 3; }
    if (run(&a, 1) != 2 || run(&b, 5) != 6 || run(&a, 1) != 3) { return 4; }
    copy = a;
    if (run(&a, 1) != 4 || run(&b, 5) != 11 || run(&a, 1) != 5) { return 5; }
    a = copy;
    if (run(&a, 1) != 4) { return 6; }
    if (net_reset(&a) != NET_OK || run(&a, 1) != 2 || run(&b, 5) != 16) { return 7; }
    return 0;
}
"""


def test_the_c_interface(tmp_path: Path) -> None:
    _, files = edgeq.generate(accumulator(), "portable", name="net")
    write(tmp_path, [*files.items(), ("main.c", _PROGRAM)])
    sources = ("src/net.c", "src/net_weights.c", "main.c")
    build("gcc", tmp_path, *WARNINGS, *INCLUDE, *SANITIZE, *sources, "-o", "main")
    assert run((str(tmp_path / "main"),), tmp_path).returncode == 0


def test_the_self_test_sees_what_is_not_remembered(tmp_path: Path) -> None:
    _, files = edgeq.generate(accumulator(), "portable", name="net")
    for forgetful in (False, True):
        code = files["src/net.c"]
        if forgetful:
            code = code.replace(
                "_run(net_context *ctx)\n{", "_run(net_context *ctx)\n{ net_reset(ctx);"
            )
        write(tmp_path, [*files.items(), ("src/net.c", code)])
        build("gcc", tmp_path, *INCLUDE, "src/net_weights.c", "test/selftest.c", "-o", "test.out")
        done = run((str(tmp_path / "test.out"),), tmp_path)
        assert (done.returncode == 0) is not forgetful
        assert forgetful is ("differs in run 1" in done.stdout)


def test_quantizing_and_training_refuse_states() -> None:
    net = Net(DType.FLOAT32, None)
    x, s = net.input((1, 3)), net.state(np.zeros((1, 3), np.float32))
    net.becomes(s, net.op(Add, x, s))
    graph = net.graph(net.op(Relu, s))
    with pytest.raises(UnsupportedError, match="it remembers 's0' from one run to the next"):
        quantize(graph, [(np.ones((1, 3), np.float32),)])
    with pytest.raises(UnsupportedError, match="it remembers 's0' from one run to the next"):
        IntegerModule(accumulator())
    # The reference runs them.
    tensors = list(reference.run_sequence(graph, [(np.ones((1, 3), np.float32),)] * 3))
    assert tensors[-1][graph.outputs[0]].tolist() == [[2, 2, 2]]


def test_first_values_that_differ_are_constant_data() -> None:
    graph = accumulator()
    program, files = edgeq.generate(graph, "portable", name="net")
    assert program.state_bytes == 3
    assert "memcpy(ctx->state0, net_state0, sizeof ctx->state0);" in files["src/net.c"]
    assert "    /* 's0' [3] */\n    int8_t state0[3];\n" in files["include/net.h"]
    assert "int net_reset(net_context *ctx);" in files["include/net.h"]
    assert "#define NET_STATE_BYTES 3" in files["include/net.h"]


def test_a_network_without_states_has_no_reset() -> None:
    net = Net()
    _, files = edgeq.generate(net.graph(net.op(Relu, net.input((3,)))), "portable", name="net")
    assert not [path for path, text in files.items() if "reset" in text or "STATE_BYTES" in text]
