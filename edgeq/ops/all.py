"""Import every operation, so that the registry is complete."""

from __future__ import annotations

import importlib
import pkgutil

import edgeq.ops

for _module in pkgutil.iter_modules(edgeq.ops.__path__):
    if not _module.name.startswith("_") and _module.name != "all":
        importlib.import_module(f"edgeq.ops.{_module.name}")
