"""Two processes train one network: the same ranges, statistics and deployed bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

import edgeq
from edgeq.train import assert_deployed_equal, convert
from tests.quantize import float_nets
from tests.train import distributed_run
from tests.train.batches import batch_of

ROOT = Path(__file__).resolve().parents[2]


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    script = Path(distributed_run.__file__)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(script), str(tmp_path)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    states = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2)]
    tensors = [name for name, value in states[0].items() if isinstance(value, torch.Tensor)]
    for name in tensors:
        assert torch.equal(states[0][name], states[1][name]), name
    alone = distributed_run.module()
    distributed_run.train(alone, 0, 1)
    for name, value in alone.state_dict().items():
        if name in tensors:
            # Sums over halves are rounded otherwise than sums over the whole.
            torch.testing.assert_close(states[0][name], value, rtol=1e-3, atol=1e-4)
    together = distributed_run.module()
    together.load_state_dict(states[0])
    x = batch_of(float_nets.residual(), 16, 9)
    assert_deployed_equal(together, edgeq.compile(convert(together)), x)
