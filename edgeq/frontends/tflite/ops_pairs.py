"""Element by element on two arrays: differences, extremes, comparisons, choices."""

from __future__ import annotations

from edgeq.frontends.tflite.chain import chain, numbers
from edgeq.frontends.tflite.converter import ANY, CODES, converts
from edgeq.frontends.tflite.node import Node
from edgeq.frontends.tflite.whole import WHOLE, whole
from edgeq.ir.graph import Tensor
from edgeq.ir.types import DType, Shape
from edgeq.ops.base import Op
from edgeq.ops.compare import Compare, Relation
from edgeq.ops.div import Div
from edgeq.ops.integer import Calculation, Integer
from edgeq.ops.maximum import Maximum
from edgeq.ops.minimum import Minimum
from edgeq.ops.prelu import Prelu
from edgeq.ops.reshape import Reshape
from edgeq.ops.select import Select
from edgeq.ops.squared_difference import SquaredDifference
from edgeq.ops.sub import Sub
from edgeq.ops.tile import Tile

_SIGNED = (DType.INT8, DType.FLOAT32)


@converts("SUB", types=(*CODES, *WHOLE))
def sub(node: Node) -> list[Op]:
    """Two arrays that broadcast."""
    node.expect(2)
    if node.tensor(0).dtype in WHOLE:
        return whole(node, Calculation.SUBTRACT, node.activation("SubOptions"))
    node.refuse_powers("SubOptions")
    return [Sub(**node.ports, activation=node.activation("SubOptions"))]


_FLOORS = {"FLOOR_DIV": Calculation.FLOOR_DIVIDE, "FLOOR_MOD": Calculation.FLOOR_MOD}


@converts("FLOOR_DIV", types=(DType.INT16, DType.INT32))
@converts("FLOOR_MOD", types=(DType.INT16, *WHOLE))
def floors(node: Node) -> list[Op]:
    """Two arrays that broadcast; codes are divided as they are."""
    node.expect(2)
    return [Integer(**node.ports, calculation=_FLOORS[node.code])]


@converts("DIV", types=CODES)
def div(node: Node) -> list[Op]:
    """Two arrays that broadcast."""
    node.expect(2)
    return [Div(**node.ports, activation=node.activation("DivOptions"))]


@converts("SQUARED_DIFFERENCE", types=_SIGNED)
def squared_difference(node: Node) -> list[Op]:
    """Two arrays that broadcast."""
    node.expect(2)
    return [SquaredDifference(**node.ports)]


@converts("PRELU")
def prelu(node: Node) -> list[Op]:
    """One array, and slopes that broadcast to it."""
    node.expect(2)
    return [Prelu(**node.ports)]


_EXTREMES: dict[str, type[Op]] = {
    "MINIMUM": Minimum,
    "MAXIMUM": Maximum,
    "LOGICAL_AND": Minimum,
    "LOGICAL_OR": Maximum,
}


@converts(*_EXTREMES, types=ANY)
def extreme(node: Node) -> list[Op]:
    """Two arrays that broadcast; of bools the smaller is the conjunction."""
    node.expect(2)
    return [_EXTREMES[node.code](**node.ports)]


@converts(*(relation.name for relation in Relation), types=ANY)
def compare(node: Node) -> list[Op]:
    """Two arrays that broadcast."""
    node.expect(2)
    return [Compare(**node.ports, relation=Relation[node.code])]


@converts("LOGICAL_NOT", types=(DType.BOOL,))
def logical_not(node: Node) -> list[Op]:
    """One array of bools: whether each is false."""
    node.expect(1)
    false = numbers(node, [0], "false", DType.BOOL)
    inputs = (node.inputs[0], false.name)
    return [Compare(**{**node.ports, "inputs": inputs}, relation=Relation.EQUAL)]


@converts("SELECT", "SELECT_V2", types=(DType.BOOL,))
def select(node: Node) -> list[Op]:
    """Three arrays, the first of conditions; what is smaller than the output is repeated.

    The old operator takes a vector of conditions for the rows of the others.
    """
    node.expect(3)
    result, ops, names = node.output().shape, [], []
    for place in range(3):
        x = node.tensor(place)
        shape = x.shape
        if node.code == "SELECT" and place == 0 and len(shape) == 1 and len(result) > 1:
            shape = (*shape, *(1,) * (len(result) - 1))
        found, name = _repeated(node, x, shape, f"whole{place}")
        ops += found
        names.append(name)
    return [*ops, Select(**{**node.ports, "inputs": tuple(names)})]


def _repeated(node: Node, x: Tensor, shape: Shape, suffix: str) -> tuple[list[Op], str]:
    """Return what makes ``x``, read as ``shape``, as large as the output, and its name then."""
    result = node.output().shape
    padded = (1,) * (len(result) - len(shape)) + shape
    pairs = list(zip(padded, result, strict=False))
    if len(padded) != len(result) or any(extent not in (1, whole) for extent, whole in pairs):
        raise node.error(f"shape {shape} does not broadcast to {result}")
    if x.shape == result:
        return [], x.name
    multiples = tuple(whole // extent for extent, whole in pairs)
    whole = node.create(x, result, suffix)
    return chain(
        node, [(Reshape, {"shape": padded}), (Tile, {"multiples": multiples})], x, whole
    ), whole
