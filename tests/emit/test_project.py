"""The whole folder: its files, what they name, and the same bytes every time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import edgeq
from edgeq import api
from edgeq.emit.project import manifest, sources
from edgeq.ir.graph import Graph
from edgeq.plan.program import Program
from edgeq.report import facts as report
from edgeq.targets import target as find_target
from edgeq.version import ABI_VERSION, VERSION
from tests.small_networks import MACS, PARAMETERS, model_bytes, network, pair

FILES = {
    "include/small.h",
    "src/small.c",
    "src/small_weights.c",
    "src/small_weights.h",
    "src/edgeq_fixed_point.h",
    "test/small_vectors.h",
    "test/selftest.c",
    "examples/main.c",
    "CMakeLists.txt",
    "Makefile",
    "README.md",
    "manifest.json",
}


def _project(graph: Graph) -> tuple[Program, dict[str, str]]:
    return edgeq.generate(graph, "portable")


def test_the_folder_holds_exactly_these_files() -> None:
    program, files = _project(network())
    assert set(files) == FILES
    assert all(text.endswith("\n") and "\r" not in text for text in files.values())
    built = sources(program)
    assert {path: files[path] for path in built} == built
    assert {path for path in files if path.startswith(("src/", "include/"))} == set(built)


def test_the_fixed_point_header_is_ours_unchanged() -> None:
    header = Path(__file__).parents[2] / "runtime" / "include" / "edgeq_fixed_point.h"
    assert _project(network())[1]["src/edgeq_fixed_point.h"] == header.read_text(encoding="utf-8")


def test_layers_that_fall_back_to_portable_kernels_are_named() -> None:
    given = network()
    graph = api.lower(given)
    portable = replace(find_target("aarch64"), isas=("portable",))
    assert api.program_of(given, graph, portable).fallbacks == ()
    program = api.program_of(given, graph, find_target("aarch64"))
    expected = [c.symbol for c in program.calls if c.kernel.startswith("portable/")]
    assert manifest(program, graph)["fallbacks"] == expected
    shown = report.project(replace(program, isas=("other", "portable")), [])
    assert [layer["function"] for layer in shown["fallbacks"]] == expected


def test_the_manifest_states_the_plan() -> None:
    program, files = _project(network())
    facts = json.loads(files["manifest.json"])
    assert facts["generator"] == f"edgeq {VERSION}"
    assert (facts["name"], facts["target"], facts["abi"]) == ("small", "portable", ABI_VERSION)
    assert (facts["macs"], facts["arena"]) == (MACS, program.arena)
    assert facts["lower_bound"] <= facts["arena"]
    assert facts["regions"] == [{"name": "arena", "bytes": program.arena, "limit": None}]
    assert facts["flash_data"] >= PARAMETERS
    assert facts["model_sha256"] == program.model_hash
    assert [layer["function"] for layer in facts["layers"]] == [c.symbol for c in program.calls]
    assert facts["inputs"][0] == {
        "name": "x",
        "shape": [1, 6, 6, 3],
        "dtype": "int8",
        "scale": 0.25,
        "zero_point": 3,
        "region": "arena",
        "offset": program.inputs[0].offset,
    }


def test_every_layer_is_a_function_called_once() -> None:
    program, files = _project(network())
    code = files["src/small.c"]
    for call in program.calls:
        assert code.count(f"static void {call.symbol}(") == 1
        assert code.count(f"{call.symbol}(") == 2
    for data in program.data:
        assert f"small_{data.name}" in code
        assert f"small_{data.name}[" in files["src/small_weights.c"]
        assert f"small_{data.name}[" in files["src/small_weights.h"]


def test_regions_are_pointers_macros_and_arguments() -> None:
    arena = {"dtcm": 256, "sram": 1024}
    program, files = edgeq.generate(network(), "portable", arena=arena)
    header, code = files["include/small.h"], files["src/small.c"]
    for region in program.regions:
        upper = region.name.upper()
        assert f"#define SMALL_{upper}_BYTES {region.bytes}\n" in header
        assert f"#define SMALL_{upper}_ALIGN 8\n" in header
        assert f" *     SMALL_{upper}_SECTION     the arena of examples/main.c\n" in header
        assert f"    uint8_t *{region.name};\n" in header
        assert f"ctx->{region.name} + " in code
        assert f"SMALL_{upper}_SECTION static uint8_t" in files["examples/main.c"]
    assert (
        "static inline int small_init(small_context *ctx, void *dtcm, size_t dtcm_bytes, "
        "void *sram, size_t sram_bytes)\n"
    ) in header
    assert "#define SMALL_ARENA" not in header
    assert "ctx->arena" not in code
    facts = json.loads(files["manifest.json"])
    assert [region["name"] for region in facts["regions"]] == list(arena)
    assert facts["inputs"][0]["region"] in arena


def test_the_header_names_what_places_code_weights_and_arena() -> None:
    _, files = _project(network())
    header, code = files["include/small.h"], files["src/small.c"]
    for macro in ("CODE", "WEIGHTS", "ARENA"):
        assert f" *     SMALL_{macro}_SECTION " in header
    functions = re.findall(r"^(.*?)(?:static )?(?:const )?\w+ \*?(\w+)\(.*\)\n{", code, re.M)
    assert {name for _, name in functions} >= {"small_init_abi", "small_run", "small_strerror"}
    assert {start for start, _ in functions} == {"EDGEQ_CODE "}
    arrays = re.findall(r"^.*\w+\[\d+\] = ", files["src/small_weights.c"], re.M)
    assert arrays
    assert all(line.startswith("SMALL_WEIGHTS_SECTION const ") for line in arrays)


def test_several_ports_are_numbered() -> None:
    _, files = _project(pair())
    header = files["include/pair.h"]
    for name in ("INPUT0", "INPUT1", "OUTPUT0", "OUTPUT1"):
        assert f"#define PAIR_{name}_BYTES" in header
    assert "#define PAIR_INPUTS 2" in header


def test_names_of_the_model_reach_c_tamed() -> None:
    graph = network()
    _, files = edgeq.generate(graph, "portable", name="8 bit */ int main(void)")
    assert "include/model_8bit_int_main_void.h" in {p.replace("8_bit", "8bit") for p in files}
    assert "*/ int main(void)" not in files[next(p for p in files if p.startswith("include/"))]


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(model_bytes(network()))
    script = (
        "import sys, edgeq, hashlib, json\n"
        "files = edgeq.generate(edgeq.load(sys.argv[1]), 'portable')[1]\n"
        "print(hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "m.npz")],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(found) == 1
