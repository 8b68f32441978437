from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError, UnsupportedError
from tests.frontends.onnx.one_model import kinds, message, model, node, same_as_runtime

IMAGE = (1, 3, 5, 6)


def resize(
    factors: Any = None, sizes: Any = None, opset: int = 17, image: Any = IMAGE, **options: Any
) -> bytes:
    constants = {}
    if factors is not None:
        constants["f"] = np.array([1, 1, *factors], np.float32)
    if sizes is not None:
        constants["s"] = np.array([*image[:2], *sizes])
    given = f"x - {'f' if factors is not None else '-'}{' s' if sizes is not None else ''}"
    return model([node("Resize", given, **options)], {"x": image}, constants, opset=opset)


NEAREST = [
    {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor"},
    {"coordinate_transformation_mode": "align_corners", "nearest_mode": "round_prefer_ceil"},
    {"coordinate_transformation_mode": "pytorch_half_pixel"},
    {},
]


@pytest.mark.parametrize("options", NEAREST, ids=str)
@pytest.mark.parametrize("factors", [(2, 2), (3, 2), (4, 1)])
def test_nearest(options: dict[str, Any], factors: tuple[int, int]) -> None:
    graph = same_as_runtime(resize(factors, mode="nearest", **options))
    assert kinds(graph) == ["transpose", "resize_nearest", "transpose"]


def test_nearest_to_sizes() -> None:
    same_as_runtime(resize(sizes=(10, 12), **NEAREST[0]))
    same_as_runtime(resize(sizes=(4, 9), **NEAREST[0], mode="nearest", opset=13))


LINEAR = ["asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"]


@pytest.mark.parametrize("kind", LINEAR)
@pytest.mark.parametrize("sizes", [(10, 12), (15, 6), (3, 4), (7, 9)])
def test_linear(kind: str, sizes: tuple[int, int]) -> None:
    data = resize(sizes=sizes, mode="linear", coordinate_transformation_mode=kind)
    assert kinds(same_as_runtime(data))[1] == "resize_bilinear"


def test_named_axes() -> None:
    options = {"axes": [2, 3], "mode": "linear"}
    constants = {"f": np.array([2, 3], np.float32)}
    same_as_runtime(model([node("Resize", "x - f", **options)], {"x": IMAGE}, constants, opset=18))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_upsample_and_the_first_resize(mode: str) -> None:
    factors = np.array([1, 1, 2, 3], np.float32)
    old = node("Upsample", "x", mode=mode, scales=factors.tolist())
    same_as_runtime(model([old], {"x": IMAGE}, opset=7))
    for code, opset in (("Upsample", 9), ("Resize", 10)):
        data = model([node(code, "x f", mode=mode)], {"x": IMAGE}, {"f": factors}, opset=opset)
        same_as_runtime(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (resize((2, 2), mode="cubic"), "Resize in mode cubic"),
        (resize((1.3, 1.3)), "which makes no whole number of 5"),
        (resize((2, 2), opset=18, mode="linear", antialias=1), "with antialias"),
        (resize((2, 2), coordinate_transformation_mode="tf_crop_and_resize"), "tf_crop_and_resize"),
        (resize(sizes=(5, 2), image=(1, 3, 5, 8)), "from (5, 8) to (5, 2) by the rule half_pixel"),
        (resize((2, 2), image=(1, 3, 5)), "of an input with 3 dimensions"),
    ],
)
def test_what_is_unsupported_is_named(data: bytes, reason: str) -> None:
    assert reason in message(data, UnsupportedError)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (resize((0, 2)), "factor or size 0.0"),
        (resize((np.inf, 2)), "factors (1.0, 1.0, inf, 2.0)"),
        (resize((2,)), "3 factors or sizes for 4 dimensions"),
        (resize(sizes=(-4, 4)), "factor or size -4"),
        (resize(sizes=(1 << 20, 1 << 20)), "a tensor of shape (1, 1048576, 1048576, 3)"),
        (resize((2, 2), nearest_mode="up"), "nearest_mode is 'up'"),
    ],
)
def test_what_is_malformed_is_named(data: bytes, reason: str) -> None:
    assert reason in message(data, ModelError)
