from __future__ import annotations

import torch
from torch.nn import functional as nnf

from edgeq.errors import UnsupportedError
from tests.frontends.torch.one_module import kinds, message, same_as_torch

IMAGE = (1, 3, 6, 4)


def test_nearest_pixels() -> None:
    def all_of(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            nnf.interpolate(x, scale_factor=2),
            nnf.interpolate(x, scale_factor=(1.5, 0.5)),
            nnf.interpolate(x, size=(13, 7)),
            nnf.interpolate(x, size=(4, 9), mode="nearest-exact"),
        )

    assert kinds(same_as_torch(all_of, IMAGE)).count("resize_nearest") == 4


def test_bilinear() -> None:
    def all_of(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            nnf.interpolate(x, scale_factor=2, mode="bilinear"),
            nnf.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
            nnf.interpolate(x, size=(5, 9), mode="bilinear"),
            nnf.interpolate(x, size=(5, 9), mode="bilinear", align_corners=True),
            nnf.interpolate(x, size=(1, 1), mode="bilinear", align_corners=True),
            nnf.interpolate(x, size=(1, 3), mode="bilinear"),
        )

    assert kinds(same_as_torch(all_of, IMAGE)).count("resize_bilinear") == 6


def test_what_is_not_supported() -> None:
    def all_of(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            nnf.interpolate(x, scale_factor=1.3, mode="bilinear"),
            nnf.interpolate(x, size=(5, 5), mode="bicubic"),
            nnf.interpolate(x, size=(3, 3), mode="bilinear", antialias=True),
        )

    found = message(all_of, IMAGE, error=UnsupportedError)
    assert "upsample_bilinear2d by 1.3, which makes no whole number of 6 x1" in found
    assert "upsample_bicubic2d x1" in found and "_upsample_bilinear2d_aa x1" in found
