"""The same model gives the same bytes: in one process twice, and whatever the hash seed is."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import edgeq
from tests.models.catalogue import COMPILED, Model, parameters
from tests.models.projects import Project
from tests.style.sources import ROOT

# Prints the digest of every generated file of the models named on the command line.
DIGESTS = """
import json, sys
from hashlib import sha256
import edgeq
found = {}
for path in sys.argv[1:]:
    _, files = edgeq.generate(edgeq.load(path), target="portable")
    found[path] = [(name, sha256(text.encode()).hexdigest()) for name, text in files.items()]
print(json.dumps(found))
"""

SEEDED = (
    Model("coral_split_concat"),
    Model("mcu_person_detection"),
    Model("mlperf_kws_ref_model"),
    Model("mltk_anomaly_detection"),
    Model("stm_miniresnetv2_1stacks_64x50_esc10"),
)


@parameters(COMPILED)
def test_generating_again_gives_the_same_files(model: Model, generated: Project) -> None:
    # The files on disk are of another call, often of another process.
    _, files = edgeq.generate(edgeq.load(model.path), target="portable", name=generated.name)
    there = {
        path.relative_to(generated.root).as_posix(): digest(path.read_bytes())
        for path in generated.root.rglob("*")
        if path.is_file()
    }
    assert {path: digest(text.encode()) for path, text in files.items()} == there


def test_the_hash_seed_changes_nothing() -> None:
    paths = [str(model.path) for model in SEEDED]
    first, second = (digests(seed, paths) for seed in ("1", "4242"))
    assert first == second
    assert list(first) == paths and all(first.values())


@parameters(SEEDED)
def test_no_file_has_a_path_of_this_machine(model: Model, generated: Project) -> None:
    places = (str(ROOT), str(model.path.parent), str(generated.root))
    for path in filter(Path.is_file, generated.root.rglob("*")):
        text = path.read_text(encoding="utf-8")
        assert [place for place in places if place in text] == []


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digests(seed: str, paths: list[str]) -> dict[str, list[list[str]]]:
    done = subprocess.run(
        (sys.executable, "-c", DIGESTS, *paths),
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
