"""Facts as tables for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from edgeq.report.facts import Facts
from edgeq.report.plain import printable

# What a target is called whose instructions this machine lacks.
_MODELLED = "through a model of its instructions"
# Longer names are shortened in tables.
_NAME = 48
# The columns that give way in a narrow terminal; the others keep their lines whole.
_WRAPPED = frozenset(
    (
        *("source", "buffer", "types", "read from", "for", "kernels", "own kernels", "runs"),
        "version, or how to install it",
    )
)


def project(facts: Facts) -> tuple[Table, ...]:
    """Show what a compilation made."""
    size = f"{len(facts['files'])} in {facts['out']}"
    rows = (
        ("model", facts["model"]),
        ("target", f"{_target(facts)}, numerics {facts['numerics']}"),
        ("layers", f"{facts['layers']:,}"),
        *_fallbacks(facts["fallbacks"]),
        *_work(facts),
        ("files", size),
    )
    return (_pairs(rows),)


def _target(facts: Facts) -> str:
    """Return the target's name, and what its code is optimized for where that is not speed."""
    name, optimize = facts["target"], facts["optimize"]
    return name if optimize == "speed" else f"{name}, optimized for {optimize}"


def _fallbacks(layers: Sequence[Facts]) -> tuple[tuple[str, str], ...]:
    """Return the row about layers that the target has no kernel of its own for."""
    if not layers:
        return ()
    kinds = Counter(layer["kind"] for layer in layers)
    words = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in kinds.items())
    return (("portable", f"{len(layers)} of them have portable kernels: {words}"),)


def network(facts: Facts) -> tuple[Table, ...]:
    """Show a network: its ports, layers, and memory plan."""
    tables = [_pairs(_head(facts)), _layers(facts)]
    if facts["buffers"]:
        tables.append(_buffers(facts["buffers"]))
    return tuple(tables)


def contents(facts: Facts) -> tuple[Table, ...]:
    """Show what is in a model that was converted."""
    return (_pairs((*_head(facts), ("written to", facts["output"]))),)


def samples(facts: Facts) -> tuple[Table, ...]:
    """Show what a run wrote."""
    engine = "the reference" if facts["target"] is None else f"C for {facts['target']}"
    rows = [("model", facts["model"]), ("runs", f"{facts['runs']:,} through {engine}")]
    rows += [
        (f"output{i}", f"{_shape(port)} '{_short(port['name'])}'")
        for i, port in enumerate(facts["outputs"])
    ]
    return (_pairs((*rows, ("written to", facts["output"]))),)


def verification(facts: Facts) -> tuple[Table, ...]:
    """Show what was compared for each target and each other engine."""
    rows = [*facts["targets"], *facts["against"]]
    has_golden = any(row["golden_values"] for row in rows)
    golden = ("golden outputs", "of them differ") if has_golden else ()
    table = _table(("compared with", "result"), ("runs", "tensors", "values", *golden))
    for target in rows:
        result = Text("equal", "green") if target["passed"] else Text("DIFFERENT", "bold red")
        keys = ("runs", "tensors", "values", "golden_values", "differing_golden_values")
        counts = [target[key] for key in (keys if has_golden else keys[:3])]
        name = f"{target['target']} ({_MODELLED})" if target["modelled"] else target["target"]
        table.add_row(_text(name), result, *(f"{count:,}" for count in counts))
    return (table,)


def timing(facts: Facts) -> tuple[Table, ...]:
    """Show the time of each layer."""
    table = _table(("layer", "kernel", "source"), ("MACs", "us", "share", "GMAC/s"))
    table.title = f"median time of {facts['repeats']} runs, {facts['compiler']}"
    spent = sum(row["ns"] for row in facts["layers"]) or 1
    for row in facts["layers"]:
        names = (_text(row["function"]), _text(row["kernel"]), _line(row["source"]))
        numbers = (f"{row['ns'] / 1e3:,.1f}", f"{100 * row['ns'] / spent:.1f} %")
        speed = _decimals(row["gmacs_per_second"], 1)
        table.add_row(*names, f"{row['macs']:,}", *numbers, speed)
    table.add_section()
    total = f"{facts['total_ns'] / 1e3:,.1f}"
    speed = _decimals(facts["gmacs_per_second"], 1)
    table.add_row("total", "", "", f"{facts['macs']:,}", total, "", speed)
    return (table,)


def executed(facts: Facts) -> tuple[Table, ...]:
    """Show the executed instructions of each layer; one without MACs has outputs to compare by."""
    counts = ("MACs", facts["counted"], "share", "per MAC", "per output", "flash", "RAM")
    digits = 3 if facts["counted"] == "instructions" else 5
    table = _table(("layer", "kernel", "source"), counts)
    runs = f"{facts['runner']}, {facts['compiler']}"
    table.title = f"executed {facts['counted']} (exact, not time): {runs}"
    total = facts["total_instructions"]
    for row, memory in zip(facts["layers"], facts["memory"], strict=True):
        count = row["instructions"]
        table.add_row(
            _text(row["function"]),
            _text(row["kernel"]),
            _line(row["source"]),
            f"{row['macs']:,}",
            f"{count:,}",
            f"{100 * count / max(total, 1):.1f} %",
            _decimals(row["instructions_per_mac"], digits),
            _decimals(None if row["macs"] else row["instructions_per_output"], 2),
            *(f"{memory[kind]:,}" for kind in ("flash", "ram")),
        )
    table.add_section()
    per_mac = _decimals(facts["instructions_per_mac"], digits)
    numbers = [f"{facts[kind]:,}" for kind in ("macs", "total_instructions", "flash", "ram")]
    table.add_row("total", "", "", *numbers[:2], "", per_mac, "", *numbers[2:])
    seen = f"{_bytes(facts['stack'])}, of which a run took {facts['stack_painted']:,}"
    return table, _pairs([("stack", "\n".join((seen, *facts["stack_path"])))])


def operations(facts: Sequence[Facts]) -> tuple[Table, ...]:
    """Show which operations there are."""
    table = _table(("operation", "types", "read from", "own kernels"))
    for row in facts:
        codes = {name: ", ".join(row.get(name, ())) for name in row["frontends"]}
        readers = [f"{name} ({found})" if found else name for name, found in codes.items()]
        isas = [isa for isa, rows in row["kernels"].items() if rows and isa != "portable"]
        cells = (row["kind"], "; ".join(row["types"]), ", ".join(readers), ", ".join(isas))
        table.add_row(*map(_text, cells))
    return (table,)


def targets(facts: Iterable[Facts]) -> tuple[Table, ...]:
    """Show which targets there are."""
    table = _table(("target", "for", "kernels", "runs"))
    for row in facts:
        emulated = " ".join([row["runner"] or "", *row["runner_arguments"]])
        here = f"here, {_MODELLED}" if row["modelled"] else "here"
        runs = {None: "not from here", "native": here}.get(row["runner"], emulated)
        table.add_row(*map(_text, (row["name"], row["summary"], ", ".join(row["isas"]), runs)))
    return (table,)


def tools(facts: Iterable[Facts]) -> tuple[Table, ...]:
    """Show which tools are here, and how to get the others."""
    table = _table(("tool", "for", "here", "version, or how to install it"))
    for row in facts:
        found = Text("yes", "green") if row["found"] else Text("no", "yellow")
        answer = row["version"] if row["found"] else row["install"]
        table.add_row(_text(row["name"]), _text(row["purpose"]), found, _text(answer))
    return (table,)


def _head(facts: Facts) -> list[tuple[str, str]]:
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts["ops"].items())
    rows = [("model", facts["model"]), ("operations", kinds), ("numerics", facts["numerics"])]
    if facts.get("target") is not None:
        rows += [("target", _target(facts))]
    rows += [("parameters", f"{facts['parameters']:,}"), *_work(facts)]
    for role in ("inputs", "outputs", "states"):
        rows += [(f"{role[:-1]} {i}", _port(port)) for i, port in enumerate(facts[role])]
    return rows


def _work(facts: Facts) -> list[tuple[str, str]]:
    rows = [("MACs", f"{facts['macs']:,}")]
    if facts.get("arena") is not None:
        kept = [("state", _bytes(facts["state_bytes"]))] if facts["state_bytes"] else []
        rows += [*_arena(facts), *kept, ("flash data", _bytes(facts["flash_data"]))]
        whose = facts["stack_of"] or ["the most in any network for this target"]
        rows += [("stack", "\n".join((_bytes(facts["stack"]), *whose)))]
    return rows


def _arena(facts: Facts) -> list[tuple[str, str]]:
    """Return a row for each region; the bound is one for a single block."""
    named = [region for region in facts["regions"] if region["limit"] is not None]
    if named:
        sizes = ((r["name"], f"{_bytes(r['bytes'])} of {_bytes(r['limit'])}") for r in named)
        return [(f"arena in {name}", size) for name, size in sizes]
    excess = facts["arena"] - facts["lower_bound"]
    proof = "the lower bound" if excess == 0 else f"lower bound {_bytes(facts['lower_bound'])}"
    return [("arena", f"{_bytes(facts['arena'])}, {proof}")]


def _layers(facts: Facts) -> Table:
    planned = facts["target"] is not None
    memory = ("memory",) if planned else ()
    texts = ("#", "operation", "output", "scale", "zero", *memory, "source")
    table = _table(texts, ("MACs", "parameters"))
    for row in facts["layers"]:
        ports = row["outputs"]
        columns = [map(_shape, ports), map(_scale, ports), map(_zero, ports)]
        columns += [map(_where, ports)] if planned else []
        stacked = ("\n".join(column) for column in columns)
        cells = map(_text, (str(row["index"]), row["kind"], *stacked))
        numbers = (f"{row['macs']:,}", f"{row['parameters']:,}")
        table.add_row(*cells, _line(row["source"]), *numbers)
    return table


def _buffers(buffers: Iterable[Facts]) -> Table:
    table = _table(("buffer", "memory"), ("offset", "bytes", "from layer", "to layer"))
    table.title = "memory plan"
    for row in buffers:
        numbers = (row[key] for key in ("offset", "bytes", "first", "last"))
        memory = row["memory"]
        if row["region"] not in ("arena", memory):
            memory = f"{memory} in {row['region']}"
        table.add_row(_line(row["name"]), _text(memory), *(f"{n:,}" for n in numbers))
    return table


def _port(port: Facts) -> str:
    codes = f", scale {_scale(port)}, zero point {_zero(port)}" if port["scale"] else ""
    return f"{_shape(port)}{codes} '{_short(port['name'])}'"


def _scale(port: Facts) -> str:
    return "" if port["scale"] is None else f"{port['scale']:.4g}"


def _zero(port: Facts) -> str:
    return "" if port["zero_point"] is None else str(port["zero_point"])


def _where(port: Facts) -> str:
    return f"{port['memory']}+{port['offset']}"


def _shape(port: Facts) -> str:
    return f"{port['dtype']} {'x'.join(map(str, port['shape'])) or 'scalar'}"


def _decimals(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _short(name: str) -> str:
    """Return a name without its middle: converters join those of all that they fused."""
    return name if len(name) <= _NAME else f"{name[: _NAME - 15]}...{name[-12:]}"


def _bytes(count: int) -> str:
    size = f" ({count / 1024:,.1f} KiB)" if count >= 1024 else ""
    return f"{count:,} bytes{size}"


def _pairs(rows: Iterable[tuple[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, _text(str(value)))
    return table


def _table(texts: Iterable[str], numbers: Iterable[str] = ()) -> Table:
    table = Table(title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in texts:
        table.add_column(heading, overflow="fold", no_wrap=heading not in _WRAPPED)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _line(value: str) -> Text:
    """Return text that is cut rather than wrapped."""
    return Text(printable(_short(value)), no_wrap=True, overflow="ellipsis")


def _text(value: str) -> Text:
    """Return text that is shown as it is: names from model files may look like markup."""
    return Text(printable(value))
