from __future__ import annotations

from edgeq.frontends.tflite import CONVERTERS
from edgeq.frontends.tflite.kinds import KINDS
from edgeq.ops.base import REGISTRY


def _begins_alike(code: str) -> bool:
    plain = code.replace("_", "").lower()
    return any(plain.startswith(kind.replace("_", "")) for kind in REGISTRY)


def test_every_operator_is_named_like_an_operation_or_listed() -> None:
    assert set(KINDS) <= set(CONVERTERS)
    assert {kind for kinds in KINDS.values() for kind in kinds} <= set(REGISTRY)
    assert [code for code in CONVERTERS if code not in KINDS and not _begins_alike(code)] == []
