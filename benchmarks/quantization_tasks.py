"""Networks with real data: what to calibrate with, and how well a network does."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from common import SHARED

try:
    from PIL import Image
except ImportError:
    raise SystemExit("Pillow is needed to read JPEG: pip install pillow") from None

Run = Callable[[np.ndarray], np.ndarray]  # one real input to one real output
RATE, FRAME, HOP, MELS, FRAMES = 16000, 1024, 512, 128, 5
LARGE = 300  # inputs of networks that take their time


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A float network, the integer one that its authors publish, and data.

    ``float_model`` is the name of a model, and ``None`` for what the published integers stand for
    (``quantization_twins``); ``official`` is ``None`` where nothing is published. ``calibration``
    and ``inputs`` are [N, *input]; ``score`` takes inputs and outputs, or is ``None``: then it is
    the share of outputs whose largest element is that of the float network.
    """

    name: str
    float_model: str | None
    official: str | None
    metric: str
    calibration: np.ndarray
    inputs: np.ndarray
    score: Callable[[np.ndarray, np.ndarray], float] | None
    is_large: bool = False


def images(name: str, size: int, limit: int) -> Iterator[np.ndarray]:
    """Yield the first ``limit`` images of a shared file as float32 [size, size, 3], 0 to 255."""
    with np.load(SHARED / "data" / name) as data:
        jpeg, offsets = data["jpeg"], data["offsets"]
    for begin, end in pairwise(offsets[: limit + 1]):
        picture = Image.open(io.BytesIO(jpeg[begin:end].tobytes())).convert("RGB")
        if picture.size != (size, size):
            picture = picture.resize((size, size), Image.Resampling.BILINEAR)
        yield np.asarray(picture, np.float32)


def labels(name: str, key: str) -> np.ndarray:
    """Return the classes of a shared file of images."""
    with np.load(SHARED / "data" / name) as data:
        return data[key]


def top1(classes: np.ndarray) -> Callable[[np.ndarray, np.ndarray], float]:
    """Return the score: the share of outputs whose largest element is the class."""
    return lambda x, y: float((y.reshape(len(y), -1).argmax(axis=1) == classes[: len(y)]).mean())


def resnet(count: int, calibration: int) -> Task:
    """Return ResNet-8: CIFAR-10 test images, calibrated with training images."""
    test = "cifar10_test_10000_32_jpg.npz"
    return Task(
        "ResNet-8",
        "mlperf_pretrainedResnet_fp32",
        "mlperf_pretrainedResnet_quant",
        "top-1",
        np.stack(list(images("cifar10_train_50000_32_jpg.npz", 32, calibration)))[:, np.newaxis],
        np.stack(list(images(test, 32, count)))[:, np.newaxis],
        top1(labels(test, "labels")),
    )


def wake_words(count: int, calibration: int) -> Task:
    """Return visual wake words: COCO images, calibrated with others (of ImageNet)."""
    test = "coco128_val2017.npz"
    seen = images("imagenet_sample_1000_224_jpg.npz", 96, calibration)
    return Task(
        "VWW-96",
        "mlperf_vww_96_fp32",
        "mlperf_vww_96_int8",
        "top-1",
        np.stack(list(seen))[:, np.newaxis] / 255,
        np.stack(list(images(test, 96, count)))[:, np.newaxis] / 255,
        top1(labels(test, "person_gt0p5pct")),
    )


def mobilenet_v2(count: int, calibration: int) -> Task:
    """Return a trained MobileNet v2: ImageNet images, the first ones to calibrate with."""
    name = "imagenet_sample_1000_224_jpg.npz"
    calibration, count = min(calibration, 50), min(count, LARGE)
    classes = labels(name, "labels")[calibration:] + 1  # class 0 is the background
    every = np.empty((calibration + count, 1, 224, 224, 3), np.float32)
    for place, picture in enumerate(images(name, 224, len(every))):
        every[place] = picture / np.float32(127.5) - 1
    return Task(
        "MobileNet v2 1.0 (224)",
        None,
        "coral_tf2_mobilenet_v2_1.0_224_ptq",
        "top-1",
        every[:calibration],
        every[calibration:],
        top1(classes),
        is_large=True,
    )


def person_detect(count: int, calibration: int) -> Task:
    """Return a trained MobileNet v1 0.25 on grey COCO images."""
    seen = images("imagenet_sample_1000_224_jpg.npz", 96, calibration)
    test = "coco128_val2017.npz"
    return Task(
        "MobileNet v1 0.25 (person)",
        None,
        "tflm_person_detect",
        "top-1",
        _grey(seen),
        _grey(images(test, 96, count)),
        top1(labels(test, "person_gt0p5pct")),
    )


def _grey(pictures: Iterator[np.ndarray]) -> np.ndarray:
    """Return images as luminance from -1 to 1, [N, 1, H, W, 1]."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    grey = np.stack([(picture @ weights)[np.newaxis, :, :, np.newaxis] for picture in pictures])
    scaled: np.ndarray = np.round(grey) / np.float32(127.5) - 1
    return scaled


def mcunet(count: int, calibration: int) -> Task:
    """Return the MCUNet for visual wake words."""
    seen = images("imagenet_sample_1000_224_jpg.npz", 80, calibration)
    test = "coco128_val2017.npz"
    return Task(
        "MCUNet (VWW-80)",
        None,
        "mcu_vww",
        "top-1",
        np.stack(list(seen))[:, np.newaxis] / np.float32(127.5) - 1,
        np.stack(list(images(test, 80, count)))[:, np.newaxis] / np.float32(127.5) - 1,
        top1(labels(test, "person_gt0p5pct")),
    )


def untrained(count: int, calibration: int) -> Task:
    """Return a MobileNet v1 0.25 of random weights, against itself in float."""
    name = "imagenet_sample_1000_224_jpg.npz"
    calibration, count = min(calibration, 50), min(count, LARGE)
    pictures = list(images(name, 128, calibration + count))
    every = np.stack(pictures)[:, np.newaxis] / np.float32(127.5) - 1
    return Task(
        "MobileNet v1 0.25 (128), random weights",
        "k_mobilenet_v1_0.25_128_float",
        None,
        "same top-1 as in float",
        every[:calibration],
        every[calibration:],
        None,
    )


def autoencoder(count: int, calibration: int) -> Task:
    """Return the autoencoder on log-mel windows of recordings: even ones calibrate, odd ones test.

    It was trained on machines, and these are voices and noise: right for comparing.
    """
    windows = np.stack(list(_log_mel()))[:, np.newaxis]
    return Task(
        "AD01",
        "mlperf_ad01_fp32",
        "mlperf_ad01_int8",
        "mean squared reconstruction error",
        windows[::2][:calibration],
        windows[1::2][:count],
        lambda x, y: float(((x - y) ** 2).mean()),
    )


def _log_mel() -> Iterator[np.ndarray]:
    """Yield windows of FRAMES log-mel spectra, [640], as the network's authors compute them."""
    bank = _mel_bank()
    with zipfile.ZipFile(SHARED / "data" / "audio_samples.zip") as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".wav")):
            raw = archive.read(name)
            sound = np.frombuffer(raw[44 : len(raw) - len(raw) % 2], "<i2") / 32768
            if len(sound) < FRAME:
                continue
            starts = range(0, len(sound) - FRAME + 1, HOP)
            frames = np.stack([sound[at : at + FRAME] for at in starts]) * np.hanning(FRAME)
            power = np.abs(np.fft.rfft(frames)) ** 2 @ bank.T
            spectra = 10 * np.log10(power + np.finfo(np.float32).eps)
            for at in range(len(spectra) - FRAMES + 1):
                yield spectra[at : at + FRAMES].reshape(-1).astype(np.float32)


def _mel_bank() -> np.ndarray:
    """Return MELS triangles over the bins of a spectrum, evenly spaced in mel."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    points = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(FRAME, 1 / RATE)
    left, middle, right = (points[i : i + MELS, np.newaxis] for i in range(3))
    rising, falling = (bins - left) / (middle - left), (right - bins) / (right - middle)
    found: np.ndarray = np.clip(np.minimum(rising, falling), 0, None) * 2 / (right - left)
    return found


TASKS: dict[str, Callable[[int, int], Task]] = {
    "mobilenet_v2": mobilenet_v2,
    "vww": wake_words,
    "resnet": resnet,
    "ad01": autoencoder,
    "person": person_detect,
    "mcunet": mcunet,
    "untrained": untrained,
}
