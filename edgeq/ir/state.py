"""What a network remembers from one run to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A tensor that no operation writes: a run finds in it what the run before left in another.

    ``name`` holds ``initial`` in the first run, and in each later one what ``next`` held at the end
    of the run before. So a run is a function of inputs and states, and no operation has effects:
    those that read ``name`` see the value before, those that read ``next`` the value after.

    One value for all elements takes no memory here, however large the tensor.
    """

    name: str
    next: str
    initial: np.ndarray

    def __post_init__(self) -> None:
        initial = self.initial
        if initial.size and _is_uniform(initial):
            initial = np.broadcast_to(initial.reshape(-1)[:1].reshape(()).copy(), initial.shape)
        else:
            initial = np.ascontiguousarray(initial).reshape(initial.shape).view()
            initial.flags.writeable = False
        object.__setattr__(self, "initial", initial)

    @property
    def is_uniform(self) -> bool:
        """Tell whether all elements begin with the same bits."""
        return not any(self.initial.strides)


def _is_uniform(array: np.ndarray) -> bool:
    if not any(array.strides):
        return True
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    items = raw.reshape(array.size, array.itemsize)
    return bool((items == items[0]).all())
