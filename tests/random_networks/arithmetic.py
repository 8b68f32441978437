"""Functions of one array: clamps, tables, norms, reductions, resizing, other codes and types."""

from __future__ import annotations

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from tests.random_networks.draft import ANY, BYTES, Draft
from tests.random_networks.network import Value
from tests.random_networks.table import draws

INT8 = (DType.INT8,)
INTEGERS = tuple(dtype for dtype in ANY if not dtype.is_float)


@draws("RELU", "RELU6", "RELU_N1_TO_1")
def rescaling(net: Draft, x: Value, code: str) -> None:
    """To any code, or in the same."""
    quant = x.quant if net.chance(0.3) else net.code(x.dtype, x.scale)
    net.op(code, [x], x.shape, x.dtype, quant, version=1 if code == "RELU_N1_TO_1" else 2)


@draws("HARD_SWISH")
def hard_swish(net: Draft, x: Value, code: str) -> None:
    """To any code that is not much finer, which LiteRT's shifts could not reach."""
    quant = net.code(x.dtype, x.scale)
    if quant.scale[0] * 127 > x.scale:
        net.op(code, [x], x.shape, x.dtype, quant)


@draws("NEG", types=(DType.INT8, DType.INT16, DType.INT32))
@draws("ABS", types=INT8)
def signs(net: Draft, x: Value, code: str) -> None:
    """NEG negates codes as they are."""
    quant = x.quant if code == "NEG" else net.code(x.dtype, x.scale)
    net.op(code, [x], x.shape, x.dtype, quant, version=2 if code == "ABS" else 1)


@draws("ELU", types=INT8)
def elu(net: Draft, x: Value, code: str) -> None:
    """To any code."""
    net.op(code, [x], x.shape, x.dtype, net.code(x.dtype, x.scale))


@draws("EXP", "LOG", types=(DType.INT8, DType.INT16))
def curves(net: Draft, x: Value, code: str) -> None:
    """To any code."""
    quant = net.code(x.dtype, x.scale * (32 if code == "LOG" else 8))
    net.op(code, [x], x.shape, x.dtype, quant)


@draws("RSQRT", "SQRT", types=INT8)
def roots(net: Draft, x: Value, code: str) -> None:
    """Of codes from 0 up: LiteRT ends the run below."""
    lowest = QuantParams.per_tensor(net.scale(), x.dtype.min)

    def fits(value: Value) -> bool:
        return value.dtype is x.dtype and value.quant is not None and value.zero == x.dtype.min

    x = x if fits(x) else net.find(fits, lambda: net.input(x.shape, x.dtype, code=lowest))
    net.op(code, [x], x.shape, x.dtype, net.code(x.dtype, x.scale * 8))


@draws("GELU", types=(*BYTES, DType.INT16))
def gelu(net: Draft, x: Value, code: str) -> None:
    """Exactly or by tanh."""
    options = ("GeluOptions", {"approximate": net.chance(0.5)})
    net.op(code, [x], x.shape, x.dtype, net.code(x.dtype, x.scale), version=2, options=options)


@draws("LEAKY_RELU")
def leaky_relu(net: Draft, x: Value, code: str) -> None:
    """Any slope, above 1 and below 0 too."""
    alpha = net.draw.choice((0.0, 0.01, 0.2, 0.3, 1.0, 1.5, -0.25))
    quant = net.code(x.dtype, x.scale)
    options = ("LeakyReluOptions", {"alpha": alpha})
    net.op(code, [x], x.shape, x.dtype, quant, version=2, options=options)


# Scale, and zero point above the type's smallest code.
_FIXED = {
    "LOGISTIC": (1 / 256, 0),
    "TANH": (1 / 128, 128),
    "SOFTMAX": (1 / 256, 0),
    "LOG_SOFTMAX": (16 / 256, 255),
    "L2_NORMALIZATION": (1 / 128, 128),
}


def fixed(net: Draft, x: Value, code: str, **more: object) -> None:
    """Add an operator whose arithmetic gives the code of its output."""
    scale, above = _FIXED[code]
    quant = QuantParams.per_tensor(scale, x.dtype.min + above)
    net.op(code, [x], x.shape, x.dtype, quant, **more)  # type: ignore[arg-type]


@draws("LOGISTIC", "TANH")
def functions(net: Draft, x: Value, code: str) -> None:
    """One array."""
    fixed(net, x, code)


@draws("LOG_SOFTMAX", types=INT8)
def log_softmax(net: Draft, x: Value, code: str) -> None:
    """Rows of the last dimension."""
    fixed(net, x, code, version=2)


@draws("SOFTMAX", ranks=(1, 2, 3, 4))
def softmax(net: Draft, x: Value, code: str) -> None:
    """Rows of the last dimension; now and then a long one."""
    if net.chance(0.15):
        x = net.input((net.draw.choice((1, 2)), net.draw.choice((257, 511, 512, 600))), x.dtype)
    beta = net.draw.choice((1.0, 1.0, 0.5, 2.0, 0.1))
    fixed(net, x, code, version=2, options=("SoftmaxOptions", {"beta": beta}))


@draws("L2_NORMALIZATION", ranks=(2, 3, 4))
def l2_normalization(net: Draft, x: Value, code: str) -> None:
    """Rows of the last dimension."""
    fixed(net, x, code, version=2, options=("L2NormOptions", {}))


@draws("MEAN", "SUM", ranks=(1, 2, 3, 4), weight=4)
def reduction(net: Draft, x: Value, code: str) -> None:
    """Any axes, from the end too; the mean in the same code is another kernel of LiteRT."""
    rank = len(x.shape)
    axes = net.draw.sample(range(rank), net.draw.randint(1, rank))
    if rank == 4 and net.chance(0.4):
        axes = [1, 2]
    keep = net.chance(0.5)
    pairs = enumerate(x.shape)
    shape = [1 if i in axes else extent for i, extent in pairs if keep or i not in axes]
    count = x.elements // int(
        np.prod([e for i, e in enumerate(x.shape) if i not in axes], initial=1)
    )
    near = x.scale * (count**0.5 if code == "SUM" else 1)
    quant = x.quant if net.chance(0.3) else net.code(x.dtype, near)
    given = [axis - rank if net.chance(0.3) else axis for axis in axes]
    options = ("ReducerOptions", {"keep_dims": keep})
    operands = [x, net.ints(*given)]
    net.op(code, operands, shape, x.dtype, quant, version=2, options=options)


@draws("REDUCE_MAX", "REDUCE_MIN", types=(*BYTES, DType.INT16, DType.INT32), ranks=(1, 2, 3, 4))
@draws("REDUCE_ANY", "REDUCE_ALL", types=(DType.BOOL,), ranks=(1, 2, 3, 4), weight=1)
def extreme_elements(net: Draft, x: Value, code: str) -> None:
    """Any axes, from the end too, in the same code."""
    rank = len(x.shape)
    axes = net.draw.sample(range(rank), net.draw.randint(1, rank))
    keep = net.chance(0.5)
    shape = [1 if i in axes else e for i, e in enumerate(x.shape) if keep or i not in axes]
    given = [axis - rank if net.chance(0.3) else axis for axis in axes]
    options = ("ReducerOptions", {"keep_dims": keep})
    version = 3 if x.dtype is DType.INT16 else 1
    net.like(code, [x, net.ints(*given)], shape, version=version, options=options)


@draws("ARG_MAX", "ARG_MIN", types=(*BYTES, DType.INT32, DType.FLOAT32))
def arg_max(net: Draft, x: Value, code: str) -> None:
    """Along any axis, as int32 or int64."""
    rank = len(x.shape)
    axis = net.draw.randrange(rank)
    kind = net.draw.choice((DType.INT32, DType.INT64))
    given = net.const(np.array(axis - rank if net.chance(0.3) else axis, np.int32))
    options = (
        f"{'ArgMax' if code == 'ARG_MAX' else 'ArgMin'}Options",
        {"output_type": kind.value.upper()},
    )
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    net.op(code, [x, given], shape, kind, None, version=2, options=options)


@draws("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", ranks=(4,), weight=3)
def resize(net: Draft, x: Value, code: str) -> None:
    """To any size, in every mode."""
    kind = "".join(part.capitalize() for part in code.split("_")) + "Options"
    mode = net.draw.choice(({}, {"align_corners": True}, {"half_pixel_centers": True}))
    size = (net.draw.choice((1, 2, 3, 5, 8, 13)), net.draw.choice((1, 2, 3, 4, 7, 11)))
    shape = (x.shape[0], *size, x.shape[3])
    net.like(code, [x, net.ints(*size)], shape, version=3, options=(kind, dict(mode)))


@draws("QUANTIZE", types=(*BYTES, DType.INT16, DType.FLOAT32), weight=4)
def quantize(net: Draft, x: Value, code: str) -> None:
    """Real numbers to codes, or codes to others."""
    kinds = {
        DType.INT8: (*BYTES, DType.INT16),
        DType.UINT8: BYTES,
        DType.INT16: (DType.INT8, DType.INT16),
    }
    kind = net.draw.choice(kinds.get(x.dtype, (*BYTES, net.dtype)))
    quant = net.code(kind, x.scale)
    if x.quant is not None and {x.dtype, kind} == set(BYTES) and net.chance(0.5):
        quant = QuantParams.per_tensor(x.scale, x.zero + kind.min - x.dtype.min)
    net.op(code, [x], x.shape, kind, quant, version=2)


@draws("DEQUANTIZE", types=(*BYTES, DType.INT16))
def dequantize(net: Draft, x: Value, code: str) -> None:
    """Codes to real numbers."""
    net.op(code, [x], x.shape, DType.FLOAT32, None, version=3 if x.dtype is DType.INT16 else 2)


@draws("CAST", types=INTEGERS)
def cast(net: Draft, x: Value, code: str) -> None:
    """To any other type."""
    kind = net.draw.choice([dtype for dtype in ANY if dtype is not x.dtype])
    quant = net.code(kind) if kind.is_quantized else None
    net.op(code, [x], x.shape, kind, quant, options=("CastOptions", {}))
