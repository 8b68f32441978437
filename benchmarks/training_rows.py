"""The experiments of ``training.py``, as plain data: what is trained, how, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edgeq.train import Config


@dataclass(frozen=True, slots=True)
class Network:
    """A network of ``examples/cifar10``, and for how many epochs it is trained in floats."""

    name: str
    width: float
    rectifier: str
    epochs: int = 10
    bfloat16: bool = False

    @property
    def key(self) -> str:
        """Return how checkpoints and commands name it."""
        return f"{self.name}-{self.width:g}-{self.rectifier}"

    @property
    def title(self) -> str:
        """Return how tables name it."""
        kind = {"resnet8": "ResNet-8", "mobilenet_v1": "v1", "mobilenet_v2": "v2"}[self.name]
        width = "" if self.name == "resnet8" else f" {self.width:g}"
        return f"{kind}{width} {self.rectifier.replace('relu', 'ReLU')}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A network that becomes integers: at once where ``steps`` is 0, or after that many.

    ``config`` is ``None`` for floats: as they are, or trained on. ``scratch`` begins with random
    weights. ``repairs`` are adaptive rounding and bias correction without training. What is
    ``watched`` keeps its losses, its ranges, and an accuracy after each so many steps.
    """

    network: Network
    config: Config | None
    steps: int = 0
    rate: float = 0.002
    batch: int = 64
    seed: int = 0
    scratch: bool = False
    repairs: bool = False
    watched: int = 0


Build = Callable[[Network], Experiment]
Column = tuple[str, Build]

RESNET = Network("resnet8", 1.0, "relu", bfloat16=True)
RESNET6 = replace(RESNET, rectifier="relu6")
V1 = Network("mobilenet_v1", 0.25, "relu")
V1_6 = replace(V1, rectifier="relu6")
EIGHTH, HALF = replace(V1, width=0.125), replace(V1, width=0.5)
THREE_QUARTERS = replace(V1, width=0.75, epochs=8)
V2 = Network("mobilenet_v2", 0.25, "relu6", epochs=8)
NETWORKS = (RESNET, V1, V1_6, EIGHTH, HALF, V2, RESNET6, THREE_QUARTERS)
MAIN = (RESNET, V1, V2)
WIDTHS = (EIGHTH, V1, HALF, THREE_QUARTERS)
COSTED = (RESNET, V2, *WIDTHS)
BITS = (8, 7, 6, 5, 4)
STEPS = 200
TUNED = {"batch_norm": "frozen", "decay": 0.99}


def floats(network: Network) -> Experiment:
    """Return the network as it was trained."""
    return Experiment(network, None)


def longer(network: Network) -> Experiment:
    """Return the same, trained on in floats as the others are tuned."""
    return Experiment(network, None, STEPS)


def ptq(**wishes: Any) -> Build:
    """Return quantization without training, with the ranges of a few batches."""
    return lambda network: Experiment(network, Config(**wishes))


def repaired(**wishes: Any) -> Build:
    """Return the same with adaptive rounding and bias correction."""
    return lambda network: Experiment(network, Config(**wishes), repairs=True)


def qat(seed: int = 0, **wishes: Any) -> Build:
    """Return fine-tuning by the recipe of this page."""
    config = Config(**{**TUNED, **wishes}, seed=seed)
    return lambda network: Experiment(network, config, STEPS, seed=seed)


LAYER = {"per_channel": False}
METHODS: tuple[tuple[str, tuple[Column, ...]], ...] = (
    ("", (("float32", floats), (f"float32, {STEPS} steps more", longer))),
    *(
        (
            f"{bits}-bit weights, 8-bit activations",
            (
                ("PTQ, per layer", ptq(weight_bits=bits, **LAYER)),
                ("PTQ, per channel", ptq(weight_bits=bits)),
                *(
                    (("PTQ, per channel, repairs", repaired(weight_bits=bits)),)
                    if bits == 4
                    else ()
                ),
                ("QAT, per layer", qat(weight_bits=bits, **LAYER)),
                ("QAT, per channel", qat(weight_bits=bits)),
            ),
        )
        for bits in (8, 4)
    ),
)
LEARNED = ("4/8, learned steps", qat(weight_bits=4, learned_steps=True))

RECTIFIERS: tuple[Column, ...] = (
    ("float32", floats),
    *((f"8/{bits}", qat(activation_bits=bits)) for bits in (8, 6, 4)),
)
ROUNDINGS: tuple[Column, ...] = tuple(
    (f"{w}/{a} {label}", qat(weight_bits=w, activation_bits=a, stochastic=stochastic))
    for w, a in ((8, 8), (4, 8), (4, 4))
    for label, stochastic in (("deterministic", False), ("stochastic", True))
)
SEEDS: tuple[Column, ...] = tuple(
    (f"{w}/8, seed {seed}", qat(seed, weight_bits=w)) for w in (8, 4) for seed in range(3)
)

# Small batches and a higher rate, so that what differs shows.
NORM_STEPS = 600


def folding(kind: str, freeze: int | None = None, per_channel: bool = False) -> Experiment:
    """Return a tuning of weights of 4 bits, with a way to fold normalizations."""
    config = Config(
        weight_bits=4, decay=0.99, batch_norm=kind, freeze=freeze, per_channel=per_channel
    )
    return Experiment(V1, config, NORM_STEPS, rate=0.005, batch=16, watched=30)


NORMS: tuple[tuple[str, Experiment], ...] = (
    ("naive", folding("batch")),
    ("corrected", folding("corrected")),
    ("corrected, then frozen", folding("corrected", NORM_STEPS // 2)),
    ("frozen from the start", folding("frozen")),
)
# A factor of a whole channel moves the channel's scale, and no code.
CHANNEL_NORMS = (
    ("naive, a scale per channel", folding("batch", per_channel=True)),
    ("corrected, a scale per channel", folding("corrected", per_channel=True)),
)

DELAY_STEPS = 600
DELAYS: tuple[tuple[str, int, int, Experiment], ...] = tuple(
    (
        label,
        bits,
        seed,
        Experiment(
            V1,
            Config(activation_bits=bits, decay=0.99, delay=delay, seed=seed),
            DELAY_STEPS,
            rate=0.05,
            seed=seed,
            scratch=True,
        ),
    )
    for bits, seed in ((8, 0), (4, 0), (4, 1))
    for label, delay in (("immediate", 0), ("delayed", DELAY_STEPS // 2))
)
RANGES = Experiment(
    V1, Config(decay=0.99), DELAY_STEPS // 2, rate=0.05, scratch=True, watched=DELAY_STEPS // 2
)


def grid(method: Callable[..., Build]) -> dict[tuple[int, int], Experiment]:
    """Return an experiment for each number of bits of weights and of activations."""
    return {(w, a): method(weight_bits=w, activation_bits=a)(V1) for w in BITS for a in BITS}


def everything() -> tuple[Experiment, ...]:
    """Return all experiments, each once, what matters most first."""
    columns = [column for _, group in METHODS for column in group]
    found = [build(network) for network in MAIN for _, build in columns]
    found += [floats(network) for network in NETWORKS]
    found += [*grid(qat).values(), *grid(ptq).values()]
    found += [*(experiment for _, experiment in NORMS), RANGES]
    found += [build(n) for n in (V1, V1_6, RESNET, RESNET6) for _, build in RECTIFIERS]
    for wishes in ({}, {"weight_bits": 4}):
        found += [method(**wishes)(n) for n in WIDTHS for method in (ptq, qat)]
    found += [experiment for *_, experiment in DELAYS]
    found += [build(V1) for _, build in (*ROUNDINGS, LEARNED, *SEEDS)]
    found += [experiment for _, experiment in CHANNEL_NORMS]
    # Repairs take longest.
    return tuple(sorted(dict.fromkeys(found), key=lambda e: e.repairs))
