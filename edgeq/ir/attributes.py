"""Operation attributes as plain JSON values and back, from the types of the dataclass fields."""

from __future__ import annotations

import enum
import math
import types
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from edgeq.errors import ModelError
from edgeq.ops.base import Op

NOT_ATTRIBUTES = frozenset(("inputs", "outputs", "source", "arithmetic"))
MAX_INTEGER = 1 << 31
MAX_ITEMS = 1 << 16


def encode(op: Op) -> dict[str, Any]:
    """Return the attributes of an operation as JSON values.

    Raise ``ModelError`` for a value that JSON or ``decode`` does not take.
    """
    names = (f.name for f in fields(op) if f.name not in NOT_ATTRIBUTES)
    return {name: _plain(getattr(op, name), name) for name in names}


def decode(cls: type[Op], values: Any) -> dict[str, Any]:
    """Return constructor arguments for ``cls``; raise ``ModelError`` for what does not fit.

    Attributes that are absent keep their defaults; unknown ones are errors.
    """
    operation: Any = cls
    hints = _hints(operation)
    known = {f.name: f for f in fields(cls) if f.name not in NOT_ATTRIBUTES}
    if not isinstance(values, dict):
        raise ModelError("attributes are not an object")
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ModelError(f"unknown attribute {unknown[0]!r}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise ModelError(f"attribute '{name}' is missing")
    return {name: _typed(hints[name], value, name) for name, value in values.items()}


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, enum.Enum):
        return _plain(value.value, name)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name), name) for f in fields(value)}
    if isinstance(value, tuple):
        if len(value) > MAX_ITEMS:
            raise ModelError(f"attribute '{name}' has {len(value)} items, at most {MAX_ITEMS}")
        return [_plain(item, name) for item in value]
    if value is None or type(value) is str:
        return value
    if type(value) in (bool, int, float):
        return _number(value, name)
    raise ModelError(f"attribute '{name}' is of type {type(value).__name__}")


def _number(value: Any, name: str) -> Any:
    """Return a number; raise ``ModelError`` when it is not finite, or an integer beyond 32 bits."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelError(f"attribute '{name}' is not a finite number")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        # Not shown: it may have thousands of digits.
        raise ModelError(f"attribute '{name}' is an integer beyond 32 bits")
    return value


def _typed(hint: Any, value: Any, name: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint), value, name)
    if origin is tuple:
        return _tuple(get_args(hint), value, name)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _member(hint, value, name)
    if is_dataclass(hint):
        return _nested(hint, value, name)
    return _scalar(hint, value, name)


def _union(hints: tuple[Any, ...], value: Any, name: str) -> Any:
    """Return the value as the member of the union that it already is, else as the first."""
    if value is None and type(None) in hints:
        return None
    exact = [hint for hint in hints if type(value) is hint]
    return _typed((exact or [hint for hint in hints if hint is not type(None)])[0], value, name)


def _member(hint: type[enum.Enum], value: Any, name: str) -> enum.Enum:
    for member in hint:
        if type(value) is type(member.value) and value == member.value:
            return member
    known = ", ".join(str(member.value) for member in hint)
    raise ModelError(f"attribute '{name}' has an unknown value", hint=f"known: {known}")


def _tuple(args: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ModelError(f"attribute '{name}' is not a list")
    if len(value) > MAX_ITEMS:
        raise ModelError(f"attribute '{name}' has {len(value)} items, at most {MAX_ITEMS}")
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
    takes = (int, float) if hint is float else (hint,)
    if type(value) not in takes:
        raise ModelError(f"attribute '{name}' is not of type {hint.__name__}")
    if type(value) in (int, float):
        value = _number(value, name)
    return float(value) if hint is float else value
