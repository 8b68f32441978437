"""The plugin with which QEMU counts instructions, built in the form that an emulator loads."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edgeq.errors import ToolchainError
from edgeq.host.build import Build, build_plugin
from edgeq.host.doctor import install_command
from edgeq.host.toolchain import Compiler, host_compiler
from edgeq.resources import runtime_dir

# Versions of QEMU's interface, the one of most installed emulators first: up to 8.2, and from 9.1.
_INTERFACES = (1, 4)
_SECONDS = 60

# What an emulator took is not asked again in this process.
_accepted: dict[tuple[str, ...], Path] = {}


def counting_plugin(emulator: Sequence[str], program: Sequence[str]) -> Path:
    """Return the plugin that an emulator loads; running ``program`` shows that it does.

    Raise ``ToolchainError`` when it loads none, or when the plugin cannot be built.
    """
    key = tuple(emulator)
    if key not in _accepted:
        _accepted[key] = _first_accepted(key, program, host_compiler())
    return _accepted[key]


def plugin_arguments(plugin: Path, options: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments that make an emulator load the plugin.

    >>> plugin_arguments(Path("a,b.so"), ("mark=0x10", "out=counts"))
    ('-plugin', 'a,,b.so,mark=0x10,out=counts')
    """
    # QEMU separates options by commas; two stand for one in a value.
    return ("-plugin", ",".join(part.replace(",", ",,") for part in (str(plugin), *options)))


def _first_accepted(emulator: Sequence[str], program: Sequence[str], compiler: Compiler) -> Path:
    reasons = []
    for interface in _INTERFACES:
        plugin = _built(compiler, interface).library
        reason = _refusal((*emulator, *plugin_arguments(plugin, ("out=/dev/null",)), *program))
        if not reason:
            return plugin
        reasons.append(reason)
    raise ToolchainError(
        f"the emulator loads no plugin, so it counts no instructions: {reasons[0]}",
        where=emulator[0],
        hint=f"static builds have no plugins; {install_command(Path(emulator[0]).name)}".rstrip(),
    )


def _refusal(command: Sequence[str]) -> str:
    """Return the first line of what an emulator says when it fails; ``""`` when it does not."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return (lines or [f"status {done.returncode}"])[0] if done.returncode else ""


@functools.cache
def _built(compiler: Compiler, interface: int) -> Build:
    """Build the plugin once for this process; its folder goes away when the process ends."""
    flags = ("-O2", "-std=c99", f"-DQEMU_PLUGIN_API={interface}")
    return build_plugin(runtime_dir() / "qemu_count.c", compiler=compiler, flags=flags)
