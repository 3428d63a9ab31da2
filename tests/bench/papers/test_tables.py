"""The packaged tables can be read, planned and started; a wrong field is one line with the nearest name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.papers import find_tables, read_table, stages_of, table_names
from graph_distillery.bench.sweeps.preflight import configurations

GOOD: dict[str, Any] = {
    "runs": {"main": {"teachers": ["sage"], "students": ["mlp"], "methods": ["glnn"], "seeds": 2}},
    "rows": {"MLP": {"run": "main", "method": "supervised"}, "GLNN": {"run": "main", "method": "glnn"}},
    "columns": {"digits": {"dataset": "digits-knn"}},
    "numbers": {"MLP": {"digits": 80}, "GLNN": {"digits": [90.5, 1.5]}},
}


@pytest.fixture
def written(table_head: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """`written(("rows", "MLP", "method"), "kd")`: the file of a good table with one place changed."""

    def write(place: tuple[str, ...] = (), value: Any = None) -> Path:
        content = copy.deepcopy({**table_head, **GOOD})
        part = content
        for name in place[:-1]:
            part = part[name]
        if place:
            part[place[-1]] = value
        path = tmp_path / "mini.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.mark.parametrize("name", table_names())
def test_packaged(name: str) -> None:
    """Every stage, and every stand-in's, is a plan with the rows that the table sets side by side."""
    (table,) = find_tables([name])
    assert table.name == name
    stages = stages_of(table)
    stand_ins = stages_of(table, stand_in=True)
    assert len(stand_ins) >= bool(table.stand_ins)
    for stage in stages + stand_ins:
        plan = stage.plan()
        configurations(plan)
        assert not plan.spec.search.trials
        assert len(plan.spec.report.seeds) == stage.settings.seeds
    for row in table.rows:  # a row without any number would be no row of the paper
        assert table.numbers.get(row) or table.rows[row].method in ("majority", "supervised")


def test_short_numbers(written: Callable[..., Path]) -> None:
    table = read_table(written())
    assert (table.numbers["MLP"]["digits"].mean, table.numbers["MLP"]["digits"].std) == (80, None)
    assert (table.numbers["GLNN"]["digits"].mean, table.numbers["GLNN"]["digits"].std) == (90.5, 1.5)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("tittle",), "T", "mini.yaml: unknown field 'tittle'; did you mean 'title'?"),
        (("protocol", "seed"), "3", "mini.yaml: protocol: unknown field 'seed'; did you mean 'seeds'?"),
        (("runs", "main", "method"), ["kd"], "mini.yaml: runs.main: unknown field 'method'; did you mean 'methods'?"),
        (("rows", "MLP", "varient"), "paper", "rows.MLP: unknown field 'varient'; did you mean 'variant'?"),
        (("rows", "MLP", "run"), "mian", "rows.MLP: unknown run 'mian'; did you mean 'main'?"),
        (("rows", "MLP"), {"run": "main"}, "rows.MLP: field 'method' is missing"),
        (("numbers", "GLMN"), {"digits": 1}, "numbers: unknown row 'GLMN'; did you mean 'GLNN'?"),
        (("numbers", "MLP"), {"digit": 1}, "numbers.MLP: unknown column 'digit'; did you mean 'digits'?"),
        (("numbers", "MLP", "digits"), {"mean": 180}, "numbers.MLP.digits.mean: input should be less than or equal"),
        (("numbers", "MLP", "digits"), {"mean": 80, "sdt": 1}, "unknown field 'sdt'; did you mean 'std'?"),
        (("confidence",), "certain", "mini.yaml: confidence: input should be 'table'"),
        (("runs", "main", "datasets"), {"cora": {"spilt": "cpf"}}, "unknown field 'spilt'; did you mean 'split'?"),
    ],
)
def test_wrong_fields(written: Callable[..., Path], place: tuple[str, ...], value: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_table(written(place, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("runs", "main", "methods"), ["gln"], "unknown method 'gln'; did you mean 'glnn'?"),
        (("runs", "main", "split"), "cfp", "did you mean 'cpf'?"),
        (("runs", "main", "teachers"), [{"model": "sage", "hiden": 8}], "did you mean 'hidden'?"),
        (("rows", "GLNN", "method"), "kd", "rows.GLNN: matches nothing of run 'main' on digits-knn"),
        (("runs", "main", "students"), ["mlp", "gcn"], "rows.MLP: matches 2 rows (name its student"),
    ],
)
def test_wrong_names_in_a_run(written: Callable[..., Path], place: tuple[str, ...], value: Any, message: str) -> None:
    (stage,) = stages_of(read_table(written(place, value)))
    with pytest.raises(UserError) as caught:
        stage.plan()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_row_is_what_its_run_and_its_quirks_say(written: Callable[..., Path]) -> None:
    quirk = {"variant": "official_code", "note": "as released"}
    path = written(("rows", "GLNN"), {"run": "main", "method": "glnn", "student": "mlp", "quirks": {"code": quirk}})
    table = read_table(path)
    assert table.selector("GLNN", "digits").variant == "paper"
    chosen = table.selector("GLNN", "digits", "code")
    assert (chosen.run, chosen.method, chosen.variant, chosen.student) == ("main", "glnn", "official_code", "mlp")


def test_our_own_hand_runs_are_no_published_numbers() -> None:
    """Nobody published OAD's citation numbers as they stand here, so none of them may decide a verdict."""
    (table,) = find_tables(["oad-citation"])
    numbers = [number for row in table.numbers.values() for number in row.values()]
    assert numbers
    assert {number.confidence or table.confidence for number in numbers} == {"unverified"}


def test_glnn_production_scores_are_the_mixture_that_the_paper_says() -> None:
    """prod = 0.8 tran + 0.2 ind to the digits printed, but for the triples of which the table says that they clash."""
    (table,) = find_tables(["glnn-3"])
    clashing = set()
    for row, numbers in table.numbers.items():
        for dataset in {column.split()[0] for column in numbers}:
            ind, tran, prod = (numbers[f"{dataset} {part}"] for part in ("ind", "tran", "prod"))
            if abs(0.8 * tran.mean + 0.2 * ind.mean - prod.mean) > 0.015:
                clashing.add((row, dataset))
                assert ind.source or tran.source, (row, dataset)
    assert clashing == {("SAGE", "a-photo"), ("GLNN", "arxiv")}
    assert all(number.std for numbers in table.numbers.values() for column, number in numbers.items()
               if column.split()[1] != "prod" and number.confidence is None)  # fmt: skip


def test_the_shallow_student_on_ppi_is_gcrds() -> None:
    """180 k parameters as released, which has a skip around the first layer too and one skip for all output heads."""
    from graph_distillery.bench.models.base import build_model

    (table,) = find_tables(["gcrd-ppi"])
    (choice,) = table.runs["shallow"].students
    shape = {
        name: choice[name] for name in ("layers", "hidden", "heads", "output_heads", "residual", "linear_residual")
    }
    model = build_model("gat", 50, 121, {**shape, "bias": True})
    ours = sum(parameter.numel() for parameter in model.parameters())
    skips_of_three_heads, first_skip = 3 * 256 * 121, 50 * 256 + 256
    assert round((ours - skips_of_three_heads + first_skip) / 1e4) * 1e4 == 180_000


def test_a_number_that_stands_beside_two_students_is_not_judged() -> None:
    """The source of GFKD's numbers does not say which student they are of; a verdict would be wrong for one of them."""
    (table,) = find_tables(["gfkd"])
    for row, numbers in table.numbers.items():
        of_student = {column: number for column, number in numbers.items() if "GCN-3-32" in column}
        for column, number in of_student.items():
            twin = numbers.get(column.replace("GCN-3-32", "GIN-3-32"))
            if twin is not None and twin.mean == number.mean:
                assert {each.confidence or table.confidence for each in (number, twin)} == {"unverified"}, (row, column)
