"""What operations each ATen operator becomes, for listings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgeq.frontends.nchw.kinds import by_operation

# Operators that only change how a value is read become a reshape or a transpose where they must.
KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "adaptive_avg_pool1d": ("average_pool2d", "mean"),
        "adaptive_avg_pool2d": ("average_pool2d", "mean"),
        "_adaptive_avg_pool2d": ("average_pool2d", "mean"),
        "adaptive_max_pool1d": ("max_pool2d",),
        "adaptive_max_pool2d": ("max_pool2d",),
        "add": ("add",),
        "addmm": ("fully_connected",),
        "alias": (),
        "avg_pool1d": ("average_pool2d", "pad"),
        "avg_pool2d": ("average_pool2d", "pad"),
        "batch_norm": ("add", "mul", "depthwise_conv2d"),
        "cat": ("concat",),
        "chunk": ("split",),
        "clamp": ("relu",),
        "clamp_max": ("relu",),
        "clamp_min": ("relu",),
        "clip": ("relu",),
        "clone": (),
        "concat": ("concat",),
        "concatenate": ("concat",),
        "constant_pad_nd": ("pad",),
        "contiguous": (),
        "conv1d": ("conv2d", "depthwise_conv2d"),
        "conv2d": ("conv2d", "depthwise_conv2d"),
        "convolution": ("conv2d", "depthwise_conv2d"),
        "detach": (),
        "div": ("mul",),
        "dropout": (),
        "expand": (),
        "flatten": ("reshape", "transpose"),
        "getitem": (),
        "hardsigmoid": ("add", "mul", "relu"),
        "hardswish": ("hard_swish",),
        "hardtanh": ("relu",),
        "lift_fresh_copy": (),
        "linear": ("fully_connected",),
        "log_softmax": ("log_softmax",),
        "_log_softmax": ("log_softmax",),
        "matmul": ("fully_connected",),
        "max_pool1d": ("max_pool2d",),
        "max_pool2d": ("max_pool2d",),
        "max_pool2d_with_indices": ("max_pool2d",),
        "mean": ("mean",),
        "mm": ("fully_connected",),
        "mul": ("mul",),
        "narrow": ("slice",),
        "_native_batch_norm_legit_no_training": ("add", "mul", "depthwise_conv2d"),
        "neg": ("mul",),
        "pad": ("pad",),
        "permute": ("transpose",),
        "relu": ("relu",),
        "relu6": ("relu",),
        "reshape": ("reshape", "transpose"),
        "rsub": ("add", "mul"),
        "select": ("slice", "reshape"),
        "sigmoid": ("logistic",),
        "silu": ("logistic", "mul"),
        "slice": ("slice",),
        "softmax": ("softmax",),
        "_softmax": ("softmax",),
        "split": ("split",),
        "split_with_sizes": ("split",),
        "squeeze": ("reshape",),
        "stack": ("concat", "reshape"),
        "sub": ("add", "mul"),
        "t": ("transpose",),
        "tanh": ("tanh",),
        "tensor_split": ("split",),
        "to": (),
        "_to_copy": (),
        "transpose": ("transpose",),
        "type_as": (),
        "unbind": ("slice", "reshape"),
        "unflatten": ("reshape", "transpose"),
        "_unsafe_view": ("reshape", "transpose"),
        "unsqueeze": ("reshape",),
        "upsample_bilinear2d": ("resize_bilinear",),
        "upsample_nearest2d": ("resize_nearest",),
        "_upsample_nearest_exact2d": ("resize_nearest",),
        "view": ("reshape", "transpose"),
    }
)


def operators() -> dict[str, list[str]]:
    """Return the ATen operators that become each operation; those of torch's own making left out.

    >>> operators()["conv2d"], operators()["tanh"]
    (['conv1d', 'conv2d', 'convolution'], ['tanh'])
    """
    return by_operation({code: made for code, made in KINDS.items() if code[0] != "_"})
