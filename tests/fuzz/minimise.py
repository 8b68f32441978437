"""Make a file that fails smaller, as long as it fails in the same way."""

from __future__ import annotations

from collections.abc import Callable

MOST_TRIES = 600


def minimised(data: bytes, fails: Callable[[bytes], bool], tries: int = MOST_TRIES) -> bytes:
    """Return a file that ``fails`` like ``data``, without what can be left out or be zero.

    Halves are tried first, then quarters and so on: removed, and where that does not do, as
    zeros, which keeps every offset behind them.
    """
    size = len(data) // 2
    while size and tries > 0:
        at = 0
        while at < len(data) and tries > 0:
            rest = data[at + size :]
            zeros = bytes(min(size, len(data) - at))
            tries -= 2
            if fails(data[:at] + rest):
                data = data[:at] + rest
                continue
            if data[at : at + size] != zeros and fails(data[:at] + zeros + rest):
                data = data[:at] + zeros + rest
            at += size
        size //= 2
    return data
