"""What .tflite operators become, where their names do not say it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgeq.ops.compare import Relation

KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ASSIGN_VARIABLE": (),
        "ARG_MIN": ("arg_max",),
        "BATCH_TO_SPACE_ND": ("reshape", "transpose", "slice"),
        "BROADCAST_TO": ("reshape", "tile"),
        "CALL_ONCE": (),
        "CUSTOM:TFLite_Detection_PostProcess": ("detection_postprocess",),
        "DEPTH_TO_SPACE": ("reshape", "transpose"),
        "EMBEDDING_LOOKUP": ("gather",),
        "EXPAND_DIMS": ("reshape",),
        "FILL": ("reshape", "tile"),
        "FLOOR_DIV": ("integer",),
        "FLOOR_MOD": ("integer",),
        "GATHER_ND": ("reshape", "gather"),
        "LOGICAL_AND": ("minimum",),
        "LOGICAL_NOT": ("compare",),
        "LOGICAL_OR": ("maximum",),
        "LSTM": ("lstm", "lstm_cell", "reshape"),
        "MIRROR_PAD": ("gather",),
        "ONE_HOT": ("reshape", "compare", "cast", "gather"),
        "QUANTIZE": ("quantize", "requantize"),
        "RANGE": ("reshape",),
        "RANK": ("reshape",),
        "READ_VARIABLE": ("reshape",),
        "REDUCE_ALL": ("reduce_min",),
        "REDUCE_ANY": ("reduce_max",),
        "REVERSE_V2": ("slice",),
        "SELECT": ("tile", "select"),
        "SELECT_V2": ("tile", "select"),
        "SPACE_TO_BATCH_ND": ("pad", "reshape", "transpose"),
        "SPACE_TO_DEPTH": ("reshape", "transpose"),
        "SQUEEZE": ("reshape",),
        "STRIDED_SLICE": ("slice", "reshape"),
        "ADD": ("add", "integer"),
        "MUL": ("mul", "integer"),
        "NEG": ("neg", "integer"),
        "SUB": ("sub", "integer"),
        "SUM": ("reduce_sum",),
        "TOPK_V2": ("top_k",),
        "TRANSPOSE_CONV": ("transpose_conv2d",),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": ("lstm",),
        "UNPACK": ("split", "reshape"),
        "VAR_HANDLE": (),
        "ZEROS_LIKE": ("reshape",),
        **{relation.name: ("compare",) for relation in Relation},
    }
)
"""Operators whose names do not begin with that of the operation they become."""
