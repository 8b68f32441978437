"""A C program that calls the interface of a network wrongly, and sees what that touches."""

from __future__ import annotations

from collections.abc import Sequence

# Each expectation is a line of the program; the first that fails is its exit status.
_PROGRAM = """\
#include "{name}.h"

#include <string.h>

#define EXPECT(condition) do {{ if (!(condition)) {{ return __LINE__ % 250 + 1; }} }} while (0)

{memories}
static uint8_t other[{upper}_INPUT0_BYTES + {upper}_OUTPUT0_BYTES];

static uint8_t *aligned(uint8_t *start, uintptr_t alignment)
{{
    return start + (alignment - (uintptr_t)start % alignment);
}}

/* A byte that differs from its neighbours, so that nothing can be moved unseen. */
static uint8_t colour(size_t index)
{{
    return (uint8_t)(index * 167u + 91u);
}}

static void paint(void *start, size_t bytes)
{{
    uint8_t *at = (uint8_t *)start;

    for (size_t i = 0; i < bytes; ++i) {{
        at[i] = colour(i);
    }}
}}

static int is_painted(const void *start, size_t bytes)
{{
    const uint8_t *at = (const uint8_t *)start;

    for (size_t i = 0; i < bytes; ++i) {{
        if (at[i] != colour(i)) {{
            return 0;
        }}
    }}
    return 1;
}}

int main(int count, char **arguments)
{{
    {name}_context ctx, started;
{starts}

    (void)count;
    (void)arguments;
    paint(&ctx, sizeof ctx);
{paints}

{refused}
    /* A caller that knows another interface, or another context. */
    {{
        void *const memory[] = {{{regions}}};
        const size_t bytes[] = {{{sizes}}};
        const int abi = {upper}_ABI_VERSION;

        EXPECT({name}_init_abi(&ctx, memory, bytes, abi + 1, sizeof ctx) == {upper}_ERROR_ABI);
        EXPECT({name}_init_abi(&ctx, memory, bytes, abi - 1, sizeof ctx) == {upper}_ERROR_ABI);
        EXPECT({name}_init_abi(&ctx, memory, bytes, abi, sizeof ctx - 1) == {upper}_ERROR_ABI);
        EXPECT({name}_init_abi(&ctx, memory, bytes, abi, 2 * sizeof ctx) == {upper}_ERROR_ABI);
    }}
    EXPECT(is_painted(&ctx, sizeof ctx));
{painted}

    EXPECT({name}_run(NULL) == {upper}_ERROR_NULL);
    EXPECT({name}_run_layer(NULL, 0) == {upper}_ERROR_NULL);
    EXPECT({name}_input(NULL, 0) == NULL && {name}_output(NULL, 0) == NULL);
    EXPECT({name}_bind_input(NULL, 0, other) == {upper}_ERROR_NULL);
    EXPECT({name}_bind_output(NULL, 0, other) == {upper}_ERROR_NULL);
    memset(&ctx, 0, sizeof ctx);
    EXPECT({name}_run(&ctx) == {upper}_ERROR_NULL);
    EXPECT({name}_input(&ctx, 0) == NULL);

{accepted}
    started = ctx;
    EXPECT({name}_input(&ctx, -1) == NULL && {name}_input(&ctx, {upper}_INPUTS) == NULL);
    EXPECT({name}_output(&ctx, -1) == NULL && {name}_output(&ctx, {upper}_OUTPUTS) == NULL);
    EXPECT({name}_bind_input(&ctx, 0, NULL) == {upper}_ERROR_NULL);
    EXPECT({name}_bind_output(&ctx, 0, NULL) == {upper}_ERROR_NULL);
    EXPECT({name}_bind_input(&ctx, -1, other) == {upper}_ERROR_INDEX);
    EXPECT({name}_bind_input(&ctx, {upper}_INPUTS, other) == {upper}_ERROR_INDEX);
    EXPECT({name}_bind_output(&ctx, -1, other) == {upper}_ERROR_INDEX);
    EXPECT({name}_bind_output(&ctx, {upper}_OUTPUTS, other) == {upper}_ERROR_INDEX);
    EXPECT({name}_run_layer(&ctx, -1) == {upper}_ERROR_INDEX);
    EXPECT({name}_run_layer(&ctx, {upper}_LAYERS) == {upper}_ERROR_INDEX);
    EXPECT(ctx.input[0] == started.input[0] && ctx.output[0] == started.output[0]);
{painted}

    EXPECT({inside});
    EXPECT({name}_bind_output(&ctx, 0, other) == {upper}_OK && {name}_output(&ctx, 0) == other);
    for (int status = {upper}_OK; status <= {upper}_ERROR_ABI + 1; ++status) {{
        EXPECT({name}_strerror(status) != NULL && strlen({name}_strerror(status)) > 1);
    }}
    return 0;
}}
"""


def wrong_calls(name: str, regions: Sequence[str] = ("arena",)) -> str:
    """Return the program for a network whose arena has these regions."""
    upper = name.upper()

    def macro(region: str, what: str) -> str:
        return f"{upper}_{region.upper()}_{what}"

    def memory(region: str) -> str:
        return f"static uint8_t {region}_memory[{room(region)}];"

    def room(region: str) -> str:
        return f"{macro(region, 'BYTES')} + 2 * {macro(region, 'ALIGN')}"

    return _PROGRAM.format(
        name=name,
        upper=upper,
        memories="\n".join(map(memory, regions)),
        starts="\n".join(
            f"    uint8_t *{r} = aligned({r}_memory, {macro(r, 'ALIGN')});" for r in regions
        ),
        paints="\n".join(f"    paint({r}_memory, sizeof {r}_memory);" for r in regions),
        painted="\n".join(
            f"    EXPECT(is_painted({r}_memory, sizeof {r}_memory));" for r in regions
        ),
        regions=", ".join(regions),
        sizes=", ".join(macro(r, "BYTES") for r in regions),
        refused=_refused(name, regions),
        accepted="\n".join(
            f"    EXPECT({_init(name, regions, {r: (r, more)})} == {upper}_OK);"
            for r in regions
            for more in ("", " + 1")
        ),
        inside=" || ".join(
            f"((uint8_t *){name}_input(&ctx, 0) >= {r} && (uint8_t *){name}_input(&ctx, 0) + "
            f"{upper}_INPUT0_BYTES <= {r} + {macro(r, 'BYTES')})"
            for r in regions
        ),
    )


def _init(name: str, regions: Sequence[str], changed: dict[str, tuple[str, str]]) -> str:
    """Return the call; ``changed`` has for regions another start, and what is added to the size."""
    arguments = ["&ctx"]
    for region in regions:
        start, more = changed.get(region, (region, ""))
        arguments += [start, f"{name.upper()}_{region.upper()}_BYTES{more}"]
    return f"{name}_init({', '.join(arguments)})"


def _refused(name: str, regions: Sequence[str]) -> str:
    """Return what must fail, for each region in turn."""
    upper = name.upper()
    whole = _init(name, regions, {})
    lines = [f"    EXPECT({whole.replace('&ctx', 'NULL')} == {upper}_ERROR_NULL);"]
    for r in regions:
        size = f"{upper}_{r.upper()}_BYTES"
        refused = {
            (("NULL", ""), "NULL"),
            ((r, " - 1"), "ARENA_BYTES"),
            ((r, f" - {size}"), "ARENA_BYTES"),
        }
        lines += [
            f"    EXPECT({_init(name, regions, {r: change})} == {upper}_ERROR_{error});"
            for change, error in sorted(refused)
        ]
        shifted = _init(name, regions, {r: (f"{r} + shift", "")})
        lines += [
            f"    for (size_t shift = 1; shift < {upper}_{r.upper()}_ALIGN; ++shift) {{",
            f"        EXPECT({shifted} == {upper}_ERROR_ARENA_ALIGN);",
            "    }",
        ]
    return "\n".join(lines)
