"""The engine under methods that follow a script."""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training import clock
from graph_distillery.bench.training.clock import Clock, TimeLimitExceeded
from graph_distillery.bench.training.engine import Configuration, Trained, build, fit, fit_in_steps, train
from graph_distillery.bench.training.judging import judge, predict_items, validation_score
from graph_distillery.bench.training.problem import Identity, Judged, Problem, ProblemKey, load_problem
from graph_distillery.methods import METHODS
from graph_distillery.methods.contract import (
    Batch,
    BatchSource,
    Context,
    Hyperparameters,
    Method,
    OptimiserSettings,
    Output,
    TrainingData,
    Update,
)
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.controls.supervised.method import Supervised
from graph_distillery.methods.tasks.registry import make_task

TASK = make_task("node-classification", 2)


@pytest.fixture
def problem() -> Problem:
    """Ten items of class 0 to validate on."""
    graph = Graph.build(torch.ones(10, 1), torch.zeros(2, 0, dtype=torch.long))
    data = TrainingData(graph, TASK, torch.tensor([0]), torch.tensor([0]))
    judged = Judged(graph, torch.arange(10), torch.zeros(10, dtype=torch.long))
    return Problem(ProblemKey("made-up", "none", "transductive"), 0, data, judged, Identity("", "", "", "accuracy", ""))


class Scripted(Method[Hyperparameters]):
    """In epoch e it predicts `script[e]` of the ten items right. Its state counts the steps, and the ends of epochs."""

    script: Sequence[int] = ()
    loss_of_step: float = 1.0

    def setup(self) -> None:
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("ends", torch.zeros(()))
        self.steps: Tensor
        self.ends: Tensor
        self.ended: list[float] = []

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        return []

    def batches(self, source: BatchSource) -> Any:
        return iter([None])

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        self.steps += 1
        return {"made-up": torch.tensor(self.loss_of_step)}

    def predict(self, graph: Graph) -> Output:
        right = torch.arange(10) < self.script[int(self.steps) - 1]
        return Output(torch.stack([right, ~right], dim=1).float())

    def on_epoch_end(self, epoch: int, validation: float) -> None:
        self.ended.append(validation)
        self.ends += 1


def scripted(problem: Problem, script: Sequence[int]) -> Scripted:
    context = Context(TASK, 1, problem.training, (), None, OptimiserSettings())
    method = Scripted(Hyperparameters(), context)
    method.script = script
    return method


def run(
    problem: Problem, script: Sequence[int], patience: int, best_epoch: Literal["first", "last"] = "last"
) -> tuple[int, int, list[float]]:
    """Epochs run, the epoch (from 1) whose state was kept, and the scores that the hooks were told.

    The state must be the one that was judged, so without what the hook did at the end of that epoch.
    """
    method = scripted(problem, script)
    method.best_epoch = best_epoch
    settings = {"epochs": len(script), "patience": patience}
    epochs = fit(method, Configuration("scripted", student_hyper=settings), problem, None)
    assert int(method.ends) == int(method.steps) - 1
    return epochs, int(method.steps), method.ended


def test_the_best_state_comes_back(problem: Problem) -> None:
    epochs, kept, told = run(problem, [3, 8, 5, 6, 2], patience=0)
    assert (epochs, kept) == (5, 2)
    assert told == [0.3, 0.8, 0.5, 0.6, 0.2]


def test_among_equals_the_later_state_stays(problem: Problem) -> None:
    assert run(problem, [8, 8, 5, 8, 7], patience=0)[1] == 4
    assert run(problem, [0, 0, 0], patience=2)[0] == 3  # as good as the best: never out of patience


def test_among_equals_the_first_state_stays_where_the_code_behind_a_variant_has_it_so(problem: Problem) -> None:
    assert run(problem, [8, 8, 5, 8, 7], patience=0, best_epoch="first")[1] == 1
    assert run(problem, [5, 5, 5, 9], patience=2, best_epoch="first")[:2] == (3, 1)  # an equal score is a wait


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 6), (3, 7), (0, 8)])
def test_patience_counts_epochs_below_the_best(problem: Problem, patience: int, epochs: int) -> None:
    """Best at epochs 2 and 4 (counted from 1); an equal score starts the count anew."""
    ran, kept, told = run(problem, [5, 9, 1, 9, 1, 1, 2, 1], patience)
    assert ran == len(told) == epochs
    assert kept == (2 if patience == 1 else 4)


class WarmedUp(Scripted):
    """Its first two epochs are no result."""

    def may_be_kept(self, epoch: int) -> bool:
        return epoch >= 2


def test_a_warm_up_is_neither_kept_nor_held_against_patience(problem: Problem) -> None:
    context = Context(TASK, 1, problem.training, (), None, OptimiserSettings())
    method = WarmedUp(Hyperparameters(), context)
    method.script = [9, 8, 3, 2, 4, 1, 1, 1]
    settings = {"epochs": 8, "patience": 2}
    assert fit(method, Configuration("scripted", student_hyper=settings), problem, None) == 7
    assert int(method.steps) == 5
    assert method.ended[:2] == [0.9, 0.8]  # the hook is told all the same


class Choir(Method[Hyperparameters]):
    """Three predictions; of the ten items they get 6, 9 and 3 right, the later the surer."""

    def setup(self) -> None:
        self.judged_by = "best" if self.context.variant == "best" else "mean"

    def predictions(self, graph: Graph) -> Sequence[Output]:
        hits = [torch.arange(10) < count for count in (6, 9, 3)]
        return [Output((1 + sure) * torch.stack([hit, ~hit], 1).float()) for sure, hit in enumerate(hits)]


@pytest.mark.parametrize(("how", "accuracy", "members"), [("mean", 0.6, (0, 1, 2)), ("best", 0.9, (1,))])
def test_several_predictions_are_judged_one_by_one(
    problem: Problem, how: str, accuracy: float, members: tuple[int, ...]
) -> None:
    method = Choir(Hyperparameters(), Context(TASK, 1, problem.training, (), None, OptimiserSettings(), variant=how))
    outputs = method.predictions(problem.validation.graph)
    nll = [-output.logits.double().log_softmax(1)[:, 0].mean().item() for output in outputs]
    found = judge(method, problem, problem.validation)
    assert validation_score(method, problem) == pytest.approx(accuracy)
    assert found["accuracy"] == pytest.approx(accuracy)
    assert found["nll"] == pytest.approx(sum(nll[i] for i in members) / len(members))


def test_no_epochs_leave_the_start(problem: Problem) -> None:
    method = scripted(problem, [1])
    assert fit(method, Configuration("scripted", student_hyper={"epochs": 0}), problem, None) == 0
    assert float(method.steps) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number(problem: Problem, value: float) -> None:
    method = scripted(problem, [1, 1])
    method.loss_of_step = value
    with pytest.raises(FloatingPointError, match=f"the loss is {value} in epoch 0"):
        fit(method, Configuration("scripted", student_hyper={"epochs": 2}), problem, None)


def test_time_limits(problem: Problem) -> None:
    method = scripted(problem, [1] * 5)
    with pytest.raises(TimeLimitExceeded, match="in epoch 0"):
        fit(method, Configuration("scripted", student_hyper={"epochs": 5}), problem, 0.0)
    key = ProblemKey("karate", "public", "transductive")
    runs = train(KARATE, [0], lambda seed: load_problem(key, seed), lambda _: (), time_limit_s=1e-9)
    with pytest.raises(TimeLimitExceeded):
        next(runs)


KARATE = Configuration("supervised", student="mlp", student_hyper={"hidden": 8, "epochs": 3})


def test_seeds_come_one_by_one_and_in_order() -> None:
    key = ProblemKey("karate", "public", "transductive")
    runs = train(KARATE, [5, 3], lambda seed: load_problem(key, seed), lambda _: ())
    first, second = next(runs), next(runs)
    assert (first.seed, second.seed) == (5, 3)
    assert not torch.equal(*(next(one.method.parameters()) for one in (first, second)))
    assert first.epochs == 3
    assert not first.method.training


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        (Configuration("kd", student="mlp"), "method 'kd' needs a teacher and none is given"),
        (Configuration("supervised"), "method 'supervised' needs a student: gnn or mlp"),
        (Configuration("majority", student="mlp"), "method 'majority' trains no students, and mlp is of kind mlp"),
        (Configuration("glnn", student="gcn"), "method 'glnn' trains mlp students, and gcn is of kind gnn"),
        (Configuration("supervised", "official", student="mlp"), "no variant 'official'; it has paper"),
        (Configuration("supervised", method_hyper={"tau": 2}, student="mlp"), "tau"),
        (Configuration("label-propagation", method_hyper={"alpha": 1.5}), "alpha: Input should be less than 1"),
        (Configuration("supervised", student="gcns"), "did you mean 'gcn'?"),
        (Configuration("supervised", student="mlp", student_hyper={"hiden": 8}), "did you mean 'hidden'?"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(configuration: Configuration, words: str) -> None:
    problem = load_problem(ProblemKey("karate", "public", "transductive"), 0)
    with pytest.raises(ValueError, match=r".") as caught:
        build(configuration, problem, ())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_task_that_is_not_supported_is_refused() -> None:
    problem = load_problem(ProblemKey("motifs", "holdout-70-30", "graph-level"), 0)
    with pytest.raises(UserError, match="'label-propagation' does not support graph-classification; it supports node-"):
        build(Configuration("label-propagation"), problem, ())


def test_many_seeds_on_one_graph_are_each_judged_on_their_own_items() -> None:
    """More seeds than are kept in memory, all on the dataset's one graph: rows read alone are the right rows."""
    key = ProblemKey("karate", "random-60-20-20", "transductive")
    configuration = Configuration("supervised", student="mlp", student_hyper={"hidden": 4, "epochs": 1})
    for one in train(configuration, range(70), lambda seed: load_problem(key, seed), lambda _: ()):
        judged = one.problem.validation
        logits, labels = predict_items(one.method, judged)
        torch.testing.assert_close(logits, one.method.predict(judged.graph).logits[judged.items])
        assert labels is judged.labels


class Shifted(Supervised):
    """Overrides the forward, so its student alone does not tell what it predicts."""

    def forward(self, graph: Graph) -> Output:
        output = super().forward(graph)
        return Output(output.logits + graph.num_nodes, output.hidden)


def test_rows_are_read_alone_only_where_nothing_is_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS, "load", lambda name: Shifted)
    problem = load_problem(ProblemKey("karate", "public", "transductive"), 0)
    method = build(KARATE, problem, ()).eval()
    logits, _ = predict_items(method, problem.validation)
    torch.testing.assert_close(logits, method.predict(problem.training.graph).logits[problem.validation.items])


@pytest.mark.parametrize(("patience", "told"), [(0, [(2, 0.8), (4, 0.8), (6, 0.9)]), (2, [(2, 0.8)])])
def test_reports_tell_the_best_so_far_until_training_ends(
    problem: Problem, patience: int, told: list[tuple[int, float]]
) -> None:
    method = scripted(problem, [3, 8, 5, 6, 2, 9, 1, 1])
    settings = {"epochs": 8, "patience": patience}
    configuration = Configuration("scripted", student_hyper=settings)
    assert list(fit_in_steps(method, configuration, problem, Clock(), report_every=2)) == told


def test_reports_and_what_is_done_meanwhile_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropout draws in every epoch; so does whoever reads the reports, for longer than the limit of the training."""
    now = [0.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    key = ProblemKey("karate", "public", "transductive")
    hyper = {"hidden": 8, "epochs": 7, "dropout": 0.5, "patience": 0}
    configuration = Configuration("supervised", student="mlp", student_hyper=hyper)

    def runs(report_every: int) -> list[Any]:
        events = []
        for event in train(
            configuration, [0, 1], lambda s: load_problem(key, s), lambda _: (), 30, report_every=report_every
        ):
            torch.rand(3), np.random.rand(), random.random()  # noqa: NPY002
            now[0] += 100.0
            events.append(event)
        return events

    plain, reporting = runs(0), runs(3)
    assert [type(event).__name__ for event in reporting] == ["EpochScore", "EpochScore", "Trained"] * 2
    ends = [event for event in reporting if isinstance(event, Trained)]
    for one, other in zip(plain, ends, strict=True):
        assert one.validation == other.validation
        assert all(torch.equal(a, b) for a, b in zip(one.method.parameters(), other.method.parameters(), strict=True))
    first, second, end = reporting[:3]
    assert [(e.seed, e.epoch) for e in (first, second)] == [(0, 3), (0, 6)]
    assert (first.train_s, second.train_s, end.train_s) == (0.0, 0.0, 0.0)
    assert second.score >= first.score
    assert end.validation["accuracy"] >= second.score
