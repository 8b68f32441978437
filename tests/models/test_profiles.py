"""The profile ``tflm`` gives TFLite Micro's stored outputs on every model that has them."""

from __future__ import annotations

import numpy as np

import edgeq
from edgeq import api, reference, samples
from tests.models.catalogue import COMPILED, Model, parameters

STORED = "tflm_output{}"

# TFLM has no uint8 kernels; others were not given to it, or its outputs are their only ones.
PER_CHANNEL = ("coral_bodypix", "coral_tf2")
LACKING = ("coral_", "k_", "tflm_simple_add")
ITS_OWN = ("tflm_person_detect",)
HAVING = tuple(
    model
    for model in COMPILED
    if model.stem.startswith(PER_CHANNEL)
    or not (model.stem.startswith(LACKING) or model.stem in ITS_OWN)
)


def stored_outputs(model: Model, count: int) -> list[np.ndarray]:
    """Return TFLM's outputs of all runs."""
    with np.load(model.golden, allow_pickle=False) as arrays:
        return [arrays[STORED.format(index)] for index in range(count)]


@parameters(HAVING)
def test_the_tflm_profile_is_tflm(model: Model) -> None:
    lowered = api.lower(edgeq.load(model.path), "tflm")
    wanted = stored_outputs(model, len(lowered.outputs))
    differing = 0
    for run, inputs in enumerate(samples.load_inputs(model.golden, lowered)):
        for theirs, mine in zip(wanted, reference.run(lowered, inputs), strict=True):
            differing += int(np.count_nonzero(theirs[run] != mine))
    assert differing == 0
