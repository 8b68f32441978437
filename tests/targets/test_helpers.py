"""Divisions that a Cortex-M0 has no instruction for: per pixel at most, never per channel or code.

Executed calls are counted, in an emulator, where the linker put the compiler's functions.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from edgeq.host.emulated import Emulated
from edgeq.ops._spatial import Padding
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mul import Mul
from edgeq.targets import target
from tests.kernel_harness import Case, check_layers
from tests.kernels.layers import SAME, add_case, mean, pool
from tests.kernels.neon.layers import conv_case, depthwise_case, fully_connected_case

# Of libgcc (and of Clang's library, by the same names): quotients, and all of 64 bits.
DIVIDING = ("__aeabi_idiv", "__aeabi_idivmod", "__aeabi_uidiv", "__aeabi_uidivmod")
WIDE = ("__aeabi_lmul", "__aeabi_ldivmod", "__aeabi_uldivmod")
WIDE += ("__aeabi_llsl", "__aeabi_llsr", "__aeabi_lasr")
CHANNELS = 24
# A pixel has two quotients and two remainders, and a function of these two calls another.
CALLS_PER_PIXEL = 8


def cases() -> list[Case]:
    """Return layers whose rows are those of every processor, of many channels."""
    image = (1, 5, 6, CHANNELS)
    return [
        conv_case(image, CHANNELS, (1, 1)),
        conv_case(image, CHANNELS, (3, 3), padding=SAME),
        conv_case((1, 9, 9, 3), CHANNELS, (3, 3), stride=(2, 2), padding=Padding(1, 1, 1, 1)),
        depthwise_case(image, (3, 3), padding=SAME),
        depthwise_case((1, 8, 8, CHANNELS), (6, 6)),
        fully_connected_case(1, 64, CHANNELS),
        pool(AveragePool2D, (1, 5, 5, CHANNELS), (5, 5)),
        pool(AveragePool2D, (1, 3, 86, CHANNELS), (3, 86)),
        pool(AveragePool2D, image, (3, 3), padding=SAME),
        pool(MaxPool2D, image, (2, 2), stride=(2, 2)),
        pool(MaxPool2D, image, (1, 1), stride=(2, 2)),
        mean(image, (1, 2)),
        add_case(image[1] * image[2] * CHANNELS),
        add_case(image[1] * image[2] * CHANNELS, cls=Mul),
    ]


@pytest.fixture(scope="module")
def compiled() -> Emulated:
    """Return the layers as one network for a Cortex-M0, right on every run."""
    found = check_layers([_one_run(case) for case in cases()], target("cortex-m0"))
    assert isinstance(found, Emulated)
    return found


def _one_run(case: Case) -> Case:
    return Case(case.op, case.tensors, case.runs[:1], case.kernel, case.numerics)


def entries(program: Path) -> dict[str, int]:
    """Return the address of each function of a program."""
    with program.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert table is not None
        # The lowest bit of an address tells the instruction set.
        return {symbol.name: symbol["st_value"] & ~1 for symbol in table.iter_symbols()}


def test_there_is_no_function_of_64_bits(compiled: Emulated) -> None:
    assert not set(WIDE) & set(entries(compiled.build().library))


def test_divisions_are_per_pixel(compiled: Emulated) -> None:
    known = entries(compiled.build().library)
    dividing = [known[name] for name in DIVIDING if name in known]
    assert dividing
    arrays = [array for case in cases() for array in case.runs[0]]
    for call in compiled.program.calls:
        counts = compiled.addresses(call.index, *arrays)
        calls = sum(counts.get(address, 0) for address in dividing)
        case = cases()[int(call.outputs[0].split("_")[0][1:])]
        output = case.tensors[case.op.outputs[0]]
        pixels = 0 if isinstance(case.op, (Add, Mul)) else output.elements // CHANNELS
        assert calls <= CALLS_PER_PIXEL * pixels < output.elements, call.kernel
