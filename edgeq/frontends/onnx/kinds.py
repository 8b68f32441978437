"""What operations each ONNX operator becomes, for listings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgeq.frontends.nchw.kinds import by_operation
from edgeq.frontends.onnx.functions import FUNCTIONS, WITH_ATTRIBUTES
from edgeq.frontends.onnx.targets import QUANTS

_MS = "com.microsoft::"
_LINEAR = ("conv2d", "depthwise_conv2d")
_MATRIX = ("fully_connected", "batch_matmul")

# Operators that state codes, and float ones that stand between codes alone.
_OF_CODES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*FUNCTIONS, *WITH_ATTRIBUTES), ("table",)),
    "DequantizeLinear": ("dequantize",),
    "QLinearConv": _LINEAR,
    "QLinearMatMul": _MATRIX,
    f"{_MS}QGemm": ("fully_connected",),
    f"{_MS}QLinearAdd": ("qlinear_add",),
    f"{_MS}QLinearAveragePool": ("qlinear_average_pool2d",),
    f"{_MS}QLinearConcat": ("concat", "table"),
    f"{_MS}QLinearGlobalAveragePool": ("qlinear_global_average_pool",),
    f"{_MS}QLinearLeakyRelu": ("table",),
    f"{_MS}QLinearMul": ("qlinear_mul",),
    f"{_MS}QLinearSigmoid": ("table",),
    f"{_MS}QLinearSoftmax": ("qlinear_softmax",),
    "Max": ("maximum", "table"),
    "Min": ("minimum", "table"),
    "PRelu": ("table",),
    "Pow": ("table",),
    "QuantizeLinear": ("quantize", "table"),
    **dict.fromkeys(QUANTS, ("quantize", "relu", "table")),
}
# What a float operator becomes between codes, beside what it becomes in a float network.
_BETWEEN: dict[str, tuple[str, ...]] = {
    "Add": ("qlinear_add", "table"),
    "AveragePool": ("qlinear_average_pool2d",),
    "Clip": ("table",),
    "Concat": ("table",),
    "Div": ("table",),
    "GlobalAveragePool": ("qlinear_global_average_pool",),
    "MatMul": ("batch_matmul",),
    "Mul": ("qlinear_mul", "table"),
    "Relu": ("table",),
    "Softmax": ("qlinear_softmax",),
    "Sub": ("qlinear_add", "table"),
    "Sum": ("qlinear_add",),
}

# Operators that only change how a value is read become a reshape or a transpose where they must.
_FLOAT: dict[str, tuple[str, ...]] = {
    "Add": ("add",),
    "AveragePool": ("average_pool2d", "pad"),
    "BatchNormalization": ("add", "mul", "depthwise_conv2d"),
    "Clip": ("relu",),
    "Concat": ("concat",),
    "Conv": ("conv2d", "depthwise_conv2d"),
    "DepthToSpace": ("reshape", "transpose"),
    "Div": ("mul",),
    "Dropout": (),
    "Flatten": ("reshape", "transpose"),
    "Gather": ("slice", "reshape"),
    "Gemm": ("fully_connected",),
    "GlobalAveragePool": ("mean",),
    "GlobalMaxPool": ("max_pool2d",),
    "HardSigmoid": ("add", "mul", "relu"),
    "HardSwish": ("hard_swish",),
    "Identity": (),
    "LogSoftmax": ("log_softmax",),
    "MatMul": ("fully_connected",),
    "MaxPool": ("max_pool2d",),
    "Mul": ("mul",),
    "Pad": ("pad",),
    "ReduceMean": ("mean",),
    "Relu": ("relu",),
    "Reshape": ("reshape", "transpose"),
    "Resize": ("resize_bilinear", "resize_nearest"),
    "Sigmoid": ("logistic",),
    "Slice": ("slice",),
    "Softmax": ("softmax",),
    "SpaceToDepth": ("reshape", "transpose"),
    "Split": ("split",),
    "Squeeze": ("reshape",),
    "Sub": ("add", "mul"),
    "Sum": ("add",),
    "Tanh": ("tanh",),
    "Transpose": ("transpose",),
    "Unsqueeze": ("reshape",),
    "Upsample": ("resize_bilinear", "resize_nearest"),
}

KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        code: (*_FLOAT.get(code, ()), *_OF_CODES.get(code, ()), *_BETWEEN.get(code, ()))
        for code in sorted({*_FLOAT, *_OF_CODES})
    }
)


def operators() -> dict[str, list[str]]:
    """Return the ONNX operators that become each operation.

    >>> operators()["conv2d"], operators()["concat"]
    (['Conv', 'QLinearConv'], ['Concat', 'com.microsoft::QLinearConcat'])
    """
    return by_operation(KINDS)
