"""Calls into torch, whose errors become ours."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from edgeq.errors import EdgeqError


@contextmanager
def torch_errors(what: str, error: type[EdgeqError]) -> Iterator[None]:
    """Let what torch raises be one of our errors, and keep its warnings to itself."""
    silent = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (EdgeqError, MemoryError):
        raise
    except Exception as found:
        # torch raises all kinds of exceptions for programs and files that it does not take.
        first = str(found).strip().splitlines()
        raise error(f"{what}: {first[0] if first else type(found).__name__}") from found
    finally:
        logging.disable(silent)
