"""What the doctor finds, and what it says to install."""

from __future__ import annotations

from edgeq.host.doctor import doctor
from edgeq.host.toolchain import find_compilers


def test_every_tool_says_what_it_is_for_and_how_to_get_it():
    tools = doctor()
    assert {"gcc", "clang", "ziglang", "arm-none-eabi-gcc", "qemu-system-arm"} <= {
        tool.name for tool in tools
    }
    assert all(tool.purpose and tool.install for tool in tools)
    assert len({tool.name for tool in tools}) == len(tools)


def test_found_tools_have_a_path_and_a_version(tmp_path):
    for name, script in (("gcc", "echo gcc 12.2.0; echo more"), ("qemu-arm", "exit 1")):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    tools = {tool.name: tool for tool in doctor({"PATH": str(tmp_path)})}
    assert tools["gcc"].found
    assert (tools["gcc"].path, tools["gcc"].version) == (str(tmp_path / "gcc"), "gcc 12.2.0")
    assert not tools["qemu-arm"].found
    assert not tools["clang"].found
    assert tools["clang"].path == ""


def test_it_agrees_with_the_search_for_compilers():
    versions = {tool.version for tool in doctor() if tool.found}
    named = [c for c in find_compilers() if c.command[0].rpartition("/")[2] in ("gcc", "clang")]
    assert {compiler.version for compiler in named} <= versions


def test_ziglang_is_found_as_a_package(tmp_path, monkeypatch):
    package = tmp_path / "ziglang"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import sys; print({'version': '9.9'}[sys.argv[1]])\n")
    monkeypatch.syspath_prepend(tmp_path)
    env = {"PATH": "", "PYTHONPATH": str(tmp_path)}
    tools = {tool.name: tool for tool in doctor(env)}
    assert (tools["ziglang"].found, tools["ziglang"].version) == (True, "9.9")
