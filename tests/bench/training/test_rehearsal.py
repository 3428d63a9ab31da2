"""The rehearsal of a cell: nothing that works is refused, and it decides nothing that tuning may still change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.preflight import configurations
from graph_distillery.bench.sweeps.prerequisites import derivation
from graph_distillery.bench.sweeps.spec import parse_spec, read_spec
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.rehearsal import rehearse
from graph_distillery.methods import METHODS
from graph_distillery.methods.tasks.registry import TASKS

FOLDER = Path(__file__).resolve().parents[3] / "bench/specs"
TEACHER = Configuration("supervised", student="gcn", student_hyper={"norm": "batch"})


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_committed_spec_passes(path: Path) -> None:
    configurations(make_plan(read_spec(path)))


@pytest.mark.parametrize(
    "dataset", ["karate", *(pytest.param(name, marks=pytest.mark.slow) for name in ("multi-sbm-small", "motifs"))]
)
def test_methods_pass_with_the_students_they_train_but_for_those_without_a_hidden_state(dataset: str) -> None:
    info = DATASETS.get(dataset)
    setting = {"karate": "transductive", "motifs": "graph-level"}.get(dataset, "inductive")
    refused = set()
    for name in METHODS.names:
        method = METHODS.get(name)
        students = [m for m in MODELS.names if not method.why_not_student(m, MODELS.get(m).kind)]
        students = [m for m in students if not MODELS.get(m).why_not_task(TASKS.get(info.task))]
        fitting = [m for m in students if not MODELS.get(m).why_not_setting(setting)] if method.students else [None]
        if not method.supports(info.task):
            fitting = []
        for student in fitting:
            teacher = replace(TEACHER, student=student, student_hyper={}) if method.retrains_teacher else TEACHER
            several = [replace(TEACHER, student="sage")] if method.teacher == "many" else []
            taught_by = [teacher, *several] if method.teacher != "none" else []
            for variant in method.variants:
                own = Configuration(name, variant, {}, student)
                derived = derivation(method, own)
                anew = [
                    replace(each, method=derived.method, method_hyper=derived.settings) for each in taught_by if derived
                ]
                try:
                    rehearse(own, info, info.splits[0], setting, taught_by, anew)
                except UserError as error:
                    refused.add((student, str(error)))
    shallow = {"sufg", "fmlp-s", "plp"} if dataset == "karate" else {"sufg"} if dataset == "multi-sbm-small" else set()
    expected = {(student, "student_layer -1: the student has 0 hidden states") for student in shallow}
    unseen = ({"sufg", "fmlp-s", "fmlp-o", "plp"} if dataset == "karate" else shallow) | {"ga-mlp"}
    mlps = {name for name in unseen if MODELS.get(name).kind == "mlp"}
    deep = {name for name in unseen - shallow if MODELS.get(name).kind == "gnn" and dataset == "karate"}
    for reader, fits in (("official_code of 'lsp'", unseen), ("'graph-mlp'", mlps), ("'gkd'", deep)):
        for student in fits:
            expected.add((student, f"{reader} reads states before the activation, and the student shows none"))
    if dataset == "karate":
        why = "graph-tokenizer puts codes between a network's first two layers, and this one has no two"
        expected |= {(student, why) for student in unseen - {"ga-mlp"} if MODELS.get(student).kind == "gnn"}
    assert refused == expected


def gfkd_spec(**teacher: Any) -> dict[str, Any]:
    return {
        "name": "t", "datasets": ["motifs"], "teachers": [{"model": "gcn", **teacher}], "students": ["gcn"],
        "methods": ["gfkd"], "search": {"trials": 0}, "report": {"seeds": 1},
    }  # fmt: skip


def test_a_teacher_that_is_tuned_may_still_get_its_norm() -> None:
    with pytest.raises(UserError, match=r"^motifs/kfold-10 gcn->gcn gfkd: teacher 'gcn' has no batch norm"):
        configurations(make_plan(parse_spec(gfkd_spec(), "test")))
    configurations(make_plan(parse_spec(gfkd_spec(tune=2), "test")))
    configurations(make_plan(parse_spec(gfkd_spec(norm="batch"), "test")))


def test_a_fault_is_left_to_the_trials_to_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(METHODS.load("kd"), "loss", broken)
    rehearse(Configuration("kd", student="gcn"), DATASETS.get("karate"), "public", "transductive", [TEACHER])
