"""Portable rows of products and norms that have no faster rows elsewhere."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable._broadcast import Loop, loop_constants, loops
from edgeq.kernels.portable.convolution import accumulation_codes, s8, s16, sum_type, weight_data
from edgeq.kernels.portable.elementwise import zeros
from edgeq.kernels.portable.movement import dimensions
from edgeq.kernels.requant import requant_facts
from edgeq.ops._accumulate import is_wide
from edgeq.ops.batch_matmul import BatchMatmul
from edgeq.ops.l2_normalization import L2Normalization
from edgeq.ops.transpose_conv2d import TransposeConv2D


def transpose_conv2d_facts(op: TransposeConv2D, io: Operands) -> Facts:
    """Return the facts of a transposed convolution."""
    images, in_h, in_w, in_c = io.x.shape
    out_c, kernel_h, kernel_w, _ = io.ins[1].shape
    requant = requant_facts(op.arithmetic.requant, row=out_c)
    constants = {
        "IMAGES": images,
        "IN_H": in_h,
        "IN_W": in_w,
        "IN_C": in_c,
        "OUT_H": op.size[0],
        "OUT_W": op.size[1],
        "OUT_C": out_c,
        "KERNEL_H": kernel_h,
        "KERNEL_W": kernel_w,
        "STRIDE_H": op.stride[0],
        "STRIDE_W": op.stride[1],
        "CROP_TOP": op.crop[0],
        "CROP_LEFT": op.crop[1],
        **accumulation_codes(op, io),
        **requant.constants,
    }
    note = (
        f"{kernel_h}x{kernel_w} transposed convolution, stride {op.stride[0]}, "
        f"{dimensions(io.x.shape)} to {dimensions(io.y.shape)}"
    )
    data = (*weight_data(op, io), *requant.data)
    flags = {"requant": requant.flag, "sum": sum_type(op, io)}
    return Facts(constants, data, flags, None, note)


def batch_matmul_facts(op: BatchMatmul, io: Operands) -> Facts:
    """Return the facts of products of matrices: loops over the batch round one product."""
    rows, depth, columns = op.sizes(io)
    found = loops(*(tensor.shape[:-2] for tensor in (*io.ins, io.y)))
    outer = tuple(
        Loop(
            each.extent, each.x0 * rows * depth, each.x1 * depth * columns, each.y * rows * columns
        )
        for each in found
        if each.extent > 1
    )
    requant = requant_facts(op.arithmetic.requant)
    constants = {
        **loop_constants((*outer, Loop(1, 1, 1, 1))),
        "ROWS": rows,
        "DEPTH": depth,
        "COLUMNS": columns,
        **zeros(io),
        "LOW": op.arithmetic.low - io.y.zero_point,
        "HIGH": op.arithmetic.high - io.y.zero_point,
        **requant.constants,
    }
    del constants["INNER"]
    flags = {
        "requant": requant.flag,
        "sum": "int64_t" if is_wide(io) else "int32_t",
        "outer": outer,
        "transpose_a": op.transpose_a,
        "transpose_b": op.transpose_b,
    }
    note = " times ".join(dimensions(tensor.shape) for tensor in io.ins)
    return Facts(constants, requant.data, flags, None, note)


def l2_normalization_facts(op: L2Normalization, io: Operands) -> Facts:
    """Return the facts of rows divided by their norms."""
    length = io.x.shape[-1]
    constants = {
        "ROWS": io.x.elements // length,
        "LENGTH": length,
        "X_ZERO": io.x.zero_point,
    }
    primitive = f"edgeq_requant_{op.arithmetic.value}_s32"
    flags = {"primitive": primitive, "unsigned": op.unsigned}
    return Facts(constants, (), flags, None, f"L2 normalization of {length}")


ROWS = (
    Kernel(
        "portable/transpose_conv2d_s8",
        TransposeConv2D,
        transpose_conv2d_facts,
        s8,
        packed=(1, 2),
        general=True,
    ),
    Kernel(
        "portable/transpose_conv2d_s16", TransposeConv2D, transpose_conv2d_facts, s16, packed=(1, 2)
    ),
    Kernel(
        "portable/batch_matmul_s8", BatchMatmul, batch_matmul_facts, s8, roles=("x0", "x1", "y")
    ),
    Kernel(
        "portable/batch_matmul_s16", BatchMatmul, batch_matmul_facts, s16, roles=("x0", "x1", "y")
    ),
    Kernel("portable/l2_normalization_s8", L2Normalization, l2_normalization_facts, s8),
)
