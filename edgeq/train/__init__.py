"""Quantization-aware training in PyTorch, whose evaluation is the deployed integer arithmetic.

    module = edgeq.train.prepare(graph, edgeq.train.Config())
    ...                                   # an ordinary PyTorch training loop
    integer = edgeq.train.convert(module)
    compiled = edgeq.compile(integer)

Jacob et al. 2017, section 3; Krishnamoorthi 2018, sections 2 and 3.
"""

from __future__ import annotations

from importlib.util import find_spec

from edgeq.errors import EdgeqError

if find_spec("torch") is None:
    raise EdgeqError("training needs PyTorch", hint="pip install 'edgeq[torch]'")

from edgeq.train.config import Config
from edgeq.train.convert import convert, float_graph
from edgeq.train.deployed import assert_deployed_equal
from edgeq.train.history import History
from edgeq.train.integer import IntegerModule
from edgeq.train.module import QuantModule
from edgeq.train.prepare import prepare

__all__ = [
    "Config",
    "History",
    "IntegerModule",
    "QuantModule",
    "assert_deployed_equal",
    "convert",
    "float_graph",
    "prepare",
]
