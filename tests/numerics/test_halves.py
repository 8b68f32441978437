"""Products by 16-bit halves, for processors without 64-bit ones: the same bits, no overflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.resources import runtime_dir
from tests.models.projects import COMPILERS, WARNINGS, build, run

# Every pair of numbers around powers of two, and random ones; every shift and nudge in use.
PROGRAM = """
#define EDGEQ_HALF_PRODUCTS 1
#include "edgeq_fixed_point.h"
#include <stdio.h>

enum { NUMBERS = 3 * 2 * 32 + 200 };

int main(void)
{
    static const int64_t nudges[] = {0, 1, (int64_t)1 << 30, (int64_t)1 << 14, -1};
    static int32_t numbers[NUMBERS];
    uint32_t random = 1;
    int count = 0;

    for (int bit = 0; bit < 32; ++bit) {
        for (int step = -1; step <= 1; ++step) {
            const uint32_t number = ((uint32_t)1 << bit) + (uint32_t)step;

            numbers[count++] = (int32_t)number;
            numbers[count++] = (int32_t)(0u - number);
        }
    }
    while (count < NUMBERS) {
        random = random * 1664525u + 1013904223u;
        numbers[count++] = (int32_t)random;
    }
    for (int i = 0; i < NUMBERS; ++i) {
        for (int j = 0; j < NUMBERS; ++j) {
            for (int n = 0; n < 5; ++n) {
                const int32_t a = numbers[i], b = numbers[j];
                const int64_t sum = (int64_t)a * b + nudges[n];

                for (int e = 0; e <= 32; ++e) {
                    const int32_t want = (int32_t)(uint32_t)((uint64_t)sum >> e);

                    if (want != edgeq_product_bits_s32(a, b, nudges[n], e)) {
                        printf("%d * %d, nudge %d, e %d\\n", (int)a, (int)b, n, e);
                        return 1;
                    }
                }
            }
        }
    }
    return 0;
}
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_products_by_halves_have_the_same_bits(compiler: str, tmp_path: Path) -> None:
    (tmp_path / "halves.c").write_text(PROGRAM, encoding="utf-8")
    flags = (*WARNINGS, "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    include = f"-I{runtime_dir() / 'include'}"
    build(compiler, tmp_path, *flags, include, "halves.c", "-o", "halves")
    done = run((str(tmp_path / "halves"),), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
