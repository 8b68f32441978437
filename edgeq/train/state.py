"""Checkpoints belong to one network under one configuration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.errors import ModelError
from edgeq.frontends.npz import graph_bytes
from edgeq.ir.graph import Graph


def structure(graph: Graph, norms: Iterable[int]) -> bytes:
    """Return what identifies a network whatever its weights are."""
    tensors = {
        name: replace(tensor, data=np.zeros_like(tensor.array)) if tensor.is_constant else tensor
        for name, tensor in graph.tensors.items()
    }
    return graph_bytes(replace(graph, tensors=tensors)) + repr(sorted(norms)).encode()


def restored(state: Any, fingerprint: str) -> None:
    """Raise ``ModelError`` unless a checkpoint is of the network with this fingerprint."""
    if not isinstance(state, dict) or "fingerprint" not in state:
        raise ModelError("no checkpoint of a network that is trained with edgeq")
    if state["fingerprint"] != fingerprint:
        raise ModelError(
            "a checkpoint of another network or configuration",
            hint="prepare the same network with the same configuration before loading it",
        )
