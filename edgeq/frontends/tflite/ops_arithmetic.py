"""Element by element, along an axis, and between codes and real numbers."""

from __future__ import annotations

from edgeq.frontends.tflite.chain import numbers
from edgeq.frontends.tflite.converter import ANY, BYTES, CODES, converts
from edgeq.frontends.tflite.node import Node
from edgeq.frontends.tflite.whole import WHOLE, whole
from edgeq.ir.types import DType
from edgeq.ops._largest import ExtremeElement
from edgeq.ops._reduction import Reduction
from edgeq.ops.abs import Abs
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.arg_max import ArgMax
from edgeq.ops.base import Op
from edgeq.ops.batch_matmul import BatchMatmul
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.elu import Elu
from edgeq.ops.exp import Exp
from edgeq.ops.gelu import Gelu
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.integer import NUMBERS, Calculation, Integer
from edgeq.ops.l2_normalization import L2Normalization
from edgeq.ops.leaky_relu import LeakyRelu
from edgeq.ops.log import Log
from edgeq.ops.log_softmax import LogSoftmax
from edgeq.ops.logistic import Logistic
from edgeq.ops.mean import Mean
from edgeq.ops.mul import Mul
from edgeq.ops.neg import Neg
from edgeq.ops.quantize import Quantize
from edgeq.ops.reduce_max import ReduceMax
from edgeq.ops.reduce_min import ReduceMin
from edgeq.ops.reduce_sum import ReduceSum
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.ops.resize_nearest import ResizeNearest
from edgeq.ops.rsqrt import Rsqrt
from edgeq.ops.softmax import Softmax
from edgeq.ops.sqrt import Sqrt
from edgeq.ops.tanh import Tanh

_CODES = (DType.INT8, DType.UINT8, DType.INT16)


@converts("ADD", types=(*CODES, *WHOLE))
def add(node: Node) -> list[Op]:
    """Two arrays that broadcast."""
    node.expect(2)
    if node.tensor(0).dtype in WHOLE:
        return whole(node, Calculation.ADD, node.activation("AddOptions"))
    node.refuse_powers("AddOptions")
    return [Add(**node.ports, activation=node.activation("AddOptions"))]


@converts("MUL", types=(*CODES, *WHOLE))
def mul(node: Node) -> list[Op]:
    """Two arrays that broadcast."""
    node.expect(2)
    if node.tensor(0).dtype in WHOLE:
        return whole(node, Calculation.MULTIPLY, node.activation("MulOptions"))
    return [Mul(**node.ports, activation=node.activation("MulOptions"))]


@converts("QUANTIZE", types=(*_CODES, DType.INT32, DType.FLOAT32))
def quantize(node: Node) -> list[Op]:
    """Real numbers, or codes that change their scale."""
    node.expect(1)
    cls = Quantize if node.tensor(0).dtype.is_float else Requantize
    return [cls(**node.ports)]


@converts("DEQUANTIZE", types=(*_CODES, DType.INT32))
def dequantize(node: Node) -> list[Op]:
    """Codes."""
    node.expect(1)
    return [Dequantize(**node.ports)]


_CLAMPS = {
    "RELU": Activation.RELU,
    "RELU6": Activation.RELU6,
    "RELU_N1_TO_1": Activation.RELU_N1_TO_1,
}


@converts(*_CLAMPS, types=CODES)
def relu(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [Relu(**node.ports, activation=_CLAMPS[node.code])]


@converts("LOGISTIC", types=CODES)
def logistic(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [Logistic(**node.ports)]


@converts("TANH", types=CODES)
def tanh(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [Tanh(**node.ports)]


@converts("HARD_SWISH")
def hard_swish(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [HardSwish(**node.ports)]


@converts("ABS", types=(DType.INT8, DType.INT16, DType.FLOAT32))
def absolute(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [Abs(**node.ports)]


@converts("NEG", types=(DType.INT8, DType.FLOAT32, DType.INT16, *WHOLE))
def negation(node: Node) -> list[Op]:
    """One array; codes are negated as they are."""
    node.expect(1)
    if node.tensor(0).dtype in NUMBERS:
        zero = numbers(node, [0], "zero", node.tensor(0).dtype)
        ports = {**node.ports, "inputs": (zero.name, *node.inputs)}
        return [Integer(**ports, calculation=Calculation.SUBTRACT)]
    return [Neg(**node.ports, raw=not node.tensor(0).dtype.is_float)]


@converts("ELU", types=(DType.INT8, DType.FLOAT32))
def elu(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [Elu(**node.ports)]


_CURVES: dict[str, type[Op]] = {"EXP": Exp, "LOG": Log, "RSQRT": Rsqrt, "SQRT": Sqrt}


@converts("EXP", "LOG", "RSQRT", types=(DType.INT8, DType.INT16, DType.FLOAT32))
@converts("SQRT", types=(DType.INT8, DType.FLOAT32))
def curve(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [_CURVES[node.code](**node.ports)]


@converts("GELU", types=CODES)
def gelu(node: Node) -> list[Op]:
    """One array, exactly or by tanh."""
    node.expect(1)
    return [Gelu(**node.ports, approximate=bool(node.option("GeluOptions", "Approximate", False)))]


@converts("LEAKY_RELU", types=CODES)
def leaky_relu(node: Node) -> list[Op]:
    """One array, and a slope."""
    node.expect(1)
    return [LeakyRelu(**node.ports, alpha=float(node.required("LeakyReluOptions", "Alpha")))]


@converts("LOG_SOFTMAX", types=(DType.INT8, DType.FLOAT32))
def log_softmax(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [LogSoftmax(**node.ports)]


@converts("SOFTMAX", types=CODES)
def softmax(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    return [Softmax(**node.ports, beta=float(node.required("SoftmaxOptions", "Beta")))]


@converts("ARG_MAX", "ARG_MIN", types=(*BYTES, DType.INT32))
def arg_max(node: Node) -> list[Op]:
    """One array, and the axis."""
    node.expect(2)
    axis = node.one_axis(1, len(node.tensor(0).shape))
    return [ArgMax(**node.data_ports, axis=axis, smallest=node.code == "ARG_MIN")]


@converts("BATCH_MATMUL", types=(DType.INT8, DType.INT16, DType.FLOAT32))
def batch_matmul(node: Node) -> list[Op]:
    """Two arrays of matrices; batches broadcast."""
    node.expect(2)
    kind = "BatchMatMulOptions"
    first, second = (bool(node.option(kind, name, False)) for name in ("AdjX", "AdjY"))
    return [BatchMatmul(**node.ports, transpose_a=first, transpose_b=second)]


@converts("L2_NORMALIZATION")
def l2_normalization(node: Node) -> list[Op]:
    """One array."""
    node.expect(1)
    if node.activation("L2NormOptions") is not Activation.NONE:
        raise node.unsupported("with a fused activation")
    return [L2Normalization(**node.ports)]


_REDUCTIONS: dict[str, type[Reduction | ExtremeElement]] = {
    "MEAN": Mean,
    "REDUCE_ALL": ReduceMin,
    "REDUCE_ANY": ReduceMax,
    "REDUCE_MAX": ReduceMax,
    "REDUCE_MIN": ReduceMin,
    "SUM": ReduceSum,
}


@converts("REDUCE_ALL", "REDUCE_ANY", types=(DType.BOOL,))
@converts("REDUCE_MAX", "REDUCE_MIN", types=(*CODES, DType.INT32, DType.INT64))
@converts("MEAN", types=CODES)
@converts("SUM")
def reduction(node: Node) -> list[Op]:
    """One array, and the axes, which may repeat."""
    node.expect(2)
    rank = len(node.tensor(0).shape)
    axes = tuple(sorted({node.axis(axis, rank) for axis in node.integers(1, "axes")}))
    keep = bool(node.option("ReducerOptions", "KeepDims", False))
    return [_REDUCTIONS[node.code](**node.data_ports, axes=axes, keep_dims=keep)]


def _resize(node: Node, kind: str) -> dict[str, object]:
    node.expect(2)
    size = node.integers(1, "sizes")
    if len(size) != 2:
        raise node.error(f"{len(size)} sizes, expected 2")
    return {
        **node.data_ports,
        "size": size,
        "align_corners": bool(node.option(kind, "AlignCorners", False)),
        "half_pixel_centers": bool(node.option(kind, "HalfPixelCenters", False)),
    }


@converts("RESIZE_BILINEAR", types=CODES)
def resize_bilinear(node: Node) -> list[Op]:
    """One image, and its new height and width."""
    return [ResizeBilinear(**_resize(node, "ResizeBilinearOptions"))]  # type: ignore[arg-type]


@converts("RESIZE_NEAREST_NEIGHBOR", types=ANY)
def resize_nearest_neighbor(node: Node) -> list[Op]:
    """One image, and its new height and width."""
    return [ResizeNearest(**_resize(node, "ResizeNearestNeighborOptions"))]  # type: ignore[arg-type]
