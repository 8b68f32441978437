"""Each way of installing edgeq gives a package that finds its extensions and its resources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeq.version import VERSION
from tests.style.sources import ROOT

NOT_SOURCES = shutil.ignore_patterns(
    ".*_cache", ".git", ".hypothesis", ".venv", "*.egg-info", "*.so", "__pycache__", "build", "dist"
)

# Asked of the installed package, from a folder where no checkout is in sight.
QUESTION = """
import importlib.metadata, json, pathlib
import edgeq, edgeq._fixed_point, edgeq._host
from edgeq.resources import runtime_dir, templates_dir
def tree(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
package = pathlib.Path(edgeq.__file__).parent
print(json.dumps({
    "package": str(package),
    "versions": [edgeq.__version__, importlib.metadata.version("edgeq")],
    "code": [n for n in tree(package) if n.endswith((".py", "py.typed"))],
    "templates": tree(templates_dir()),
    "runtime": tree(runtime_dir()),
}))
"""


def command(*arguments: str | Path, cwd: Path) -> str:
    """Run a command that must succeed; return what it printed."""
    # A PYTHONPATH from outside would let a broken installation import the checkout.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    result = subprocess.run(
        [str(a) for a in arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the sources without anything that was built from them."""
    return Path(shutil.copytree(ROOT, tmp_path / "checkout", ignore=NOT_SOURCES))


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return the interpreter of a bare environment that sees the packages of this one, but edgeq.

    Nothing is downloaded; a path file of ours reaches the packages, without running their own
    path files, so that an editable edgeq stays out of sight.
    """
    home = tmp_path / "venv"
    venv.create(home, symlinks=True)
    site = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    (Path(site) / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "python"


def install(python: Path, *arguments: str | Path, cwd: Path) -> None:
    command(
        *(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index"),
        *("--no-build-isolation", "--ignore-installed", *arguments),
        cwd=cwd,
    )


def from_checkout(python: Path, checkout: Path) -> None:
    install(python, ".", cwd=checkout)


def editable(python: Path, checkout: Path) -> None:
    install(python, "-e", ".", cwd=checkout)


def from_sdist(python: Path, checkout: Path) -> None:
    dist = checkout.parent / "dist"
    command(sys.executable, "-m", "build", "-n", "--sdist", "-o", dist, ".", cwd=checkout)
    (sdist,) = dist.iterdir()
    install(python, sdist, cwd=dist)


def tree(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("way", [from_checkout, editable, from_sdist], ids=lambda f: f.__name__)
def test_an_installation_is_complete(
    way: Callable[[Path, Path], None], python: Path, checkout: Path, tmp_path: Path
) -> None:
    code = [n for n in tree(checkout / "edgeq") if n.endswith((".py", "py.typed"))]
    templates = tree(checkout / "templates")
    headers = [n for n in tree(checkout / "runtime") if n.startswith("include/")]
    assert templates and headers

    way(python, checkout)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    answer = json.loads(command(python, "-c", QUESTION, cwd=elsewhere))

    inside = checkout if way is editable else tmp_path / "venv"
    assert Path(answer["package"]).is_relative_to(inside)
    assert answer["versions"] == [VERSION, VERSION]
    assert answer["code"] == code
    assert answer["templates"] == templates
    others = {"NUMERICS.md", "runner.c", "qemu_count.c", "port/port.h"}
    others |= {"emulation/edgeq_avx512_model.h", "emulation/edgeq_hvx_model.h"}
    assert set(headers) | others <= set(answer["runtime"])
