"""The page: figures, as the commands print them with ``--json``, to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeq.report.html import cost, loss, memory, network, spread
from edgeq.report.html.environment import quoted, render

Facts = Mapping[str, Any]


def page(figures: Facts) -> str:
    """Return the HTML page of what ``edgeq report --json`` prints.

    ``inspect`` and ``bench`` have one entry for each target, as ``edgeq inspect`` and ``edgeq
    bench`` print them; ``bench`` may be ``None``, and so may ``explain``.
    """
    main = figures["inspect"][0]
    commands = _Commands(figures)
    return render(
        "page.html.j2",
        f=figures,
        main=main,
        network=network.rows(main),
        targets=_targets(figures, commands),
        weights=spread.spreads(figures["weights"]),
        operations=_operations(figures["inspect"]),
        explain=_explain(figures, commands),
        commands={
            "inspect": commands.inspect(main["target"]),
            "weights": commands.inspect(main["target"], "--weights"),
        },
        version=figures["version"],
    )


class _Commands:
    """The commands that print the same numbers."""

    def __init__(self, figures: Facts) -> None:
        self._model = quoted(figures["model"])
        options = figures["options"].items()
        self._options = " ".join(f"--{name} {value}" for name, value in options)

    def inspect(self, target: str | None, *more: str) -> str:
        return self._command("inspect", target, *more)

    def bench(self, target: str) -> str:
        return self._command("bench", target)

    def explain(self, given: Facts) -> tuple[str, str]:
        """Return the command of the losses, and that of a model made with the same options."""
        words = ["--calibration", quoted(given["calibration"])]
        words += [] if given["limit"] is None else ["--samples", str(given["limit"])]
        words += map(quoted, given["data"])
        words += ["--equalize"] if given["equalize"] else []
        ours = ("edgeq report", self._model, "--float", quoted(given["float"]), *words)
        makes = ("edgeq quantize", quoted(given["float"]), *words, "--out NEW.npz --explain --json")
        return " ".join([*ours, "--out report.html --json"]), " ".join(makes)

    def _command(self, name: str, target: str | None, *more: str) -> str:
        chosen = "" if target is None else f"--target {target}"
        words = ("edgeq", name, self._model, chosen, self._options, *more, "--json")
        return " ".join(word for word in words if word)


def _targets(figures: Facts, commands: _Commands) -> list[dict[str, Any]]:
    """Return each target with its plan and its costs; none of a network without a plan."""
    found = []
    for facts, bench in zip(figures["inspect"], figures["bench"], strict=True):
        if facts["target"] is not None:
            name = facts["target"]
            kernels = [layer["kernel"] for layer in facts["layers"]]
            found.append(
                {
                    "name": name,
                    "facts": facts,
                    "bench": bench,
                    "memory": memory.timeline(facts),
                    "cost": cost.layers(facts, bench),
                    "flash": cost.flash(facts, bench),
                    "portable": sum(kernel.startswith("portable/") for kernel in kernels),
                    "inspect": commands.inspect(name),
                    "measure": commands.bench(name),
                }
            )
    return found


def _operations(plans: Sequence[Facts]) -> list[dict[str, Any]]:
    """Return the rows of the table of operations, each with its kernels on every target.

    All targets have the same operations in the same order: only the plans differ.
    """
    return [
        {
            **same[0],
            "family": network.family(same[0]["kind"]),
            "detail": network.detail(same[0]),
            "chosen": [operation["kernels"] for operation in same],
        }
        for same in zip(*(plan["operations"] for plan in plans), strict=True)
    ]


def _explain(figures: Facts, commands: _Commands) -> dict[str, Any] | None:
    given = figures["explain"]
    if given is None:
        return None
    found = loss.losses(figures["inspect"][0], given["losses"])
    command, quantize = commands.explain(given)
    return {**given, **found, "command": command, "quantize": quantize}
