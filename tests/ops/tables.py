"""Functions of one code: all codes at several scales and zero points, one build for all."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.ir.quant import Rounding
from edgeq.ops.base import Op
from tests.kernel_harness import PORTABLE, Case, check_layers
from tests.ops.elementwise_cases import all_codes, by_name, coded
from tests.ops.pairs import rounded

SCALES = ((0.1, 0.07), (0.03, 0.03), (0.5, 0.002))
ZEROS = ((-128, 127), (0, 0), (127, -128), (-7, 31))


def check_table(ops: Sequence[Op]) -> None:
    """Fail unless the C of each operation equals the reference on every code."""
    cases = []
    for op in ops:
        for number, (x_zero, y_zero) in enumerate(ZEROS):
            x_scale, y_scale = SCALES[number % len(SCALES)]
            x = coded("x", (256,), scale=x_scale, zero=x_zero)
            y = coded("y", (256,), scale=y_scale, zero=y_zero)
            rounding = list(Rounding)[number]
            codes = all_codes(x.dtype)
            tensors = by_name(x, y)
            cases.append(Case(op, tensors, [[codes]], "portable/lookup_s8", rounded(rounding)))
    check_layers(cases, PORTABLE)
