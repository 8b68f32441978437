"""What is checked of a network: LiteRT = reference = C, tensor by tensor, and the saved copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeq import api, reference
from edgeq.errors import QuantizationError
from edgeq.frontends.npz import graph_bytes, read_npz
from edgeq.ir.graph import Graph
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.targets import Target
from tests.random_networks.deviations import deviation
from tests.random_networks.engine import Engine, litert_tensors
from tests.random_networks.library import Member, compiled_together
from tests.random_networks.network import Arrays, Network, Node, sample_runs


class DifferenceError(AssertionError):
    """Two ways of running a network part; ``cause`` is the same for the same kind of place."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause


class RefusedError(Exception):
    """edgeq refuses the numbers of a network; the message says why."""


@dataclass(slots=True)
class Counts:
    """What was compared: networks, operators by name, values, and what is known to deviate."""

    networks: int = 0
    values: int = 0
    operators: Counter[str] = field(default_factory=Counter)
    deviations: Counter[str] = field(default_factory=Counter)
    unchecked: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Add what another part of a run compared."""
        self.networks += other.networks
        self.values += other.values
        self.operators += other.operators
        self.deviations += other.deviations
        self.unchecked += other.unchecked


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A network whose reference equals LiteRT: what its C must give."""

    number: int
    graph: Graph
    lowered: Graph
    runs: Sequence[Arrays]
    outputs: Sequence[Arrays]


def check_reference(
    network: Network, number: int, engine: Engine, path: Path, counts: Counts
) -> Checked:
    """Return the network; raise unless LiteRT, reference and saved copy agree on all tensors.

    ``path`` is where the file is written, which is read by ``edgeq.load``.
    """
    # Writing over a file waits for the disk.
    path.unlink(missing_ok=True)
    path.write_bytes(network.data())
    try:
        graph = api.load(path)
        finished, lowered = lower_arithmetic(graph), api.lower(graph)
    except QuantizationError as error:
        raise RefusedError(error.what) from None
    runs = sample_runs(network.inputs, number)
    own = [reference.run_tensors(finished, arrays) for arrays in runs]
    seen = litert_tensors(engine, network, runs, own)
    for have, want in zip(own, seen.tensors, strict=True):
        counts.values += _compare_nodes(network.nodes, have, want)
    outputs = [tuple(want[value.name] for value in network.outputs) for want in seen.tensors]
    for arrays, expected in zip(runs, outputs, strict=True):
        _compare("the passes change bits", reference.run(lowered, arrays), expected)
    saved = graph_bytes(graph)
    if graph_bytes(read_npz(saved, graph.name)) != saved:
        raise DifferenceError("the .npz is not what was saved")
    counts.operators.update(node.code for node in network.nodes)
    counts.deviations.update(_label(node) for node in network.nodes if deviation(node))
    counts.unchecked.update(_label(node) for node in seen.unchecked)
    return Checked(number, graph, lowered, runs, outputs)


def check_c(checked: Sequence[Checked], target: Target, counts: Counts) -> None:
    """Raise unless the generated C of each network gives the same; one library holds all."""
    members = []
    for one in checked:
        name = f"n{one.number}"
        graph = replace(one.graph, name=name)
        program = api.program_of(graph, one.lowered, target, name)
        members.append(Member(program, one.lowered))
    for one, compiled in zip(checked, compiled_together(members, target), strict=True):
        for arrays, expected in zip(one.runs, one.outputs, strict=True):
            kept = [array.copy() for array in arrays]
            got = compiled(*arrays)
            results = got if isinstance(got, tuple) else (got,)
            cause = f"the C for {target.isas[0]} differs"
            _compare(cause, results, expected, f"network {one.number}, ")
            _compare("the C writes to its inputs", arrays, kept, f"network {one.number}, ")
        counts.networks += 1


def _compare_nodes(
    nodes: Iterable[Node], have: Mapping[str, np.ndarray], want: Mapping[str, np.ndarray]
) -> int:
    """Return how many values were compared; raise at the first operator that differs."""
    count = 0
    for node in nodes:
        kind = f"{node.code} of {node.reads[0].dtype.value} differs from LiteRT"
        names = [value.name for value in node.outs]
        got, expected = [have[name] for name in names], [want[name] for name in names]
        _compare(kind, got, expected, f"{node.outs[0].name}, ")
        count += sum(value.elements for value in node.outs)
    return count


def _compare(
    cause: str, have: Sequence[np.ndarray], want: Sequence[np.ndarray], where: str = ""
) -> None:
    for place, (got, expected) in enumerate(zip(have, want, strict=True)):
        if (got.dtype, got.shape) != (expected.dtype, expected.shape):
            shapes = f"{got.dtype}{got.shape} for {expected.dtype}{expected.shape}"
            raise DifferenceError(cause, f"{where}output {place}: {shapes}")
        wrong = np.argwhere(np.not_equal(got, expected))
        if len(wrong):
            at = tuple(wrong[0])
            values = f"first at {[int(i) for i in at]}: {got[at]}, expected {expected[at]}"
            raise DifferenceError(
                cause, f"{where}output {place}: {len(wrong)} of {got.size} differ, {values}"
            )


def _label(node: Node) -> str:
    row = deviation(node)
    return node.code if row is None else f"{node.code}: {row.reason}"


def minimised(network: Network, fails: Callable[[Network], bool]) -> Network:
    """Return a network that ``fails`` like this one, without operators that can be left out."""
    size = max(1, len(network.nodes) // 2)
    while size:
        at = 0
        while at < len(network.nodes):
            rest = network.nodes[:at] + network.nodes[at + size :]
            smaller = network.part(rest)
            if rest and smaller.inputs and fails(smaller):
                network = smaller
            else:
                at += size
        size //= 2
    return network
