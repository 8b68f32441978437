"""The HVX requantizers against the scalar ones: every rounding and shift, ties, both ends."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.quant import Requant, Rounding
from edgeq.kernels.rescale import rescale_facts
from edgeq.numerics import requantize
from tests.numerics.exact import EDGES_S32
from tests.numerics.hvx import FORMS, results

NAMES = tuple(
    f"requant_{rounding}{right}"
    for rounding in ("gemmlowp", "half_up", "single")
    for right in ("_right", "")
)
MULTIPLIERS = np.array([0, 1, 1 << 30, (1 << 30) + 1, 1319413953, (1 << 31) - 2, (1 << 31) - 1])
LANES = """
void {0}_lanes(uint8_t *y, const uint8_t *x)
{{
    for (int i = 0; i < 4 * {1}; i += 128) {{
        const HVX_Vector acc = edgeq_load_x128(x + i);
        const HVX_Vector multiplier = edgeq_load_x128(x + 4 * {1} + i);
        const HVX_Vector shift = edgeq_load_x128(x + (2 + {2}) * 4 * {1} + i);

        edgeq_store_x128(y + i, edgeq_{0}_s32x32(acc, multiplier, shift));
    }}
}}
void {0}_scalar(uint8_t *y, const uint8_t *x)
{{
    for (int i = 0; i < 4 * {1}; i += 4) {{
        int32_t acc;
        int32_t multiplier;
        int32_t shift;

        memcpy(&acc, x + i, 4);
        memcpy(&multiplier, x + 4 * {1} + i, 4);
        memcpy(&shift, x + (2 + {2}) * 4 * {1} + i, 4);
        acc = edgeq_{0}_s32(acc, multiplier, shift);
        memcpy(y + i, &acc, 4);
    }}
}}
"""


def numbers() -> np.ndarray:
    """Return sums, multipliers, shifts of both signs and shifts to the right, as columns."""
    grid = np.meshgrid(EDGES_S32, MULTIPLIERS, np.arange(32), indexing="ij")
    acc, multiplier, right = (a.ravel() for a in grid)
    rng = np.random.default_rng(1)
    count = 20_000
    shift = rng.integers(0, 32, count)
    ties = (rng.integers(-1000, 1000, count) * 2 + 1) << np.minimum(shift, 20)
    anything = rng.integers(-(1 << 31), 1 << 31, count) >> rng.integers(0, 31, count)
    acc = np.concatenate([acc, ties, anything])
    multiplier = np.concatenate(
        [multiplier, np.full(count, 1 << 30), rng.integers(0, 1 << 31, count)]
    )
    right = np.concatenate([right, shift, shift])
    both = np.where(np.arange(len(right)) % 2, -right, np.minimum(right, 30))
    table = np.stack([acc, multiplier, both, right]).astype(np.int32)
    return table[:, : table.shape[1] // 32 * 32]


@pytest.mark.parametrize("form", FORMS)
def test_every_lane_is_the_scalar_form(form: str) -> None:
    table = numbers()
    count = table.shape[1]
    text = "".join(LANES.format(n, count, int(n.endswith("right"))) for n in NAMES)
    names = [f"{name}_{kind}" for name in NAMES for kind in ("lanes", "scalar")]
    found = results(form, text, names, table.tobytes(), 4 * count)
    for name, lanes, scalar in zip(NAMES, found[::2], found[1::2], strict=True):
        lanes, scalar = (np.frombuffer(a, np.int32) for a in (lanes, scalar))
        np.testing.assert_array_equal(lanes, scalar, err_msg=name)
        assert len(np.unique(lanes)) > 100


SHORT = """
void {0}_{1}_{2}(uint8_t *y, const uint8_t *x)
{{
    for (int i = 0; i < 4 * {3}; i += 128) {{
        const HVX_Vector acc = edgeq_load_x128(x + i);
        const HVX_Vector multiplier = Q6_V_vsplat_R({4});
        const HVX_Vector offset = Q6_V_vsplat_R({5});
        const HVX_Vector shift = Q6_V_vsplat_R({1});

        edgeq_store_x128(y + i, {0}x32(acc, multiplier, offset, shift, {6}));
    }}
}}
void {0}_{1}_{2}_scalar(uint8_t *y, const uint8_t *x)
{{
    for (int i = 0; i < 4 * {3}; i += 4) {{
        int32_t acc;

        memcpy(&acc, x + i, 4);
        acc = {0}(acc, {4}, {5}, {1}, {6});
        memcpy(y + i, &acc, 4);
    }}
}}
"""


def test_short_forms_equal_the_long_ones() -> None:
    rng = np.random.default_rng(3)
    sums = np.concatenate(
        [np.arange(-4000, 4000), rng.integers(-(1 << 29) + 1, 1 << 29, 4000), [0] * 32]
    ).astype(np.int32)
    sums = sums[: len(sums) // 32 * 32]
    text, names, wanted = "", [], []
    for rounding in (Rounding.GEMMLOWP, Rounding.HALF_UP, Rounding.SINGLE):
        for multiplier in (1 << 30, 1319413953, (1 << 31) - 1):
            for shift in (-1, -3, -9, -20):
                requant = Requant(rounding, (multiplier,), (shift,))
                facts = rescale_facts(requant, (1 << 29) - 1, 5, -128, 127)
                c = facts.constants
                factors = (c["MULTIPLIER"], c["OFFSET"], c["NUDGE"] or 0)
                primitive, label = facts.flag.primitive, f"{rounding.value}{multiplier}"
                nudge = "0" if factors[2] == 0 else "1"
                text += SHORT.format(primitive, -shift, label, len(sums), *factors[:2], nudge)
                names += [f"{primitive}_{-shift}_{label}{kind}" for kind in ("", "_scalar")]
                wanted += [requantize(sums, requant).astype(np.int64) + 5] * 2
    for form in FORMS:
        found = results(form, text, names, sums.tobytes(), sums.nbytes)
        for name, have, want in zip(names, found, wanted, strict=True):
            np.testing.assert_array_equal(np.frombuffer(have, np.int32), want, err_msg=name)
