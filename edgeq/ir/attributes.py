"""Operation attributes as plain JSON values and back, from the types of the dataclass fields."""

from __future__ import annotations

import enum
import math
import types
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from edgeq.errors import ModelError
from edgeq.ops.base import Op

NOT_ATTRIBUTES = frozenset(("inputs", "outputs", "source", "arithmetic"))


def encode(op: Op) -> dict[str, Any]:
    """Return the attributes of an operation as JSON values."""
    names = (f.name for f in fields(op) if f.name not in NOT_ATTRIBUTES)
    return {name: _plain(getattr(op, name)) for name in names}


def decode(cls: type[Op], values: Any) -> dict[str, Any]:
    """Return constructor arguments for ``cls``; raise ``ModelError`` for what does not fit.

    Attributes that are absent keep their defaults; unknown ones are errors.
    """
    hints = _hints(cls)
    known = {f.name for f in fields(cls)} - NOT_ATTRIBUTES
    if not isinstance(values, dict):
        raise ModelError("attributes are not an object")
    unknown = sorted(set(values) - known)
    if unknown:
        raise ModelError(f"unknown attribute '{unknown[0]}'")
    return {name: _typed(hints[name], value, name) for name, value in values.items()}


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _typed(hint: Any, value: Any, name: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _optional(hint, value, name)
    if origin is tuple:
        return _tuple(get_args(hint), value, name)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in {member.value for member in hint}:
            raise ModelError(f"attribute '{name}' has the unknown value {value!r}")
        return hint(value)
    if is_dataclass(hint):
        return _nested(hint, value, name)
    return _scalar(hint, value, name)


def _optional(hint: Any, value: Any, name: str) -> Any:
    inner = [arg for arg in get_args(hint) if arg is not type(None)]
    return None if value is None else _typed(inner[0], value, name)


def _tuple(args: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ModelError(f"attribute '{name}' is not a list")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_typed(args[0], item, name) for item in value)
    if len(value) != len(args):
        raise ModelError(f"attribute '{name}' has {len(value)} items, expected {len(args)}")
    return tuple(_typed(arg, item, name) for arg, item in zip(args, value, strict=True))


def _nested(hint: Any, value: Any, name: str) -> Any:
    hints = _hints(hint)
    if not isinstance(value, dict) or set(value) != {f.name for f in fields(hint)}:
        raise ModelError(f"attribute '{name}' is not a {hint.__name__}")
    return hint(**{key: _typed(hints[key], item, name) for key, item in value.items()})


def _scalar(hint: Any, value: Any, name: str) -> Any:
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ModelError(f"attribute '{name}' is not a finite number")
        return float(value)
    if hint is int and (isinstance(value, bool) or not isinstance(value, int)):
        raise ModelError(f"attribute '{name}' is not an integer")
    if hint is int and abs(value) > 2**31:
        raise ModelError(f"attribute '{name}' is {value}, beyond 32 bits")
    if not isinstance(value, hint):
        raise ModelError(f"attribute '{name}' is not of type {hint.__name__}")
    return value
