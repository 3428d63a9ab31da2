"""Students that a sweep keeps: which, on every executor, after a kill, and that they predict what the record says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from graph_distillery.bench.cli import main
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.students.card import read_card, saved_in, student_id
from graph_distillery.bench.students.student import load_student
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.students import StudentsKept
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.problem import ProblemKey, load_problem, open_test_set

BEST, ALL = StudentsKept("best"), StudentsKept("all")


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return {
        "name": "kept",
        "datasets": ["karate"],
        "split": "random-60-20-20",
        "teachers": [{"model": "sage", "hidden": 8, "epochs": 10}],
        "students": [{"model": "mlp", "hidden": 8, "epochs": 20}, {"model": "gcn", "hidden": 8, "epochs": 20}],
        "methods": [
            "supervised",
            "kd",
            "sgc",
            {"name": "nosmog", "fix": {"position": "laplacian", "position_dim": 4}},
            {"name": "adagmlp", "fix": {"students": 2}},
        ],
        "search": {"trials": 0},
        "report": {"seeds": 3, "ablated": False},
    }


def swept(spec: dict[str, Any], out: Path, students: StudentsKept | None, means: Means | None = None) -> list[str]:
    lines: list[str] = []
    run_sweep(make_plan(parse_spec(spec, "spec")), out, means or Means(), on_message=lines.append, students=students)
    return lines


def reports(store: Path) -> list[Record]:
    return [record for record in read_records(store, kinds=["report"]).records if record.status == "ok"]


@pytest.fixture(scope="module")
def store(spec: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kept") / "store"
    lines = swept(spec, out, BEST)
    (told,) = (line for line in lines if line.startswith("no student saved of "))
    assert told.endswith("sage->mlp adagmlp: adagmlp predicts by more than its student's network")
    return out


def test_the_best_of_a_cell_is_the_best_on_validation_of_its_report_runs(store: Path) -> None:
    saved = saved_in(store)
    by_cell: dict[str, list[Record]] = {}
    for record in reports(store):
        if record.cell.method not in ("majority", "teacher", "adagmlp"):
            by_cell.setdefault(record.cell.id, []).append(record)
    wanted = {student_id(max(runs, key=lambda r: (r.metrics.val["accuracy"], -r.seed))) for runs in by_cell.values()}
    assert set(saved) == wanted
    assert len(wanted) == 6  # supervised and kd on two students; sgc, nosmog on the MLP


def test_a_loaded_student_scores_on_the_test_items_what_its_record_says(store: Path) -> None:
    by_id = {record.id: record for record in reports(store)}
    for name, card in saved_in(store).items():
        record, student = by_id[card.record], load_student(store / "students" / name)
        key = ProblemKey(card.data.name, card.data.split, card.data.setting)
        part = open_test_set(key, card.data.split_seed).parts["all"]
        found = student.predict(load_problem(key, card.data.split_seed).training.graph, part.items)
        assert record.metrics.test is not None
        assert float((found.classes == part.labels).float().mean()) == pytest.approx(record.metrics.test["accuracy"])
        assert torch.allclose(found.probabilities.sum(1), torch.ones(len(found)), atol=1e-6)
        assert card.scores["test"] == record.metrics.test
        assert card.repeats_record


def test_a_student_without_arcs_predicts_rows_by_themselves_alike(store: Path) -> None:
    name = next(n for n, card in saved_in(store).items() if card.method == "kd" and card.network.model == "mlp")
    student = load_student(store / "students" / name)
    graph = load_problem(ProblemKey("karate", "random-60-20-20", "transductive"), 0).training.graph
    rows = student.predict(graph.dense_features()[3:6])
    torch.testing.assert_close(rows.logits, student.predict(graph, [3, 4, 5]).logits)


@pytest.mark.parametrize("means", [Means(workers=2)], ids=["processes"])
def test_other_executors_keep_the_very_same_bytes(
    store: Path, spec: dict[str, Any], tmp_path: Path, means: Means
) -> None:
    swept(spec, tmp_path / "other", BEST, means)
    assert bytes_of(tmp_path / "other") == bytes_of(store)


def bytes_of(store: Path) -> dict[str, bytes]:
    return {name: (store / "students" / name / "student.safetensors").read_bytes() for name in saved_in(store)}


def test_runs_that_nobody_kept_are_trained_again_to_the_same_bytes_and_leave_no_record(
    store: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    former, records = bytes_of(copy), sorted((copy / "records").iterdir())
    before = [file.read_bytes() for file in records]
    shutil.rmtree(copy / "students" / next(iter(former)))  # as a kill between a run and its student leaves it
    swept(spec, copy, BEST)
    assert bytes_of(copy) == former
    swept(spec, copy, ALL)
    every = bytes_of(copy)
    assert len(every) == 18
    assert former.items() <= every.items()
    assert [file.read_bytes() for file in records] == before
    assert {path.name for path in (copy / "students").rglob("*") if path.is_file() and path.name[0] != "."} == {
        "student.json",
        "student.safetensors",
    }


def test_one_record_is_saved_by_its_id_and_others_are_refused(
    store: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    shutil.rmtree(copy / "students")
    record = next(r for r in reports(copy) if r.cell.method == "kd" and r.seed == 1)
    with pytest.raises(UserError, match="no report record 0123456789abcdef"):
        swept(spec, copy, StudentsKept.parse("0123456789abcdef"))
    swept(spec, copy, StudentsKept.parse(record.id))
    (card,) = saved_in(copy).values()
    assert (card.record, card.kept, card.seed) == (record.id, "named", 1)


def test_positions_belong_to_the_nodes_that_they_were_made_of(store: Path) -> None:
    name = next(n for n, card in saved_in(store).items() if card.method == "nosmog")
    student = load_student(store / "students" / name)
    graph = load_problem(ProblemKey("karate", "random-60-20-20", "transductive"), 0).training.graph
    assert "positions" in student.card.needs
    with pytest.raises(UserError, match="the graph must begin with these"):
        student.predict(graph.induced_subgraph(torch.arange(33, -1, -1)).renumbered())
    with pytest.raises(UserError, match="rows of features alone are not enough"):
        student.predict(graph.dense_features())
    # One node more, joined to nodes 0 and 1: its positions are the mean of theirs.
    width = graph.num_features
    features = torch.cat([graph.dense_features(), torch.zeros(1, width)])
    more = torch.tensor([[34, 0, 34, 1], [0, 34, 1, 34]])
    grown = type(graph).build(features, torch.cat([graph.edge_index, more], dim=1))
    read = student.reads(grown).dense_features()
    torch.testing.assert_close(read[34, width:], read[:2, width:].mean(0))
    torch.testing.assert_close(student.predict(grown).logits[:34], student.predict(graph).logits)


def test_weights_that_were_changed_are_refused(store: Path, tmp_path: Path) -> None:
    name = next(iter(saved_in(store)))
    place = tmp_path / "taken-home"
    shutil.copytree(store / "students" / name, place)
    assert load_student(place).card.id == name
    content = bytearray((place / "student.safetensors").read_bytes())
    content[-1] ^= 1
    (place / "student.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="is not the file that was written"):
        load_student(place)
    (place / "student.json").write_text(json.dumps({"schema": 1}))
    with pytest.raises(UserError, match=r"student\.json: "):
        read_card(place)
    with pytest.raises(UserError, match=r"is a store with \d students in it; name one"):
        load_student(store)


def test_a_packed_store_leaves_students_behind(store: Path, tmp_path: Path) -> None:
    assert main(["pack", str(store), "--out", str(tmp_path / "packed")]) == 0
    assert not (tmp_path / "packed" / "students").exists()
    assert main(["status", str(tmp_path / "packed")]) == 0


def test_other_words_are_refused_before_anything_is_written(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    out = tmp_path / "store"
    assert main(["sweep", str(tmp_path / "spec.yaml"), "--out", str(out), "--save-students", "bset"]) == 2
    assert "--save-students bset: best, all, or the id of a report record; did you mean 'best'" in (
        capsys.readouterr().err
    )
    assert main(["sweep", str(tmp_path / "spec.yaml"), "--out", str(out), "--save-students", "0" * 16]) == 2
    assert not out.exists()
