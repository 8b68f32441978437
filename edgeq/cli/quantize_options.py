"""The options of ``edgeq quantize``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Optional

import typer


class Codes(str, enum.Enum):
    """Types that activations and weights can have."""

    int8 = "int8"
    uint8 = "uint8"


class Ranges(str, enum.Enum):
    """Ways to find the ranges of activations."""

    minmax = "minmax"
    average = "average"
    percentile = "percentile"
    entropy = "entropy"
    mse = "mse"


FloatModel = Annotated[Path, typer.Argument(metavar="FLOAT", help="A float model.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="MODEL.npz", help="The new file.")]
Calibration = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--calibration",
        "-c",
        metavar="X",
        help="Samples: a folder of pictures, an .npz with input0, ... or x, or an .npy.",
    ),
]
Samples = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--samples", min=1, metavar="N", help="Only N samples: of pictures evenly spread."
    ),
]
Dtype = Annotated[Codes, typer.Option(help="The type of all codes.")]
Observer = Annotated[Ranges, typer.Option(help="How the ranges of activations are found.")]
Percentile = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(metavar="P", help="Percent of the values inside a range (99.99)."),
]
PerTensor = Annotated[
    bool, typer.Option("--per-tensor", help="One scale for all weights of a layer.")
]
AsymmetricWeights = Annotated[
    bool, typer.Option("--asymmetric-weights", help="Weights with a zero point.")
]
Symmetric = Annotated[bool, typer.Option("--symmetric", help="Activations without a zero point.")]
WeightsOnly = Annotated[bool, typer.Option("--weights-only", help="Leave activations in float32.")]
WeightBits = Annotated[
    int, typer.Option("--weight-bits", metavar="B", help="Bits of the weights' codes, 2 to 8.")
]
ActivationBits = Annotated[
    int, typer.Option("--activation-bits", metavar="B", help="8, or 16: int16 beside int8 weights.")
]
FloatIo = Annotated[bool, typer.Option("--float-io", help="Keep float32 inputs and outputs.")]
Equalize = Annotated[
    bool, typer.Option("--equalize", help="Even out the channels of neighbouring layers.")
]
Adaround = Annotated[
    bool, typer.Option("--adaround", help="Learn whether weights round up or down.")
]
BiasCorrection = Annotated[
    bool, typer.Option("--bias-correction", help="Undo the mean error of rounded weights.")
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Show what each layer loses, the worst first.")
]
Plots = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--plots", metavar="DIR", help="With --explain: draw its figures there, as SVG."),
]
