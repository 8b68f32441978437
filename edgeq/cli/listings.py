"""``edgeq ops``, ``edgeq targets``, ``edgeq doctor``: what there is to work with."""

from __future__ import annotations

from typing import Annotated

import typer

from edgeq.cli.options import Debug, Json, Quiet
from edgeq.cli.output import Output
from edgeq.host.doctor import doctor
from edgeq.report import facts, op_page, terminal


def list_operations(
    ctx: typer.Context,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page docs/ops.md instead.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the operations: their types, which front ends read them, and their kernels."""
    output = Output.of(ctx)
    if markdown:
        output.write(op_page.page())
        return
    with output.working("trying types"):
        found = facts.operations()
    output.show(found, *terminal.operations(found))


def list_targets(
    ctx: typer.Context, json: Json = False, quiet: Quiet = False, debug: Debug = False
) -> None:
    """List the targets that C is generated for."""
    found = facts.targets()
    Output.of(ctx).show(found, *terminal.targets(found))


def list_tools(
    ctx: typer.Context, json: Json = False, quiet: Quiet = False, debug: Debug = False
) -> None:
    """Tell which compilers and emulators are here, and how to get the others."""
    output = Output.of(ctx)
    with output.working("looking for compilers and emulators"):
        found = facts.tools(doctor())
    output.show(found, *terminal.tools(found))
