"""Tell which compilers and emulators are here, and how to get the others."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from edgeq.host.toolchain import version_line


@dataclass(frozen=True, slots=True)
class Tool:
    """A program edgeq can use; ``path`` and ``version`` are empty when it is missing."""

    name: str
    purpose: str
    install: str
    path: str = ""
    version: str = ""

    @property
    def found(self) -> bool:
        """Tell whether the program is here and runs."""
        return bool(self.version)


_TOOLS = (
    Tool("gcc", "build for this machine", "apt-get install gcc libc6-dev"),
    Tool(
        "clang",
        "build for this machine, and with the libraries of a cross gcc for others",
        "apt-get install clang",
    ),
    Tool("ziglang", "build for this machine and others", "pip install ziglang"),
    Tool("arm-none-eabi-gcc", "build for Cortex-M", "apt-get install gcc-arm-none-eabi"),
    Tool(
        "aarch64-linux-gnu-gcc",
        "build for AArch64",
        "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    ),
    Tool(
        "arm-linux-gnueabihf-gcc",
        "build for ARMv7-A",
        "apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross",
    ),
    Tool(
        "riscv64-unknown-elf-gcc",
        "build for 32-bit RISC-V",
        "apt-get install gcc-riscv64-unknown-elf",
    ),
    Tool("clang-19", "build for Hexagon, with lld-19", "apt-get install clang-19 lld-19"),
    Tool("qemu-system-arm", "run Cortex-M code", "apt-get install qemu-system-arm"),
    Tool("qemu-aarch64", "run AArch64 code", "apt-get install qemu-user"),
    Tool("qemu-arm", "run ARMv7-A code", "apt-get install qemu-user"),
    Tool("qemu-hexagon", "run Hexagon code", "apt-get install qemu-user"),
    Tool("qemu-riscv32", "run 32-bit RISC-V code", "apt-get install qemu-user"),
)


def doctor(environment: Mapping[str, str] | None = None) -> tuple[Tool, ...]:
    """Return every tool edgeq knows, found or not; ``install`` is the Debian or pip command.

    Pass ``environment`` to look elsewhere than in ``os.environ``.
    """
    env = dict(os.environ if environment is None else environment)
    return tuple(_look(tool, env) for tool in _TOOLS)


def install_command(name: str) -> str:
    """Return the command that installs a tool, or ``""`` for one that edgeq does not know.

    >>> install_command("qemu-arm")
    'apt-get install qemu-user'
    """
    return next((tool.install for tool in _TOOLS if tool.name == name), "")


def _look(tool: Tool, env: Mapping[str, str]) -> Tool:
    if tool.name == "ziglang":
        there = importlib.util.find_spec("ziglang") is not None
        path = sys.executable if there else None
        command: tuple[str, ...] = (sys.executable, "-m", "ziglang", "version")
    else:
        path = shutil.which(tool.name, path=env.get("PATH", ""))
        command = (path or tool.name, "--version")
    version = version_line(command, env) if path else None
    if path is None or version is None:
        return tool
    return Tool(tool.name, tool.purpose, tool.install, path, version)
