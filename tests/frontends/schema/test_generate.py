from __future__ import annotations

import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

from edgeq.frontends.schema import generate, tflite_generated
from edgeq.frontends.schema.layout import TABLES, UNIONS
from tests.frontends.tflite_reader import accessor_name, read_model

OPERATORS = {
    value: name
    for name, value in vars(tflite_generated.BuiltinOperator).items()
    if not name.startswith("_")
}


def test_layout_is_what_the_description_gives() -> None:
    text = generate.DESCRIPTION.read_text(encoding="utf-8")
    assert (generate.HERE / "layout.py").read_text(encoding="utf-8") == generate.layout(text)


@pytest.mark.parametrize("kind", sorted(TABLES))
def test_accessors_and_layout_agree_on_field_ids(kind: str) -> None:
    table = getattr(tflite_generated, kind)
    for index, slot in enumerate(TABLES[kind]):
        if slot:
            source = inspect.getsource(getattr(table, accessor_name(slot[0])))
            assert f"self._tab.Offset({4 + 2 * index})" in source, slot


@pytest.mark.parametrize("union", sorted(UNIONS))
def test_accessors_and_layout_agree_on_union_codes(union: str) -> None:
    members = {
        code: name
        for name, code in vars(getattr(tflite_generated, union)).items()
        if not name.startswith("_")
    }
    assert sorted(members) == list(range(len(UNIONS[union])))
    for code, kind in enumerate(UNIONS[union]):
        shared = kind in ("", "NoOptions", "OtherOptions")
        assert shared or kind == members[code]


def test_the_last_values_of_long_lists_are_those_of_files_in_the_field() -> None:
    # One name dropped or inserted anywhere before moves these.
    assert tflite_generated.BuiltinOperator.STABLEHLO_CASE == 209
    assert tflite_generated.BuiltinOptions.RightShiftOptions == 126
    assert tflite_generated.BuiltinOptions2.StablehloCaseOptions == 23
    assert tflite_generated.TensorType.FLOAT8_E5M2 == 22


def test_no_table_contains_its_own_kind() -> None:
    # The verifier recurses along the schema: this is what bounds its depth.
    def below(kind: str, path: tuple[str, ...]) -> None:
        assert kind not in path, path
        for _, what, type_ in (slot for slot in TABLES[kind] if slot):
            members = UNIONS[type_][1:] if what == "union" else (type_,)
            for member in members if what in ("table", "tables", "union") else ():
                below(member, (*path, kind))

    below("Model", ())


def test_unions_deprecated_fields_and_comments_are_understood() -> None:
    text = """
        // table Commented { out:int; }
        enum Colour : ubyte { RED = 0, BLUE }
        union Any { A, Second:B }
        table A { gone:int (deprecated); colour:Colour = BLUE; any:Any; all:[B]; raw:[ushort]; }
        table B {}
    """
    description = generate.Description(text)
    assert description.enums == {"Colour": "ubyte"}
    assert description.unions == {"Any": ("A", "B")}
    assert description.tables["B"] == ()
    assert description.tables["A"] == (
        None,
        ("colour", "scalar", "Colour"),
        ("any_type", "scalar", "ubyte"),
        ("any", "union", "Any"),
        ("all", "tables", "B"),
        ("raw", "vector", "ushort"),
    )


def test_an_undescribed_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="field 'b' has a type that is not described: Missing"):
        generate.Description("table A { b:Missing; }")


def listed_models(shared: Path) -> list[tuple[str, str, str]]:
    """Return file name, inputs and operator counts of each .tflite row of MODELS.md."""
    text = (shared / "models" / "MODELS.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    return [(r[2], r[6], r[7]) for r in rows if len(r) > 8 and r[2].endswith(".tflite")]


def test_real_models_hold_the_operators_and_inputs_that_are_listed(shared: Path) -> None:
    models = listed_models(shared)
    assert len(models) > 40
    for name, inputs, operators in models:
        model = read_model((shared / "models" / name).read_bytes())
        counts = Counter(operator_names(model))
        listed = re.findall(r"(\S+) (\d+)(?:,|$)", operators)
        assert counts == {operator: int(count) for operator, count in listed}, name
        assert list(input_names(model)) == re.findall(r"\d+:(\S+ \S+)", inputs), name


def operator_names(model: dict) -> list[str]:
    codes = model["operator_codes"]
    names = []
    for operator in (op for graph in model["subgraphs"] for op in graph["operators"]):
        code = codes[operator["opcode_index"]]
        name = OPERATORS[max(code["builtin_code"], code["deprecated_builtin_code"])]
        names.append(f"CUSTOM:{code['custom_code'].decode()}" if name == "CUSTOM" else name)
    return names


def input_names(model: dict) -> list[str]:
    types = {v: k.lower() for k, v in vars(tflite_generated.TensorType).items() if k[0] != "_"}
    graph = model["subgraphs"][0]
    tensors = [graph["tensors"][index] for index in graph["inputs"]]
    return [f"{'x'.join(map(str, t['shape']))} {types[t['type']]}" for t in tensors]
