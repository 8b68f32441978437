"""Metrics: one sample after the other to one figure; outputs are real numbers."""

from __future__ import annotations

import importlib
import math
import os
import re
import sys
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeq.errors import EdgeqError, ModelError

Arrays = tuple[np.ndarray, ...]
Function = Callable[[Any, Any], float]

NAMES = ("top1", "top5", "miou", "mse", "mae")
# Pixels of this class count nowhere: the borders in Pascal VOC's masks.
VOID = 255
# The quantile of the normal distribution that leaves 2.5 % above.
Z95 = 1.959963984540054


class Metric:
    """A figure over samples; ``name`` is what the user calls it."""

    __slots__ = ()
    name: str

    @abstractmethod
    def add(self, inputs: Arrays, outputs: Arrays, target: np.ndarray | None) -> None:
        """Take in one sample; raise ``ModelError`` where output and target do not fit."""

    @abstractmethod
    def value(self) -> float:
        """Return the figure; NaN before the first sample."""

    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % confidence interval, where there is one for this figure."""
        return None

    def classes(self, output: np.ndarray, target: np.ndarray | None) -> np.ndarray | None:
        """Return the classes that an output names, one or one per pixel; ``None`` for others."""
        return None


@dataclass(slots=True)
class TopK(Metric):
    """The share of samples whose class is among the ``k`` largest outputs.

    Of equal outputs the one of the lower class comes first, as in ``argmax``. A single whole number
    is the class itself.
    """

    name: str
    k: int
    hits: int = 0
    samples: int = 0

    def add(self, inputs: Arrays, outputs: Arrays, target: np.ndarray | None) -> None:
        """Count a hit or a miss."""
        label = _class(target, self.name)
        scores = outputs[0].reshape(-1)
        if scores.size == 1 and self.k == 1 and scores.dtype.kind in "iu":
            self.hits += int(scores[0] == label)
        elif not 0 <= label < scores.size:
            raise ModelError(
                f"label {label} for {scores.size} classes",
                hint="folders named by numbers are these; --classes gives names their numbers",
            )
        elif self.k >= scores.size:
            raise ModelError(f"metric {self.name} for {scores.size} classes: all would be hits")
        else:
            own = scores[label]
            before = np.count_nonzero(scores > own) + np.count_nonzero(scores[:label] == own)
            self.hits += int(before < self.k)
        self.samples += 1

    def value(self) -> float:
        """Return the share of hits."""
        return self.hits / self.samples if self.samples else math.nan

    def interval(self) -> tuple[float, float]:
        """Return Wilson's interval."""
        return wilson(self.hits, self.samples)

    def classes(self, output: np.ndarray, target: np.ndarray | None) -> np.ndarray:
        """Return the class of the largest output."""
        return np.asarray(output.argmax() if output.size > 1 else output.reshape(-1)[0])


@dataclass(slots=True)
class MeanIou(Metric):
    """Mean intersection over union of the classes that occur in a mask or in an output.

    Outputs are maps of scores with the classes first or last, or maps of classes; each pixel of a
    mask of another size has the class of the nearest of the output. Pixels of class 255 count
    nowhere.
    """

    name: str = "miou"
    both: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    either: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, inputs: Arrays, outputs: Arrays, target: np.ndarray | None) -> None:
        """Count the pixels of each class."""
        found = self.classes(outputs[0], target).reshape(-1)
        wanted = _mask(target).reshape(-1)
        counted = wanted != VOID
        found, wanted = found[counted], wanted[counted]
        size = max(found.max(initial=0), wanted.max(initial=0)) + 1
        hits = np.bincount(found[found == wanted], minlength=size)
        any_of = np.bincount(found, minlength=size) + np.bincount(wanted, minlength=size) - hits
        self.both, self.either = _plus(self.both, hits), _plus(self.either, any_of)

    def value(self) -> float:
        """Return the mean over the classes that occur."""
        occurs = self.either > 0
        return float((self.both[occurs] / self.either[occurs]).mean()) if occurs.any() else math.nan

    def classes(self, output: np.ndarray, target: np.ndarray | None) -> np.ndarray:
        """Return the class of each pixel of the mask."""
        mask = _mask(target)
        found: np.ndarray = output[0] if output.shape[:1] == (1,) else output
        if found.ndim == 3 and found.dtype.kind in "iu" and found.shape[-1] == 1:
            found = found[..., 0]
        if found.ndim not in (2, 3) or not found.size:
            raise ModelError(f"an output of {list(output.shape)} is no map of classes")
        if found.ndim == 3:
            found = np.asarray(found.argmax(axis=_class_axis(found, mask)))
        rows, columns = (_nearest(*sides) for sides in zip(found.shape, mask.shape, strict=True))
        return np.asarray(found[np.ix_(rows, columns)].astype(np.int64))


@dataclass(slots=True)
class MeanError(Metric):
    """The mean over all elements of the squared or absolute difference from the target.

    Without a target it is that from the input: what an autoencoder loses.
    """

    name: str
    total: float = 0.0
    elements: int = 0

    def add(self, inputs: Arrays, outputs: Arrays, target: np.ndarray | None) -> None:
        """Add one sample's errors."""
        wanted = inputs[0] if target is None else target
        if wanted.size != outputs[0].size:
            raise ModelError(
                f"metric {self.name} of an output of {list(outputs[0].shape)} against "
                f"{'the input' if target is None else 'a target'} of {list(wanted.shape)}"
            )
        error = outputs[0].reshape(-1).astype(np.float64) - wanted.reshape(-1).astype(np.float64)
        self.total += float((error**2).sum() if self.name == "mse" else np.abs(error).sum())
        self.elements += error.size

    def value(self) -> float:
        """Return the mean."""
        return self.total / self.elements if self.elements else math.nan


@dataclass(slots=True)
class Custom(Metric):
    """The mean of ``function(output, target)``; several outputs come as a tuple."""

    name: str
    function: Function
    total: float = 0.0
    samples: int = 0

    def add(self, inputs: Arrays, outputs: Arrays, target: np.ndarray | None) -> None:
        """Add one sample's figure."""
        try:
            found = float(self.function(outputs[0] if len(outputs) == 1 else outputs, target))
        except Exception as error:
            raise EdgeqError(f"metric {self.name}: {type(error).__name__}: {error}") from error
        self.total += found
        self.samples += 1

    def value(self) -> float:
        """Return the mean."""
        return self.total / self.samples if self.samples else math.nan


def metric_maker(metric: str | Function) -> Callable[[], Metric]:
    """Return what makes a fresh metric: a name, ``MODULE:FUNCTION``, or a function.

    Raise ``EdgeqError`` for a name that is none.
    """
    if not isinstance(metric, str):
        function = metric
        return lambda: Custom(getattr(function, "__name__", "function"), function)
    if ":" in metric:
        loaded = load_function(metric)
        return lambda: Custom(metric, loaded)
    if found := re.fullmatch(r"top([1-9]\d{0,3})", metric):
        return lambda: TopK(metric, int(found[1]))
    if metric in ("mse", "mae"):
        return lambda: MeanError(metric)
    if metric == "miou":
        return MeanIou
    raise EdgeqError(f"unknown metric '{metric}'", hint=f"{', '.join(NAMES)}, MODULE:FUNCTION")


def load_function(text: str) -> Function:
    """Return the function ``MODULE:FUNCTION``; modules in the current folder are found too."""
    module, _, name = text.partition(":")
    here = os.getcwd()
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:
        # Whatever a module of the user's does when it is imported.
        raise EdgeqError(f"metric '{text}' cannot be imported: {error}") from error
    finally:
        if added:
            sys.path.remove(here)
    if not callable(function):
        raise EdgeqError(f"metric '{text}' is no function")
    found: Function = function
    return found


def wilson(hits: int, samples: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson 1927, the score interval).

    >>> [round(end, 4) for end in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    if samples == 0:
        return math.nan, math.nan
    share, spread = hits / samples, Z95**2 / samples
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(share * (1 - share) / samples + spread / samples / 4) / (1 + spread)
    # Exact where nothing or everything is a hit: roundings would leave the share outside.
    low, high = 0.0 if hits == 0 else middle - half, 1.0 if hits == samples else middle + half
    return low, high


def _class(target: np.ndarray | None, name: str) -> int:
    if target is None:
        raise ModelError(f"metric {name} needs labels", hint="class folders, --labels, or y")
    if target.size != 1 or float(target.reshape(-1)[0]) != int(target.reshape(-1)[0]):
        raise ModelError(f"metric {name} needs a class for each sample, not {list(target.shape)}")
    return int(target.reshape(-1)[0])


def _mask(target: np.ndarray | None) -> np.ndarray:
    if target is None:
        raise ModelError("metric miou needs masks", hint="--labels FOLDER, or y")
    mask: np.ndarray = target[0] if target.shape[:1] == (1,) else target
    if mask.ndim == 3 and mask.shape[-1] == 1:
        mask = mask[..., 0]
    if mask.ndim != 2 or mask.min(initial=0) < 0:
        raise ModelError(f"a mask of shape {list(target.shape)}", hint="[H, W], classes from 0")
    return mask.astype(np.int64)


def _class_axis(scores: np.ndarray, mask: np.ndarray) -> int:
    """Return the axis of the classes, -1 or 0: the other two have the sides' ratio of the mask."""

    def off(height: int, width: int) -> float:
        return abs(math.log(height * mask.shape[1] / (width * mask.shape[0])))

    first, middle, last = scores.shape
    return -1 if off(first, middle) <= off(middle, last) else 0


def _nearest(there: int, wanted: int) -> np.ndarray:
    """Return the nearest of ``there`` places for each of ``wanted`` over the same length."""
    places: np.ndarray = (2 * np.arange(wanted) + 1) * there // (2 * wanted)
    return places


def _plus(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum of two counts, the shorter one as if it ended in zeros."""
    size = max(len(a), len(b))
    total: np.ndarray = np.pad(a, (0, size - len(a))) + np.pad(b, (0, size - len(b)))
    return total
