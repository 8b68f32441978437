"""Digits as pictures in a terminal, with what the network reads in them."""

from __future__ import annotations

import numpy as np
from dataset import Digits
from rich.console import Console
from rich.table import Table
from rich.text import Text

SHOWN = 4  # as many as 80 columns hold
SHADES, PLAIN_SHADES = " ░▒▓█", " .:*#"


def pictures(console: Console, digits: Digits, answers: np.ndarray) -> Table:
    """Show digits that are read correctly, each another one, and the first that is not."""
    shades = PLAIN_SHADES if console.options.ascii_only else SHADES
    table = Table.grid(padding=(0, 2))
    chosen = _chosen(answers.argmax(axis=1), digits.labels)
    table.add_row(*(_picture(digits.images[i], shades) for i in chosen))
    table.add_row(*(_caption(answers[i], int(digits.labels[i])) for i in chosen))
    return table


def _chosen(read: np.ndarray, labels: np.ndarray) -> tuple[int, ...]:
    wrong = np.flatnonzero(read != labels)[:1]
    right = np.flatnonzero(read == labels)
    _, first = np.unique(labels[right], return_index=True)
    return (*right[np.sort(first)[: SHOWN - len(wrong)]], *wrong)


def _picture(image: np.ndarray, shades: str) -> Text:
    levels = image[:, :, 0].astype(np.int32) * (len(shades) - 1)
    steps = (levels + 8) // 16
    # A character is half as wide as it is high.
    return Text("\n".join("".join(shades[step] * 2 for step in row) for row in steps))


def _caption(answer: np.ndarray, label: int) -> Text:
    read = int(answer.argmax())
    text = f"{read}, {int(answer[read]) / 256:.1%} sure"
    return Text(text, "green") if read == label else Text(f"{text}; it is {label}", "red")
