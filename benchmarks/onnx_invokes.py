"""Invoke ONNX Runtime inside an emulator, marked like ``litert_invokes``."""

from __future__ import annotations

import os
import sys

import numpy as np
import onnxruntime


def main() -> None:
    """Take the model, the inputs (.npz), the number of invocations to count, and engine names."""
    model, inputs, count, *engines = sys.argv[1:]
    with np.load(inputs) as arrays:
        values = [arrays[f"input{i}"] for i in range(len(arrays.files))]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    for _ in engines:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        ports = [port.name for port in session.get_inputs()]
        fed = dict(zip(ports, values, strict=True))
        for _ in range(2):
            session.run(None, fed)
        for _ in range(int(count)):
            os.getpriority(os.PRIO_PROCESS, 0)
            session.run(None, fed)
            os.getpriority(os.PRIO_PROCESS, 0)


if __name__ == "__main__":
    main()
