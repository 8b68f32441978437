"""``edgeq ops``, ``edgeq targets``, ``edgeq doctor``."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from edgeq.frontends.tflite import CONVERTERS
from edgeq.frontends.tflite.kinds import KINDS
from edgeq.kernels.portable import ROWS
from edgeq.ops.base import REGISTRY
from edgeq.report import facts, terminal
from edgeq.targets import TARGETS
from tests.cli.conftest import Command


def test_every_operation_is_listed_with_its_kernels(edgeq: Command) -> None:
    rows = {row["kind"]: row for row in edgeq("ops", "--json").json}
    assert set(rows) == set(REGISTRY)
    listed = {kernel for row in rows.values() for kernel in row["kernels"]["portable"]}
    assert listed == {row.id for row in ROWS}
    assert all("npz" in row["frontends"] for row in rows.values())
    assert rows["conv2d"]["onnx"] == ["Conv", "QLinearConv"]
    assert "onnx" not in rows["arg_max"]["frontends"]
    assert rows["conv2d"]["tflite"] == ["CONV_2D"]
    assert all(row["types"] for row in rows.values())
    assert edgeq("ops", "--markdown").out.startswith("# Operations\n")
    text = edgeq("ops").out
    assert all(kind in text for kind in REGISTRY)


def test_a_narrow_terminal_has_all_columns() -> None:
    with StringIO() as file:
        Console(file=file, width=80).print(*terminal.operations(facts.operations()))
        text = file.getvalue()
    words = set(text.replace(",", " ").replace("(", " ").replace(")", " ").split())
    assert {"abs", "int16", "npz", "ABS", "aarch64", "QLinearConv"} <= words
    assert max(map(len, text.splitlines())) <= 80


def test_every_tflite_operator_becomes_a_known_operation() -> None:
    assert {code: facts.tflite_kinds(code) for code in CONVERTERS if not _known(code)} == {}
    assert facts.tflite_kinds("RESIZE_NEAREST_NEIGHBOR") == ("resize_nearest",)
    assert facts.tflite_kinds("CONCATENATION") == ("concat",)
    assert facts.tflite_kinds("QUANTIZE") == ("quantize", "requantize")
    assert facts.tflite_kinds("WHERE") == ()


def _known(code: str) -> bool:
    kinds = facts.tflite_kinds(code)
    return (bool(kinds) or code in KINDS) and set(kinds) <= set(REGISTRY)


def test_every_target_is_listed(edgeq: Command) -> None:
    rows = edgeq("targets", "--json").json
    assert [row["name"] for row in rows] == list(TARGETS)
    text = edgeq("targets").out
    assert all(name in text for name in TARGETS)
    emulated = {row["name"]: (row["runner"], row["compilers"]) for row in rows if row["compilers"]}
    assert emulated["armv7-neon"][0] == "qemu-arm"
    assert "arm-linux-gnueabihf-gcc" in emulated["armv7-neon"][1]
    assert "qemu-arm -cpu cortex-a7" in text


def test_the_doctor_tells_what_is_here_and_how_to_get_the_rest(edgeq: Command) -> None:
    rows = edgeq("doctor", "--json").json
    text = edgeq("doctor").out
    for row in rows:
        assert row["found"] == (row["path"] is not None) == (row["version"] is not None)
        assert row["name"] in text
        assert (row["version"] if row["found"] else row["install"]) in text


def test_quiet_commands_print_nothing(edgeq: Command) -> None:
    for name in ("ops", "targets", "doctor"):
        assert edgeq("-q", name).out == edgeq(name, "-q").out == ""
