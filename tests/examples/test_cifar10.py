"""The CIFAR-10 example on a few random images: every network, and a run that is resumed."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import edgeq
import edgeq.train

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cifar10"
MODULES = ("cifar", "networks", "train")


@pytest.fixture(scope="module")
def cifar10() -> Iterator[SimpleNamespace]:
    """Return the modules of the example, which import each other as scripts in one folder do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(FOLDER), *sys.path])
        for name in MODULES:
            # Another example has modules of these names.
            patch.delitem(sys.modules, name, raising=False)
        found = SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
        patch.setattr(found.train, "BATCH", 16)
        yield found
    for name in MODULES:
        sys.modules.pop(name, None)


def images(cifar10: SimpleNamespace, count: int, seed: int) -> object:
    source = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 10, (count,), generator=source)
    pixels = (
        torch.randint(0, 100, (count, 3, 32, 32), generator=source)
        + labels[:, None, None, None] * 15
    )
    return cifar10.cifar.Images(pixels.to(torch.uint8), labels)


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_every_normalization_is_folded(cifar10: SimpleNamespace, name: str) -> None:
    torch.manual_seed(0)
    network = cifar10.networks.NETWORKS[name](0.25, cifar10.networks.RECTIFIERS["relu6"])
    module = edgeq.train.prepare(network, edgeq.train.Config(), cifar10.train.EXAMPLE)
    norms = [part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(module.norms) == len(norms)
    assert {op.KIND for op in module.graph.ops} <= {
        *("conv2d", "depthwise_conv2d", "add", "mean", "fully_connected", "transpose", "reshape")
    }


def arguments(cifar10: SimpleNamespace, out: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    given = "--width 0.25 --epochs 1 --finetune 2 --weight-bits 4 --compared 8 --freeze 5".split()
    monkeypatch.setattr(sys, "argv", ["train.py", "data", str(out), *given])
    args = cifar10.train.arguments()
    args.out.mkdir(exist_ok=True)
    return args


def test_a_run_that_is_resumed_ends_like_one_that_is_not(
    cifar10: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, held_out = images(cifar10, 48, 0), images(cifar10, 24, 1)
    whole = arguments(cifar10, tmp_path / "whole", monkeypatch)
    row = cifar10.train.row_of(whole, seen, held_out)
    assert row["bits"] == "4/8"
    assert row["equal in C"] == 8
    assert json.loads(json.dumps(row)) == row
    parts = arguments(cifar10, tmp_path / "parts", monkeypatch)
    saved = cifar10.train.Fitting._save

    def killed(self: object) -> None:
        saved(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cifar10.train.Fitting, "_save", killed)
        for _ in range(2):  # after the float epoch, and after the first of the fine-tuning
            with pytest.raises(KeyboardInterrupt):
                cifar10.train.row_of(parts, seen, held_out)
    again = cifar10.train.row_of(parts, seen, held_out)
    assert {**again, "seconds": 0} == {**row, "seconds": 0}
    for path in (tmp_path / "whole").glob("*.pt"):
        assert (tmp_path / "parts" / path.name).read_bytes() == path.read_bytes()
