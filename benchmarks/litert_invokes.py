"""Invoke LiteRT inside an emulator, with a system call of no other use around each invocation.

The emulator's plugin takes its counts there. Started by instructions.py, in an AArch64 Python.
"""

from __future__ import annotations

import os
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

ENGINES = {
    "xnnpack": OpResolverType.AUTO,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
}


def mark() -> None:
    """Call getpriority, which neither Python nor LiteRT does by itself."""
    os.getpriority(os.PRIO_PROCESS, 0)


def main() -> None:
    """Take the model, the inputs (.npz), the number of invocations to count, and the engines."""
    model, inputs, count, *engines = sys.argv[1:]
    with np.load(inputs) as arrays:
        values = [arrays[f"input{i}"] for i in range(len(arrays.files))]
    for engine in engines:
        interpreter = Interpreter(
            model, num_threads=1, experimental_op_resolver_type=ENGINES[engine]
        )
        interpreter.allocate_tensors()
        for detail, value in zip(interpreter.get_input_details(), values, strict=True):
            interpreter.set_tensor(detail["index"], value)
        for _ in range(2):
            interpreter.invoke()
        for _ in range(int(count)):
            mark()
            interpreter.invoke()
            mark()


if __name__ == "__main__":
    main()
