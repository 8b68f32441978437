"""Tell whether what was trained is what was compiled, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edgeq.errors import VerifyError
from edgeq.host.compiled import Compiled
from edgeq.train.integer import IntegerModule
from edgeq.train.module import QuantModule


def assert_deployed_equal(module: QuantModule | IntegerModule, compiled: Compiled, x: Any) -> None:
    """Raise ``VerifyError`` unless the C gives the integer evaluation's bits for every sample.

    ``x`` is one batch, or a tuple of one per input, of real numbers or codes.
    """
    integer = module if isinstance(module, IntegerModule) else module.eval_integer()
    batches = x if isinstance(x, tuple) else (x,)
    inputs = integer.quantized(*(torch.as_tensor(batch) for batch in batches))
    expected = integer.codes(*inputs)
    # The C takes one sample with its batch of 1 at a time.
    found = compiled(*(batch.cpu().numpy()[:, np.newaxis] for batch in inputs))
    pairs = zip(_tuple(expected), _tuple(found), integer.graph.outputs, strict=True)
    for output, (want, got, name) in enumerate(pairs):
        want = want.cpu().numpy().reshape(got.shape)
        differs = want != got
        if differs.any():
            place = tuple(int(i) for i in np.argwhere(differs)[0])
            raise VerifyError(
                f"{int(differs.any(axis=tuple(range(1, got.ndim))).sum())} of {len(got)} samples "
                f"differ; first, element {place[1:]} of sample {place[0]} is {got[place]} in C, "
                f"{want[place]} in training",
                where=f"output {output} ('{name}')",
            )


def _tuple(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else (values,)
