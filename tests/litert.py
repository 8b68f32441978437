"""Run a .tflite file in LiteRT, the runtime that the ``tflite-ref`` profile is named after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

RESOLVERS = {
    "ref": OpResolverType.BUILTIN_REF,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "xnnpack": OpResolverType.AUTO,
}

Arrays = list[np.ndarray]


def run_litert(
    model: bytes, inputs: Sequence[np.ndarray], resolver: str = "ref", *, tensors: bool = False
) -> Arrays | tuple[Arrays, dict[str, np.ndarray]]:
    """Return the outputs of one run; with ``tensors`` also every tensor that has data, by name."""
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=RESOLVERS[resolver],
        experimental_preserve_all_tensors=tensors,
    )
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
    if not tensors:
        return outputs
    return outputs, tensors_of(interpreter)


def tensors_of(interpreter: Interpreter) -> dict[str, np.ndarray]:
    """Return every tensor that has data, by name."""
    found = {}
    for detail in interpreter.get_tensor_details():
        if detail["dtype"] is np.object_:
            continue  # Asked for a handle of a variable, LiteRT crashes.
        try:
            found[detail["name"]] = interpreter.get_tensor(detail["index"])
        except ValueError:
            continue  # Tensors without memory: temporaries of a kernel.
    return found
