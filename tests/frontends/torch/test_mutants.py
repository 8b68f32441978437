"""Damaged .pt2 files: whatever the damage, an error of the family or a graph that is sound."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

from torch import nn

from edgeq.errors import EdgeqError
from edgeq.frontends.torch import read_pt2
from edgeq.ir.verify import verify
from tests.frontends.torch.one_module import saved, seeded

MODEL = "models/model.json"
CONFIG = "data/weights/model_weights_config.json"
MUTANTS = 30
VALUES: tuple[Any, ...] = (
    *(None, 0, 1, -1, 2, 7, 1 << 31, 1 << 62, -(1 << 40), 0.5, 1e30, True, False, [], {}, [3, 3]),
    *("", "x", "p_0_weight", "conv2d", "torch.ops.aten.add.Tensor", "torch.ops.aten.cat.default"),
    *("torch.ops.aten.mean.dim", "torch.ops.aten.split.Tensor", "_operator.getitem"),
)
# What torch writes down about where a node came from: little of the file, many of its leaves.
_TRACES = frozenset(("nn_module_stack", "stack_trace", "metadata", "module_call_graph"))
Path = tuple[Any, ...]


@cache
def members() -> dict[str, bytes]:
    layers = (nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    rest = (nn.Upsample(scale_factor=2), nn.Flatten(), nn.Linear(64, 3), nn.Softmax(-1))
    data = saved(seeded(nn.Sequential(*layers, *rest)), (1, 2, 4, 4))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the places of all values, and of all lists and objects with something in them."""
    held = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in held:
        if key in _TRACES:
            continue
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from leaves(inner, (*path, key))


def damaged(data: bytes, rng: random.Random) -> bytes:
    root = json.loads(data)
    for _ in range(rng.choice((1, 1, 2))):
        path = rng.choice(list(leaves(root)))
        holder = root
        for key in path[:-1]:
            holder = holder[key]
        way = rng.random()
        if way < 0.1:
            del holder[path[-1]]
        elif way < 0.2 and isinstance(holder, list):
            holder.append(holder[path[-1]])
        else:
            holder[path[-1]] = rng.choice(VALUES)
    return json.dumps(root).encode()


def survives(files: dict[str, bytes]) -> bool:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"archive/{name}", data)
    try:
        verify(read_pt2(stream.getvalue(), "m"))
    except EdgeqError:
        return False
    return True


def test_damaged_programs() -> None:
    assert survives(members())
    found = set()
    for seed in range(MUTANTS):
        rng = random.Random(seed)
        name = MODEL if rng.random() < 0.85 else CONFIG
        found.add(survives({**members(), name: damaged(members()[name], rng)}))
    assert found == {True, False}
