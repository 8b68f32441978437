"""Tables of ``training.py`` in Markdown: accuracies in percent; what is not known stays empty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from training_rows import (
    BITS,
    CHANNEL_NORMS,
    COSTED,
    DELAYS,
    LEARNED,
    MAIN,
    METHODS,
    NETWORKS,
    NORMS,
    RECTIFIERS,
    RESNET,
    RESNET6,
    ROUNDINGS,
    SEEDS,
    V1,
    V1_6,
    WIDTHS,
    Column,
    Experiment,
    Network,
    floats,
    grid,
    ptq,
    qat,
)

Found = Mapping[Experiment, Mapping[str, Any]]
Costs = Mapping[Network, Mapping[str, Any]]
LAST = 100  # steps at the end of a curve that a mean is of


def body(found: Found, costs: Costs) -> str:
    """Return every table under its heading."""
    parts: tuple[tuple[str, str], ...] = (
        ("Claims", claims(found, costs)),
        ("With and without training", methods(found)),
        ("Bits: QAT", bits(found, qat)),
        ("Bits: PTQ", bits(found, ptq)),
        ("ReLU and ReLU6", crossed(found, (V1, V1_6, RESNET, RESNET6), RECTIFIERS)),
        ("Batch normalization", norms(found)),
        ("Delayed quantization of activations", delays(found)),
        ("Stochastic rounding", crossed(found, (V1,), ROUNDINGS)),
        ("Seeds, and learned steps", crossed(found, (V1,), (*SEEDS, LEARNED))),
        ("Widths", widths(found, costs)),
        ("Sizes", sizes(costs)),
        ("Time", times(found)),
    )
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def score(found: Found, experiment: Experiment) -> str:
    """Return an accuracy in percent, or nothing."""
    record = found.get(experiment)
    return "" if record is None else f"{100 * record['accuracy']:.2f}"


def crossed(found: Found, networks: Iterable[Network], columns: Sequence[Column]) -> str:
    """Return a row for each network and a column for each way."""
    head = ["", *(label for label, _ in columns)]
    rows = ([n.title, *(score(found, build(n)) for _, build in columns)] for n in networks)
    return table(head, rows)


def methods(found: Found) -> str:
    """Return a row for each way and a column for each of the main networks."""
    rows: list[list[str]] = []
    for title, group in METHODS:
        if title:
            rows.append([f"**{title}**", *[""] * len(MAIN)])
        rows += [[label, *(score(found, build(n)) for n in MAIN)] for label, build in group]
    return table(["", *(network.title for network in MAIN)], rows)


def bits(found: Found, method: Callable[..., Any]) -> str:
    """Return the accuracies of every pair of widths, and how far they lie below floats."""
    cells, known = grid(method), found.get(floats(V1))
    rows = []
    for w in BITS:
        texts = []
        for a in BITS:
            record = found.get(cells[w, a])
            text = score(found, cells[w, a])
            if record is not None and known is not None:
                text += f" ({100 * (record['accuracy'] - known['accuracy']):+.1f})"
            texts.append(text)
        rows.append([f"**{w}**", *texts])
    head = [f"{V1.title}: weights \\ activations", *(str(a) for a in BITS)]
    return table(head, rows)


def norms(found: Found) -> str:
    """Return how training ends under each way of folding."""
    rows = []
    for label, experiment in (*NORMS, *CHANNEL_NORMS):
        record = found.get(experiment)
        if record is None:
            rows.append([label, "", "", "", ""])
            continue
        losses, along = record["losses"][-LAST:], record["accuracies"]
        late = along[len(along) // 2 :]
        rows.append(
            [
                label,
                f"{sum(losses) / len(losses):.3f}",
                f"{100 * sum(late) / len(late):.1f}",
                f"{100 * min(late):.1f}",
                score(found, experiment),
            ]
        )
    head = f"loss, last {LAST} steps", "accuracy along the second half: mean", "worst", "at the end"
    return table(["", *head], rows)


def delays(found: Found) -> str:
    """Return immediate and delayed quantization, a column for each seed."""
    columns = dict.fromkeys((bits, seed) for _, bits, seed, _ in DELAYS)
    cells = {(label, bits, seed): score(found, e) for label, bits, seed, e in DELAYS}
    head = ["", *(f"8/{bits}, seed {seed}" for bits, seed in columns)]
    labels = dict.fromkeys(label for label, *_ in DELAYS)
    rows = ([label, *(cells[label, bits, seed] for bits, seed in columns)] for label in labels)
    return table(head, rows)


def claims(found: Found, costs: Costs) -> str:
    """Return what the papers claim beside what came out: percent below floats, and bytes."""
    rows = []
    for network in COSTED:
        cost, base = costs.get(network), found.get(floats(network))
        cells = [network.title, score(found, floats(network))]
        for build in (ptq(), qat(), ptq(weight_bits=4), qat(weight_bits=4)):
            record = found.get(build(network))
            known = record is not None and base is not None
            cells.append(f"{100 * (record['accuracy'] - base['accuracy']):+.2f}" if known else "")
        cells.append(f"{cost['float_bytes'] / cost['bytes']:.2f}" if cost else "")
        rows.append(cells)
    head = "float32", "PTQ 8/8", "QAT 8/8", "PTQ 4/8", "QAT 4/8", "float / int8 bytes of weights"
    return table(["", *head], rows)


def widths(found: Found, costs: Costs) -> str:
    """Return accuracy beside milliseconds here and instructions on emulated processors."""
    rows = []
    for network in WIDTHS:
        cost = costs.get(network)
        cells = [f"{network.width:g}", f"{cost['macs'] / 1e6:.2f}" if cost else ""]
        cells += [score(found, floats(network)), score(found, qat()(network))]
        rows.append(cells + (_spent(cost) if cost else [""] * 7))
    head = (
        "width",
        "MMAC",
        "float32 %",
        "int8 (QAT) %",
        "edgeq int8 ms",
        "ONNX Runtime int8 ms",
        "ONNX Runtime float ms",
        "float / edgeq",
        "M instructions: Cortex-M4 int8",
        "AArch64 (dot product) int8",
        "AArch64, ONNX Runtime float",
    )
    measured = [costs[network] for network in WIDTHS if network in costs]
    where = sorted({f"{cost['machine']}; ONNX Runtime {cost['onnxruntime']}" for cost in measured})
    return f"{table(head, rows)}\n\n{'; '.join(where)}; one thread, medians of interleaved rounds."


def _spent(cost: Mapping[str, Any]) -> list[str]:
    ms = cost["ms"]
    floating = cost["aarch64-dotprod"].get("float_instructions")
    return [
        *(f"{ms[name]:.3f}" for name in ("edgeq", "onnxruntime", "onnxruntime_float")),
        f"{ms['onnxruntime_float'] / ms['edgeq']:.2f}",
        *(f"{cost[t]['instructions'] / 1e6:.2f}" for t in ("cortex-m4", "aarch64-dotprod")),
        f"{floating / 1e6:.2f}" if floating else "",
    ]


def sizes(costs: Costs) -> str:
    """Return bytes: of weights, and of the object files for a microcontroller."""
    rows = []
    for network in COSTED:
        cost = costs.get(network)
        if cost is None:
            continue
        board = cost["cortex-m4"]
        numbers = cost["float_bytes"], cost["bytes"], board["code"], board["data"], board["ram"]
        ratio = cost["float_bytes"] / (board["code"] + board["data"])
        rows.append([network.title, *(f"{n:,}" for n in numbers), f"{ratio:.2f}"])
    head = "float weights", "int8 weights", "code", "data", "arena", "float weights / code and data"
    return table(["", *head], rows)


def times(found: Found) -> str:
    """Return the seconds of one core: of training in floats, and of everything else."""
    rows = []
    for network in NETWORKS:
        record = found.get(floats(network))
        tuned = [r for e, r in found.items() if e.network == network and e.config is not None]
        spent = [sum(r["seconds"] for r in tuned), sum(r["whole"] for r in tuned)]
        first = record["seconds"] if record else 0.0
        epochs = str(network.epochs)
        numbers = [f"{first:.0f}", str(len(tuned)), *(f"{n:.0f}" for n in spent)]
        rows.append([network.title, epochs, *numbers])
    totals = (sum(float(row[i]) for row in rows) for i in range(2, 6))
    rows.append(["**all**", "", *(f"{n:.0f}" for n in totals)])
    head = "epochs in floats", "seconds", "experiments", "seconds of quantizing and tuning"
    return table(["", *head, "with evaluation"], rows)
