"""How often each buffer is accessed in a run: what decides which memory it should lie in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edgeq.plan.layers import Layer
from edgeq.plan.storage import Storage


def accesses(storage: Storage, layers: Sequence[Layer], scratch: Sequence[str]) -> Counter[str]:
    """Return an estimate of the bytes that one run reads and writes, by buffer.

    Each operation reads its operands and writes its results once. What it multiplies it reads once
    for each multiply-accumulate: from its working memory where the kernel has some, which is
    written before, otherwise from its first operand. ``scratch`` names the working memory of each
    operation.
    """
    found: Counter[str] = Counter()
    for step, (op, io) in enumerate(storage.graph.walk()):
        if step in storage.skipped:
            continue
        for tensor in (*io.ins, *io.outs):
            if not tensor.is_constant:
                found[storage.locate(tensor.name)[0]] += tensor.bytes
        macs = op.macs(io)
        if layers[step].has_scratch:
            found[scratch[step]] += layers[step].scratch + macs
        elif not io.x.is_constant:
            found[storage.locate(io.x.name)[0]] += macs
    return found
