"""Scikit-learn's handwritten digits: 1797 images of 8x8 pixels, each a whole number 0..16."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits

HELD_OUT = 360  # a fifth
SEED = 0
PIXEL = 1 / 16  # a pixel is its own code, and this its scale: reals 0..1


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """Images as uint8 [N,8,8,1] with their labels."""

    images: np.ndarray
    labels: np.ndarray

    @property
    def reals(self) -> np.ndarray:
        """Return the images as float32 0..1."""
        return self.images * np.float32(PIXEL)


def split() -> tuple[Digits, Digits]:
    """Return the images to train on and those held out: always the same split."""
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 8, 8, 1)
    order = np.random.default_rng(SEED).permutation(len(images))
    held_out, seen = order[:HELD_OUT], order[HELD_OUT:]
    return Digits(images[seen], labels[seen]), Digits(images[held_out], labels[held_out])
