"""Operators that keep a state between runs: SVDF and LSTM."""

from __future__ import annotations

from edgeq.frontends.tflite.converter import converts
from edgeq.frontends.tflite.node import Node
from edgeq.frontends.tflite.tensors import STATE
from edgeq.ir.types import DType
from edgeq.ops.base import Op
from edgeq.ops.lstm import GATES, Lstm
from edgeq.ops.lstm_cell import LstmCell
from edgeq.ops.reshape import Reshape
from edgeq.ops.svdf import Svdf

_RELU, _TANH = 1, 4
_FULL, _BASIC = 0, 1

# Operands of an LSTM: 12 rows of weights and biases, what only some have, and the states.
_BIASES, _OUTPUT_STATE, _CELL_STATE = 12, 18, 19
_LSTM_PARAMETERS = (*range(1, 9), *range(_BIASES, _BIASES + len(GATES)))
_LSTM_FORMS = {
    "without an input gate": (1, 5, 12),
    "with peepholes": (9, 10, 11),
    "with a projection": (16, 17),
    "with layer normalization": (20, 21, 22, 23),
}
_LSTM_INPUTS = (20, 24)
_HIDDEN = 4  # the intermediate tensor with the code of the output
_INTERMEDIATES = 5


def _operands(node: Node, counts: tuple[int, ...], required: tuple[int, ...], outputs: int) -> None:
    """Raise unless the node has one of ``counts`` inputs, those that it needs among them."""
    if len(node.inputs) not in counts or len(node.outputs) != outputs:
        raise node.error(
            f"has {len(node.inputs)} inputs and {len(node.outputs)} outputs, "
            f"expected {' or '.join(map(str, counts))} and {outputs}"
        )
    if not all(node.inputs[index] for index in required):
        raise node.error("a required input is absent")


def _require_activation(node: Node, kind: str, code: int, name: str) -> None:
    if node.required(kind, "FusedActivationFunction") != code:
        raise node.unsupported(f"with a fused activation other than {name}")


@converts("SVDF", types=(DType.INT8,), states=(4,))
def svdf(node: Node) -> list[Op]:
    """Input, weights of features [F,I] and of time [F,T], optional bias [U], state [B,F*T]."""
    kind = "SVDFOptions"
    _operands(node, (5,), (0, 1, 2, 4), 1)
    # The runtime computes without a clamp of its own: the zero point is that of a ReLU.
    _require_activation(node, kind, _RELU, "RELU")
    rank = int(node.required(kind, "Rank"))
    before, after = node.state(4)
    bias = node.inputs[3:4] if node.inputs[3] else ()
    inputs = (node.inputs[0], before, *node.inputs[1:3], *bias)
    return [Svdf(inputs=inputs, outputs=(*node.outputs, after), source=node.source, rank=rank)]


@converts("UNIDIRECTIONAL_SEQUENCE_LSTM", types=(DType.INT8,), states=(_OUTPUT_STATE, _CELL_STATE))
def unidirectional_sequence_lstm(node: Node) -> list[Op]:
    """Input, weights and recurrent weights of four gates, their biases, and two states."""
    kind = "UnidirectionalSequenceLSTMOptions"
    _check_lstm(node, kind)
    if node.option(kind, "DiagonalRecurrentTensors", False):
        raise node.unsupported("with diagonal recurrent weights")
    time_major = bool(node.required(kind, "TimeMajor"))
    return [_lstm(node, kind, node.inputs[0], node.outputs[0], time_major)]


@converts(
    "LSTM",
    types=(DType.INT8, DType.UINT8),
    states=(1, 4, _OUTPUT_STATE, _CELL_STATE),
)
def lstm(node: Node) -> list[Op]:
    """One step of an LSTM, of either form: the full one, or the one of 8-bit gates."""
    kind = "LSTMOptions"
    form = node.required(kind, "KernelType")
    if form == _BASIC:
        return _cell(node)
    if form != _FULL:
        raise node.error(f"kernel type {form} is not known")
    _check_lstm(node, kind)
    x, y = node.tensor(0), node.output()
    if len(x.shape) != 2 or len(y.shape) != 2:
        return [_lstm(node, kind, x.name, y.name, True)]
    steps = node.create(x, (1, *x.shape), "steps")
    shown = node.create(y, (1, *y.shape), "shown")
    return [
        _reshape(node, x.name, steps, (1, *x.shape)),
        _lstm(node, kind, steps, shown, True),
        _reshape(node, shown, y.name, y.shape),
    ]


def _check_lstm(node: Node, kind: str) -> None:
    """Raise unless an LSTM has the operands of the one form that is implemented."""
    counts = f"{len(node.inputs)} inputs"
    if len(node.inputs) not in _LSTM_INPUTS:
        raise node.error(f"has {counts}, expected 20 or 24")
    for form, indices in _LSTM_FORMS.items():
        present = [bool(node.inputs[i]) for i in indices if i < len(node.inputs)]
        if any(present) != (form == "without an input gate"):
            raise node.unsupported(form)
    _operands(node, _LSTM_INPUTS, (0, *_LSTM_PARAMETERS, _OUTPUT_STATE, _CELL_STATE), 1)
    _require_activation(node, kind, _TANH, "TANH")
    _check_hidden(node)


def _check_hidden(node: Node) -> None:
    """Raise for an output whose code is not that of the product of gate and cell state."""
    if len(node.intermediates) not in (0, _INTERMEDIATES):
        raise node.unsupported(f"with {len(node.intermediates)} intermediate tensors")
    if node.intermediates:
        hidden = node.tensors.get(node.intermediates[_HIDDEN])
        if hidden is None or hidden.quant != node.output().quant:
            raise node.unsupported("with an output of another scale than its product")


def _lstm(node: Node, kind: str, x: str, y: str, time_major: bool) -> Lstm:
    h, next_h = node.state(_OUTPUT_STATE)
    c, next_c = node.state(_CELL_STATE)
    return Lstm(
        inputs=(x, h, c, *(node.inputs[index] for index in _LSTM_PARAMETERS)),
        outputs=(y, next_h, next_c),
        source=node.source,
        time_major=time_major,
        cell_clip=float(node.required(kind, "CellClip")),
    )


def _reshape(node: Node, x: str, y: str, shape: tuple[int, ...]) -> Reshape:
    return Reshape(inputs=(x,), outputs=(y,), source=node.source, shape=shape)


def _cell(node: Node) -> list[Op]:
    """Return an LSTM on 8-bit codes: input, output before, weights, bias, cell state before.

    What is before may be a variable, which then becomes what is after. Of the outputs the last
    two are working memory.
    """
    _operands(node, (5,), tuple(range(5)), 4)
    copies: list[Op] = []
    inputs = list(node.inputs)
    for index, output in ((1, node.output(0)), (4, node.output(1))):
        if node.unusable.get(node.inputs[index]) == STATE:
            inputs[index], after = node.state(index)
            copies.append(_reshape(node, output.name, after, output.shape))
    x, h, weights, bias, c = inputs
    ports = {"inputs": (x, h, c, weights, bias), "outputs": node.outputs[:2]}
    return [LstmCell(**ports, source=node.source), *copies]
