"""Networks that remember, over sequences of runs: LiteRT = reference = C, tensor by tensor.

``python -m tests.random_networks.sequences --networks 300`` checks as many as one likes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeq import api, reference
from edgeq.errors import QuantizationError
from edgeq.frontends.npz import graph_bytes, read_npz
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.targets import Target
from tests.random_networks.engine import Engine
from tests.random_networks.library import TARGETS, Member, compiled_together
from tests.random_networks.memories import file_of
from tests.random_networks.network import Arrays

RUNS = 6
BATCH = 30


@dataclass(slots=True)
class Compared:
    """What was compared, and the failures by number."""

    networks: int = 0
    states: int = 0
    values: int = 0
    updated: int = 0
    refused: list[str] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A network whose reference equals LiteRT: what its C must give."""

    number: int
    graph: Graph
    lowered: Graph
    runs: Sequence[Arrays]
    outputs: Sequence[Arrays]


def sequence(graph: Graph, seed: int) -> list[Arrays]:
    """Return the inputs of runs one after the other, the last ones at an end of the range."""
    rng = np.random.default_rng(seed)
    shapes = [graph.tensors[name].shape for name in graph.inputs]
    runs = [tuple(rng.integers(-128, 128, s).astype(np.int8) for s in shapes) for _ in range(RUNS)]
    ends = [tuple(np.full(s, end, np.int8) for s in shapes) for end in (-128, 127, 127)]
    return [*runs, *ends]


def check_litert(seed: int, number: int, engine: Engine, compared: Compared) -> Ready | None:
    """Return the network; raise unless all tensors of all runs are LiteRT's, None if refused."""
    data = file_of(seed, number)
    graph = read_tflite(data, f"n{number}")
    try:
        finished, lowered = lower_arithmetic(graph), api.lower(graph)
    except QuantizationError as error:
        compared.refused.append(str(error))
        return None
    runs = sequence(graph, number)
    theirs = engine.run(data, runs, "ref")
    own = reference.run_sequence(finished, runs)
    for turn, (have, want) in enumerate(zip(own, theirs, strict=True)):
        for op in finished.ops:
            for name in (name for name in op.outputs if name in want):
                same(have[name], want[name], f"run {turn}, {op.KIND} '{name}'")
                compared.values += want[name].size
    outputs = [tuple(want[name] for name in graph.outputs) for want in theirs]
    passed = reference.run_sequence(lowered, runs)
    for turn, (tensors, wanted) in enumerate(zip(passed, outputs, strict=True)):
        for name, array in zip(lowered.outputs, wanted, strict=True):
            same(tensors[name], array, f"run {turn} after the passes, '{name}'")
    saved = graph_bytes(graph)
    if graph_bytes(read_npz(saved, graph.name)) != saved:
        raise AssertionError("the .npz is not what was saved")
    compared.states += len(lowered.states)
    return Ready(number, graph, lowered, runs, outputs)


def check_c(ready: Sequence[Ready], target: Target, compared: Compared) -> None:
    """Note networks whose generated C gives something else, in a sequence or in the next."""
    members = []
    for one in ready:
        name = f"n{one.number}"
        program = api.program_of(replace(one.graph, name=name), one.lowered, target, name)
        members.append(Member(program, one.lowered))
        compared.updated += sum(
            any(a.place.kind == "state" and not a.restrict for a in call.arguments)
            for call in program.functions
        )
    for one, compiled in zip(ready, compiled_together(members, target), strict=True):
        stacked = [np.stack(arrays) for arrays in zip(*one.runs, strict=True)]
        try:
            for _ in range(2):  # each call begins anew
                got = compiled(*stacked)
                results = got if isinstance(got, tuple) else (got,)
                for place, array in enumerate(results):
                    wanted = np.stack([run[place] for run in one.outputs])
                    same(array, wanted, f"the C for {target.isas[0]}, output {place}")
            compared.networks += 1
        except AssertionError as error:
            compared.failures[one.number] = str(error)


def same(have: np.ndarray, want: np.ndarray, where: str) -> None:
    """Raise unless arrays are equal."""
    if (have.dtype, have.shape) != (want.dtype, want.shape) or not np.array_equal(have, want):
        raise AssertionError(f"{where} differs")


def run(seed: int, numbers: Sequence[int], target: Target) -> Compared:
    """Compare networks; their C is one library."""
    compared, ready = Compared(), []
    with Engine() as engine:
        for number in numbers:
            try:
                one = check_litert(seed, number, engine, compared)
            except Exception as error:
                compared.failures[number] = f"{type(error).__name__}: {error}"
            else:
                ready += [] if one is None else [one]
    check_c(ready, target, compared)
    return compared


def main(arguments: Sequence[str]) -> int:
    """Run and print what became of each batch; return 1 where anything failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.random_networks.sequences", description=__doc__
    )
    parser.add_argument("--networks", type=int, default=300)
    parser.add_argument("--begin", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/random-networks"))
    options = parser.parse_args(arguments)
    failed, end = 0, options.begin + options.networks
    for at in range(options.begin, end, BATCH):
        numbers = range(at, min(at + BATCH, end))
        found = run(options.seed, numbers, TARGETS[at // BATCH % len(TARGETS)])
        print(f"from {at}: {found.networks} equal, {found.states} states, ", end="")
        print(f"{found.updated} updates in place, {found.values} values,", end=" ")
        print(f"{len(found.refused)} refused, {len(found.failures)} failures", flush=True)
        for number, why in found.failures.items():
            print(f"FAILED {number}: {why}", flush=True)
            options.out.mkdir(parents=True, exist_ok=True)
            path = options.out / f"sequence-{options.seed}-{number}.tflite"
            path.write_bytes(file_of(options.seed, number))
        failed += len(found.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
