"""The error family: what is wrong, where, and what to do about it."""

from __future__ import annotations


class EdgeqError(Exception):
    """Base of every error that a user can cause; ``exit_code`` is what the command line returns.

    ``where`` names the file and node, ``hint`` the next step; both may be empty.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.what}{hint}"

    def at(self, where: str) -> EdgeqError:
        """Put ``where`` (a file, a node) in front of the place already known; return self."""
        self.where = f"{where}: {self.where}" if self.where else where
        return self


class ModelError(EdgeqError):
    """The model or its input is malformed."""


class UnsupportedError(EdgeqError):
    """The model is valid, but asks for what edgeq does not implement."""

    exit_code = 3


class QuantizationError(EdgeqError):
    """A scale, zero point or range cannot be represented."""


class TargetError(EdgeqError):
    """The target is unknown, or cannot take this model."""


class BudgetError(EdgeqError):
    """The program needs more memory than it was given."""

    exit_code = 4


class ToolchainError(EdgeqError):
    """A compiler or emulator is missing or failed."""


class VerifyError(EdgeqError):
    """Two ways of running a model gave different bits."""

    exit_code = 1
