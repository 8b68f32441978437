"""What the AVX2 rows share."""

from __future__ import annotations

HEADERS = ("edgeq_fixed_point_avx2.h",)
LANES = 8  # 32-bit numbers in a vector: the channels that are rescaled together
