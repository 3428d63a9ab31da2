"""Seeds as one program are what they are one after another: losses, epochs, scores, and the state that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance.examples import Case, cases_of
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.splits import Split
from graph_distillery.bench.training.engine import Configuration, Trained, train
from graph_distillery.bench.training.fused.run import train_together
from graph_distillery.bench.training.fused.seeds import train_seeds
from graph_distillery.bench.training.fused.when import is_fused
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.bench.training.problem import Problem, ProblemKey, divide
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods import METHODS
from graph_distillery.methods.contract import Batch, Method, Output, Teacher
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.kd.method import KD
from graph_distillery.methods.tasks.registry import stand_in_task
from graph_distillery.methods.vectorised import CannotVectorise

SEEDS = (0, 1, 2)
EPOCHS = 20
#: Methods that cannot be one program, by the reason that stands in `why_not` or in what they raise.
ALONE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("adagmlp", "dml", "graph-tokenizer", "graphakd", "hgkd-plus", "hkd", "kdga", "ltd", "oad", "progmlp"),
            *("pruning", "rod", "simmlp", "tined"),
        ),
        "step of its own",
    ),
    **dict.fromkeys(("infgrand", "nosmog", "structural-embeddings"), "forward of its own"),
    "tgs": "optimizers of its own",
    **dict.fromkeys(("colinkdist", "colinkdist-mlp", "linkdist", "linkdist-mlp", "cpf"), "read different graphs"),
}
TASKS_OF_ONE_GRAPH = ("node-classification", "typed-node-classification", "typed-node-multilabel")
#: Those that are tried at every turn; the others, and other kinds of students and tasks, are `slow`.
OFTEN = ("supervised", "kd", "glnn", "fitnet", "lsp", "krd", "sgc")


@lru_cache
def dataset_of(task: str, dtype: torch.dtype) -> tuple[Dataset, Tensor]:
    """The task's stand-in, and the items that may be labelled."""
    kind = stand_in_task(task)
    made = kind.stand_in(torch.Generator().manual_seed(0), 40)
    graph = made.graph.with_features(made.graph.dense_features().to(dtype))
    return Dataset.build(task, task, kind.info.metrics[0], graph, made.labels, kind.num_classes), made.items


def problem_of(task: str, seed: int) -> Problem:
    """The stand-in under a split of its own for each seed, in the precision that is torch's default."""
    return _problem_of(task, seed, torch.get_default_dtype())


@lru_cache
def _problem_of(task: str, seed: int, dtype: torch.dtype) -> Problem:
    dataset, items = dataset_of(task, dtype)
    order = items[torch.randperm(items.numel(), generator=torch.Generator().manual_seed(100 + seed))]
    first, second = int(0.6 * order.numel()), int(0.8 * order.numel())
    parts = [part.sort().values for part in (order[:first], order[first:second], order[second:])]
    split = Split("random-60-20-20", seed, *parts)
    return divide(dataset, split, ProblemKey(task, split.name, "transductive"), seed)[0]


@lru_cache
def _teachers_of(task: str, seed: int, count: int, dtype: torch.dtype) -> tuple[Teacher, ...]:
    """As many teachers, of the seed's own."""
    problem, found = _problem_of(task, seed, dtype), []
    for model, width in (("gcn", 24), ("sage", 20))[:count]:
        settings = {"layers": 2, "hidden": width, "lr": 0.02, "epochs": 20, "patience": 0}
        configuration = Configuration("supervised", student=model, student_hyper=settings)
        (trained,) = train(configuration, [seed], lambda _: problem, lambda _: ())
        found.append(unpack_teacher(pack_teacher("0" * 16, trained, configuration), problem))
    return tuple(found)


@contextmanager
def double_precision(case: Case) -> Iterator[None]:
    """Whoever trains now trains in float64, whose rounding Adam does not blow up where a gradient is 0 but for that.
    `correct-and-smooth` predicts in float32 alone."""
    torch.set_default_dtype(torch.float32 if case.method == "correct-and-smooth" else torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def given(configuration: Configuration, task: str) -> tuple[Any, Any]:
    """The problems and the teachers of the seeds, as the engine asks for them."""
    count = {"none": 0, "one": 1, "many": 2}[METHODS.get(configuration.method).teacher]
    problems = lru_cache(lambda seed: prepared(problem_of(task, seed), configuration))
    return problems, lambda seed: _teachers_of(task, seed, count, torch.get_default_dtype())


class Curves:
    """The loss of every step, by run, in the order in which runs begin; `check_first_step`'s one step is left out."""

    def __init__(self, method: type[Method[Any]], patch: pytest.MonkeyPatch) -> None:
        self.of: dict[int, list[float]] = {}
        self._methods: list[Method[Any]] = []  # so that no id is given twice
        original = method.loss

        def recorded(itself: Method[Any], batch: Batch, student: Output) -> dict[str, Tensor]:
            terms = original(itself, batch, student)
            self._methods.append(itself)
            self.of.setdefault(id(itself), []).append(float(torch.stack(list(terms.values())).sum().detach()))
            return terms

        patch.setattr(method, "loss", recorded)

    def taken(self, runs: Sequence[Trained]) -> list[list[float]]:
        return [self.of[id(run.method)] for run in runs]


#: Runs one after another, those of one program, and the losses of either.
BothWays = tuple[list[Trained], list[Trained], list[list[float]], list[list[float]]]


def both_ways(
    configurations: Sequence[Configuration], task: str, patch: pytest.MonkeyPatch, seeds: Sequence[int] = SEEDS
) -> BothWays:
    problems, teachers = given(configurations[0], task)
    curves = Curves(METHODS.load(configurations[0].method), patch)
    together = [*train_together(configurations, seeds, problems, teachers)]
    alone = [run for each in configurations for run in train(each, seeds, problems, teachers)]
    return alone, together, curves.taken(alone), curves.taken(together)


def assert_alike(found: BothWays) -> None:
    assert_losses_alike(found)
    for one, other in zip(*found[:2], strict=True):
        assert (one.seed, one.epochs) == (other.seed, other.epochs)
        assert one.validation == pytest.approx(other.validation, abs=1e-5)
        assert one.method.student is not None
        assert other.method.student is not None
        kept = other.method.student.state_dict()
        for name, value in one.method.student.state_dict().items():
            torch.testing.assert_close(kept[name], value, rtol=1e-4, atol=1e-4)


def assert_losses_alike(found: BothWays) -> None:
    _, _, expected, losses = found
    assert [len(curve) for curve in losses] == [len(curve) for curve in expected]
    for ours, theirs in zip(losses, expected, strict=True):
        torch.testing.assert_close(torch.tensor(ours), torch.tensor(theirs), rtol=1e-5, atol=1e-5)


def cases() -> list[Any]:
    """Every method of nodes of one graph on every kind of student; one of each that comes often is quick."""
    found = []
    for name in METHODS.names:
        info = METHODS.get(name)
        own = [case for case in cases_of(name) if case.kind and case.task in TASKS_OF_ONE_GRAPH]
        if name in ALONE or info.derived_teacher or not info.training_data:
            continue
        for place, case in enumerate(own):
            quick = name in OFTEN and place == 0
            found.append(pytest.param(case, id=str(case), marks=[] if quick else [pytest.mark.slow]))
    return found


@pytest.mark.parametrize("case", cases())
def test_every_method_is_trained_alike_together_and_alone(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = replace(case.configuration(epochs=EPOCHS, dropout=0.4, patience=7), variant=case.variant)
    with double_precision(case):
        assert_alike(both_ways([configuration], case.task, monkeypatch))


@pytest.mark.parametrize(
    ("model", "norm"),
    [
        pytest.param(model, norm, marks=[] if norm == quick else [pytest.mark.slow])
        for model, quick in (
            ("mlp", "none"), ("gcn", "batch"), ("sage", "none"), ("appnp", "none"), ("gcnii", "layer"), ("gin", "none"),
            ("sign", "batch"), ("ga-mlp", ""),
        )
        for norm in ("none", "batch", "layer")
    ],
)  # fmt: skip
def test_every_model_is_trained_alike_together_and_alone(
    model: str, norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"aggregator": "mean"} if model == "sage" else {"propagation_dropout": 0.2} if model == "appnp" else {}
    patience = 0 if norm == "batch" else 7
    settings = {"layers": 3, "hidden": 8, "dropout": 0.3, "norm": norm, "epochs": EPOCHS, "patience": patience, **own}
    found = both_ways([Configuration("kd", student=model, student_hyper=settings)], DATA, monkeypatch)
    if norm == "batch":  # a bias before it has rounding for a gradient, which Adam makes whole steps of
        assert_losses_alike(found)
    else:
        assert_alike(found)


DATA = "node-classification"


def test_configurations_of_one_shape_are_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """They differ in weights of the loss, in rates and decays, dropout, patience, epochs and clipping."""
    common = {"layers": 2, "hidden": 8}
    own = (
        {"dropout": 0.5, "lr": 0.02, "weight_decay": 0.01, "epochs": 12, "patience": 0},
        {"dropout": 0.1, "lr": 0.005, "weight_decay": 0.0, "epochs": EPOCHS, "patience": 3, "clip": 0.05},
    )
    configurations = [
        Configuration("kd", "paper", {"alpha": alpha, "tau": tau}, "gcn", {**common, **settings})
        for settings, alpha, tau in zip(own, (0.3, 0.9), (1.0, 4.0), strict=True)
    ]
    assert_alike(both_ways(configurations, DATA, monkeypatch, SEEDS[:2]))


def test_mini_batches_of_rows_are_each_seeds_own(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"layers": 2, "hidden": 8, "dropout": 0.3, "epochs": 6, "batch_size": 5}
    found = both_ways([Configuration("glnn", student="mlp", student_hyper=settings)], DATA, monkeypatch)
    assert_alike(found)
    assert len(found[3][0]) > 6
    assert found[3][0] != found[3][1]


def test_sparse_features_and_their_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of sparse features differ by seed, and a GCN drops of the shared ones what each seed draws."""
    words = torch.rand(problem_of(DATA, 0).training.graph.num_nodes, 50, generator=torch.Generator().manual_seed(3))
    plain = {seed: problem_of(DATA, seed) for seed in SEEDS}

    def sparse(seed: int) -> Problem:
        problem = plain[seed]
        graph = Graph.build(torch.where(words > 0.9, words, 0.0), problem.training.graph.edge_index)
        judged = replace(problem.validation, graph=graph)
        return replace(problem, training=replace(problem.training, graph=graph), validation=judged)

    for student in ("mlp", "gcn"):
        settings = {"layers": 2, "hidden": 8, "dropout": 0.5, "epochs": EPOCHS, "patience": 0}
        configuration = Configuration("supervised", student=student, student_hyper=settings)
        with monkeypatch.context() as patch:
            curves = Curves(METHODS.load("supervised"), patch)
            together = [*train_together([configuration], SEEDS, sparse, lambda _: ())]
            alone = [*train(configuration, SEEDS, sparse, lambda _: ())]
        assert_alike((alone, together, curves.taken(alone), curves.taken(together)))


@pytest.mark.parametrize("method", sorted(ALONE))
def test_what_cannot_be_one_program_says_why(method: str) -> None:
    case = next(
        case for case in cases_of(method) if case.kind and case.task in (*TASKS_OF_ONE_GRAPH, "link-prediction")
    )
    configuration = case.configuration(epochs=2)
    with pytest.raises(CannotVectorise, match=ALONE[method]):
        next(train_together([configuration], SEEDS[:2], *given(configuration, case.task)))


class ReadsItsStudent(KD):
    """The weights themselves are part of the loss, which a program of several seeds does not see."""

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        assert self.student is not None
        terms = super().loss(batch, student)
        return {**terms, "weights": sum((each.square().sum() for each in self.student.parameters()), torch.zeros(()))}


class KeepsItsStudent(KD):
    """The same by a way that nothing guards."""

    def setup(self) -> None:
        super().setup()
        assert self.student is not None
        self.held = [*self.student.parameters()]

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {**super().loss(batch, student), "weights": sum((e.square().sum() for e in self.held), torch.zeros(()))}


class FailsOnce(KD):
    """The loss of one run is no number in its third epoch."""

    def on_epoch_start(self, epoch: int) -> None:
        self.broken = epoch == 2 and self.context.data is problem_of(DATA, 1).training

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {
            name: term * (float("nan") if self.broken else 1.0) for name, term in super().loss(batch, student).items()
        }


@pytest.fixture
def instead_of_kd(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[KD]], Configuration]:
    """Lets a class stand for `kd`, and gives a configuration of it."""

    def put(method: type[KD]) -> Configuration:
        load = METHODS.load
        monkeypatch.setattr(METHODS, "load", lambda name: method if name == "kd" else load(name))
        return Configuration("kd", student="gcn", student_hyper={"layers": 2, "hidden": 8, "epochs": 5})

    return put


@pytest.mark.parametrize("method", [ReadsItsStudent, KeepsItsStudent])
def test_a_loss_that_reads_the_students_weights_is_found_out(
    method: type[KD], instead_of_kd: Callable[[type[KD]], Configuration]
) -> None:
    configuration = instead_of_kd(method)
    problems, teachers = given(configuration, DATA)
    with pytest.raises(CannotVectorise, match=r"reads 'parameters' of the student|is another than"):
        next(train_together([configuration], SEEDS, problems, teachers))
    alone = [*train(configuration, SEEDS, problems, teachers)]
    fallen_back = [*train_seeds(configuration, SEEDS, problems, teachers, fused=True)]
    assert [run.validation for run in fallen_back] == [run.validation for run in alone]


def test_a_seed_that_fails_takes_no_other_with_it(instead_of_kd: Callable[[type[KD]], Configuration]) -> None:
    configuration = instead_of_kd(FailsOnce)
    problems, teachers = given(configuration, DATA)
    together = train_together([configuration], SEEDS, problems, teachers)
    (alone,) = train(configuration, SEEDS[:1], problems, teachers)
    assert next(together).validation == pytest.approx(alone.validation, abs=1e-5)
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 2"):
        next(together)


def test_auto_is_told_by_the_device_alone() -> None:
    assert [is_fused("auto", device) for device in ("cpu", "cuda", "cuda:1")] == [False, True, True]
    assert is_fused("always", "cpu")
    assert not is_fused("never", "cuda")


def test_models_that_vmap_cannot_batch_are_run_one_after_another() -> None:
    configuration = Configuration("supervised", student="gat", student_hyper={"layers": 2, "hidden": 8, "epochs": 3})
    problems, teachers = given(configuration, DATA)
    alone = [*train(configuration, SEEDS[:2], problems, teachers)]
    together = [*train_seeds(configuration, SEEDS[:2], problems, teachers, fused=True)]
    assert [run.validation for run in together] == [run.validation for run in alone]
