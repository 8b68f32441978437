"""The passes in the order in which they run; the graph is verified after each."""

from __future__ import annotations

from collections.abc import Callable

from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify
from edgeq.passes.flip_uint8 import flip_uint8
from edgeq.passes.fold_constants import fold_constants
from edgeq.passes.fold_dilation import fold_dilation
from edgeq.passes.fold_scales import fold_scales
from edgeq.passes.fold_states import fold_states
from edgeq.passes.fuse_activation import fuse_activation
from edgeq.passes.fuse_hard_swish import fuse_hard_swish
from edgeq.passes.fuse_pad import fuse_pad
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.passes.push_states import push_states
from edgeq.passes.read_codes import read_codes
from edgeq.passes.remove_dead import remove_dead
from edgeq.passes.scale_channels import scale_channels
from edgeq.passes.separate_ports import separate_ports
from edgeq.passes.store_states import store_states

Pass = Callable[[Graph], Graph]

PIPELINE: tuple[Pass, ...] = (
    fold_states,
    fold_constants,
    fold_dilation,
    separate_ports,
    read_codes,
    remove_dead,
    fuse_pad,
    fuse_activation,
    flip_uint8,
    push_states,
    remove_dead,
    store_states,
    lower_arithmetic,
)

# What makes a float network plain for whatever quantizes it: front ends end with these.
FLOAT_PIPELINE: tuple[Pass, ...] = (
    fold_states,
    fold_constants,
    fold_dilation,
    fold_scales,
    fuse_hard_swish,
    scale_channels,
    fold_scales,
    fuse_pad,
    fuse_activation,
    remove_dead,
)


def run_passes(
    graph: Graph,
    pipeline: tuple[Pass, ...] = PIPELINE,
    observe: Callable[[str, Graph], None] | None = None,
) -> Graph:
    """Run ``pipeline``; ``observe`` is called with each pass's name and result."""
    verify(graph)
    for step in pipeline:
        graph = verify(step(graph))
        if observe is not None:
            observe(step.__name__, graph)
    return graph
