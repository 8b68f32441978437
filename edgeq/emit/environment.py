"""The only Jinja environment: templates see finished numbers and may not misspell a name."""

from __future__ import annotations

from functools import cache

import jinja2

from edgeq.emit.literals import c_float, c_integer
from edgeq.emit.names import comment_text
from edgeq.resources import templates_dir


@cache
def environment() -> jinja2.Environment:
    """Return the environment; undefined names are errors, control lines leave no trace."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    env.filters["c_int"] = c_integer
    env.filters["c_float"] = c_float
    env.filters["hex"] = hex
    env.filters["comment"] = comment_text
    return env


def render(template: str, **context: object) -> str:
    """Return a rendered template; ``template`` is a path below ``templates/``."""
    return environment().get_template(template).render(**context)
