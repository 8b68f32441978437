"""The operands and options of a STRIDED_SLICE, from the index that NumPy takes."""

from __future__ import annotations

from collections.abc import Sequence

MASKS = tuple(f"{name}_mask" for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis"))


def described(
    index: Sequence[object], last: int | None = 0
) -> tuple[list[list[int]], dict[str, int]]:
    """Return begins, ends and strides, and the masks of an option table.

    ``last`` is where an element ends that is given as -1; ``None`` leaves it open.
    """
    columns: list[list[int]] = [[], [], []]
    masks = dict.fromkeys(MASKS, 0)
    for place, each in enumerate(index):
        bit = 1 << place
        if each is Ellipsis or each is None:
            masks["ellipsis_mask" if each is Ellipsis else "new_axis_mask"] |= bit
            each = slice(0, 1, 1)
        elif isinstance(each, int):
            masks["shrink_axis_mask"] |= bit
            each = slice(each, each + 1 or last, 1)
        assert isinstance(each, slice)
        masks["begin_mask"] |= bit * (each.start is None)
        masks["end_mask"] |= bit * (each.stop is None)
        for column, value, default in zip(
            columns, (each.start, each.stop, each.step), (0, 0, 1), strict=True
        ):
            column.append(default if value is None else value)
    return columns, masks
