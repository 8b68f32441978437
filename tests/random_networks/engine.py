"""LiteRT in a process of its own, which may abort; and a network's tensors as LiteRT has them."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgeq.frontends.tflite import read_tflite
from tests.litert import RESOLVERS, tensors_of
from tests.random_networks.deviations import Oracle, oracle
from tests.random_networks.network import Arrays, Network, Node

STUCK_SECONDS = 600.0
Tensors = dict[str, np.ndarray]


class EngineError(Exception):
    """LiteRT does not run a network; the message says what it answers."""


class AbortedError(EngineError):
    """LiteRT's process died."""


class Engine:
    """A process that runs one file after the other; a new one takes the place of one that died."""

    def __init__(self) -> None:
        self._process: Any = None
        self._connection: Connection | None = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, data: bytes, runs: Sequence[Arrays], resolver: str) -> list[Tensors]:
        """Return all tensors that have data, of each run; raise ``EngineError`` otherwise."""
        if self._connection is None:
            self._start()
        connection = self._connection
        assert connection is not None
        try:
            connection.send((data, [tuple(arrays) for arrays in runs], resolver))
            if not connection.poll(STUCK_SECONDS):
                raise EOFError
            answer = connection.recv()
        except (EOFError, ConnectionResetError, BrokenPipeError):
            process = self._process
            self.close()
            raise AbortedError(f"LiteRT's process ended with {process.exitcode}") from None
        if isinstance(answer, str):
            raise EngineError(answer)
        found: list[Tensors] = answer
        return found

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()


def _serve(connection: Connection) -> None:
    """Answer each file with its tensors, or with what LiteRT says."""
    # What is said of an abort is no news.
    faulthandler.disable()
    # That tensors which are kept need memory is none either.
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            data, runs, resolver = connection.recv()
            try:
                connection.send((_micro if resolver == "tflm" else _tensors)(data, runs, resolver))
            except (RuntimeError, ValueError) as error:
                connection.send(str(error))


def _tensors(data: bytes, runs: Sequence[Arrays], resolver: str) -> list[Tensors]:
    interpreter = Interpreter(
        model_content=data,
        experimental_op_resolver_type=RESOLVERS[resolver],
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    places = [detail["index"] for detail in interpreter.get_input_details()]
    found = []
    for arrays in runs:
        for place, array in zip(places, arrays, strict=True):
            interpreter.set_tensor(place, array)
        interpreter.invoke()
        found.append(tensors_of(interpreter))
    return found


def _micro(data: bytes, runs: Sequence[Arrays], resolver: str) -> list[Tensors]:
    """Return the outputs of each run in TensorFlow Lite Micro, by their names in the file."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 20)
    names = read_tflite(data, "m").outputs
    found = []
    for arrays in runs:
        for place, array in enumerate(arrays):
            interpreter.set_input(array, place)
        interpreter.invoke()
        outputs = (interpreter.get_output(place).copy() for place in range(len(names)))
        found.append(dict(zip(names, outputs, strict=True)))
    return found


@dataclass(slots=True)
class Seen:
    """A network's tensors as LiteRT has them, and the operators that it did not compute."""

    tensors: list[Tensors]
    unchecked: list[Node]


def litert_tensors(
    engine: Engine, network: Network, runs: Sequence[Arrays], own: Sequence[Tensors]
) -> Seen:
    """Return every tensor of each run, each operator by the kernel that counts for it.

    ``own`` are the tensors that edgeq computes, for operators that have no such kernel.
    """
    names = [value.name for value in network.inputs]
    seen = Seen([dict(zip(names, arrays, strict=True)) for arrays in runs], [])
    for kind, nodes in _segments(network.nodes):
        part = network.part(nodes, (value for node in nodes for value in node.outs))
        given = [tuple(values[value.name] for value in part.inputs) for values in seen.tensors]
        found: Sequence[Tensors] = own
        if kind is Oracle.NONE:
            seen.unchecked += nodes
        else:
            try:
                found = engine.run(part.data(), given, _RESOLVERS[kind])
            except AbortedError:
                if kind is not Oracle.UNLESS_ABORTED:
                    raise
                seen.unchecked += nodes
        made = [value.name for node in nodes for value in node.outs]
        for values, results in zip(seen.tensors, found, strict=True):
            values.update((name, results[name]) for name in made)
    return seen


_RESOLVERS = {Oracle.REF: "ref", Oracle.UNLESS_ABORTED: "ref", Oracle.BUILTIN: "builtin"}


def _segments(nodes: Iterable[Node]) -> list[tuple[Oracle, list[Node]]]:
    """Return the nodes in pieces that have one oracle."""
    found: list[tuple[Oracle, list[Node]]] = []
    for node in nodes:
        kind = oracle(node)
        # What may abort is alone, so that nothing else is lost.
        if not found or found[-1][0] is not kind or kind is Oracle.UNLESS_ABORTED:
            found.append((kind, []))
        found[-1][1].append(node)
    return found
