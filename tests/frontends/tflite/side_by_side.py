"""Many operators in one .tflite file, each on inputs of its own: LiteRT, reference and C agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeq import api, reference
from edgeq.emit.project import sources
from edgeq.frontends.npz import graph_bytes, read_npz
from edgeq.frontends.tflite import read_tflite
from edgeq.host.runners import compiled_for
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from tests.frontends.tflite_builder import ModelBuilder
from tests.kernel_harness import PORTABLE
from tests.litert import run_litert

Arrays = Sequence[np.ndarray]


class SideBySide:
    """A file in the making; ``x`` and ``const`` give operands, ``op`` adds an operator."""

    def __init__(self, seed: int = 0) -> None:
        self.builder = ModelBuilder()
        self.rng = np.random.default_rng(seed)
        self.arrays: list[np.ndarray] = []
        self.outs: list[int] = []

    def codes(self, shape: Sequence[int], dtype: str) -> np.ndarray:
        """Return random elements of the whole range of a type, its ends among them."""
        kind = DType(dtype)
        if kind.is_float:
            return self.rng.normal(size=shape).astype(np.float32)
        found = self.rng.integers(kind.min, kind.max, shape, np.int64, endpoint=True)
        found.reshape(-1)[:1], found.reshape(-1)[-1:] = kind.min, kind.max
        return found.astype(kind.numpy)

    def x(self, shape: Sequence[int], dtype: str = "int8", **code: Any) -> int:
        """Add an input of the model."""
        self.arrays.append(self.codes(shape, dtype))
        return self.builder.input(f"x{len(self.arrays)}", shape, dtype, **_coded(dtype, code))

    def const(self, array: object, **code: Any) -> int:
        """Add a constant."""
        return self.builder.const(f"c{len(self.builder.buffers)}", np.asarray(array), **code)

    def ints(self, *values: int) -> int:
        """Add a constant vector of int32."""
        return self.const(np.array(values, np.int32))

    def op(
        self,
        code: str,
        ins: Sequence[int | None],
        shape: Sequence[int],
        dtype: str = "int8",
        *,
        outs: int = 1,
        version: int = 2,
        options: Any = None,
        **quant: Any,
    ) -> None:
        """Add an operator of ``outs`` outputs of one shape, all of them outputs of the model."""
        ys = [
            self.builder.tensor(f"y{len(self.outs) + i}", shape, dtype, **_coded(dtype, quant))
            for i in range(outs)
        ]
        tables = {} if options is None else dict([options])
        self.builder.op(code, ins, ys, version=version, **tables)
        self.outs += ys

    def check(self, resolver: str = "ref", numerics: str | None = None) -> None:
        """Fail unless LiteRT, the reference, a saved copy and the portable C give equal bits."""
        data = self.builder.finish(self.outs)
        graph = verify(read_tflite(data, "m"))
        expected = run_litert(data, self.arrays, resolver)
        again = read_npz(graph_bytes(graph), "m")
        for each in (graph, again):
            _same(reference.run(api.lower(each, numerics), self.arrays), expected)
        lowered = api.lower(graph, numerics)
        program = api.program_of(graph, lowered, PORTABLE)
        compiled = compiled_for(program, sources(program), lowered.tensors, PORTABLE)
        got = compiled(*self.arrays)
        _same(got if isinstance(got, tuple) else (got,), expected)


def _coded(dtype: str, code: dict[str, Any]) -> dict[str, Any]:
    if dtype not in ("int8", "uint8", "int16"):
        return code
    return {"scale": 0.5, "zero_point": 128 if dtype == "uint8" else 0, **code}


def _same(got: Arrays, expected: Arrays) -> None:
    assert len(got) == len(expected)
    for place, (have, want) in enumerate(zip(got, expected, strict=True)):
        assert (have.dtype, have.shape) == (want.dtype, want.shape), place
        np.testing.assert_array_equal(have, want, err_msg=f"output {place}")
