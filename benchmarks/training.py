"""What quantization-aware training gains: the tables of both papers, on networks trained here.

CIFAR-10 networks are trained in floats, quantized with and without fine-tuning, and scored by the
integers that their C computes; some images of each go through the C too. Every number is kept in a
file as soon as it is known, and a run takes from there what it finds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path

import torch
from common import CHECKOUT, SHARED, write_section
from training_costs import TARGETS, costs
from training_plots import draw
from training_rows import COSTED, NETWORKS, Experiment, Network, everything
from training_tables import body
from training_tasks import Bench, Record, run

TITLE = "Measured"
KEPT = CHECKOUT / "build" / "training.json"
DOCUMENT = CHECKOUT / "docs" / "training-results.md"

Kept = dict[str, Record]


def key_of(bench: Bench, experiment: Experiment) -> str:
    """Return the name under which figures are kept: it changes with all that decides them."""
    weights = "" if experiment.scratch else bench.weights(experiment.network)
    return named(experiment, weights, bench.images, bench.compared)


def named(*facts: object) -> str:
    """Return a short name for facts."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def kept_figures(path: Path) -> Kept:
    """Return what an earlier run has kept."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(key: str, record: Record, path: Path) -> None:
    """Add figures to the file, beside what other processes have added; never write half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {**kept_figures(path), key: record}
    stage = path.with_suffix(".part")
    stage.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    stage.replace(path)


def measure(
    bench: Bench, experiments: Iterable[Experiment], path: Path, *, only_kept: bool = False
) -> dict[Experiment, Record]:
    """Return the figures of experiments; each is in the file before the next one begins."""
    kept, found = kept_figures(path), {}
    for experiment in experiments:
        key = key_of(bench, experiment)
        if key not in kept and only_kept:
            continue
        if key not in kept:
            begin = time.process_time()
            record = run(bench, experiment, bench.folder / f"{key}.jsonl")
            record["whole"] = round(time.process_time() - begin, 1)
            kept[key] = {"what": repr(experiment), "key": key, **record}
            keep(key, kept[key], path)
            print(f"{record['accuracy']:.4f} {record['whole']:6.1f} s {experiment}", flush=True)
        found[experiment] = kept[key]
    return found


def measure_costs(
    bench: Bench, networks: Iterable[Network], path: Path, python: Path | None, *, only_kept: bool
) -> dict[Network, Record]:
    """Return what networks cost; with ``python`` also in floats where that is not kept."""
    kept, found = kept_figures(path), {}
    for network in networks:
        key = named("costs", network, TARGETS)
        whole = "float_instructions" in kept.get(key, {}).get(TARGETS[-1], {})
        if not only_kept and (key not in kept or (python is not None and not whole)):
            kept[key] = costs(bench, network, python)
            keep(key, kept[key], path)
            print(f"costs of {network.key}", flush=True)
        if key in kept:
            found[network] = kept[key]
    return found


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [network.key for network in NETWORKS]
    parser.add_argument("networks", nargs="*", default=names, help=", ".join(names))
    parser.add_argument("--images", type=int, default=10000, help="test images, at most")
    parser.add_argument("--compared", type=int, default=200, help="images through the C as well")
    parser.add_argument("--data", type=Path, default=SHARED / "data", help="folder of CIFAR-10")
    parser.add_argument("--folder", type=Path, default=CHECKOUT / "build" / "cifar10")
    parser.add_argument("--kept", type=Path, default=KEPT, help="the file of known figures")
    parser.add_argument("--python", type=Path, help="folder that aarch64_python.py made")
    parser.add_argument("--only-kept", action="store_true", help="measure nothing that is new")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    given = parser.parse_args()
    unknown = set(given.networks) - set(names)
    if unknown:
        parser.error(f"no network {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return given


def main() -> None:
    """Run what is not known yet, print the tables and write them into the document."""
    given = arguments()
    torch.set_num_threads(1)  # results repeat, and their seconds are of one core
    bench = Bench(given.folder, given.data, given.images, given.compared)
    networks = [network for network in NETWORKS if network.key in given.networks]
    chosen = [e for e in everything() if e.network in networks]
    found = measure(bench, chosen, given.kept, only_kept=given.only_kept)
    costed = [network for network in COSTED if network in networks]
    spent = measure_costs(bench, costed, given.kept, given.python, only_kept=given.only_kept)
    text = body(found, spent)
    print(text)
    if given.write:
        write_section(TITLE, text, DOCUMENT)
        draw(found, spent, given.folder, DOCUMENT.parent / "images")


if __name__ == "__main__":
    main()
