"""Pictures to arrays of a network's shape; Pillow decodes, resizes and converts colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.ir.graph import Tensor
from edgeq.ir.types import Shape
from edgeq.quantize.ranges import to_reals

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
)
# What an input's channels can be: one of gray, three of colour.
_CHANNELS = (1, 3)
# Pillow's kinds of pixels that hold more than eight bits: it would cut them off.
_DEEP = ("I", "F")


@dataclass(frozen=True, slots=True)
class Form:
    """A network's input as a picture."""

    shape: Shape
    height: int
    width: int
    channels: int
    channels_first: bool

    @staticmethod
    def of(shape: Shape, layout: str | None = None) -> Form:
        """Return the picture that a shape means: [1, H, W, C], [1, C, H, W], or without the 1.

        Raise ``ModelError`` where it is none, and where only ``layout`` could tell.
        """
        rest = shape[1:] if len(shape) == 4 and shape[0] == 1 else shape
        last, first = (len(rest) == 3 and rest[place] in _CHANNELS for place in (-1, 0))
        allowed = {None: (last, first), "nhwc": (last, False), "nchw": (False, first)}[layout]
        if not any(allowed):
            asked = f" in layout {layout}" if layout else ""
            raise ModelError(
                f"an input of shape {list(shape)} is no picture{asked}",
                hint="[1, H, W, C] or [1, C, H, W] with 1 or 3 channels",
            )
        if all(allowed):
            raise ModelError(
                f"an input of shape {list(shape)} has its channels first or last",
                hint="--layout nhwc or --layout nchw",
            )
        if last and layout != "nchw":
            return Form(shape, rest[0], rest[1], rest[2], False)
        return Form(shape, rest[1], rest[2], rest[0], True)


@dataclass(frozen=True, slots=True)
class Shaper:
    """Pictures to float32 arrays of one shape."""

    form: Form
    how: Preprocessing

    @staticmethod
    def of(tensor: Tensor, how: Preprocessing) -> Shaper:
        """Return what shapes pictures for an input; raise ``EdgeqError`` for a contradiction."""
        shape, form = tensor.shape, Form.of(tensor.shape, how.layout)
        wanted = {None: form.channels, "gray": 1}.get(how.color, 3)
        if wanted != form.channels:
            raise EdgeqError(
                f"--color {how.color}, but the input {list(shape)} has {form.channels} channels"
            )
        for name, values in (("mean", how.mean), ("std", how.std)):
            if len(values) not in (1, form.channels):
                raise EdgeqError(f"--{name} has {len(values)} numbers for {form.channels} channel")
        if how.scale is None:
            how = replace(how, scale=_code_span(tensor))
        return Shaper(form, how)

    def file(self, path: Path) -> np.ndarray:
        """Return the picture in a file; raise ``ModelError`` that names it."""
        try:
            return self._shaped(decoded(path))
        except EdgeqError as error:
            raise error.at(str(path)) from None

    def mask(self, path: Path) -> np.ndarray:
        """Return the classes in a file, [H, W] of the input, resized and cropped as its picture.

        Raise ``ModelError`` that names the file.
        """
        try:
            mask = decoded(path)
            if len(mask.getbands()) != 1:
                raise ModelError("a mask of colours", hint="one channel, each pixel its class")
            return np.asarray(self._sized(mask, "nearest")).astype(np.int64)
        except EdgeqError as error:
            raise error.at(str(path)) from None

    def array(self, pixels: np.ndarray) -> np.ndarray:
        """Return a picture of bytes, [H, W], [H, W, 1] or [H, W, 3] (RGB)."""
        flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
        shape = (self.form.height, self.form.width, *((3,) if self.form.channels == 3 else ()))
        if self.how.resize is None and flat.shape == shape:
            return self._numbers(flat)
        return self._shaped(pillow().fromarray(flat))

    def _shaped(self, picture: Any) -> np.ndarray:
        mode = "L" if self.form.channels == 1 else "RGB"
        picture = picture if picture.mode == mode else picture.convert(mode)
        return self._numbers(np.asarray(self._sized(picture, self.how.filter)))

    def _sized(self, picture: Any, filter: str) -> Any:
        """Return a picture resized and cropped; raise ``ModelError`` unless it then fits."""
        picture = self._cropped(self._resized(picture, filter))
        width, height = self.form.width, self.form.height
        if picture.size != (width, height):
            found = "x".join(map(str, picture.size))
            raise ModelError(
                f"a picture of {found} for an input of {width}x{height}",
                hint=f"--resize {width}x{height}, or --resize {min(width, height)} --crop center",
            )
        return picture

    def _resized(self, picture: Any, filter: str) -> Any:
        wanted, (width, height) = self.how.resize, picture.size
        if wanted is None:
            return picture
        if isinstance(wanted, int):
            shorter = min(width, height)
            wanted = (
                max(1, round(width * wanted / shorter)),
                max(1, round(height * wanted / shorter)),
            )
        if wanted == picture.size:
            return picture
        kinds = import_module("PIL.Image").Resampling
        return picture.resize(wanted, kinds[filter.upper()])

    def _cropped(self, picture: Any) -> Any:
        if self.how.crop == "none":
            return picture
        left, top = picture.width - self.form.width, picture.height - self.form.height
        if min(left, top) < 0:
            # Told by the caller, who knows both sizes.
            return picture
        left, top = left // 2, top // 2
        return picture.crop((left, top, left + self.form.width, top + self.form.height))

    def _numbers(self, pixels: np.ndarray) -> np.ndarray:
        """Return bytes [H, W] or [H, W, 3] as the numbers of the input."""
        x = pixels.reshape(self.form.height, self.form.width, self.form.channels)
        x = x[..., ::-1] if self.how.color == "bgr" else x
        low, high = self.how.scale or (0.0, 255.0)
        # Multiplied first: 0..255 then gives each number as it came.
        reals = x.astype(np.float64) * (high - low) / 255 + low
        reals = (reals - np.asarray(self.how.mean)) / np.asarray(self.how.std)
        reals = np.moveaxis(reals, -1, 0) if self.form.channels_first else reals
        return np.ascontiguousarray(reals, np.float32).reshape(self.form.shape)


def _code_span(tensor: Tensor) -> tuple[float, float]:
    """Return the lowest and the highest number that an input's codes stand for."""
    if tensor.quant is None or not tensor.dtype.is_quantized:
        raise EdgeqError("--scale input, but the input has no codes", hint="--scale LOW..HIGH")
    codes = np.array([tensor.dtype.min, tensor.dtype.max])
    low, high = to_reals(codes, tensor.quant).tolist()
    return low, high


def decoded(path: Path) -> Any:
    """Return a file as Pillow's picture; raise ``ModelError`` where it cannot be decoded."""
    library = pillow()
    try:
        with library.open(path) as opened:
            opened.load()
            picture = opened.copy()
    except OSError as error:
        raise ModelError(f"cannot be read as a picture: {error.strerror or 'damaged'}") from None
    except Exception as error:
        # Decoders raise many kinds; a file of pixels beyond all sense is one of them.
        raise ModelError(f"cannot be read as a picture: {error}") from None
    if picture.mode.startswith(_DEEP):
        raise ModelError("has more than 8 bits a pixel", hint="convert it to 8 bits first")
    return picture


def pillow() -> Any:
    """Return Pillow's module of pictures; raise ``UnsupportedError`` where it is missing."""
    try:
        return import_module("PIL.Image")
    except ImportError:
        raise UnsupportedError(
            "reading pictures needs the package 'pillow'", hint="pip install 'edgeq[images]'"
        ) from None
