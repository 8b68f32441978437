"""How well networks do on labelled data, and how far they agree."""

from __future__ import annotations
