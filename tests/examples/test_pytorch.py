"""The example of PyTorch, and the code of its page in the documentation."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "pytorch" / "digits_net.py"
PAGE = ROOT / "docs" / "pytorch.md"
ACCURACY = 0.9  # on the held-out images; both have more
LOST = 0.02  # that quantization may cost


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_keeps_its_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    floats, integers = loaded(EXAMPLE).main()
    assert floats >= ACCURACY and integers >= floats - LOST
    assert f"int8 in C {integers:.3f}" in capsys.readouterr().out
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 60


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert (tmp_path / "net.npz").is_file()
    compiled, codes = names["compiled"], names["codes"]
    assert compiled(*codes).shape == (1, 10) and compiled(*codes).dtype == np.int8
