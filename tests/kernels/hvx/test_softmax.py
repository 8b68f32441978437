"""HVX softmax of long rows against the reference."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams, Rounding
from edgeq.ir.types import DType
from edgeq.ops.softmax import Softmax
from edgeq.targets import Target
from tests.kernel_harness import Case
from tests.kernels.hvx.forms import check, each_form
from tests.kernels.neon.layers import ROUNDINGS

ROW = "hvx/softmax_s8"


def softmax(
    rows: int,
    length: int,
    scale: float = 0.1,
    numerics: str | Numerics = "gemmlowp",
    out: DType = DType.INT8,
    row: str = ROW,
) -> Case:
    y = (1 / 256, -128) if out is DType.INT8 else (1 / 65536, -32768)
    tensors = {
        "x": Tensor("x", (rows, length), DType.INT8, QuantParams.per_tensor(scale, 3)),
        "y": Tensor("y", (rows, length), out, QuantParams.per_tensor(*y)),
    }
    rng = np.random.default_rng(length)
    shape = (rows, length)
    peak = np.full(shape, -128)
    peak[:, length // 2] = 127
    runs = (
        rng.integers(-128, 128, shape),
        rng.integers(-4, 3, shape),
        np.full(shape, 127),
        peak,
        np.where(rng.integers(0, 40, shape) == 0, 127, rng.integers(-128, 100, shape)),
    )
    op = Softmax(inputs=("x",), outputs=("y",))
    return Case(op, tensors, [[run.astype(np.int8)] for run in runs], row, numerics)


def row_of(numerics: Numerics) -> str:
    """Return the row of long rows: float32 steps are the portable one's."""
    return "portable/softmax_f32_s8" if numerics.rounding(Softmax.KIND) is Rounding.FLOAT32 else ROW


@each_form
def test_long_rows(form: Target) -> None:
    cases = [softmax(2, length) for length in (128, 129, 255, 256, 257, 1001)]
    cases += [softmax(1, 300, scale) for scale in (0.001, 0.02, 0.5, 3.0)]
    cases += [softmax(1, 200, numerics=each, row=row_of(each)) for each in ROUNDINGS]
    cases += [
        softmax(1, 8191, 0.0001),
        softmax(2, 127, row="portable/softmax_s8"),
        softmax(1, 200, out=DType.INT16, row="portable/softmax_s8"),
    ]
    check(cases, form)
