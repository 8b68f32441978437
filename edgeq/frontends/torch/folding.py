"""What a program computes of constants alone, computed while reading, by torch itself.

Weights that a layer reshapes, masks, positions, the reciprocals of deviations: their operators
are few and harmless; results are small, or no larger than what the program itself holds.
"""

from __future__ import annotations

from edgeq.frontends.nchw.builder import MAX_FOLDED
from edgeq.frontends.torch.node import Node
from edgeq.ir.types import elements

MAX_ELEMENTS = 1 << 20

# Operators that change no more than how a constant is read: their results may be large.
_VIEWS = frozenset(
    """_to_copy _unsafe_view alias clone contiguous detach detach_ dropout flatten lift_fresh
    lift_fresh_copy permute reshape select slice squeeze t to transpose unsqueeze view""".split()
)
FOLDS = _VIEWS | frozenset(
    """abs add arange cat div exp expand full full_like mul neg ones ones_like pow reciprocal
    repeat rsqrt rsub scalar_tensor sqrt stack sub sum mean zeros zeros_like""".split()
)


def fold(node: Node) -> bool:
    """Compute a node whose inputs are all constants; return whether it was one."""
    if node.code not in FOLDS or len(node.outputs) != 1:
        return False
    arrays = {name: node.build.constants.get(name) for name in node.inputs if name}
    known = {name: array for name, array in arrays.items() if array is not None}
    if len(known) < len(arrays):
        return False
    most = max([MAX_ELEMENTS, *(array.size for array in known.values())])
    if node.code not in _VIEWS and elements(node.shape) > most:
        raise node.error(f"computes a constant of shape {node.shape}")
    if not node.build.affords(8 * elements(node.shape)):
        raise node.error(f"constants that the program computes exceed {MAX_FOLDED} bytes")
    node.give_array(node.call(known))
    return True
