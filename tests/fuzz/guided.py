"""Fuzz with coverage: ``python -m tests.fuzz.guided .onnx FOLDER [OPTION OF LIBFUZZER...]``.

What reaches new lines of edgeq is kept in ``FOLDER/corpus.onnx``, and the next run goes on from
there. Changes are those of ``mutate``, so files that hold together stay common. Needs the package
``atheris`` (the extra ``fuzz``).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

MOST_BYTES = 1 << 16


def main(arguments: Sequence[str]) -> None:
    """Run until stopped or until something fails, or as long as libFuzzer's options say."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: pip install 'edgeq[fuzz]'")
    # What is imported here is instrumented, so nothing of edgeq may be imported before.
    with atheris.instrument_imports(include=["edgeq"]):
        from tests.fuzz import examine, mutate, seeds
    suffix, out, *options = arguments
    corpus = Path(out, f"corpus{suffix}")
    corpus.mkdir(parents=True, exist_ok=True)
    for index, data in enumerate(seeds.seeds(suffix)):
        (corpus / f"seed{index}").write_bytes(data)
    path = Path(tempfile.mkdtemp(), f"input{suffix}")

    def one(data: bytes) -> None:
        found = examine.examine(data, path)
        if found.failure:
            raise RuntimeError(f"{found.failure}\n{found.detail}")

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        return mutate.changed(data, suffix, Random(seed))[:most]

    settings = [f"-artifact_prefix={out}/", f"-max_len={MOST_BYTES}", *options]
    atheris.Setup([sys.argv[0], *settings, str(corpus)], one, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
