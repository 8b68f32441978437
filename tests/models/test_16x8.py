"""The networks of one operation with int16 activations, and the answers stored with them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from edgeq import reference
from edgeq.frontends import load
from edgeq.ir.graph import Graph, Tensor
from edgeq.passes.pipeline import run_passes
from tests.kernel_harness import QUICK, compile_layer, side_by_side
from tests.litert import run_litert

ARCHIVE = "data/tflm_seanet_int16x8_ops_with_goldens.zip"
COUNTS = {
    "add": 17,
    "conv": 22,
    "leaky_relu": 23,
    "pad": 19,
    "quantize": 2,
    "strided_slice": 34,
    "sub": 5,
    "transpose_conv": 5,
}


@dataclass(frozen=True, eq=False)
class Network:
    """One network of the archive, with its inputs and the answer of TFLite Micro."""

    path: Path
    graph: Graph
    inputs: tuple[np.ndarray, ...]
    answer: np.ndarray


@pytest.fixture(scope="module")
def networks(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Network]]:
    folder = tmp_path_factory.mktemp("16x8")
    with zipfile.ZipFile(shared / ARCHIVE) as archive:
        archive.extractall(folder)
    kinds = sorted(each for each in (folder / "seanet").iterdir() if each.is_dir())
    return {kind.name: [read(path) for path in sorted(kind.glob("*.tflite"))] for kind in kinds}


def read(path: Path) -> Network:
    graph = load(path)
    inputs = tuple(
        numbers(path, f"input{place}", graph.tensors[name])
        for place, name in enumerate(graph.inputs)
    )
    return Network(path, graph, inputs, numbers(path, "golden", graph.tensors[graph.outputs[0]]))


def numbers(path: Path, role: str, tensor: Tensor) -> np.ndarray:
    (found,) = path.parent.glob(f"{path.stem}_{role}_*.csv")
    values = np.loadtxt(found, delimiter=",", dtype=np.int64)
    return values.astype(tensor.dtype.numpy).reshape(tensor.shape)


def lowered(network: Network, numerics: str) -> Graph:
    return run_passes(replace(network.graph, numerics=numerics))


def test_the_archive_is_complete(networks: dict[str, list[Network]]) -> None:
    assert {kind: len(found) for kind, found in networks.items()} == COUNTS


@pytest.mark.parametrize("numerics", ["tflm", "tflite-ref"])
@pytest.mark.parametrize("kind", COUNTS)
def test_reference_gives_the_answers(
    networks: dict[str, list[Network]], kind: str, numerics: str
) -> None:
    for network in networks[kind]:
        (got,) = reference.run(lowered(network, numerics), network.inputs)
        np.testing.assert_array_equal(got, network.answer, err_msg=str(network.path))


@pytest.mark.parametrize("kind", COUNTS)
def test_litert_gives_the_answers(networks: dict[str, list[Network]], kind: str) -> None:
    for network in networks[kind]:
        (got,) = run_litert(network.path.read_bytes(), network.inputs)
        np.testing.assert_array_equal(got, network.answer, err_msg=str(network.path))


@pytest.mark.parametrize("kind", COUNTS)
def test_c_gives_the_answers(networks: dict[str, list[Network]], kind: str) -> None:
    found = networks[kind]
    compiled = compile_layer(side_by_side([lowered(each, "tflm") for each in found]), QUICK)
    results = compiled(*(array for each in found for array in each.inputs))
    got = results if isinstance(results, tuple) else (results,)
    for network, have in zip(found, got, strict=True):
        np.testing.assert_array_equal(have, network.answer, err_msg=str(network.path))
