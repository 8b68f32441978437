"""Run networks side by side over data: how well each does, and how far they agree."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from edgeq.errors import EdgeqError, ModelError
from edgeq.evaluation.engines import Network, Runner, start
from edgeq.evaluation.metrics import Function, Metric, metric_maker
from edgeq.ir.graph import Graph

Arrays = tuple[np.ndarray, ...]
Run = Callable[[Arrays], Arrays | np.ndarray]
Example = tuple[np.ndarray | Arrays, np.ndarray | float | None]


@dataclass(frozen=True, slots=True)
class Score:
    """What one network in one engine did.

    ``value`` is the metric's, ``None`` without one; ``low`` and ``high`` bound it with 95 %
    confidence, for shares of samples. Compared with the first network, ``equal`` is the share of
    samples whose outputs are its to the last bit, ``same_class`` the share of classes that are
    (one per sample or per pixel; without a metric, the place of a vector's largest element), and
    ``difference`` the largest of any output element, in real numbers; all three are ``None`` for
    the first itself and where they have no meaning. ``outside`` is the share of input values that
    the network's codes cannot represent. ``seconds`` were spent in the engine.
    """

    network: str
    engine: str
    samples: int
    metric: str | None
    value: float | None
    low: float | None
    high: float | None
    equal: float | None
    same_class: float | None
    difference: float | None
    outside: float
    seconds: float

    def facts(self) -> dict[str, object]:
        """Return plain data for ``--json``."""
        return asdict(self)


@dataclass(slots=True)
class _Agreement:
    """How far one run agrees with the first."""

    is_comparable: bool = True
    is_numeric: bool = True
    equal: int = 0
    same: int = 0
    classes: int = 0
    difference: float = 0.0

    def add(self, first: Arrays, mine: Arrays, classes: tuple[np.ndarray | None, ...]) -> None:
        if [y.size for y in first] != [y.size for y in mine]:
            self.is_comparable = False
            return
        # A difference between the numbers of two classes says nothing.
        self.is_numeric = any(y.dtype.kind == "f" for y in (*first, *mine))
        gaps = [_gap(*pair) for pair in zip(first, mine, strict=True)]
        self.equal += int(max(gaps) == 0)
        self.difference = max(self.difference, *gaps)
        one, other = classes
        if one is not None and other is not None and one.shape == other.shape:
            self.same += int(np.count_nonzero(one == other))
            self.classes += one.size


@dataclass(slots=True)
class _Entry:
    """A run and what is known of it so far."""

    name: str
    run: Run
    metric: Metric | None = None
    agreement: _Agreement = field(default_factory=_Agreement)
    samples: int = 0
    seconds: float = 0.0

    def outputs(self, inputs: Arrays) -> Arrays:
        begin = time.perf_counter()
        found = self.run(inputs)
        self.seconds += time.perf_counter() - begin
        self.samples += 1
        return found if isinstance(found, tuple) else (np.asarray(found),)

    def score(self, is_first: bool) -> Score:
        runner = self.run if isinstance(self.run, Runner) else None
        metric, seen = self.metric, self.agreement
        low, high = (metric.interval() if metric else None) or (None, None)
        compared = seen.is_comparable and not is_first
        return Score(
            self.name,
            runner.engine if runner else "function",
            self.samples,
            metric.name if metric else None,
            metric.value() if metric else None,
            low,
            high,
            seen.equal / self.samples if compared else None,
            seen.same / seen.classes if compared and seen.classes else None,
            seen.difference if compared and seen.is_numeric else None,
            runner.outside / runner.seen if runner and runner.seen else 0.0,
            self.seconds,
        )


def evaluate(
    networks: Graph | Run | Mapping[str, Graph | Run],
    data: Iterable[Example],
    metric: str | Function | None = None,
) -> tuple[Score, ...]:
    """Return the scores of networks on the same data, in one pass that keeps no sample.

    ``networks`` is one or several by name. A graph runs as compiled C on this machine, one in
    floating point in NumPy; anything else is called with a tuple of real inputs and returns real
    outputs, a tuple where there are several (``edgeq.evaluation.engines.start`` makes such of
    other engines). The first is what the others are compared with.

    ``data`` yields (input, target); the input is a float32 array or a tuple of one per input,
    of the network's shape and in real numbers, which integer networks round to their codes;
    ``edgeq.open_data`` reads such from files. The target is a class, a mask of classes, an array,
    or ``None``.

    ``metric`` is "top1", "top5" (any k), "miou", "mse", "mae", "MODULE:FUNCTION" or a function of
    (output, target) whose mean counts. ``None`` chooses: top1 for classes, miou for masks, mse for
    arrays and, without targets, for networks whose output has the input's shape; otherwise only
    agreement is measured. Raise ``EdgeqError`` for no data, data that does not fit, and an unknown
    metric.
    """
    named = networks if isinstance(networks, Mapping) else {"network": networks}
    if not named:
        raise EdgeqError("no network to evaluate")
    return measure([(name, _run_of(name, each)) for name, each in named.items()], data, metric)


def measure(
    runs: Iterable[tuple[str, Run]],
    data: Iterable[Example],
    metric: str | Function | None = None,
) -> tuple[Score, ...]:
    """Return the scores of runs by name; see ``evaluate``."""
    entries = [_Entry(name, run) for name, run in runs]
    maker = None if metric is None else metric_maker(metric)
    count = 0
    for given, wanted in data:
        inputs = given if isinstance(given, tuple) else (given,)
        target = None if wanted is None else np.asarray(wanted)
        try:
            if target is not None and target.dtype.kind == "f" and not np.isfinite(target).all():
                raise ModelError("the target holds NaN or infinity")
            outputs = [entry.outputs(inputs) for entry in entries]
            if count == 0:
                maker = maker or _usual(inputs, outputs[0], target)
                for entry in entries:
                    entry.metric = maker() if maker else None
            _add(entries, inputs, outputs, target)
        except EdgeqError as error:
            raise error.at(f"sample {count}") from error.__cause__
        count += 1
    if not count:
        raise ModelError("the data holds no samples")
    return tuple(entry.score(index == 0) for index, entry in enumerate(entries))


def _run_of(name: str, network: Graph | Run) -> Run:
    if not isinstance(network, Graph):
        return network
    known = Network(name, network)
    return start(known, known.engine())


def _add(
    entries: list[_Entry], inputs: Arrays, outputs: list[Arrays], target: np.ndarray | None
) -> None:
    """Let each run's figures know one sample."""
    classes = []
    for entry, found in zip(entries, outputs, strict=True):
        if entry.metric is not None:
            entry.metric.add(inputs, found, target)
        known = entry.metric.classes(found[0], target) if entry.metric else _largest(found[0])
        classes.append(known)
    for entry, found, mine in zip(entries[1:], outputs[1:], classes[1:], strict=True):
        entry.agreement.add(outputs[0], found, (classes[0], mine))


def _usual(
    inputs: Arrays, outputs: Arrays, target: np.ndarray | None
) -> Callable[[], Metric] | None:
    """Return the metric that data of this kind usually has; ``None`` for agreement alone."""
    if target is None:
        same = outputs[0].size > 1 and outputs[0].shape == inputs[0].shape
        return metric_maker("mse") if same else None
    if target.size == 1 and target.dtype.kind in "iu":
        return metric_maker("top1")
    return metric_maker("miou" if target.dtype.kind in "iu" and target.ndim > 1 else "mse")


def _largest(output: np.ndarray) -> np.ndarray | None:
    """Return the place of a vector's largest element: without labels, the class it may name."""
    bare = output.squeeze()
    return np.asarray(bare.argmax()) if bare.ndim == 1 and bare.size > 1 else None


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference of two arrays; infinity where one alone is NaN."""
    x, y = a.reshape(-1).astype(np.float64), b.reshape(-1).astype(np.float64)
    if np.array_equal(x, y, equal_nan=True):
        return 0.0
    gap = float(np.abs(x - y).max())
    return gap if np.isfinite(gap) else float("inf")
