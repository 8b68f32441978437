"""Each engine's profile gives its stored outputs on every model that has them."""

from __future__ import annotations

import numpy as np
import pytest

import edgeq
from edgeq import api, reference, samples
from tests.models.catalogue import COMPILED, LARGE, Model, parameters

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


# LiteRT refuses it.
IN_LITERT = tuple(model for model in COMPILED if model.stem not in ITS_OWN)


def stored_outputs(model: Model, numerics: str, count: int) -> list[np.ndarray]:
    """Return the engine's outputs of all runs."""
    with np.load(model.golden, allow_pickle=False) as arrays:
        return [arrays[f"{numerics}_output{index}"] for index in range(count)]


def differing_values(model: Model, numerics: str, most: int) -> int:
    """Return how many output values of the first ``most`` runs are not the engine's."""
    lowered = api.lower(edgeq.load(model.path), numerics)
    wanted = stored_outputs(model, numerics, len(lowered.outputs))
    differing = 0
    runs = samples.load_inputs(model.golden, lowered)[:most]
    for run, tensors in enumerate(reference.run_sequence(lowered, runs)):
        for theirs, name in zip(wanted, lowered.outputs, strict=True):
            differing += int(np.count_nonzero(theirs[run] != tensors[name]))
    return differing


@parameters(HAVING)
def test_the_tflm_profile_is_tflm(model: Model) -> None:
    assert differing_values(model, "tflm", 1000) == 0


@pytest.mark.parametrize("numerics", ["tflite", "xnnpack"])
@parameters(IN_LITERT)
def test_the_profiles_of_litert_are_litert(model: Model, numerics: str) -> None:
    assert differing_values(model, numerics, 1 if model in LARGE else 1000) == 0
