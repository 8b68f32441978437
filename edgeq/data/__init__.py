"""Samples and labels from files, one in memory at a time."""

from __future__ import annotations
