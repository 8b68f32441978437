"""Real models in the profile of each engine, against that engine, tensor by tensor."""

from __future__ import annotations

import numpy as np
import pytest

import edgeq
from edgeq import api, peers, samples
from edgeq.errors import EdgeqError, ToolchainError
from edgeq.peers import verify_against
from tests.models.catalogue import COMPILED, SMALL, Model, parameters

PROFILES = {
    "litert": "xnnpack",
    "litert-builtin": "tflite",
    "litert-ref": "tflite-ref",
    "tflm": "tflm",
}
# TFLM's own kernels take no uint8 here: it calls such layers hybrid.
KWS, AD, COPIES = map(Model, ("mlperf_kws_ref_model", "mlperf_ad01_int8", "coral_split_concat"))
UINT8 = Model("coral_mobilenet_v1_0.25_128_quant")
# LiteRT refuses this file; tflm_person_detect_fixed is the same network.
REFUSED_BY_LITERT = Model("tflm_person_detect")
LARGER = tuple(each for each in COMPILED if each not in (*SMALL, REFUSED_BY_LITERT))


def against(engine: str, model: Model, which: slice) -> None:
    """Fail at a difference in some runs of the goldens, inside or at the outputs."""
    lowered = api.lower(edgeq.load(model.path), PROFILES[engine])
    runs = samples.load_inputs(model.golden, lowered)[which]
    verdict = verify_against(engine, model.path, lowered, runs)
    assert verdict.difference is None, str(verdict.difference)
    assert verdict.runs == len(runs)
    # Those that store states are ours alone, and TFLM keeps none of what it does in place.
    assert verdict.tensors >= len(lowered.ops) - len(lowered.states) - 1
    assert verdict.golden_values > 0 == verdict.differing_golden_values


@pytest.mark.parametrize("engine", PROFILES)
@parameters(SMALL)
def test_every_tensor_is_that_of_the_engine(model: Model, engine: str) -> None:
    if model == COPIES and engine == "tflm":
        return  # TFLM refuses uint8 here, as the test below shows
    against(engine, model, slice(2))


# A saturated softmax at the end hides errors.
@parameters(LARGER)
def test_every_tensor_of_larger_models_is_that_of_the_reference_kernels(model: Model) -> None:
    against("litert-ref", model, slice(-1, None))


def test_litert_still_refuses_the_one_left_out() -> None:
    lowered = api.lower(edgeq.load(REFUSED_BY_LITERT.path))
    with pytest.raises(ToolchainError, match="LiteRT"):
        peers.start("litert-ref", REFUSED_BY_LITERT.path, lowered)


@pytest.mark.parametrize("model", (UINT8, COPIES), ids=str)
def test_what_an_engine_says_is_told(model: Model) -> None:
    lowered = api.lower(edgeq.load(model.path))
    with pytest.raises(ToolchainError, match="TFLM"):
        verify_against("tflm", model.path, lowered, samples.load_inputs(model.golden, lowered))


def test_the_first_operation_that_differs_is_named() -> None:
    lowered = api.lower(edgeq.load(AD.path))
    runs = samples.load_inputs(AD.golden, lowered)[:1]
    verdict = verify_against("tflm", AD.path, lowered, runs)
    assert verdict.difference is not None
    assert "FULLY_CONNECTED" in verdict.difference.layer
    assert abs(verdict.difference.expected - verdict.difference.actual) == 1
    assert verdict.differing_golden_values > 0


def test_what_a_delegate_computes_inside_is_compared_too() -> None:
    lowered = api.lower(edgeq.load(KWS.path))
    runs = samples.load_inputs(KWS.golden, lowered)[:1]
    verdict = verify_against("litert", KWS.path, lowered, runs)
    assert (verdict.tensors, verdict.golden_values) == (13, 12)
    assert verdict.difference is not None and "op[0] " in verdict.difference.layer


def test_an_unknown_engine_and_another_format_are_refused() -> None:
    graph = edgeq.load(KWS.path)
    with pytest.raises(EdgeqError, match="unknown engine 'x'"):
        peers.start("x", KWS.path, graph)
    with pytest.raises(EdgeqError, match=r"litert-ref runs \.tflite files"):
        peers.start("litert-ref", KWS.path.with_suffix(".npz"), graph)
    with pytest.raises(EdgeqError, match=r"onnxruntime runs \.onnx files"):
        peers.start("onnxruntime", KWS.path, graph)
    with pytest.raises(EdgeqError, match=r"tflm runs \.tflite files"):
        peers.start("tflm", KWS.path.with_suffix(".onnx"), graph)


def test_outputs_of_another_shape_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = api.lower(edgeq.load(KWS.path))
    wrong = peers.Found((np.zeros((2, 6), np.int8),))
    monkeypatch.setattr(peers, "start", lambda *_: lambda _: wrong)
    with pytest.raises(EdgeqError, match="shapes"):
        verify_against("tflm", KWS.path, lowered, samples.load_inputs(KWS.golden, lowered)[:1])
