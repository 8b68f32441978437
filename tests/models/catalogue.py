"""Every real .tflite model of the shared material: what edgeq compiles, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from tests.shared_material import require_shared, shared_path


@dataclass(frozen=True, slots=True)
class Model:
    """A model file; ``name`` is its path below ``models/`` without the suffix."""

    name: str

    @property
    def stem(self) -> str:
        """Return the name of the file, which is that of its goldens too."""
        return self.name.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """Return the file; skip the test where the shared material is absent."""
        require_shared()
        return shared_path("models", f"{self.name}.tflite")

    @property
    def golden(self) -> Path:
        """Return the runs of the runtime that the model came from."""
        require_shared()
        return shared_path("goldens", f"{self.stem}.npz")


@dataclass(frozen=True, slots=True)
class Refused:
    """A model that must not compile: the error, and every piece of its message that matters."""

    model: Model
    error: type[EdgeqError]
    says: tuple[str, ...]


def parameters(models: Sequence[Model]) -> pytest.MarkDecorator:
    """Return the decorator that gives a test each model as ``model``."""
    return pytest.mark.parametrize("model", models, ids=[model.stem for model in models])


def _models(names: str) -> tuple[Model, ...]:
    return tuple(map(Model, names.split()))


# A few layers or little work: what a test that repeats or varies can afford.
SMALL = _models("""
    coral_split_concat
    mcu_ptq_mnist_lenet-300-100
    mlperf_ToyCar_quant_fullint_floatio
    mlperf_ad01_int8
    mlperf_kws_ref_model
    mlperf_pretrainedResnet_quant
    mltk_anomaly_detection
    mltk_autoencoder_example
    mltk_image_classification
    mltk_keyword_spotting
    mltk_keyword_spotting_on_off
    mltk_tflite_micro_magic_wand
    mltk_tflite_micro_speech
    mww_v1_alexa
    mww_v2_alexa
    mww_v2_hey_jarvis
    mww_v2_okay_computer
    stm_miniresnet_1stacks_64x50_esc10
    stm_miniresnetv2_1stacks_64x50_esc10
    tflm_dtln_noise_suppression
    tflm_hello_world_int8
    tflm_keyword_scrambled
    tflm_micro_speech_quantized
    tflm_simple_add_model
    tflm_trained_lstm_int8
""")

MEDIUM = _models("""
    coral_mobilenet_v1_0.25_128_quant
    coral_mobilenet_v1_0.5_160_quant
    mcu_person_detection
    mcu_vww
    mlperf_vww_96_int8
    mltk_keyword_spotting_alexa
    speed/k_mobilenet_v1_0.25_128_int8
    stm_yamnet_256_64x96_esc10
    tflm_person_detect
    tflm_person_detect_fixed
""")

LARGE = _models("""
    coral_automl_video_traffic_model
    coral_bodypix_mobilenet_v1_075_512_quant_nodecoder
    coral_deeplabv3_mnv2_dm05_pascal_quant
    coral_mobilenet_v1_0.75_192_quant
    coral_mobilenet_v1_1.0_224_quant
    coral_mobilenet_v2_1.0_224_inat_bird_quant
    coral_mobilenet_v2_1.0_224_quant
    coral_tf2_mobilenet_v2_1.0_224_ptq
    speed/k_inception_v3_299_int8
    speed/k_mobilenet_v1_1.0_224_int8
    speed/k_mobilenet_v2_1.0_224_int8
    speed/k_resnet50_224_int8
""")

# The longest first: the last test of a parallel run is then a short one.
COMPILED = (*LARGE, *MEDIUM, *SMALL)


def _refused(error: type[EdgeqError], table: dict[str, tuple[str, ...]]) -> tuple[Refused, ...]:
    return tuple(Refused(Model(name), error, says) for name, says in table.items())


_FLOAT = "float model: {0} of {0} operations compute in floating point"
_WEIGHT_ONLY = (
    "weight-only model (integer weights, float activations): "
    "{0} of {0} operations compute in floating point"
)

UNSUPPORTED = _refused(
    UnsupportedError,
    {
        "negative/custom_op_posenet_decoder": (
            "1 operation is not supported",
            "CUSTOM:PosenetDecoderOp x1: op[37] 'poses'",
        ),
        "tflm_trained_lstm_fp32": (
            "1 operation is not supported",
            "UNIDIRECTIONAL_SEQUENCE_LSTM of float32 data x1: op[0]",
        ),
    },
)

FLOAT = _refused(
    UnsupportedError,
    {
        "mlperf_ad01_fp32": (_FLOAT.format(10), "(fully_connected x10)"),
        "mlperf_pretrainedResnet_fp32": (_FLOAT.format(15), "conv2d x9", "softmax x1"),
        "mlperf_pretrainedResnet_large_fp32": (_FLOAT.format(15), "conv2d x9", "softmax x1"),
        "mlperf_vww_96_fp32": (_FLOAT.format(30), "conv2d x14", "depthwise_conv2d x13"),
        "speed/k_mobilenet_v1_0.25_128_float": (_FLOAT.format(30), "depthwise_conv2d x13"),
        "speed/k_mobilenet_v1_1.0_224_float": (_FLOAT.format(30), "depthwise_conv2d x13"),
        "speed/k_mobilenet_v2_1.0_224_float": (_FLOAT.format(65), "depthwise_conv2d x17"),
    },
)

WEIGHT_ONLY = _refused(
    UnsupportedError,
    {
        "mlperf_ToyCar_quant_dynamicrange": (_WEIGHT_ONLY.format(10), "(fully_connected x10)"),
        "mlperf_kws_ref_model_float32_dynamicrange": (_WEIGHT_ONLY.format(12), "conv2d x5"),
    },
)

MALFORMED = _refused(
    ModelError,
    {"negative/negative_coral_model_invoking_error": ("tensor 0 'tensor0'", "buffer 0 of 0")},
)

REFUSED = (*UNSUPPORTED, *FLOAT, *WEIGHT_ONLY, *MALFORMED)
