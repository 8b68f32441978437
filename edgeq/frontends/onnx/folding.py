"""What a file computes of constants alone: mostly the arithmetic of shapes, folded while reading.

``FOLDS`` holds one row for each operator; a fold returns ``None`` where its inputs are not
constants after all. Results are small, or no larger than what the file itself holds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeq.frontends.nchw.builder import MAX_FOLDED
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.proto import element_type
from edgeq.ir.types import Shape, elements

# Far above a shape, far below what strains a machine: numbers that a file does not spell out.
MAX_ELEMENTS = 1 << 20

Fold = Callable[[Node, list[np.ndarray]], np.ndarray]
FOLDS: dict[str, Fold] = {}


def folds(*codes: str) -> Callable[[Fold], Fold]:
    """Enter a function into ``FOLDS`` under the names that the format gives operators."""

    def enter(function: Fold) -> Fold:
        FOLDS.update(dict.fromkeys(codes, function))
        return function

    return enter


def fold(node: Node) -> bool:
    """Compute a node whose inputs are constants; return whether it was one."""
    if node.code not in FOLDS or len(node.outputs) != 1 or not node.outputs[0]:
        return False
    if node.code == "Shape" and len(node.inputs) == 1:
        node.give_array(_shape_of(node))
        return True
    arrays = [node.build.constants.get(name) for name in node.inputs if name]
    known = [array for array in arrays if array is not None]
    if len(known) < len(arrays):
        return False
    try:
        with np.errstate(all="ignore"):
            result = FOLDS[node.code](node, known)
    except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError):
        shapes = ", ".join(f"{array.dtype.name} {array.shape}" for array in known)
        raise node.error(f"its constants do not fit it: {shapes}") from None
    if not node.build.affords(result.nbytes):
        raise node.error(f"constants that the file computes have more than {MAX_FOLDED} bytes")
    node.give_array(result)
    return True


def bounded(node: Node, shape: Shape) -> Shape:
    """Return ``shape``; raise where it is far more than a shape or a parameter holds."""
    if min(shape, default=0) < 0 or elements(shape) > MAX_ELEMENTS:
        raise node.error(f"computes a constant of shape {shape}")
    return shape


def _shape_of(node: Node) -> np.ndarray:
    array = node.array(0)
    shape = node.value().seen if array is None else array.shape
    start, end = node.integer("start", 0), node.integer("end", len(shape))
    return np.array(shape[start:end], np.int64)


@folds("Shape", "Size")
def size(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array; its shape is known even where its elements are not."""
    return np.array(arrays[0].size, np.int64)


@folds("Constant")
def constant(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """No input: the value is an attribute."""
    array = node.tensor("value")
    if array is not None:
        return array
    for name, read, kind in (
        ("value_ints", node.integers, np.int64),
        ("value_floats", node.reals, np.float32),
    ):
        listed = read(name)
        if listed is not None:
            return np.array(listed, kind)
    if "value_int" in node.attributes:
        return np.array(node.integer("value_int", 0), np.int64)
    if "value_float" in node.attributes:
        return np.array(node.real("value_float", 0.0), np.float32)
    raise node.unsupported(f"with the attributes {', '.join(sorted(node.attributes)) or 'none'}")


@folds("ConstantOfShape")
def constant_of_shape(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One shape; the value is an attribute."""
    filled = node.tensor("value")
    value = np.zeros(1, np.float32) if filled is None else filled
    shape = bounded(node, tuple(int(extent) for extent in np.ravel(arrays[0])[:64]))
    return np.full(shape, value.reshape(()), value.dtype)


@folds("Cast")
def cast(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array; the type is an attribute."""
    return arrays[0].astype(np.dtype(element_type(node.integer("to", 1))))


@folds("Identity", "Dropout")
def same(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array."""
    return arrays[0]


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "f":
        return np.divide(a, b)
    if not np.all(b):
        raise ZeroDivisionError
    # Python floors, ONNX truncates.
    return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)


_BINARY: dict[str, Callable[..., np.ndarray]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divide,
    "Equal": np.equal,
}


@folds(*_BINARY)
def binary(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """Two arrays that broadcast."""
    bounded(node, np.broadcast_shapes(*(array.shape for array in arrays)))
    return np.asarray(_BINARY[node.code](*arrays))


_UNARY: dict[str, Callable[..., np.ndarray]] = {
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Sqrt": np.sqrt,
    "Neg": np.negative,
}


@folds(*_UNARY)
def unary(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array."""
    return np.asarray(_UNARY[node.code](arrays[0]), arrays[0].dtype)


@folds("Where")
def where(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """Condition, and the elements for either case."""
    condition, yes, no = arrays
    bounded(node, np.broadcast_shapes(condition.shape, yes.shape, no.shape))
    return np.where(condition, yes, no)


@folds("Expand")
def expand(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array, and a shape that it broadcasts with."""
    wanted = tuple(int(extent) for extent in np.ravel(arrays[1])[:64])
    shape = bounded(node, np.broadcast_shapes(arrays[0].shape, bounded(node, wanted)))
    return np.broadcast_to(arrays[0], shape).copy()


@folds("Range")
def count_up(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """First, end and step."""
    first, end, step = (array.reshape(()).item() for array in arrays)
    bounded(node, (max(int((end - first) / step), 0),))
    counted: np.ndarray = np.arange(first, end, step, dtype=arrays[0].dtype)
    return counted


@folds("Concat")
def concat(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """Any number of arrays."""
    bounded(node, (sum(array.size for array in arrays),))
    return np.concatenate(arrays, axis=node.integer("axis", 0))


@folds("Gather")
def gather(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array, and indices along an axis."""
    data, index = arrays
    axis = node.axis(node.integer("axis", 0), data.ndim)
    bounded(node, (index.size, elements(data.shape) // max(data.shape[axis], 1)))
    return np.take(data, index, axis=axis)


@folds("ReduceProd")
def product(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array, and the axes, which are an attribute or an input."""
    axes = tuple(np.ravel(arrays[1]).tolist()) if len(arrays) > 1 else node.integers("axes")
    keep = bool(node.integer("keepdims", 1))
    return np.asarray(np.prod(arrays[0], axis=axes, keepdims=keep, dtype=arrays[0].dtype))


@folds("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array, and what its shape becomes."""
    return arrays[0].reshape(new_shape(node, arrays[0].shape))


@folds("Transpose")
def transpose(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array; what were codes stay known as such."""
    perm = node.integers("perm") or tuple(reversed(range(arrays[0].ndim)))
    made = np.ascontiguousarray(arrays[0].transpose(perm))
    held = node.islands.coded.get(node.inputs[0])
    if held is not None:
        node.islands.coded[node.outputs[0]] = held.turned(perm)
    return made


@folds("Slice")
def slice_of(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """One array, and the range along each axis."""
    ranges = slices(node, arrays[0].shape)
    return arrays[0][tuple(slice(*entry) for entry in ranges)]


def new_shape(node: Node, shape: Shape) -> Shape:
    """Return what a node that changes a shape alone makes of one."""
    if node.code == "Flatten":
        node.expect(1)
        axis = node.integer("axis", 1)
        if not -len(shape) <= axis <= len(shape):
            raise node.error(f"axis {axis} of {len(shape)} dimensions")
        axis += len(shape) if axis < 0 else 0
        return elements(shape[:axis]), elements(shape[axis:])
    if node.code == "Reshape":
        return _resolved(node, shape)
    node.expect(2, optional=1)
    axes = node.whole(1, "axes") if node.has(1) else node.integers("axes")
    if node.code == "Squeeze":
        found = axes or tuple(i for i, extent in enumerate(shape) if extent == 1)
        gone = node.axes(found, len(shape))
        if any(shape[axis] != 1 for axis in gone):
            raise node.error(f"axes {gone} of {shape} are not all 1")
        return tuple(extent for axis, extent in enumerate(shape) if axis not in gone)
    rank = len(shape) + len(axes or ())
    added, extents = node.axes(axes or (), rank), iter(shape)
    return tuple(1 if axis in added else next(extents) for axis in range(rank))


def _resolved(node: Node, shape: Shape) -> Shape:
    node.expect(2)
    wanted = node.whole(1, "extents")
    keep = not node.integer("allowzero", 0)
    sizes = []
    for axis, extent in enumerate(wanted):
        copied = extent == 0 and keep
        if copied and axis >= len(shape):
            raise node.error(f"{shape} cannot become {wanted}")
        sizes.append(shape[axis] if copied else extent)
    rest = elements(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and rest > 0:
        sizes = [elements(shape) // rest if size == -1 else size for size in sizes]
    if min(sizes, default=1) < 0 or elements(sizes) != elements(shape):
        raise node.error(f"{shape} cannot become {wanted}")
    return tuple(sizes)


def slices(node: Node, shape: Shape) -> list[tuple[int, int, int]]:
    """Return begin, end and step along each dimension, within it; steps are positive."""
    if node.opset < 10:
        node.expect(1)
        begins, ends = node.integers("starts"), node.integers("ends")
        axes, steps = node.integers("axes"), None
    else:
        node.expect(5, optional=2)
        begins, ends = node.whole(1, "starts"), node.whole(2, "ends")
        axes = node.whole(3, "axes") if node.has(3) else None
        steps = node.whole(4, "steps") if node.has(4) else None
    if begins is None or ends is None:
        raise node.error("has no starts or no ends")
    axes = tuple(range(len(begins))) if axes is None else axes
    steps = (1,) * len(begins) if steps is None else steps
    if not len(begins) == len(ends) == len(axes) == len(steps):
        raise node.error(f"{len(begins)} starts, {len(ends)} ends, {len(axes)} axes")
    node.axes(axes, len(shape))
    found = [(0, extent, 1) for extent in shape]
    for begin, end, axis, step in zip(begins, ends, axes, steps, strict=True):
        if step < 1:
            raise node.unsupported(f"with steps of {step}") if step else node.error("steps of 0")
        axis = node.axis(axis, len(shape))
        first, last, _ = slice(begin, end).indices(shape[axis])
        found[axis] = (first, max(first, last), step)
    return found
