"""Framelet distillation: its loss, its steps, and the student each variant builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance.examples import Case, problem_for
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.framelets.fmlp import FMLP
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.training.batches import Reads, make_source
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.speed import measure_speed
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods import METHODS
from graph_distillery.methods.contract import Batch, Method, Teacher, TrainingData
from graph_distillery.methods.fgkd.method import FGKD

Make = Callable[..., Method[Any]]
TASK = "node-classification"


def student_of(model: str, variant: str) -> FMLP:
    student = Case("fgkd", TASK, "gnn", variant, model).fresh().student
    assert isinstance(student, FMLP)
    return student


def test_the_loss_is_cross_entropy_and_divergence_on_every_node(
    make: Make, data: TrainingData, teacher: Teacher, softened: Callable[[Tensor, float], Tensor]
) -> None:
    batch = Batch(data.graph, torch.arange(data.num_items), data.labelled, data.labels, (teacher,))
    method = make(FGKD, label_weight=0.3)
    logits = method(data.graph).logits
    terms = method.loss(batch, method(data.graph))
    p, q = softened(teacher.logits, 1.0), softened(logits, 1.0)
    torch.testing.assert_close(terms["teacher"], 0.7 * (p * (p / q).log()).sum(1).mean())
    torch.testing.assert_close(terms["labels"], 0.3 * F.cross_entropy(logits[data.labelled], data.labels))
    assert make(FGKD).hyper.label_weight == 0, "as released"


@pytest.mark.parametrize(("variant", "expected"), [("paper", [{"labels", "teacher"}]),
                                                   ("official_code", [{"labels"}, {"teacher"}])])  # fmt: skip
def test_the_released_code_takes_two_steps_an_epoch(variant: str, expected: list[set[str]]) -> None:
    method = Case("fgkd", TASK, "gnn", variant, "fmlp-o").fresh()
    assert method.context.data is not None
    source = make_source(method.context.data, method.teachers, None, Reads())
    update = GradientUpdate(method.optimizers(method.context.settings))
    assert [set(method.step(batch, update)) for batch in method.batches(source)] == expected


@pytest.mark.parametrize("model", ["fmlp-o", "fmlp-s"])
def test_each_variant_builds_its_own_output_layer(model: str) -> None:
    assert student_of(model, "paper").output_bands == [0, 1]
    assert student_of(model, "official_code").output_bands == ([0, 0] if model == "fmlp-o" else [0, 1])
    assert student_of(model, "official_code").output_maps == [0, 0]
    assert [encoder.band for encoder in student_of(model, "paper").encoders] == [0, 1]
    assert [encoder.band for encoder in student_of(model, "official_code").encoders] == [0]


def test_a_student_that_is_no_framelet_mlp_and_a_filter_without_high_pass_are_refused() -> None:
    example = problem_for(TASK)
    for student, hyper, words in (
        ("gcn", {}, "'fgkd' trains fmlp-o or fmlp-s students, and gcn is none of them"),
        ("mlp", {}, "'fgkd' trains fmlp-o or fmlp-s students, and mlp is of kind mlp"),
        ("fmlp-o", {"filter": "low-pass"}, "no high-pass"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            build(Configuration("fgkd", student=student, student_hyper=hyper), example.problem, (example.teacher,))
        assert "\n" not in str(caught.value)


def test_framelet_models_as_teachers_come_back_from_their_artefacts() -> None:
    problem = problem_for(TASK).problem
    for model in ("spat-ufg", "sufg", "fmlp-o"):
        case = Case("supervised", TASK, "gnn", model=model)
        run = case.trained(epochs=3)
        teacher = unpack_teacher(pack_teacher("0" * 16, run, case.configuration()), problem)
        assert teacher.model is not None
        torch.testing.assert_close(teacher.model(problem.training.graph).logits, teacher.logits)


def test_speed_is_measured_on_the_whole_graph() -> None:
    run = Case("fgkd", TASK, "gnn", model="fmlp-s").trained(epochs=1)
    speed = measure_speed(run.method, run.problem, repeats=2)
    assert speed.request_ms.batch_1.p50 > 0
    assert speed.macs > 0


def test_cells_that_do_not_fit_are_left_out_of_a_plan_with_the_reason() -> None:
    spec = {
        "name": "t", "datasets": ["karate", "motifs"], "teachers": ["spat-ufg"], "students": ["fmlp-o", "gcn"],
        "methods": ["fgkd"], "search": {"trials": 0}, "report": {"seeds": 1},
    }  # fmt: skip
    plan = make_plan(parse_spec(spec, "test"))
    assert [cell.student for cell in plan.cells if cell.method.name == "fgkd"] == ["fmlp-o"]
    assert "karate: fgkd trains fmlp-o or fmlp-s students, and gcn is none of them" in plan.left_out
    assert "motifs: fgkd does not support graph-classification" in plan.left_out
    assert any("model fmlp-o fits the setting transductive, not graph-level" in reason for reason in plan.left_out)


def test_the_catalogue_says_what_a_prediction_needs() -> None:
    assert METHODS.get("fgkd").inference == "precomputed structure"
