"""A compiled network that is called like a function: its C is built and run on this machine."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from edgeq._host import Library, Session
from edgeq.emit.runner import region_name
from edgeq.errors import ModelError, TargetError
from edgeq.host.build import Build, build_shared
from edgeq.host.instructions import Instructions
from edgeq.host.profile import Profile, Row, require_clock
from edgeq.host.toolchain import host_compiler
from edgeq.ir.graph import Tensor
from edgeq.plan.program import Place, Port, Program
from edgeq.targets.base import Target
from edgeq.version import ABI_VERSION

Arrays = tuple[np.ndarray, ...]


class Compiled:
    """A network: its ``program``, and the ``files`` of its C project (path to text).

    ``tensors`` gives shape and element type of the computed tensors. The C is built when it is
    first needed, with ``compiler`` (a command) or the one of this machine. Calls from several
    threads run at the same time, each with an arena of its own.
    """

    def __init__(
        self,
        program: Program,
        files: Mapping[str, str],
        tensors: Mapping[str, Tensor],
        target: Target,
        *,
        compiler: str | None = None,
    ) -> None:
        self.program = program
        self.files: Mapping[str, str] = MappingProxyType(dict(files))
        self.target = target
        self._tensors = tensors
        self._compiler = compiler
        self._built: tuple[Build, Library] | None = None
        self._lock = threading.Lock()
        self._idle: deque[Session] = deque()

    def __repr__(self) -> str:
        ports = (
            ", ".join(f"{port.dtype.value}{list(port.shape)}" for port in side)
            for side in (self.program.inputs, self.program.outputs)
        )
        return f"<Compiled {self.program.name} for {self.target.name}: {' -> '.join(ports)}>"

    def __call__(self, *inputs: np.ndarray) -> np.ndarray | Arrays:
        """Run the network; return its output, or a tuple when it has several.

        Each input has its port's shape and dtype, or one more leading axis for a sequence of runs,
        which the outputs then have too. Every call begins with the first values of whatever the
        network remembers, which the runs of a sequence hand on: their axis is time. The arrays are
        read in place. Raise ``ModelError`` for
        inputs that do not fit, ``ToolchainError`` when the C cannot be built.
        """
        arrays, runs = self._fit(inputs)
        outputs = self._run(arrays, runs)
        return outputs[0] if len(outputs) == 1 else outputs

    def tensors(self, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Run layer by layer; return a copy of every tensor that a layer writes, by name."""
        (found,) = self._steps([self._one_run(inputs)])
        return found

    def trace(self, runs: Iterable[Arrays]) -> Iterator[tuple[dict[str, np.ndarray], Arrays]]:
        """Yield, run after run, what ``tensors`` gives and the outputs of the whole network.

        The runs hand on what the network remembers, as those of a sequence do.
        """
        fitted = [self._one_run(inputs) for inputs in runs]
        stacked = tuple(np.stack(arrays) for arrays in zip(*fitted, strict=True))
        outputs = self._run(stacked, len(fitted)) if fitted else ()
        for index, found in enumerate(self._steps(fitted)):
            yield found, tuple(array[index, ...] for array in outputs)

    def profile(self, *inputs: np.ndarray, repeats: int = 25) -> Profile:
        """Measure each layer on this machine: the median of ``repeats`` runs after one more.

        Raise ``TargetError`` when the code is for another.
        """
        require_clock(self.target)
        arrays = self._one_run(inputs)
        with self.session() as session:
            session.reset()
            session.begin(arrays)
            layers = _median(session.time_layers(repeats + 1)[1:])
            total = _median(session.time_runs(repeats))
        rows = (
            Row(call.index, call.symbol, call.kernel, call.source, call.macs, int(ns))
            for call, ns in zip(self.program.calls, layers, strict=True)
        )
        return Profile(tuple(rows), int(total), repeats)

    def instructions(self, *inputs: np.ndarray) -> Instructions:
        """Count the instructions that one run executes, on targets that are emulated.

        Raise ``TargetError`` for any other: nothing counts those of this machine.
        """
        raise TargetError(
            f"executed instructions cannot be counted for target '{self.target.name}'",
            hint="emulators count them: choose an emulated target, or measure time with profile",
        )

    def painted_stack(self, *inputs: np.ndarray) -> int:
        """Return how many bytes of stack one run takes, on targets that are emulated.

        Raise ``TargetError`` for any other.
        """
        raise TargetError(
            f"the stack of a run cannot be seen on target '{self.target.name}'",
            hint="emulators show it: choose an emulated target",
        )

    def build(self) -> Build:
        """Return the built project, building it when that has not happened yet."""
        return self._load()[0]

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session (loaded library, arena, ports) to the caller alone."""
        _, library = self._load()
        try:
            session = self._idle.pop()
        except IndexError:
            session = self._start(library)
        yield session
        session.end()
        # Not after an error: an arena that was written outside its bounds is not used again.
        self._idle.append(session)

    def _run(self, arrays: Arrays, runs: int | None) -> Arrays:
        """Return the outputs of one run, or of a sequence of ``runs``."""
        with self.session() as session:
            session.reset()
            if runs is None:
                return session.run(arrays)
            shapes = ((runs, *port.shape) for port in self.program.outputs)
            dtypes = (port.dtype.numpy for port in self.program.outputs)
            outputs = tuple(map(np.empty, shapes, dtypes))
            for i in range(runs):
                # The ellipsis keeps a view where an integer alone would return a scalar.
                session.run([a[i, ...] for a in arrays], [a[i, ...] for a in outputs])
        return outputs

    def _steps(self, runs: Sequence[Arrays]) -> Iterator[dict[str, np.ndarray]]:
        """Yield every tensor that a layer writes, run after run."""
        with self.session() as session:
            session.reset()
            for arrays in runs:
                yield self._step(session, arrays)

    def _step(self, session: Session, arrays: Arrays) -> dict[str, np.ndarray]:
        found = {}
        outputs = session.begin(arrays)
        memory = {
            "arena": tuple(map(session.arena.view, range(len(self.program.regions)))),
            "input": tuple(map(_bytes, arrays)),
            "output": tuple(map(_bytes, outputs)),
        }
        for call in self.program.calls:
            session.run_layer(call.index)
            memory["state"] = self._states(session.state())
            for name in call.outputs:
                found[name] = _read(self._tensors[name], self.program.places[name], memory)
        return found

    def _states(self, raw: np.ndarray) -> Arrays:
        """Return the bytes of each state, by its index; ``raw`` is as they lie in the context."""
        slots = self.program.states
        found, at = [raw] * len(slots), 0
        for index in self.program.state_order:
            found[index] = raw[at : at + slots[index].bytes]
            at += slots[index].bytes
        return tuple(found)

    def _load(self) -> tuple[Build, Library]:
        with self._lock:
            if self._built is None:
                if not self.target.is_native:
                    raise TargetError(
                        f"code for target '{self.target.name}' does not run on this machine",
                        hint="compile for 'portable' or 'host' to run it here: the bits are equal",
                    )
                name = self.program.name
                compiler = host_compiler(self._compiler)
                build = build_shared(self.files, name, compiler=compiler, flags=self.target.flags)
                library = Library(build.library, name, bool(self.program.states))
                self._built = (build, library)
            return self._built

    def _start(self, library: Library) -> Session:
        program = self.program
        return Session(
            library,
            inputs=map(_spec, program.inputs),
            outputs=map(_spec, program.outputs),
            regions=[
                (region_name(program, index), region.declared)
                for index, region in enumerate(program.regions)
            ],
            alignment=program.alignment,
            layers=len(program.calls),
            pointers=program.context_pointers,
            state_bytes=program.state_bytes,
            abi=ABI_VERSION,
        )

    def _one_run(self, inputs: Sequence[np.ndarray]) -> Arrays:
        arrays, runs = self._fit(inputs)
        if runs is not None:
            raise self._error("a sequence of runs was given where one run is expected")
        return arrays

    def _fit(self, inputs: Sequence[np.ndarray]) -> tuple[Arrays, int | None]:
        """Return the inputs as arrays, and how many runs they hold (``None``: no leading axis)."""
        ports = self.program.inputs
        if len(inputs) != len(ports):
            names = ", ".join(f"'{port.name}'" for port in ports)
            raise self._error(f"{len(inputs)} inputs given, expected {len(ports)}: {names}")
        arrays = tuple(self._fit_one(*pair) for pair in zip(ports, inputs, strict=True))
        runs = {
            len(array) if array.ndim > len(port.shape) else None
            for port, array in zip(ports, arrays, strict=True)
        }
        if len(runs) > 1:
            shapes = ", ".join(
                f"'{port.name}' {array.shape}" for port, array in zip(ports, arrays, strict=True)
            )
            raise self._error(f"inputs differ in their number of runs: {shapes}")
        return arrays, next(iter(runs), None)

    def _fit_one(self, port: Port, value: np.ndarray) -> np.ndarray:
        array = np.asarray(value)
        # The shape of one run, or with anything in front of it along one more axis.
        fits = array.shape == port.shape or (
            array.ndim == len(port.shape) + 1 and array.shape[1:] == port.shape
        )
        if not fits or array.dtype != port.dtype.numpy:
            raise self._error(
                f"input '{port.name}' is {array.dtype}{list(array.shape)},"
                f" expected {port.dtype.value}{list(port.shape)}",
                hint="or one more leading axis for a sequence of runs",
            )
        if array.flags.c_contiguous and array.flags.aligned:
            return array
        return np.require(array, requirements=("C_CONTIGUOUS", "ALIGNED"))

    def _error(self, what: str, hint: str = "") -> ModelError:
        return ModelError(what, where=f"model '{self.program.name}'", hint=hint)


def _spec(port: Port) -> tuple[str, np.dtype, tuple[int, ...]]:
    return port.name, port.dtype.numpy, port.shape


def _bytes(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint8)


def _median(times: np.ndarray) -> np.ndarray:
    # The lower of the two middle values: a time that was measured, and an integer.
    return np.sort(times, axis=0)[(len(times) - 1) // 2]


def _read(tensor: Tensor, place: Place, memory: Mapping[str, Arrays]) -> np.ndarray:
    whole = memory[place.kind][place.index]
    part = whole[place.offset : place.offset + tensor.bytes]
    return part.view(tensor.dtype.numpy).reshape(tensor.shape).copy()
