"""``edgeq report``: the page has the numbers of the other commands, and is written whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeq as package
from tests.cli.conftest import Command
from tests.quantize import float_nets
from tests.report.reading import Page

NET = float_nets.residual()
SAMPLES = np.stack([sample[0] for sample in float_nets.samples(NET)])


@pytest.fixture
def made(edgeq: Command, tmp_path: Path) -> dict[str, Any]:
    """Return the files of a float network, samples, and the integer network made from them."""
    package.save(NET, tmp_path / "float.npz")
    np.savez(tmp_path / "x.npz", input0=SAMPLES)
    out = tmp_path / "int8.npz"
    command = ("quantize", tmp_path / "float.npz", "-c", tmp_path / "x.npz", "-o", out)
    return {
        "float": tmp_path / "float.npz",
        "samples": tmp_path / "x.npz",
        "model": out,
        "losses": edgeq(*command, "--explain", "--json").json["losses"],
    }


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("options", [(), ("--stream", "always", "--optimize", "size")])
def test_figures_are_those_of_inspect(
    edgeq: Command, model: Path, tmp_path: Path, options: Sequence[str]
) -> None:
    out = tmp_path / "report.html"
    targets = ("portable", "cortex-m4")
    given = [word for target in targets for word in ("-t", target)]
    result = edgeq("report", model, "-o", out, *given, *options, "--json")
    assert (result.code, result.err) == (0, "")
    for target, plan in zip(targets, result.json["inspect"], strict=True):
        assert plan == edgeq("inspect", model, "-t", target, *options, "--json").json
    shown = edgeq("inspect", model, "--weights", *options, "--json").json["weights"]
    assert result.json["weights"] == shown
    page = read(out)
    command = " ".join(["edgeq", "inspect", str(model), "--target", "cortex-m4", *options])
    assert f"{command} --json" in page.sections["memory"].text
    for which, plan in enumerate(result.json["inspect"]):
        flash = [f"{layer['flash_data']:,}" for layer in plan["layers"]]
        assert page.column("flash", "Bytes", which) == flash
    first = out.read_bytes()
    assert edgeq("report", model, "-o", out, *given, *options).code == 0
    assert out.read_bytes() == first


def test_measurements_are_those_of_bench(edgeq: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = edgeq("report", model, "-o", out, "-t", "aarch64", "--bench", "--json")
    (bench,) = result.json["bench"]
    assert bench == edgeq("bench", model, "-t", "aarch64", "--json").json
    page = read(out)
    counts = [f"{row['instructions']:,}" for row in bench["layers"]]
    assert page.column("cost", "Instructions") == counts
    constants = [layer["flash_data"] for layer in result.json["inspect"][0]["layers"]]
    code = [row["flash"] - data for row, data in zip(bench["memory"], constants, strict=True)]
    assert page.column("flash", "Code") == [f"{n:,}" for n in code]
    assert page.column("model", "Code, bytes") == [f"{bench['flash_code']:,}"]
    assert "Measured." in page.sections["cost"].text
    assert str(bench["total_instructions"]) in page.sections["cost"].values
    assert str(bench["flash"]) in page.sections["flash"].values


def test_times_are_called_times(edgeq: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert edgeq("report", model, "-o", out, "-t", "portable", "--bench").code == 0
    text = read(out).sections["cost"].text
    assert "the median of 25 runs" in text
    assert "instructions" not in text


def test_without_a_toolchain_costs_are_counted(
    edgeq: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    result = edgeq("report", model, "-o", out, "-t", "armv7-neon", "--bench")
    assert result.code == 0
    assert "not measured" in result.out
    text = read(out).sections["cost"].text
    assert "Counted, not measured." in text
    assert "Nothing was measured: " in text


def test_losses_are_those_of_quantize(edgeq: Command, made: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    given = ("--float", made["float"], "-c", made["samples"])
    result = edgeq("report", made["model"], "-o", out, *given, "--json")
    assert result.err == ""
    losses = result.json["explain"]["losses"]
    assert [{k: v for k, v in row.items() if k != "advice"} for row in losses] == made["losses"]
    page = read(out)
    for key, heading in (("isolated", "Isolated, dB"), ("accumulated", "Accumu\xadlated, dB")):
        assert page.column("losses", heading) == [f"{row[key]:.1f}" for row in losses]
    assert "--explain --json" in page.sections["losses"].text
    assert page.tags.count("polyline") == 2


def test_options_of_data_are_those_of_quantize(
    edgeq: Command, made: dict[str, Any], tmp_path: Path
) -> None:
    named = tmp_path / "named.npz"
    np.savez(named, pictures=SAMPLES)
    out = tmp_path / "report.html"
    given = ("--float", made["float"], "-c", named, "--arrays", "pictures")
    result = edgeq("report", made["model"], "-o", out, *given, "--json")
    losses = result.json["explain"]["losses"]
    assert [{k: v for k, v in row.items() if k != "advice"} for row in losses] == made["losses"]
    assert f"--calibration {named} --arrays pictures --out" in read(out).sections["losses"].text
    stray = edgeq("report", made["model"], "-o", out, "--arrays", "pictures")
    assert stray.code == 2
    assert "--arrays without data" in stray.err


def test_an_equalized_network_is_compared_with_the_equalized(
    edgeq: Command, made: dict[str, Any], tmp_path: Path
) -> None:
    even = tmp_path / "even.npz"
    pair = (made["float"], "-c", made["samples"])
    command = ("quantize", *pair, "-o", even, "--equalize", "--explain", "--json")
    wanted = edgeq(*command).json["losses"]
    shown = edgeq(
        "report", even, "-o", tmp_path / "r.html", "--float", *pair, "--equalize", "--json"
    )
    found = shown.json["explain"]["losses"]
    assert [row["isolated"] for row in found] == [row["isolated"] for row in wanted]


def test_a_float_network_has_a_page(edgeq: Command, floats: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = edgeq("report", floats, "-o", out, "-t", "host", "-t", "portable", "--json")
    assert result.code == 0
    assert result.json["inspect"] == [edgeq("inspect", floats, "--json").json]
    assert "memory" not in read(out).sections


@pytest.mark.parametrize(
    ("options", "code", "what"),
    [
        (["--float", "FLOAT"], 2, "--float without samples"),
        (["-c", "SAMPLES"], 2, "--calibration without --float"),
        (["--samples", "3"], 2, "--samples without --float"),
        (["--equalize"], 2, "--equalize without --float"),
        (["-t", "cortex-m5"], 2, "cortex-m5"),
        (["--numerics", "exact"], 2, "unknown numerics profile"),
        (["--float", "MODEL", "-c", "SAMPLES"], 2, "an integer network already"),
        (["--float", "OTHER", "-c", "SAMPLES"], 2, "the inputs differ"),
        (["--float", "FLOAT", "-c", "FLOAT"], 2, "no array 'input0'"),
        (["--float", "absent.npz", "-c", "SAMPLES"], 2, "absent.npz"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    edgeq: Command,
    made: dict[str, Any],
    floats: Path,
    tmp_path: Path,
    options: list[str],
    code: int,
    what: str,
) -> None:
    out = tmp_path / "report.html"
    out.write_text("precious")
    before = sorted(tmp_path.iterdir())
    files = {"FLOAT": made["float"], "SAMPLES": made["samples"], "MODEL": made["model"]}
    files["OTHER"] = floats
    given = [files.get(option, option) for option in options]
    result = edgeq("report", made["model"], "-o", out, *given)
    assert (result.code, result.out) == (code, "")
    assert what in " ".join(result.err.split())
    assert out.read_text() == "precious"
    assert sorted(tmp_path.iterdir()) == before


def test_a_float_network_is_not_measured_nor_compared(
    edgeq: Command, made: dict[str, Any], tmp_path: Path
) -> None:
    for options in (["--bench"], ["--float", made["float"], "-c", made["samples"]]):
        result = edgeq("report", made["float"], "-o", tmp_path / "r.html", *options)
        assert result.code in (2, 3)
        assert result.err.count("\n") <= 3
        assert not (tmp_path / "r.html").exists()


def test_a_page_that_cannot_be_written(edgeq: Command, model: Path, tmp_path: Path) -> None:
    result = edgeq("report", model, "-o", tmp_path)
    assert result.code == 2
    assert "is a folder" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == [model.name]
    result = edgeq("report", tmp_path / "absent.npz", "-o", tmp_path / "r.html")
    assert result.code == 2
    assert not (tmp_path / "r.html").exists()


def test_weights_are_shown_by_inspect(edgeq: Command, model: Path) -> None:
    text = edgeq("inspect", model, "--weights").out
    assert "channel ratio" in text
    assert "first_weights" in text
    assert "channel ratio" not in edgeq("inspect", model).out
