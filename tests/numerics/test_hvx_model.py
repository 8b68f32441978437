"""Each HVX intrinsic that kernels use: the model against the emulated processor."""

from __future__ import annotations

import re

import numpy as np
import pytest

from edgeq.resources import runtime_dir, templates_dir
from tests.numerics.exact import EDGES_S32
from tests.numerics.hvx import BYTES, results, vectors

ROUNDS = 24
EDGES_S8 = np.array([-128, -127, -1, 0, 1, 31, 32, 63, 64, 126, 127], np.int8)
# Expressions of vectors a, b, c and a register r.
VECTORS = {
    "Q6_V_vsplat_R": "(r)",
    "Q6_Vh_vsplat_R": "(r)",
    "Q6_Vb_vsplat_R": "(r)",
    "Q6_V_vzero": "()",
    "Q6_V_vnot_V": "(a)",
    "Q6_V_equals_V": "(a)",
    **{
        f"Q6_{name}": "(a, b)"
        for name in (
            "V_vand_VV V_vor_VV V_vxor_VV Vw_vadd_VwVw Vw_vsub_VwVw Vw_vmax_VwVw Vw_vmin_VwVw "
            "Vh_vadd_VhVh Vh_vsub_VhVh Vb_vmax_VbVb Vb_vmin_VbVb Vh_vpack_VwVw_sat "
            "Vb_vpack_VhVh_sat Vh_vsat_VwVw Vw_vmpye_VwVuh Vw_vasl_VwVw Vw_vasr_VwVw Vw_vlsr_VwVw"
        ).split()
    },
    **{
        f"Q6_{name}": "(a, r)"
        for name in "Vw_vasl_VwR Vw_vasr_VwR Vuw_vlsr_VuwR Vh_vasr_VhR V_vror_VR".split()
    },
    "Q6_Vb_vshuff_Vb": "(a)",
    "Q6_Vw_vasracc_VwVwR": "(a, b, r)",
    "Q6_Vh_vasracc_VhVhR": "(a, b, r)",
    "Q6_Vb_vasr_VhVhR_sat": "(a, b, r)",
    "Q6_Vb_vlut32_VbVbI": "(a, b, 5)",
    "Q6_Vb_vlut32or_VbVbVbI": "(c, a, b, 2)",
    "Q6_Vw_vrmpy_VbVb": "(a, b)",
    "Q6_Vw_vrmpyacc_VwVubVb": "(c, a, b)",
    "Q6_Vw_vrmpyacc_VwVubRb": "(c, a, r)",
    "Q6_Vw_vmpyoacc_VwVwVh_s1_sat_shift": "(c, a, b)",
    "Q6_Vw_vmpyoacc_VwVwVh_s1_rnd_sat_shift": "(c, a, b)",
    "Q6_Vb_vpacko_VhVh": "(a, b)",
    "Q6_Vh_vpacko_VwVw": "(a, b)",
    "Q6_Vh_vmpyi_VhRb": "(a, r)",
    "Q6_Vh_vmpyiacc_VhVhRb": "(a, b, r)",
    "Q6_Vw_vmpyi_VwRh": "(a, r)",
    "Q6_Vw_vmpyiacc_VwVwRh": "(a, b, r)",
    "Q6_Vb_vadd_VbVb": "(a, b)",
    "Q6_V_vdelta_VV": "(a, b)",
    "Q6_Vb_vshuffo_VbVb": "(a, b)",
    "Q6_Vh_vshuffo_VhVh": "(a, b)",
    "Q6_Vw_vmpyie_VwVuh": "(a, b)",
    "Q6_Vh_vavg_VhVh_rnd": "(a, b)",
    "Q6_Vb_vsub_VbVb": "(a, b)",
    "Q6_Vuw_vrmpyacc_VuwVubRub": "(c, a, r)",
    "Q6_V_vmux_QVV": "(Q6_Q_vsetq_R(r), a, b)",
    "Q6_Vw_condacc_QVwVw": "(Q6_Q_vcmp_gt_VwVw(a, b), c, b)",
}
# The same, of pairs.
PAIRS = {
    "Q6_W_vcombine_VV": "(a, b)",
    "Q6_W_vshuff_VVR": "(a, b, r)",
    "Q6_Wh_vmpy_VbVb": "(a, b)",
    "Q6_Wh_vmpyacc_WhVbVb": "(Q6_W_vcombine_VV(c, a), a, b)",
    "Q6_Ww_vadd_VhVh": "(a, b)",
    "Q6_Ww_vaddacc_WwVhVh": "(Q6_W_vcombine_VV(c, a), a, b)",
    "Q6_W_vmpye_VwVuh": "(a, b)",
    "Q6_Ww_vmpy_VhRh": "(a, r)",
    "Q6_Ww_vmpy_VhVh": "(a, b)",
    "Q6_Ww_vmpyacc_WwVhRh": "(Q6_W_vcombine_VV(c, a), b, r)",
    "Q6_Wh_vunpack_Vb": "(a)",
    "Q6_Wuw_vunpack_Vuh": "(a)",
    "Q6_W_vdeal_VVR": "(a, b, r)",
    "Q6_W_vmpyoacc_WVwVh": "(Q6_W_vcombine_VV(c, a), a, b)",
}
# Predicates, as the bytes of a vector that they choose from a.
PREDICATES = {
    "Q6_Q_vsetq_R": "(r)",
    "Q6_Q_vsetq2_R": "(r)",
    "Q6_Q_and_QQn": "(Q6_Q_vsetq_R(r), Q6_Q_vcmp_gt_VwVw(a, b))",
    "Q6_Q_vcmp_gt_VwVw": "(a, b)",
    "Q6_Q_vcmp_gt_VuwVuw": "(a, b)",
    "Q6_Q_vcmp_eq_VwVw": "(a, Q6_V_vand_VV(b, Q6_V_vsplat_R(-2)))",
    "Q6_Q_vcmp_gt_VbVb": "(a, b)",
}
FUNCTION = """
void {name}_case(uint8_t *y, const uint8_t *x)
{{
    for (int i = 0; i < {rounds}; ++i) {{
        const HVX_Vector a = edgeq_load_x128(x + i * 512);
        const HVX_Vector b = edgeq_load_x128(x + i * 512 + 128);
        const HVX_Vector c = edgeq_load_x128(x + i * 512 + 256);
        int32_t r;

        memcpy(&r, x + i * 512 + 384, sizeof r);
        (void)a, (void)b, (void)c, (void)r;
        {body}
    }}
}}
"""
PAIR = """const HVX_VectorPair p = {0};
        edgeq_store_x128(y + i * 256, Q6_V_lo_W(p));
        edgeq_store_x128(y + i * 256 + 128, Q6_V_hi_W(p));"""
ALONE = "edgeq_store_x128(y + i * 256, {0});"
CHOICE = "edgeq_store_x128(y + i * 256, Q6_V_vmux_QVV({0}, a, Q6_V_vzero()));"
MASKED = "Q6_vmem_QRIV(Q6_Q_vsetq_R(r), (HVX_Vector *)(void *)(y + i * 256 + (r & 127)), a);"


def cases() -> dict[str, str]:
    """Return the body of the loop for each intrinsic."""
    kinds = ((VECTORS, ALONE), (PAIRS, PAIR), (PREDICATES, CHOICE))
    found = {
        name: body.format(name + operands)
        for table, body in kinds
        for name, operands in table.items()
    }
    return {**found, "Q6_vmem_QRIV": MASKED}


def given() -> bytes:
    """Return three vectors and a register for each round: anything, ends of ranges, shifts."""
    rng = np.random.default_rng(66)
    rounds = rng.integers(0, 256, (ROUNDS, 4, BYTES), dtype=np.uint8)
    rounds[1:6, :3] = rng.choice(EDGES_S8, (5, 3, BYTES)).view(np.uint8)
    words = rng.choice(EDGES_S32, (5, 3, BYTES // 4)).astype(np.int32)
    rounds[6:11, :3] = words.view(np.uint8)
    shifts = rng.integers(-32, 32, (5, BYTES // 4)).astype(np.int32)
    rounds[11:16, 1] = shifts.view(np.uint8)
    registers = np.array([0, 1, -1, 127, 128, -4, -8, -16, -32, -64, 31, 64], np.int32)
    rounds[:12, 3, :4] = registers.view(np.uint8).reshape(12, 4)
    return vectors(rounds)


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, bytes]]:
    bodies = cases()
    text = "".join(FUNCTION.format(name=n, rounds=ROUNDS, body=b) for n, b in bodies.items())
    names = [f"{name}_case" for name in bodies]
    size = ROUNDS * 256
    return {
        form: dict(zip(bodies, results(form, text, names, given(), size), strict=True))
        for form in ("qemu", "model")
    }


@pytest.mark.parametrize("name", cases())
def test_the_model_is_the_processor(found: dict[str, dict[str, bytes]], name: str) -> None:
    want, have = (np.frombuffer(found[form][name], np.uint8) for form in ("qemu", "model"))
    np.testing.assert_array_equal(have, want)


def test_every_intrinsic_that_kernels_use_is_here() -> None:
    model = (runtime_dir() / "emulation" / "edgeq_hvx_model.h").read_text("utf-8")
    tested = {*cases(), "Q6_V_lo_W", "Q6_V_hi_W"}
    assert set(re.findall(r"\bQ6_\w+", model)) == tested
    sources = [*(runtime_dir() / "include").glob("*_hvx.h"), *(templates_dir() / "hvx").iterdir()]
    texts = [path.read_text("utf-8") for path in sources]
    used = {name for text in texts for name in re.findall(r"\bQ6_\w+(?=\()", text)}
    assert used <= tested
