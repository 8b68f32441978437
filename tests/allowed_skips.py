"""The skips that continuous integration accepts: the exact reason, and why it may stand."""

from __future__ import annotations

ALLOWED: dict[str, str] = {
    "the processor has no AVX2": "no program can add instructions to a machine; others run them",
}
