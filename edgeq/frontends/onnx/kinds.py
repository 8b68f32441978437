"""What operations each ONNX operator becomes, for listings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgeq.frontends.nchw.kinds import by_operation

# Operators that only change how a value is read become a reshape or a transpose where they must.
KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Add": ("add",),
        "AveragePool": ("average_pool2d", "pad"),
        "BatchNormalization": ("add", "mul", "depthwise_conv2d"),
        "Clip": ("relu",),
        "Concat": ("concat",),
        "Conv": ("conv2d", "depthwise_conv2d"),
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
        "Split": ("split",),
        "Squeeze": ("reshape",),
        "Sub": ("add", "mul"),
        "Sum": ("add",),
        "Tanh": ("tanh",),
        "Transpose": ("transpose",),
        "Unsqueeze": ("reshape",),
        "Upsample": ("resize_bilinear", "resize_nearest"),
    }
)


def operators() -> dict[str, list[str]]:
    """Return the ONNX operators that become each operation.

    >>> operators()["conv2d"], operators()["relu"]
    (['Conv'], ['Clip', 'HardSigmoid', 'Relu'])
    """
    return by_operation(KINDS)
