"""Draws of each operator alone against the engine that a profile is named after.

``python -m tests.random_networks.run --profile xnnpack --networks 1000``: nothing is compiled, and
a difference is counted with its operator; only one that ``KNOWN`` does not name is a failure.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from edgeq import reference
from edgeq.errors import EdgeqError
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.verify import verify
from edgeq.ops.compare import Relation
from edgeq.passes.lower_arithmetic import lower_arithmetic
from tests.random_networks import random_network  # noqa: F401
from tests.random_networks.draft import BYTES, Draft
from tests.random_networks.engine import Engine, EngineError
from tests.random_networks.network import Network, Node, sample_runs
from tests.random_networks.table import DRAWS

ENGINES = {"tflite-ref": "ref", "tflite": "builtin", "xnnpack": "xnnpack", "tflm": "tflm"}
"""How the engine of each profile is called."""


KNOWN: dict[str, dict[str, str]] = {
    "tflite-ref": {
        "SUM int8": "the reference kernel gives -1 nearly everywhere",
    },
    "tflite": {
        "LOG_SOFTMAX int8": "a table of float32 exponentials and a float32 logarithm",
    },
    "xnnpack": {
        "LOG_SOFTMAX int8": "as under tflite",
    },
    "tflm": {
        "RELU6 int8": "clamps codes and does not change their scale",
        "LOGISTIC int8": "scales far above 1, which leave the table's range",
        "TANH int8": "scales far above 1, which leave the table's range",
        "SPACE_TO_BATCH_ND int8": "fills with code 0 instead of the zero point",
        "STRIDED_SLICE": "reads new axes and dropped ones together otherwise",
    },
}
"""Operators some of whose values differ from the engine, and why."""
_COMPARED = tuple(relation.name for relation in Relation)


@dataclass(slots=True)
class Tally:
    """What became of one kind of operator: how many nodes and values, and how many differ."""

    nodes: int = 0
    values: int = 0
    wrong_nodes: int = 0
    wrong_values: int = 0
    largest: int = 0
    first: int | None = None
    refused: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)

    @property
    def line(self) -> str:
        """Return the counts for people."""
        found = f"{self.wrong_values} of {self.values} values, {self.wrong_nodes} of {self.nodes}"
        more = (
            f", by at most {self.largest}, first in draw {self.first}" if self.wrong_nodes else ""
        )
        some = "".join(f"\n    engine: {n} x {what}" for what, n in self.refused.items())
        return f"{found} operators{more}{some}" + "".join(
            f"\n    edgeq: {n} x {what}" for what, n in self.unread.items()
        )


def operator(seed: int, number: int, code: str) -> Network | None:
    """Return draw ``number`` of an operator alone, ``None`` where nothing fits."""
    draw = Random(f"{seed} {number} {code}")
    row, net = DRAWS[code], Draft(draw)
    dtype = draw.choice(row.types)
    if dtype in BYTES:
        net.dtype = dtype
    row.step(net, net.input(net.shape(row.ranks), dtype), code)
    network = Network(tuple(net.nodes[-1:]), tuple(net.inputs), ())
    return network.part(network.nodes) if net.nodes else None


def label(node: Node) -> str:
    """Return the operator's name and the types of what it reads and gives."""
    types = dict.fromkeys(value.dtype.value for value in (*node.reads, *node.outs))
    return f"{node.code} {'/'.join(types)}"


def compare(
    network: Network, number: int, profile: str, engine: Engine
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the outputs of all runs, of edgeq's reference and of the engine."""
    data = network.data()
    graph = replace(verify(read_tflite(data, "m")), numerics=profile)
    lowered = lower_arithmetic(graph)
    runs = sample_runs(network.inputs, number)
    have = [array for arrays in runs for array in reference.run(lowered, arrays)]
    found = engine.run(data, runs, ENGINES[profile])
    names = [value.name for value in network.outputs]
    return have, [tensors[name] for tensors in found for name in names]


def probe(
    seed: int, numbers: Sequence[int], profile: str, engine: Engine, codes: Sequence[str] = ()
) -> dict[str, Tally]:
    """Return what became of draws of each operator, of ``codes`` only if given."""
    tallies: dict[str, Tally] = {}
    for code in codes or DRAWS:
        for number in numbers:
            network = operator(seed, number, code)
            if network is None:
                continue
            tally = tallies.setdefault(label(network.nodes[0]), Tally())
            try:
                have, want = compare(network, number, profile, engine)
            except EngineError as error:
                tally.refused[str(error).splitlines()[-1][:100]] += 1
            except EdgeqError as error:
                tally.unread[error.what[:60]] += 1
            else:
                _count(tally, have, want, number)
    return tallies


def known(name: str, profile: str) -> str:
    """Return why values of an operator differ from the engine, \"\" where none is known to."""
    if name.startswith(_COMPARED) and "int8" in name:
        return "codes with a scale of 1 or more: LiteRT shifts by a negative count"
    return KNOWN[profile].get(name) or KNOWN[profile].get(name.split()[0], "")


def probe_all(options: argparse.Namespace) -> int:
    """Print what became of each operator; return 1 where something unknown differs."""
    numbers = range(options.begin, options.begin + options.networks)
    failed = False
    with Engine() as engine:
        for code in options.operators or DRAWS:
            tallies = probe(options.seed, numbers, options.profile, engine, [code])
            for name, tally in sorted(tallies.items()):
                why = known(name, options.profile) if tally.wrong_nodes else ""
                unknown = bool(tally.wrong_nodes and not why)
                failed |= unknown
                mark = "FAILED " if unknown else ""
                print(f"{mark}{name}: {tally.line}{f' ({why})' if why else ''}", flush=True)
    return int(failed)


def _count(
    tally: Tally, have: Sequence[np.ndarray], want: Sequence[np.ndarray], number: int
) -> None:
    pairs = list(zip(have, want, strict=True))
    wrong = [(got, expected) for got, expected in pairs if not np.array_equal(got, expected)]
    tally.nodes += 1
    tally.values += sum(array.size for array in want)
    tally.wrong_nodes += bool(wrong)
    for got, expected in wrong:
        apart = np.abs(got.astype(np.float64) - expected.astype(np.float64))
        tally.wrong_values += int((got != expected).sum())
        tally.largest = max(tally.largest, int(apart.max()))
    if wrong and tally.first is None:
        tally.first = number
