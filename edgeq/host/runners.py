"""Who runs the code of a target: this machine itself, or an emulator."""

from __future__ import annotations

from collections.abc import Mapping

from edgeq.host.compiled import Compiled
from edgeq.host.emulated import Emulated
from edgeq.ir.graph import Tensor
from edgeq.plan.program import Program
from edgeq.targets.base import Target


def compiled_for(
    program: Program,
    files: Mapping[str, str],
    tensors: Mapping[str, Tensor],
    target: Target,
    *,
    compiler: str | None = None,
) -> Compiled:
    """Return a program as the callable that its target's runner makes of it."""
    kind = Emulated if target.is_emulated else Compiled
    return kind(program, files, tensors, target, compiler=compiler)
