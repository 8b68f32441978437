"""Find ``templates/`` and ``runtime/``: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from edgeq.errors import EdgeqError

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries the two folders as data; an editable install reads them where they are edited.
_ROOTS = (_PACKAGE / "_data", _PACKAGE.parent)


def templates_dir() -> Path:
    """Return the folder of the Jinja templates.

    Raises:
        EdgeqError: the installation lacks it.
    """
    return _find("templates", _ROOTS)


def runtime_dir() -> Path:
    """Return the folder of ``include/`` (the C headers), ``emulation/`` and ``NUMERICS.md``.

    Raises:
        EdgeqError: the installation lacks it.
    """
    return _find("runtime", _ROOTS)


def _find(name: str, roots: tuple[Path, ...]) -> Path:
    for root in roots:
        if (root / name).is_dir():
            return root / name
    raise EdgeqError(
        f"the folder {name!r} is missing from this installation",
        where=", ".join(str(root) for root in roots),
        hint="install edgeq again",
    )
