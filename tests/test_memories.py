"""Memories as a user names them: sizes, order, and one clear error for each mistake."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from edgeq.errors import EdgeqError
from edgeq.memories import memories
from edgeq.plan.regions import Memory


def test_they_are_in_the_order_of_preference() -> None:
    expected = (Memory("dtcm", 64 << 10), Memory("sram", 1 << 20), Memory("x_1", 7))
    assert memories("dtcm=64K,sram=1M,x_1=7") == expected
    assert memories(" DTCM = 64 KiB , Sram=1MB,X_1=7") == expected
    assert memories({"dtcm": 65536, "SRAM": 1 << 20, "x_1": 7}) == expected
    assert memories(None) == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "'' is not name=size"),
        ("sram", "'sram' is not name=size"),
        ("sram=1K,", "'' is not name=size"),
        ("64K", "'64K' is not name=size"),
        ("sram=", "'' is not a size"),
        ("sram=64Q", "'64Q' is not a size"),
        ("sram=-1", "'-1' is not a size"),
        ("sram=1=2", "'1=2' is not a size"),
        ("sram=0", "'sram' has 0 bytes"),
        ("sram=0K", "'sram' has 0 bytes"),
        ({"sram": -8}, "'sram' has -8 bytes"),
        ("sram=1K,dtcm=2K,sram=3K", "'sram' stands twice"),
        ("sram=1K,SRAM=2K", "'sram' stands twice"),
        ({}, "names no memory"),
        # No C identifiers.
        ("=1K", "'' cannot name a memory"),
        ("s ram=1K", "'s ram' cannot name a memory"),
        ("1st=1K", "'1st' cannot name a memory"),
        ("s-ram=1K", "'s-ram' cannot name a memory"),
        ("_sram=1K", "'_sram' cannot name a memory"),
        ("größe=1K", "cannot name a memory"),
        ("volatile=1K", "'volatile' cannot name a memory"),
        # Names that the generated header has for something else.
        *((f"{name}=1K", f"'{name}' cannot") for name in ("flash", "input0", "pool", "sram_bytes")),
        *((f"{name}=1K", f"'{name}' cannot") for name in ("ctx", "bytes", "uint8_t", "Weights")),
    ],
)
def test_mistakes_are_errors(given: str | Mapping[str, int], message: str) -> None:
    with pytest.raises(EdgeqError, match=message) as caught:
        memories(given)
    assert caught.value.exit_code == 2
    assert caught.value.hint
