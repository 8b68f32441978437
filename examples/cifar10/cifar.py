"""CIFAR-10 as it is kept here: JPEG images in two .npz files, read into memory at once."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image

TRAIN, TEST = "cifar10_train_50000_32_jpg.npz", "cifar10_test_10000_32_jpg.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images as uint8 [N,3,32,32] with their labels."""

    pixels: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def reals(self, chosen: torch.Tensor | slice) -> torch.Tensor:
        """Return some images as float32 -1..1."""
        x = self.pixels[chosen].float() / 127.5 - 1
        return x.contiguous(memory_format=torch.channels_last)


def load(folder: Path, name: str, count: int | None = None) -> Images:
    """Return the first ``count`` images of a file, or all."""
    with np.load(folder / name) as data:
        jpeg, ends, labels = data["jpeg"].tobytes(), data["offsets"], data["labels"][:count]
    pairs = pairwise(ends[: len(labels) + 1])
    pixels = [np.asarray(Image.open(io.BytesIO(jpeg[a:b])).convert("RGB")) for a, b in pairs]
    stacked = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()
    return Images(stacked, torch.from_numpy(labels.astype(np.int64)))


def moved(x: torch.Tensor, source: torch.Generator) -> torch.Tensor:
    """Return a batch shifted by up to 4 pixels, and mirrored half of the time, together."""
    down, right, mirror = torch.randint(0, 9, (3,), generator=source).tolist()
    x = torch.nn.functional.pad(x, (4, 4, 4, 4))[:, :, down : down + 32, right : right + 32]
    return x.flip(3) if mirror % 2 else x
