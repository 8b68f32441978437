"""Element types and shapes, with their NumPy and C spellings."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import numpy as np

Shape = tuple[int, ...]


class DType(enum.Enum):
    """Element type of a tensor; the value is its NumPy name."""

    BOOL = "bool"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"

    @property
    def numpy(self) -> np.dtype:
        """Return the NumPy dtype."""
        return np.dtype(self.value)

    @property
    def c_name(self) -> str:
        """Return the C99 type that holds one element."""
        return _C_NAMES[self]

    @property
    def bytes(self) -> int:
        """Return the size of one element in bytes."""
        return self.numpy.itemsize

    @property
    def is_float(self) -> bool:
        """Tell whether elements are floating point."""
        return self is DType.FLOAT32

    @property
    def is_quantized(self) -> bool:
        """Tell whether this type may hold activations under a scale and zero point."""
        return self in (DType.INT8, DType.UINT8, DType.INT16)

    @property
    def min(self) -> int:
        """Return the smallest value of an integer type."""
        return 0 if self is DType.BOOL else int(np.iinfo(self.numpy).min)

    @property
    def max(self) -> int:
        """Return the largest value of an integer type."""
        return 1 if self is DType.BOOL else int(np.iinfo(self.numpy).max)

    @staticmethod
    def of(dtype: object) -> DType:
        """Return the element type of a NumPy dtype; raise ``ValueError`` for others."""
        return DType(np.dtype(dtype).name)  # type: ignore[call-overload]


_C_NAMES = {
    DType.BOOL: "uint8_t",
    DType.INT8: "int8_t",
    DType.UINT8: "uint8_t",
    DType.INT16: "int16_t",
    DType.INT32: "int32_t",
    DType.INT64: "int64_t",
    DType.FLOAT32: "float",
}


def elements(shape: Iterable[int]) -> int:
    """Return the number of elements of a shape; 1 for a scalar.

    >>> elements((2, 3))
    6
    """
    count = 1
    for extent in shape:
        count *= extent
    return count
