"""Detectors read codes where a conversion to real numbers stood; all other readers keep theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq import api, reference
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.passes.read_codes import read_codes
from edgeq.passes.remove_dead import remove_dead
from tests.frontends.detection import random_detector
from tests.passes.nets import kinds


def _graph(seed: int = 1) -> Graph:
    return verify(read_tflite(random_detector(seed, signed=True).data(), "m"))


def test_conversions_are_read_no_more() -> None:
    graph = read_codes(_graph())
    assert graph.ops[-1].inputs == ("boxes", "scores", "anchors")
    assert kinds(remove_dead(verify(graph))) == ["detection_postprocess"]


def test_other_readers_keep_the_numbers() -> None:
    graph = _graph()
    shown = replace(graph, outputs=(*graph.outputs, "boxes_real"))
    lowered = api.lower(shown)
    assert sorted(kinds(lowered)) == ["dequantize", "detection_postprocess"]
    inputs = random_detector(1, signed=True).inputs
    *_, last = reference.run(lowered, inputs)
    np.testing.assert_array_equal(last, reference.run_tensors(lowered, inputs)["boxes_real"])


@pytest.mark.parametrize("dtype", [DType.INT16, DType.INT32])
def test_codes_of_more_bits_stay_as_they_are(dtype: DType) -> None:
    graph = _graph()
    wide = replace(graph.tensors["boxes"], dtype=dtype, quant=QuantParams.per_tensor(0.1))
    graph = verify(replace(graph, tensors={**graph.tensors, "boxes": wide}))
    assert read_codes(graph).ops[-1].inputs == ("boxes_real", "scores", "anchors")
