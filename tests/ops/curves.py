"""Functions of one code beside LiteRT: all codes, at several scales and zero points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from edgeq.ir.types import DType
from edgeq.ops.base import Op
from tests.kernel_harness import PORTABLE, Case, check_layers
from tests.litert import run_litert
from tests.ops.elementwise_cases import all_codes, by_name, coded, evaluate, tflite

# Scale and zero point of input and output.
Codes = tuple[float, int, float, int]
BYTE_CODES: tuple[Codes, ...] = (
    (0.1, -128, 0.5, 3),
    (0.02, 5, 0.02, -128),
    (1.0, -128, 1.0, 127),
    (3.0, 0, 1e-3, -5),
    (1e-3, 127, 1e-3, 0),
    (0.01, -128, 0.1, -1),
    (2.0**-20, -128, 2.0**10, 0),
    (2.0**16, -128, 2.0**-18, 7),
    (1.5e-5, -100, 33.0, -128),
)
WIDE_CODES: tuple[Codes, ...] = tuple(
    (x, 0, y, 0)
    for x, y in ((1e-4, 1e-4), (1e-3, 1.0), (0.01, 0.5), (3e-4, 3.1e-5), (0.5, 0.5), (8.0, 2e-4))
)


def check_litert(
    op: Op,
    code: str,
    *,
    wide: bool = True,
    least: bool = False,
    version: int = 1,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Fail unless the reference gives LiteRT's answer to every code; ``least``: from zero up."""
    kinds = [(DType.INT8, each) for each in BYTE_CODES]
    kinds += [(DType.INT16, each) for each in WIDE_CODES if wide]
    for dtype, (x_scale, x_zero, y_scale, y_zero) in kinds:
        codes = all_codes(dtype)
        codes = codes[codes >= x_zero] if least else codes
        tensors = [
            coded("x", codes.shape, dtype, x_scale, x_zero),
            coded("y", codes.shape, dtype, y_scale, y_zero),
        ]
        got = evaluate(op, tensors, [codes])
        for resolver in ("ref", "builtin"):
            data = tflite(code, tensors, version, **(options or {}))
            want = run_litert(data, [codes], resolver)[0]
            np.testing.assert_array_equal(got, want, err_msg=f"{dtype} {x_scale} {y_scale}")


def check_lines(ops: Iterable[Op]) -> None:
    """Fail unless the C of each operation equals the reference on every int16 code."""
    cases = []
    for op in ops:
        for x_scale, _, y_scale, _ in WIDE_CODES[::2]:
            codes = all_codes(DType.INT16)
            x = coded("x", codes.shape, DType.INT16, x_scale)
            y = coded("y", codes.shape, DType.INT16, y_scale)
            cases.append(Case(op, by_name(x, y), [[codes]], "portable/lines_s16"))
    check_layers(cases, PORTABLE)
