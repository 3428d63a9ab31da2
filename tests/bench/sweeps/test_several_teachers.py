"""One choice made of several teachers, from the spec to the record and the board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.cli.commands.run import Choice, spec_of
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.cost.estimate import progress_of
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.leaderboard import load_stores
from graph_distillery.leaderboard.read.evidence import EvidenceBook
from graph_distillery.leaderboard.tables.board import make_board

pytestmark = pytest.mark.usefixtures("carried_methods")
PlanOf = Callable[..., Plan]

SAGE = {"model": "sage", "hidden": 8, "epochs": 5}
GCN = {"model": "gcn", "hidden": 8, "epochs": 4}
GAT = {"model": "gat", "hidden": 8, "heads": 2, "epochs": 3}
TEACHERS = [GCN, [GCN, SAGE, GAT]]


def test_a_choice_of_several_makes_cells_of_methods_that_take_many_and_leaves_the_others_out(plan_of: PlanOf) -> None:
    plan = plan_of(teachers=TEACHERS, methods=["glnn", "committee"])
    found = {(cell.method.name, cell.teacher) for cell in plan.cells}
    assert found == {
        ("supervised", None),
        ("majority", None),
        *(("teacher", model) for model in ("gcn", "sage", "gat")),
        ("glnn", "gcn"),
        ("committee", "gcn+sage+gat"),
    }
    assert plan.left_out == (
        "karate: glnn takes one teacher, and gcn+sage+gat are 3",
        "karate: committee takes several teachers, and gcn is one",
    )
    assert [teacher.model for teacher in plan.teachers] == ["gcn", "sage", "gat"]
    assert any("gcn+sage+gat->mlp committee" in cell.label for cell in plan.cells)
    with pytest.raises(
        UserError, match=r"^the plan is empty: karate: glnn takes one teacher, and gcn\+sage\+gat are 3"
    ):
        plan_of(teachers=TEACHERS[1:], methods=["glnn"])


def test_ids_of_plans_with_single_teachers_are_what_they_were(plan_of: PlanOf) -> None:
    """Of the small spec, from before a choice could be of several, in the scheme of that day."""
    plan = make_plan(plan_of(split="public").spec, id_scheme=1)
    assert plan.id == "108c101390bd883c"
    assert [cell.id for cell in plan.cells] == [
        "18a4e1487e2dcdda",
        "3fa73cf43513698b",
        "cdbc87ffa07982ca",
        "d5c3a5e848e35272",
    ]
    assert plan_of(teachers=[[SAGE]]).id == plan_of(teachers=[SAGE]).id
    ids = {
        cell.id
        for order in ([GCN, SAGE], [SAGE, GCN])
        for cell in plan_of(teachers=[order], methods=["committee"]).cells
    }
    assert len(ids) == 2 + 2 + 2  # supervised and majority; two teachers; and two orders of them


@pytest.mark.parametrize(
    ("teachers", "complaint"),
    [
        ([[]], "spec.yaml: teachers.0: an empty list is no choice of teachers"),
        ([["gcn", {"model": "sage", "tune": -1}]], "spec.yaml: teachers.0.tune: "),
        (["gcn", ["gcn", "gcn"]], "teachers: the choice gcn+gcn names a teacher twice"),
        ([["gcn", "sag"]], "teachers: unknown model 'sag'; did you mean 'sage'?"),
    ],
)
def test_bad_choices_are_refused(plan_of: PlanOf, teachers: Any, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(teachers=teachers, methods=["committee"])
    assert str(caught.value).startswith(complaint)


def test_a_spec_with_several_teachers_is_read_back_as_it_was_written(small: Callable[..., dict[str, Any]]) -> None:
    spec = parse_spec(small(teachers=[*TEACHERS, "sgc"]), "spec.yaml")
    written = spec.model_dump(mode="json")
    assert [isinstance(choice, list) for choice in written["teachers"]] == [False, True, False]
    assert parse_spec(written, "again") == spec


@pytest.fixture
def swept(plan_of: PlanOf, tmp_path: Path) -> tuple[Plan, Path, list[Record]]:
    plan = plan_of(teachers=TEACHERS, methods=["glnn", "committee"], search={"trials": 2, "seeds": [100]})
    preflight.configurations(plan)
    store = tmp_path / "store"
    before = progress_of(plan, store)
    assert sum(teacher.total for teacher in before.teachers) == 3 * 3
    assert run_sweep(plan, store).ok
    assert run_sweep(plan, store).new == 0
    return plan, store, read_records(store).records


def test_records_name_every_teacher_and_the_board_shows_each(swept: tuple[Plan, Path, list[Record]]) -> None:
    plan, store, records = swept
    taught = {record.cell.teacher_id: record for record in records if record.kind == "teacher"}
    assert len(taught) == 3 * 3  # models and seeds: what two choices share is trained once
    for record in records:
        cell = record.cell
        if cell.teacher is None or record.kind == "teacher":
            continue
        ids = cell.every_teacher_id
        assert [taught[each].cell.student for each in ids] == cell.teacher.split("+")
        assert {taught[each].seed for each in ids} == {record.seed}
        assert record.timings.teacher_s == pytest.approx(sum(taught[each].timings.train_s for each in ids))
        assert (cell.teacher_ids is None) == (len(ids) == 1)
        assert cell.teacher_id == (ids[0] if len(ids) == 1 else content_id(list(ids)))
    several = next(r for r in records if r.cell.teacher == "gcn+sage+gat" and r.kind == "report")
    single = next(r for r in records if r.cell.teacher == "gcn" and r.kind == "report")
    assert '"teacher_ids":' in several.to_json()
    assert "teacher_ids" not in single.to_json()
    assert all(teacher.done == teacher.total == 3 for teacher in progress_of(plan, store).teachers)

    board = make_board(load_stores([store]))
    tables = {table.teacher: table for table in board.comparisons}
    assert set(tables) == {"gcn", "gcn+sage+gat"}
    rows = {row.key.name for row in tables["gcn+sage+gat"].rows if row.role == "teacher"}
    assert rows == {"teacher (gcn)", "teacher (sage)", "teacher (gat)"}
    assert {row.key.name for row in tables["gcn"].rows if row.role == "teacher"} == {"teacher"}
    row = next(row for row in tables["gcn+sage+gat"].rows if row.key.method == "committee")
    assert row.headline is not None
    command = EvidenceBook(records).of(row.headline).command
    assert command is not None
    assert "--teacher gcn+sage+gat" in command
    assert "--set teacher.gat.heads=2" in command


def test_run_takes_several_teachers() -> None:
    pairs = ("teacher.gcn.hidden=16", "teacher.sage.lr=0.02", "label_weight=0.25")
    spec = spec_of(Choice("karate", "committee", teacher="gcn+sage", pairs=pairs))
    assert [[(each.model, each.fix) for each in choice] for choice in spec.teachers] == [
        [("gcn", {"hidden": 16}), ("sage", {"lr": 0.02})]
    ]
    assert spec.methods[0].fix == {"label_weight": 0.25}
    for choice, complaint in (
        (Choice("karate", "kd", teacher="gcn+sage"), "--teacher: kd takes one teacher, and gcn+sage are 2"),
        (Choice("karate", "committee", teacher="gcn"), "--teacher: committee takes several teachers, and gcn is one"),
        (Choice("karate", "committee", teacher="gcn+gcn"), "--teacher: gcn+gcn names a model twice"),
        (
            Choice("karate", "committee", teacher="gcn+sage", pairs=("teacher.gat.hidden=1",)),
            "--set teacher.gat.hidden=1",
        ),
    ):
        with pytest.raises(UserError) as caught:
            spec_of(choice)
        assert str(caught.value).startswith(complaint)
