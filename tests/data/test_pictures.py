"""Pictures become arrays of exactly the input's shape and the numbers that were asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.pictures import Form, Shaper
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from tests.quantize import float_nets

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a picture, without loss."""
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def shaper(*shape: int, **how: object) -> Shaper:
    """Return what shapes pictures for a float input of ``shape``."""
    return Shaper.of(float_nets.real("x", *shape), Preprocessing(**how).check())  # type: ignore[arg-type]


def shaped(path: Path, *shape: int, **how: object) -> np.ndarray:
    """Return the picture in a file as an input of ``shape``."""
    return shaper(*shape, **how).file(path)


def test_without_options_an_input_is_the_pixels(path: Path) -> None:
    found = shaped(path, 1, 4, 6, 3)
    np.testing.assert_array_equal(found, PIXELS[np.newaxis].astype(np.float32), strict=True)
    assert found.flags.c_contiguous


def test_layout_and_order_of_channels(path: Path) -> None:
    first = shaped(path, 1, 3, 4, 6)
    np.testing.assert_array_equal(first, np.moveaxis(PIXELS, 2, 0)[np.newaxis])
    np.testing.assert_array_equal(shaped(path, 4, 6, 3, color="bgr"), PIXELS[..., ::-1])
    gray = np.asarray(Image.fromarray(PIXELS).convert("L"))
    np.testing.assert_array_equal(shaped(path, 1, 4, 6, 1)[0, ..., 0], gray)
    np.testing.assert_array_equal(shaped(path, 1, 1, 4, 6, color="gray")[0, 0], gray)


def test_numbers_are_scaled_then_shifted_then_divided(path: Path) -> None:
    how = {"scale": (0.0, 1.0), "mean": (0.5, 0.25, 0.125), "std": (0.5, 1.0, 2.0)}
    wanted = (PIXELS / 255 - [0.5, 0.25, 0.125]) / [0.5, 1, 2]
    np.testing.assert_array_equal(shaped(path, 1, 4, 6, 3, **how)[0], wanted.astype(np.float32))
    # Means are in the order of the input's channels.
    swapped = (PIXELS[..., ::-1] / 255 - [0.5, 0.25, 0.125]) / [0.5, 1, 2]
    found = shaped(path, 1, 3, 4, 6, color="bgr", **how)[0]
    np.testing.assert_array_equal(found, np.moveaxis(swapped, 2, 0).astype(np.float32))
    ends = shaped(path, 4, 6, 3, scale=(-1.0, 1.0))
    assert {*ends[PIXELS == 0], *ends[PIXELS == 255]} <= {-1.0, 1.0}


def test_the_scale_of_the_input_makes_codes_of_bytes(path: Path) -> None:
    for dtype, zero in ((DType.UINT8, 100), (DType.INT8, -3)):
        codes = Tensor("x", (4, 6, 3), dtype, QuantParams.per_tensor(0.25, zero))
        found = Shaper.of(codes, Preprocessing(scale=None)).file(path)
        np.testing.assert_array_equal(found / 0.25 + zero - dtype.min, PIXELS)


def test_resizing_and_cropping(path: Path) -> None:
    picture = Image.fromarray(PIXELS)
    small = np.asarray(picture.resize((3, 2), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(shaped(path, 2, 3, 3, resize=(3, 2)), small)
    box = np.asarray(picture.resize((3, 2), Image.Resampling.BOX))
    np.testing.assert_array_equal(shaped(path, 2, 3, 3, resize=2, filter="box"), box)
    np.testing.assert_array_equal(shaped(path, 2, 2, 3, crop="center"), PIXELS[1:3, 2:4])


def test_arrays_of_bytes_are_pictures_too() -> None:
    of_colour = shaper(1, 4, 6, 3)
    np.testing.assert_array_equal(of_colour.array(PIXELS)[0], PIXELS)
    gray = PIXELS[..., :1]
    np.testing.assert_array_equal(of_colour.array(gray)[0], np.repeat(gray, 3, axis=2))
    np.testing.assert_array_equal(of_colour.array(gray[..., 0])[0], np.repeat(gray, 3, axis=2))
    small = shaper(1, 2, 3, 1, resize=(3, 2)).array(gray)
    wanted = np.asarray(Image.fromarray(gray[..., 0]).resize((3, 2), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(small[0, ..., 0], wanted)


def test_masks_are_resized_and_cropped_as_their_pictures(tmp_path: Path) -> None:
    classes = np.random.default_rng(1).integers(0, 200, (4, 6), np.uint8)
    mask = Image.fromarray(classes).convert("P")
    mask.putpalette([200, 10, 10] * 256)
    mask.save(tmp_path / "a.png")
    found = shaper(1, 4, 6, 3).mask(tmp_path / "a.png")
    np.testing.assert_array_equal(found, classes.astype(np.int64), strict=True)
    half = shaper(1, 3, 2, 3, resize=(3, 2), layout="nhwc")
    with pytest.raises(ModelError, match=r"a\.png: a picture of 3x2 for an input of 2x3"):
        half.mask(tmp_path / "a.png")
    near = shaper(1, 2, 2, 3, resize=(2, 2)).mask(tmp_path / "a.png")
    np.testing.assert_array_equal(near, classes[1::2, [1, 4]])
    inside = shaper(1, 2, 2, 3, crop="center").mask(tmp_path / "a.png")
    np.testing.assert_array_equal(inside, classes[1:3, 2:4])
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    with pytest.raises(ModelError, match=r"a\.png: a mask of colours"):
        shaper(1, 4, 6, 3).mask(tmp_path / "a.png")


def test_other_kinds_of_pictures_are_converted(tmp_path: Path) -> None:
    picture = Image.fromarray(PIXELS)
    for mode in ("RGBA", "P", "CMYK", "1", "LA"):
        path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
        converted = picture.convert(mode)
        converted.save(path)
        np.testing.assert_array_equal(shaped(path, 4, 6, 3), np.asarray(converted.convert("RGB")))


@pytest.mark.parametrize(
    ("shape", "how", "what"),
    [
        ((1, 490), {}, "shape \\[1, 490\\] is no picture"),
        ((1, 8, 8, 4), {}, "is no picture"),
        ((1, 3, 8, 3), {}, "first or last.*--layout"),
        ((1, 8, 8, 3), {"layout": "nchw"}, "no picture in layout nchw"),
        ((1, 8, 8, 1), {"color": "rgb"}, "has 1 channels"),
        ((1, 8, 8, 3), {"color": "gray"}, "has 3 channels"),
        ((1, 8, 8, 3), {"scale": None}, "--scale input, but the input has no codes"),
        ((1, 8, 8, 1), {"std": (1.0, 1.0, 2.0)}, "--std has 3 numbers for 1 channel"),
    ],
)
def test_an_input_that_contradicts_is_refused(
    shape: tuple[int, ...], how: dict[str, object], what: str
) -> None:
    with pytest.raises(EdgeqError, match=what):
        shaper(*shape, **how)


def test_a_layout_tells_channels_that_could_be_both() -> None:
    assert not Form.of((1, 3, 8, 3), "nhwc").channels_first
    assert Form.of((1, 3, 8, 3), "nchw") == Form((1, 3, 8, 3), 8, 3, 3, True)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({}, "picture of 6x4 for an input of 5x5.*--resize 5x5"),
        ({"resize": 5}, "picture of 8x5"),
        ({"crop": "center"}, "picture of 6x4"),
    ],
)
def test_another_size_is_named_with_what_to_do(
    path: Path, how: dict[str, object], what: str
) -> None:
    with pytest.raises(ModelError, match=f"a.png: a {what}"):
        shaped(path, 1, 5, 5, 3, **how)


def test_files_that_are_no_pictures_are_named(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    for data in (b"", b"no picture", whole[:-30]):
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"a\.png: cannot be read as a picture"):
            shaped(path, 4, 6, 3)
    Image.fromarray(np.zeros((4, 6), np.uint16)).save(path)
    with pytest.raises(ModelError, match=r"a\.png: has more than 8 bits"):
        shaped(path, 4, 6, 3)


def test_without_pillow_the_extra_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'edgeq\[images\]'"):
        shaped(path, 4, 6, 3)
