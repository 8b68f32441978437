"""HVX resizing against the reference."""

from __future__ import annotations

from dataclasses import replace

from edgeq.targets import Target
from tests.kernels.hvx.forms import check, each_form
from tests.kernels.neon.test_resize import CORNERS, resize

ROW = "hvx/resize_bilinear_s8"


@each_form
def test_bilinear(form: Target) -> None:
    channels = (1, 5, 31, 63, 64, 65, 127, 128, 129, 200, 256)
    cases = [resize((3, 5), (6, 10), c, floats=True) for c in channels if c * 15 >= 128]
    cases += [resize((9, 15), (5, 4), c, floats=False) for c in (1, 3, 64, 65, 130)]
    cases += [
        resize((3, 3), (33, 33), 21, (True, False), floats=False),
        resize((2, 3), (17, 33), 32, (True, False), floats=False),
        resize((1, 1), (5, 6), 129, (True, False), floats=False),
        resize((6, 7), (6, 7), 9, floats=False),
        resize((4, 4), (8, 8), 8, images=2),
        resize((5, 4), (7, 9), 12, floats=False, images=2),
    ]
    cases += [resize((4, 4), (8, 16), 12, corners, floats=False) for corners in CORNERS]
    # Others of these have no integer weights.
    cases += [resize((4, 4), (8, 16), 12, corners) for corners in CORNERS[1:]]
    check([replace(case, kernel=ROW) for case in cases], form)


@each_form
def test_small_images_are_portable(form: Target) -> None:
    case = resize((3, 5), (6, 10), 8)
    check([replace(case, kernel="portable/resize_bilinear_s8")], form)
