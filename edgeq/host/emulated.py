"""A compiled network for another processor: a program that an emulator runs on this machine."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeq.emit.runner import FAILED, block_name, linker_script, network_header
from edgeq.errors import EdgeqError, ToolchainError, VerifyError
from edgeq.host.build import PROGRAM, Build, build_program
from edgeq.host.compiled import Arrays, Compiled
from edgeq.host.cross import cross_toolchain, find_emulator
from edgeq.host.instructions import Counts, Instructions, by_layer, plugin_options, read_counts
from edgeq.host.machine import command, execute, port_flags, port_sources
from edgeq.host.plugin import counting_plugin, plugin_arguments
from edgeq.resources import runtime_dir

# Far more than any emulator takes: what runs longer than this does not end at all.
_SECONDS = 120
_MACS_PER_SECOND = 2_000_000
_SCRIPT = "board.ld"
_PAINTED = 16384  # as in runtime/runner.c


class Emulated(Compiled):
    """A network whose C is built into a static program, and run by the emulator of its target.

    It is called, stepped and verified as any other, one process for each call: a sequence of runs
    is one call. There are no sessions and no times, but executed instructions are counted.
    """

    _program: Build | None = None

    def build(self) -> Build:
        """Return the built program, building it when that has not happened yet."""
        with self._lock:
            if self._program is None:
                tools = cross_toolchain(self.target, self._compiler)
                self._program = build_program(
                    self.files,
                    self._around(),
                    compiler=tools.compiler,
                    flags=(*tools.flags, *port_flags(self.target, PROGRAM)),
                    link=(*tools.link, *self._script()),
                )
            return self._program

    def _around(self) -> dict[str, str]:
        """Return the files of the program round the network."""
        main = (runtime_dir() / "runner.c").read_text(encoding="utf-8")
        header = network_header(self.program, self._tensors)
        files = {"main.c": main, "edgeq-network.h": header, **port_sources(self.target)}
        return {**files, _SCRIPT: linker_script(self.target)} if self.target.board else files

    def _script(self) -> tuple[str, ...]:
        return ("-T", f"{PROGRAM}/{_SCRIPT}") if self.target.board else ()

    def instructions(self, *inputs: np.ndarray) -> Instructions:
        """Count the instructions that one run executes, whole and layer by layer.

        Raise ``ToolchainError`` when the emulator cannot count.
        """
        counts = self._count(self._one_run(inputs), None)
        return by_layer(self.program, self._tensors, counts.marks)

    def addresses(self, layer: int, *inputs: np.ndarray) -> Mapping[int, int]:
        """Return how often a layer executes each address of the built program."""
        return self._count(self._one_run(inputs), layer).addresses

    def painted_stack(self, *inputs: np.ndarray) -> int:
        """Return how many bytes of stack one run takes, from the paint that it left.

        Raise ``ToolchainError`` when it left none: then it may have taken more.
        """
        raw = self._execute("stack", _interleaved(self._one_run(inputs), 1), 1)
        depth = int.from_bytes(raw, "little")
        if depth >= _PAINTED:
            raise self._failed(f"a run took {depth} bytes of stack or more")
        return depth

    def _count(self, arrays: Arrays, window: int | None) -> Counts:
        program = self.build().library
        emulator = find_emulator(self.target)
        plugin = counting_plugin(emulator, command(self.target, (), (), program, "run", "0"))
        with tempfile.TemporaryDirectory(prefix="edgeq-") as folder:
            out = Path(folder, "counts")
            options = (*plugin_options(program, window), f"out={out}")
            data = _interleaved(arrays, 1)
            self._execute("count", data, 1, plugin_arguments(plugin, options))
            return read_counts(out.read_text(encoding="ascii"))

    def _run(self, arrays: Arrays, runs: int | None) -> Arrays:
        ports = self.program.outputs
        count = 1 if runs is None else runs
        raw = self._execute("run", _interleaved(arrays, count), count)
        table = np.frombuffer(raw, np.uint8).reshape(count, sum(port.bytes for port in ports))
        leading = () if runs is None else (runs,)
        return tuple(
            part.copy().view(port.dtype.numpy).reshape((*leading, *port.shape))
            for port, part in zip(ports, _columns(table, [p.bytes for p in ports]), strict=True)
        )

    def _steps(self, runs: Sequence[Arrays]) -> Iterator[dict[str, np.ndarray]]:
        written = [name for call in self.program.calls for name in call.outputs]
        tensors = [self._tensors[name] for name in written]
        data = b"".join(_interleaved(arrays, 1) for arrays in runs)
        raw = self._execute("tensors", data, len(runs))
        table = np.frombuffer(raw, np.uint8).reshape(len(runs), sum(t.bytes for t in tensors))
        for row in table:
            parts = _columns(row[np.newaxis], [t.bytes for t in tensors])
            yield {
                name: part.copy().view(tensor.dtype.numpy).reshape(tensor.shape)
                for name, tensor, part in zip(written, tensors, parts, strict=True)
            }

    def _execute(self, mode: str, data: bytes, runs: int, arguments: Sequence[str] = ()) -> bytes:
        emulator = find_emulator(self.target)
        build = self.build()
        limit = _SECONDS + runs * (1 + self.program.macs / _MACS_PER_SECOND)
        words = (mode, str(runs))
        line = command(self.target, emulator, arguments, build.library, *words)
        try:
            answer = execute(self.target, line, data, build.root, limit)
        except subprocess.TimeoutExpired:
            raise self._failed(f"the emulated code did not end in {limit:.0f} seconds") from None
        except OSError as error:
            raise self._failed(f"the emulator does not run: {error}") from error
        if answer.status != 0:
            layer = self._layer(mode, len(answer.output))
            raise self._failure(answer.status, answer.complaint, layer)
        return answer.output

    def _failure(self, status: int, message: str, layer: str) -> EdgeqError:
        """Return the error that an exit status, the last words and the layer reached stand for."""
        if status == FAILED:
            return VerifyError(self._complaint(message), where=self.program.name)
        # An emulator ends by the signal that its program got; a shell in between says 128 + signal.
        number = -status if status < 0 else status - 128
        if number == signal.SIGILL:
            cpu = " ".join(self.target.runner_arguments)
            return self._failed(f"illegal instruction{layer}: '{cpu}' lacks it")
        if number in set(signal.Signals):
            name = signal.Signals(number).name
            return self._failed(f"the emulated code was stopped by {name}{layer}")
        lines = message.splitlines() or [f"it ended with status {status}"]
        return self._failed(lines[0])

    def _complaint(self, message: str) -> str:
        """Return what the program found wrong, from its line on standard error."""
        kind, *words = message.split(" ", 3)
        if kind == "guard":
            block, size = block_name(self.program, int(words[0]))
            return f"wrote outside {block} of {size} bytes, at offset {words[1]}"
        verb, code, text = words
        return f"{self.program.name}_{verb} returned {code}: {text}"

    def _layer(self, mode: str, written: int) -> str:
        """Return which layer came after so many bytes of tensors; ``""`` where that is unknown."""
        if mode != "tensors":
            return ""
        for call in self.program.calls:
            written -= sum(self._tensors[name].bytes for name in call.outputs)
            if written < 0:
                return f" in layer {call.index} ({call.symbol})"
        return ""

    def _failed(self, what: str) -> ToolchainError:
        return ToolchainError(what, where=f"{self.program.name} on {self.target.runner}")


def _interleaved(arrays: Sequence[np.ndarray], runs: int) -> bytes:
    """Return the bytes of each run's arrays, run after run."""
    if runs == 0:
        return b""
    rows = [array.reshape(-1).view(np.uint8).reshape(runs, -1) for array in arrays]
    return np.concatenate(rows, axis=1).tobytes()


def _columns(table: np.ndarray, widths: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield consecutive columns of a table, each of its own width."""
    start = 0
    for width in widths:
        yield table[:, start : start + width]
        start += width
