"""Files of one ``TFLite_Detection_PostProcess``, and random ones with many equal scores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from flatbuffers import flexbuffers

from tests.frontends.tflite_builder import ModelBuilder

CODE = "TFLite_Detection_PostProcess"


@dataclass(frozen=True, eq=False)
class Detector:
    """A detector's end and one input; ``converts`` puts DEQUANTIZE before it, as of int8 codes."""

    boxes: np.ndarray
    scores: np.ndarray
    anchors: np.ndarray
    options: dict[str, Any]
    box_code: tuple[float, int] = (0.05, 128)
    score_code: tuple[float, int] = (1 / 256, 0)
    anchor_code: tuple[float, int] = (1 / 256, 0)
    converts: bool = False
    custom: bytes | None = field(default=None)

    @property
    def inputs(self) -> list[np.ndarray]:
        """Return what the model is run on."""
        return [self.boxes, self.scores]

    @property
    def used(self) -> list[int]:
        """Return the places that the runtime writes, if it finds as many boxes as it may."""
        most, step = self.options["max_detections"], self.options["max_classes_per_detection"]
        shown = min(step, self.options["num_classes"])
        if self.options["use_regular_nms"]:
            return list(range(most))
        return [place * step + rank for place in range(most) for rank in range(shown)]

    def with_options(self, **options: Any) -> Detector:
        """Return a detector with other options; those that are ``None`` are left out."""
        merged = {**self.options, **options}
        return replace(self, options={k: v for k, v in merged.items() if v is not None})

    def data(self) -> bytes:
        """Return the file."""
        build = ModelBuilder()
        ins = [
            self._port(build, "boxes", self.boxes, self.box_code),
            self._port(build, "scores", self.scores, self.score_code),
        ]
        plain = self.anchors.dtype == np.float32
        code = {} if plain else dict(zip(("scale", "zero_point"), self.anchor_code, strict=True))
        ins.append(build.const("anchors", self.anchors, **code))
        outs = [build.tensor(f"y{index}", (), "float32") for index in range(4)]
        custom = bytes(flexbuffers.Dumps(self.options)) if self.custom is None else self.custom
        build.op("CUSTOM", ins, outs, custom_code=CODE, custom_options=custom)
        return build.finish(outs)

    def _port(
        self, build: ModelBuilder, name: str, array: np.ndarray, code: tuple[float, int]
    ) -> int:
        dtype = array.dtype.name
        port = build.input(name, array.shape, dtype, scale=code[0], zero_point=code[1])
        if not self.converts:
            return port
        real = build.tensor(f"{name}_real", array.shape, "float32")
        build.op("DEQUANTIZE", [port], [real], version=2)
        return real


def random_detector(seed: int, *, signed: bool = False) -> Detector:
    """Return a detector with few different scores, and boxes that often cover each other."""
    rng = np.random.default_rng(seed)
    count, classes = int(rng.integers(1, 48)), int(rng.integers(1, 9))
    dtype, least = (np.int8, -128) if signed else (np.uint8, 0)
    levels = int(rng.choice([0, 1, 3, 9, 255]))
    boxes = rng.integers(0, 256, (1, count, int(rng.choice([4, 4, 7])))) + least
    scores = rng.integers(0, levels + 1, (1, count, classes + int(rng.integers(2)))) + least
    zero = int(rng.integers(0, 30))
    anchors = rng.integers(zero, 256, (count, 4)).astype(np.uint8)
    if rng.random() < 0.3:
        anchors[:] = anchors[0]
    if rng.random() < 0.2:
        anchors[:, 2:] = zero  # boxes without an area
    real = np.float32(0.011) * (anchors.astype(np.float32) - zero)
    options = {
        "max_detections": int(rng.integers(1, 20)),
        "max_classes_per_detection": int(rng.integers(1, 10)),
        "detections_per_class": int(rng.integers(1, 12)),
        "use_regular_nms": bool(rng.integers(2)),
        "nms_score_threshold": float(rng.choice([-20.0, 0.0, 1e-8, 0.004, 0.3, 2.0])),
        "nms_iou_threshold": float(rng.choice([0.01, 0.3, 0.6, 1.0])),
        "num_classes": classes,
        **{f"{side}_scale": float(rng.choice([10.0, 5.0, 3.3, 1.0])) for side in "yxhw"},
    }
    return Detector(
        boxes.astype(dtype),
        scores.astype(dtype),
        real if signed else anchors,
        options,
        (float(rng.uniform(0.001, 0.2)), int(rng.integers(0, 256)) + least),
        (0.0123, -100) if signed else (float(rng.choice([1 / 256, 0.0234])), 0),
        (float(rng.uniform(0.001, 0.02)), zero),
        signed,
    )
