"""How a picture becomes the input of a network, in words of the command line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from edgeq.errors import EdgeqError

COLORS = ("rgb", "bgr", "gray")
LAYOUTS = ("nhwc", "nchw")
CROPS = ("none", "center")
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box")


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What is done to a picture, in this order; ``None`` takes what the network's input tells.

    ``resize`` is (width, height), or the length of the shorter side alone; ``filter`` is how.
    ``crop`` cuts the centre out, of the input's size. ``color`` is the order of the channels,
    ``layout`` their place. ``scale`` is what the pixels 0 and 255 become, and ``None`` the lowest
    and the highest number that the input's codes stand for; ``mean`` is then subtracted, and
    ``std`` divides, both one number or one per channel.
    """

    resize: tuple[int, int] | int | None = None
    crop: str = "none"
    color: str | None = None
    layout: str | None = None
    scale: tuple[float, float] | None = (0.0, 255.0)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    filter: str = "bilinear"

    @staticmethod
    def of(given: Mapping[str, Any]) -> Preprocessing:
        """Return the preprocessing of options as text, absent ones left out or ``None``.

        ``resize`` is "224x224" (width, height) or "256", ``scale`` "-1..1" or "input", ``mean``
        and ``std`` "127.5" or "0.485,0.456,0.406". Raise ``EdgeqError`` for text that says
        something else.

        >>> Preprocessing.of({"resize": "96x64", "scale": "-1..1"}).resize
        (96, 64)
        """
        known = {field.name for field in fields(Preprocessing)}
        texts = {key: value for key, value in given.items() if key in known and value is not None}
        parsed: dict[str, Any] = {key: _PARSERS[key](key, str(text)) for key, text in texts.items()}
        return Preprocessing(**parsed).check()

    def check(self) -> Preprocessing:
        """Return the preprocessing; raise ``EdgeqError`` for one that cannot be."""
        low, high = self.scale or (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high)) or low == high:
            raise EdgeqError(f"--scale {low:g}..{high:g}", hint="two different numbers: -1..1")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, 3) or not all(map(math.isfinite, values)):
                raise EdgeqError(f"--{name} takes one number, or three", hint=f"--{name} 127.5")
        if min(map(abs, self.std)) == 0:
            raise EdgeqError("--std 0", hint="it divides: --std 1 changes nothing")
        if self.color == "gray" and 3 in (len(self.mean), len(self.std)):
            raise EdgeqError("three numbers for one channel of gray", hint="--mean 127.5")
        return self

    @property
    def given(self) -> tuple[str, ...]:
        """Return the options that differ from doing nothing."""
        plain = Preprocessing()
        names = (field.name for field in fields(self))
        return tuple(f"--{n}" for n in names if getattr(self, n) != getattr(plain, n))


def _size(name: str, text: str) -> tuple[int, int] | int:
    found = re.fullmatch(r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?", text.strip().lower())
    if found is None:
        raise EdgeqError(
            f"--{name} {text}", hint="WIDTHxHEIGHT, or the shorter side alone: 224x224, 256"
        )
    return int(found[1]) if found[2] is None else (int(found[1]), int(found[2]))


def _span(name: str, text: str) -> tuple[float, float] | None:
    if text.strip().lower() == "input":
        return None
    low, dots, high = text.partition("..")
    if not dots:
        raise EdgeqError(f"--{name} {text}", hint="LOW..HIGH: 0..1, -1..1; or input")
    return _numbers(name, low)[0], _numbers(name, high)[0]


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise EdgeqError(f"--{name}: '{text}' is no number") from None


def _word(name: str, text: str) -> str:
    known = {"color": COLORS, "layout": LAYOUTS, "crop": CROPS, "filter": FILTERS}[name]
    if text.lower() not in known:
        raise EdgeqError(f"--{name} {text}", hint=", ".join(known))
    return text.lower()


_PARSERS = {
    "resize": _size,
    "crop": _word,
    "color": _word,
    "layout": _word,
    "scale": _span,
    "mean": _numbers,
    "std": _numbers,
    "filter": _word,
}
