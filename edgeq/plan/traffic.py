"""How often each buffer is accessed in a run: what decides which memory it should lie in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from edgeq.plan.layers import Layer
from edgeq.plan.storage import Storage


def accesses(
    storage: Storage, layers: Sequence[Layer], scratch: Sequence[str], lines: Mapping[str, str]
) -> Counter[str]:
    """Return an estimate of the bytes that one run reads and writes, by buffer.

    Each operation reads its operands and writes its results once. What it multiplies it reads once
    for each multiply-accumulate: from its working memory where the kernel has some, which is
    written before, otherwise from its first operand. ``scratch`` names the working memory of each
    operation, ``lines`` the buffers of tensors that have lines.
    """
    found: Counter[str] = Counter()

    def buffer(name: str) -> str:
        return lines.get(name) or storage.locate(name)[0]

    for step, (op, io) in enumerate(storage.graph.walk()):
        if step in storage.skipped:
            continue
        for tensor in (*io.ins, *io.outs):
            if not tensor.is_constant:
                found[buffer(tensor.name)] += tensor.bytes
        macs = op.macs(io)
        if layers[step].has_scratch:
            found[scratch[step]] += layers[step].scratch + macs
        elif not io.x.is_constant:
            found[buffer(io.x.name)] += macs
    return found
