"""Where the models, goldens and vectors are that the tests share with other checkouts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parent.parent


def shared_path(*parts: str) -> Path:
    """Return a path in the shared folder: ``EDGEQ_SHARED``, or ``shared`` beside the checkout."""
    return Path(os.environ.get("EDGEQ_SHARED") or _CHECKOUT.parent / "shared", *parts)


def require_shared(*parts: str) -> Path:
    """Return ``shared_path(*parts)``; where it is missing, fail on CI and skip elsewhere."""
    path = shared_path(*parts)
    if not path.exists():
        absent = f"shared material absent: {'/'.join(parts) or 'the folder itself'}"
        if os.environ.get("CI"):
            pytest.fail(absent)
        pytest.skip(absent)
    return path
