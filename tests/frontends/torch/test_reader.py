from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgeq
from edgeq import frontends, reference
from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.torch import CONVERTERS, from_torch, read_pt2
from tests.frontends.torch.one_module import (
    Of,
    arrays,
    compare,
    kinds,
    message,
    same_as_torch,
    saved,
    seeded,
)

IMAGE = (1, 3, 8, 8)


def network() -> nn.Module:
    return seeded(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 5),
        )
    )


PLAIN = ["transpose", "conv2d", "mean", "reshape", "fully_connected"]


def test_a_module_becomes_a_graph() -> None:
    graph = edgeq.from_torch(network(), [torch.zeros(IMAGE)], name="My Net")
    assert (graph.name, graph.inputs, kinds(graph)) == ("my_net", ("input",), PLAIN)
    assert graph.ops[1].source == "torch:node[0] conv2d '0'"
    assert from_torch(network(), [torch.zeros(IMAGE)]).name == "sequential"


def test_images_may_come_channels_last() -> None:
    module = network()
    graph = from_torch(module, [torch.zeros(IMAGE)], channels_last=True)
    assert kinds(graph) == PLAIN[1:]
    [x] = arrays(IMAGE)
    [found] = reference.run(graph, [np.ascontiguousarray(x.transpose(0, 2, 3, 1))])
    compare(from_torch(module, [torch.zeros(IMAGE)]), module, [x])
    np.testing.assert_array_equal(found, reference.run(same_as_torch(module, IMAGE), [x])[0])


def test_a_module_is_left_in_the_mode_it_was_in() -> None:
    module = network()
    module.train()
    module[0].eval()
    assert kinds(from_torch(module, [torch.zeros(IMAGE)])) == PLAIN
    assert module.training and module[1].training and not module[0].training


def test_files_give_the_same_graph_as_their_module(tmp_path: Path) -> None:
    module = network()
    path = tmp_path / "net.pt2"
    path.write_bytes(saved(module, IMAGE))
    graph = frontends.load(path, allow_float=True)
    assert kinds(graph) == PLAIN
    compare(graph, module, arrays(IMAGE))
    with pytest.raises(UnsupportedError, match="float model: 3 of 3 operations"):
        edgeq.load(path)


def test_a_file_of_core_operators() -> None:
    module = network()
    stream = io.BytesIO()
    program = torch.export.export(module, (torch.zeros(IMAGE),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own use of its older names
        core = program.run_decompositions()
    torch.export.save(core, stream)
    graph = read_pt2(stream.getvalue(), "net")
    assert kinds(graph) == PLAIN
    compare(graph, module, arrays(IMAGE))


def test_an_open_batch_becomes_one() -> None:
    module = network()
    example = torch.zeros(2, *IMAGE[1:])
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(module, (example,), dynamic_shapes=batch)
    graph = from_torch(program, ())
    assert graph.tensors["input"].shape == IMAGE
    data = saved(module, (2, *IMAGE[1:]), dynamic_shapes=batch)
    compare(read_pt2(data, "net"), module, arrays(IMAGE))


def test_other_open_extents_are_refused() -> None:
    module = seeded(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    width = ({3: torch.export.Dim("width", min=4)},)
    program = torch.export.export(module, (torch.zeros(IMAGE),), dynamic_shapes=width)
    with pytest.raises(UnsupportedError, match="input 'input': has extents known at run time"):
        from_torch(program, ())


def test_regions_without_gradients_are_unfolded() -> None:
    def layers(x: torch.Tensor, conv: nn.Module) -> torch.Tensor:
        with torch.no_grad():
            y = conv(x)
        return nn.functional.relu(y)

    module = seeded(Of(layers, nn.Conv2d(3, 2, 3)))
    compare(read_pt2(saved(module, IMAGE), "net"), module, arrays(IMAGE))


def test_outputs_of_every_kind() -> None:
    graph = same_as_torch(lambda x: (x, x, x * 2, torch.ones(2), x.mean()), IMAGE)
    assert len(set(graph.outputs)) == 5


def test_several_inputs_in_a_structure() -> None:
    module = Of(lambda pair: pair[0] + pair[1]["b"])
    x, y = arrays((1, 4), (1, 4))
    graph = from_torch(module, [(torch.from_numpy(x), {"b": torch.from_numpy(y)})])
    np.testing.assert_array_equal(reference.run(graph, [x, y])[0], x + y)


def test_everything_unsupported_is_listed_with_its_module() -> None:
    block = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.ReLU(inplace=True), nn.GroupNorm(2, 4))
    module = nn.Sequential(block, nn.Conv2d(4, 4, 1), nn.GELU(), nn.LSTM(6, 3))
    found = message(seeded(nn.Sequential(module[0], module[1], module[2])), IMAGE)
    assert found.startswith("3 operations are not supported:\n")
    assert "  gelu x2: node[1] '0.1', node[5] '2'\n" in found
    assert "  group_norm x1: node[3] '0.3'\n" in found
    assert "supported: adaptive_avg_pool1d, " in found and "relu_" not in found
    assert "_softmax" in CONVERTERS and " _softmax" not in found


def test_what_cannot_be_exported_is_refused() -> None:
    assert message(lambda x: x if x.sum() > 0 else -x, (1, 4)).startswith(
        "torch.export cannot capture it: "
    )
    with pytest.raises(ModelError, match=r"a dict, not a torch\.nn\.Module"):
        from_torch({}, [])
    with pytest.raises(UnsupportedError, match="input 'input': of float16, not float32"):
        from_torch(nn.Sequential(nn.ReLU()), [torch.zeros(2, 2, dtype=torch.float16)])
    with pytest.raises(UnsupportedError, match=r"0\.weight' is bfloat16 \(module\.float"):
        module = nn.Sequential(nn.Linear(4, 4)).to(torch.bfloat16)
        from_torch(Of(lambda x, part: part[0].weight.float() + x, module), [torch.zeros(4, 4)])


def test_training_mode_is_refused() -> None:
    module = network().train()
    program = torch.export.export(module, (torch.zeros(2, 3, 8, 8),))
    with pytest.raises(UnsupportedError, match=r"running_mean' changes .*eval\(\) before"):
        from_torch(program, ())


def test_the_extra_is_named_when_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UnsupportedError) as error:
        read_pt2(b"", "net")
    assert str(error.value) == "reading .pt2 needs the package 'torch' (pip install 'edgeq[torch]')"
    with pytest.raises(UnsupportedError, match=r"edgeq.from_torch needs the package 'torch'"):
        from_torch(None, [])


def test_torch_is_imported_only_where_it_is_needed() -> None:
    code = "import sys, edgeq, edgeq.frontends.torch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
