"""What the host benchmarks compare: one network as a function for each engine, and its time."""

from __future__ import annotations

import importlib
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from edgeq.host.compiled import Compiled

Call = Callable[[], object]
# One call and its time: by the clock around it, or what the engine itself says of it.
Timed = Callable[[], float]
_BATCH_SECONDS = 0.004
_ROUNDING_CODES = 6


def package(name: str) -> ModuleType:
    """Import a package of the extra `benchmarks`; exit with a word on it when it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SystemExit(f"{error}: pip install 'edgeq[benchmarks]'") from error


def pin(core: int | None) -> int:
    """Keep this process on one core, the last by default, and return it."""
    allowed = sorted(os.sched_getaffinity(0))
    chosen = allowed[-1] if core is None else core
    if chosen not in allowed:
        raise SystemExit(f"core {chosen} is not one of this process: {allowed}")
    os.sched_setaffinity(0, {chosen})
    return chosen


def edgeq_timed(compiled: Compiled, inputs: Sequence[np.ndarray]) -> Timed:
    """Return edgeq's C, whose session reads the clock around each run."""
    with compiled.session() as session:
        session.begin(inputs)
        spent = min(session.time_runs(2)) / 1e9
    batch = _batch(spent)

    def several() -> float:
        with compiled.session() as session:
            session.begin(inputs)
            return float(session.time_runs(batch + 1)[1:].mean()) / 1e9

    return several


def litert_call(path: Path, inputs: Sequence[np.ndarray], resolver: str) -> Call:
    """Return LiteRT with the kernels of a resolver, such as AUTO (XNNPACK)."""
    litert = package("ai_edge_litert.interpreter")
    kind = getattr(litert.OpResolverType, resolver)
    interpreter = litert.Interpreter(str(path), num_threads=1, experimental_op_resolver_type=kind)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    # What invoke calls after its checks in Python, which take a tenth of the smallest network.
    invoke: Call = interpreter._interpreter.Invoke
    return invoke


def onnxruntime_call(
    twin: bytes,
    values: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    most: float = _ROUNDING_CODES,
) -> Call:
    """Return ONNX Runtime on the network's twin; exit when that is another network.

    The twin rounds otherwise, so outputs may differ by a few codes from the ``expected`` ones:
    by ``most``.
    """
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(twin, options, providers=["CPUExecutionProvider"])
    ports = [port.name for port in session.get_inputs()]
    answers = session.run(None, dict(zip(ports, values, strict=True)))
    for mine, wanted in zip(answers, expected, strict=True):
        differ = float(np.abs(mine.astype(np.float64) - wanted).max())
        if not differ <= most:  # NaN is never
            raise SystemExit(f"the ONNX is another network: outputs differ by {differ:g}")
    binding = session.io_binding()
    for port, array in zip(ports, values, strict=True):
        binding.bind_cpu_input(port, array)
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return lambda: session.run_with_iobinding(binding)


def openvino_timed(model: bytes | Path, arrays: Sequence[np.ndarray]) -> Timed:
    """Return OpenVINO on the network's twin or its .tflite: the time is the one it tells."""
    core = package("openvino").Core()
    read = core.read_model(str(model) if isinstance(model, Path) else model)
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    request = core.compile_model(read, "CPU", settings).create_infer_request()
    request.infer(list(arrays))

    def call() -> float:
        request.infer()
        return float(request.latency) / 1e3

    return call


def timed(call: Call) -> Timed:
    """Return a call with its time by the clock, of a batch that is long enough for it."""
    for _ in range(2):
        start = time.perf_counter()
        call()
        spent = time.perf_counter() - start
    batch = _batch(spent)

    def several() -> float:
        call()  # what other engines left in the caches is not its own cost
        start = time.perf_counter()
        for _ in range(batch):
            call()
        return (time.perf_counter() - start) / batch

    return several


def _batch(seconds: float) -> int:
    return max(1, int(_BATCH_SECONDS / max(seconds, 1e-7)))


def interleaved(engines: Mapping[str, Timed], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each engine; they take turns, each round from another."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    names = list(engines)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(engines[name]() * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}
