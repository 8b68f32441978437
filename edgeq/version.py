"""The version, in one place, and that of the C interface."""

from __future__ import annotations

VERSION = "0.1.0"

# Of the functions and the context of generated C: one more with every change that a caller which
# is not compiled again would trip over. 2: `init` tells the library which header it comes from.
ABI_VERSION = 2
