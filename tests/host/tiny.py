"""A hand-written model with the C interface that emission writes, and the program it belongs to."""

from __future__ import annotations

from edgeq.ir.graph import Tensor
from edgeq.ir.types import DType
from edgeq.plan.program import Call, Place, Port, Program

ARENA = 64
HEADER = """
#ifndef TINY_H
#define TINY_H
#include <stddef.h>
#include <stdint.h>
typedef struct { uint8_t *arena; const void *input[2]; void *output[2]; } tiny_context;
#define TINY_ARENA_BYTES 64
#define TINY_LAYERS 3
#define TINY_ABI_VERSION 2
int tiny_init_abi(tiny_context *ctx, void *const *memory, const size_t *bytes,
                  int abi_version, size_t context_bytes);
void *tiny_input(const tiny_context *ctx, int index);
void *tiny_output(const tiny_context *ctx, int index);
int tiny_bind_input(tiny_context *ctx, int index, const void *data);
int tiny_bind_output(tiny_context *ctx, int index, void *data);
int tiny_run(tiny_context *ctx);
int tiny_run_layer(tiny_context *ctx, int layer);
const char *tiny_strerror(int status);
#endif
"""
PORTS = """
#include "tiny.h"
#include "tiny_weights.h"
#include <time.h>

int tiny_init_abi(tiny_context *ctx, void *const *memory, const size_t *bytes,
                  int abi_version, size_t context_bytes)
{
    if (abi_version != TINY_ABI_VERSION || context_bytes != sizeof *ctx) {
        return 5;
    }
    if (bytes[0] < TINY_ARENA_BYTES) {
        return 2;
    }
    ctx->arena = memory[0];
    ctx->input[0] = ctx->arena + 32;
    ctx->input[1] = ctx->arena + 40;
    ctx->output[0] = ctx->arena;
    ctx->output[1] = ctx->arena + 48;
    return 0;
}

void *tiny_input(const tiny_context *ctx, int index)
{
    return index < 0 || index > 1 ? NULL : (void *)(uintptr_t)ctx->input[index];
}

void *tiny_output(const tiny_context *ctx, int index)
{
    return index < 0 || index > 1 ? NULL : ctx->output[index];
}

int tiny_bind_input(tiny_context *ctx, int index, const void *data)
{
    ctx->input[index] = data;
    return 0;
}

int tiny_bind_output(tiny_context *ctx, int index, void *data)
{
    ctx->output[index] = data;
    return 0;
}

int tiny_run(tiny_context *ctx)
{
    int status = 0;
    for (int layer = 0; layer < TINY_LAYERS && status == 0; ++layer) {
        status = tiny_run_layer(ctx, layer);
    }
    return status;
}

const char *tiny_strerror(int status)
{
    return status == 4 ? "no such layer" : "another error";
}
"""
LAYERS = """
/* sum = a + b, in the arena */
static void l00_sum(const int8_t *a, const int16_t *b, int32_t *sum)
{
    for (int i = 0; i < 4; ++i) {
        sum[i] = a[i] + b[i];
    }
}

/* scaled = sum * weights */
static void l01_scale(const int32_t *sum, int32_t *scaled)
{
    for (int i = 0; i < 4; ++i) {
        scaled[i] = sum[i] * tiny_weights[i];
    }
}

/* Where the ports are: the proof that nothing was copied. */
static void l02_places(const tiny_context *ctx, int64_t *places)
{
    places[0] = (int64_t)(intptr_t)ctx->input[0];
    places[1] = (int64_t)(intptr_t)ctx->output[0];
}

int tiny_run_layer(tiny_context *ctx, int layer)
{
    int32_t *sum = (int32_t *)(void *)(ctx->arena + 16);
    switch (layer) {
    case 0:
        l00_sum(ctx->input[0], ctx->input[1], sum);
        return 0;
    case 1:
        l01_scale(sum, ctx->output[0]);
        return 0;
    case 2:
        l02_places(ctx, ctx->output[1]);
        return 0;
    default:
        return 4;
    }
}
"""
# Run in place of all layers, for tests of the runtime.
MISBEHAVING = """
int tiny_run_layer(tiny_context *ctx, int layer)
{{
    (void)layer;
    {statements}
    return 0;
}}
"""
FILES = {
    "include/tiny.h": HEADER,
    "src/tiny.c": PORTS + LAYERS,
    "src/tiny_weights.h": "#include <stdint.h>\nextern const int32_t tiny_weights[4];\n",
    "src/tiny_weights.c": (
        '#include "tiny_weights.h"\nconst int32_t tiny_weights[4] = { 1, 10, 100, -1000 };\n'
    ),
    "test/selftest.c": "#error this is not a part of the library\n",
    "manifest.json": "{}\n",
}
INPUTS = (("a", "int8", (4,)), ("b", "int16", (2, 2)))
OUTPUTS = (("scaled", "int32", (4,)), ("places", "int64", (2,)))


def misbehaving(statements: str) -> dict[str, str]:
    """Return the project with ``statements`` in place of every layer; ``ctx`` is the context."""
    return {**FILES, "src/tiny.c": PORTS + MISBEHAVING.format(statements=statements)}


def _call(index: int, symbol: str, inputs: tuple[str, ...], output: str) -> Call:
    return Call(
        index=index,
        symbol=symbol,
        kernel=f"portable/{symbol[4:]}",
        kind=symbol[4:],
        source=f"op[{index}] '{output}'",
        note="",
        arguments=(),
        constants={},
        data={},
        flags={},
        inputs=inputs,
        outputs=(output,),
        macs=4 * index,
    )


TENSORS = {
    "sum": Tensor("sum", (2, 2), DType.INT32),
    "scaled": Tensor("scaled", (4,), DType.INT32),
    "places": Tensor("places", (2,), DType.INT64),
}
PROGRAM = Program(
    name="tiny",
    target="portable",
    numerics="gemmlowp",
    calls=(
        _call(0, "l00_sum", ("a", "b"), "sum"),
        _call(1, "l01_scale", ("sum",), "scaled"),
        _call(2, "l02_places", (), "places"),
    ),
    data=(),
    inputs=(
        Port("a", (4,), DType.INT8, None, 4, 32),
        Port("b", (2, 2), DType.INT16, None, 8, 40),
    ),
    outputs=(
        Port("scaled", (4,), DType.INT32, None, 16, 0),
        Port("places", (2,), DType.INT64, None, 16, 48),
    ),
    arena=ARENA,
    lower_bound=ARENA,
    alignment=8,
    model_hash="0",
    places={
        "sum": Place("arena", offset=16),
        "scaled": Place("output", index=0),
        "places": Place("output", index=1),
    },
)
