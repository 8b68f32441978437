"""The Jinja environment of pages: everything that comes from a model is escaped."""

from __future__ import annotations

import math
import re
import shlex
from functools import cache

import jinja2
from markupsafe import Markup, escape

from edgeq.report.plain import printable
from edgeq.resources import templates_dir

_UNITS = ("", "k", "M", "G", "T", "P")
NAME = 56  # longer names are shortened: converters join those of all that they fused
SOURCE = 33


@cache
def environment() -> jinja2.Environment:
    """Return the environment; undefined names are errors, and no text becomes markup."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir() / "report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    for filter_ in _FILTERS:
        env.filters[filter_.__name__] = filter_
    return env


def render(template: str, **context: object) -> str:
    """Return a rendered template; ``template`` is a path below ``templates/report/``."""
    return environment().get_template(template).render(**context)


def count(value: float) -> str:
    """Return a whole number with its thousands apart.

    >>> count(12501632)
    '12,501,632'
    """
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Return about three digits of a count, with a unit.

    >>> short(12501632), short(640), short(34e6), short(1.8e9)
    ('12.5 M', '640', '34.0 M', '1.80 G')
    """
    power = 0
    while abs(value) >= 999.5 and power + 1 < len(_UNITS):
        value, power = value / 1000, power + 1
    places = 0 if power == 0 or abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    text = f"{value:.{places}f}"
    return f"{text} {_UNITS[power]}".rstrip()


def digits(value: float | None, places: int = 4) -> str:
    """Return a real number with so many significant digits; nothing for ``None``.

    >>> digits(0.05324), digits(None), digits(-0.0)
    ('0.05324', '', '0')
    """
    return "" if value is None else f"{value or 0.0:.{places}g}".replace("-", "\N{MINUS SIGN}")


def percent(share: float, places: int = 1) -> str:
    """Return a share of 1 in percent.

    >>> percent(0.0625), percent(0)
    ('6.2 %', '0 %')
    """
    return f"{100 * share:.{places}f} %" if share else "0 %"


def size(octets: float) -> str:
    """Return bytes in a unit that they fill.

    >>> size(100), size(23072), size(3634937)
    ('100 B', '22.5 KiB', '3.47 MiB')
    """
    if octets < 1024:
        return f"{octets:.0f} B"
    return f"{octets / 1024:,.1f} KiB" if octets < 1024**2 else f"{octets / 1024**2:,.2f} MiB"


def plain(value: object) -> str:
    """Return text whose control characters are visible."""
    return printable(str(value))


def minus(value: int) -> str:
    """Return a whole number with a true minus sign."""
    return str(value).replace("-", "\N{MINUS SIGN}")


def breakable(text: object) -> Markup:
    """Return a name that may go on in another line where it has a mark.

    >>> breakable("a_<b>")
    Markup('a_<wbr>&lt;b&gt;')
    """
    return Markup(re.sub(r"([_/.-])", r"\1<wbr>", str(escape(printable(str(text))))))


def brief(name: str) -> str:
    """Return a name without its middle where it is long.

    >>> len(brief("n" * 500))
    56
    """
    text = printable(name)
    return text if len(text) <= NAME else f"{text[: NAME - 21]}\N{HORIZONTAL ELLIPSIS}{text[-20:]}"


def begin(name: str) -> str:
    """Return the first words of a long source: a format, a place in it, an operator.

    >>> begin("tflite:op[3] CONV_2D 'model/first/Conv2D'")
    "tflite:op[3] CONV_2D 'model/firs…"
    """
    text = printable(name)
    return text if len(text) <= SOURCE else f"{text[: SOURCE - 1]}\N{HORIZONTAL ELLIPSIS}"


def decibels(value: float) -> str:
    """Return decibels; what loses nothing has no number.

    >>> decibels(21.537), decibels(float("inf"))
    ('21.5', '∞')
    """
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


def quoted(word: object) -> str:
    """Return a word as a shell reads it, control characters visible."""
    return printable(shlex.quote(str(word)))


_FILTERS = (
    begin,
    breakable,
    brief,
    count,
    decibels,
    digits,
    minus,
    percent,
    plain,
    quoted,
    short,
    size,
)
