"""Make a folder with an AArch64 Python, LiteRT and ONNX Runtime for qemu-aarch64 on this machine.

Debian packages and wheels of that processor are downloaded and unpacked, with the apt-get, dpkg-deb
and pip of this machine; nothing is installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DEBIAN = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
ENGINES = ("ai-edge-litert", "onnxruntime")
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")


@dataclass(frozen=True)
class Processor:
    """What a program under qemu-aarch64 takes its processor for.

    Libraries choose kernels by ``part``, the number in /proc/cpuinfo, and by ``features``.
    """

    qemu: str
    part: int
    features: str


V8_0 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
V8_2 = f"{V8_0} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
# By the target of edgeq that code is compared with. SVE is off: QEMU's max has it, few others do.
PROCESSORS = {
    "aarch64": Processor("cortex-a53", 0xD03, V8_0),
    "aarch64-dotprod": Processor("cortex-a76", 0xD0B, V8_2),
    "aarch64-i8mm": Processor("max,sve=off", 0xD47, f"{V8_2} i8mm bf16"),
}


def run(*command: str) -> None:
    """Run a command quietly; exit with its words when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SystemExit(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr.strip()}")


def download_debian(folder: Path) -> None:
    """Download and unpack Python for AArch64 with everything it depends on."""
    state, cache = folder / "apt", folder / "debs"
    for part in (state / "lists/partial", cache / "archives/partial"):
        part.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()  # as if nothing were installed
    settings = {
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": cache,
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Install-Recommends": "false",
        "Debug::NoLocking": "true",
    }
    apt = ("apt-get", *(f"-o{name}={value}" for name, value in settings.items()))
    run(*apt, "update")
    run(*apt, "install", "--yes", "--download-only", *DEBIAN)
    for package in sorted((cache / "archives").glob("*.deb")):
        run("dpkg-deb", "--extract", str(package), str(folder / "root"))


def download_wheels(folder: Path) -> None:
    """Unpack the engines that this Python has, built for AArch64."""
    try:
        wanted = [f"{name}=={version(name)}" for name in ENGINES]
    except PackageNotFoundError as error:
        raise SystemExit(f"{error.name} is missing: pip install 'edgeq[benchmarks]'") from None
    python = interpreter(folder).name.removeprefix("python")
    platforms = (word for name in PLATFORMS for word in ("--platform", name))
    chosen = ("--only-binary", ":all:", "--python-version", python, *platforms)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--upgrade")
    run(*pip, *chosen, "--target", str(folder / "site"), *wanted)


def interpreter(folder: Path) -> Path:
    """Return the Python of a folder; exit when it has none."""
    found = sorted((folder / "root/usr/bin").glob("python3.*[0-9]"))
    if not found:
        raise SystemExit(f"no AArch64 Python in {folder}: make it with aarch64_python.py {folder}")
    return found[-1]


def environment(folder: Path, processor: Processor, scratch: Path) -> tuple[str, ...]:
    """Return the arguments of qemu-aarch64 that run the folder's Python on a processor.

    ``scratch`` becomes the root in which the program looks for files: the folder's, with the
    /proc/cpuinfo of that processor. qemu-aarch64 would show that of this machine.
    """
    root = folder.resolve() / "root"
    for name in ("lib", "usr"):
        (scratch / name).symlink_to(root / name)
    (scratch / "proc").mkdir()
    lines = (
        f"Features\t: {processor.features}",
        "CPU implementer\t: 0x41",
        "CPU architecture: 8",
        "CPU variant\t: 0x1",
        f"CPU part\t: {processor.part:#x}",
        "CPU revision\t: 1",
    )
    text = "".join(f"processor\t: {i}\n" + "\n".join(lines) + "\n\n" for i in range(2))
    (scratch / "proc/cpuinfo").write_text(text, encoding="ascii")
    site = folder.resolve() / "site"
    # Python hashes strings by a random number, and then executes other instructions every time.
    variables = (f"PYTHONHOME={root / 'usr'}", f"PYTHONPATH={site}", "PYTHONHASHSEED=0")
    return ("-L", str(scratch), *(word for each in variables for word in ("-E", each)))


def main() -> None:
    """Make the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="takes 300 MB")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    download_debian(options.folder)
    download_wheels(options.folder)
    print(interpreter(options.folder))


if __name__ == "__main__":
    main()
