"""Each check of the conformance suite fails on a method that has just the fault it looks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.conformance import MethodConformance, cases_of, examples
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.training.problem import Problem, TestSet, divide
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output, TrainingData, Update
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.controls.supervised.method import Supervised
from graph_distillery.methods.gfkd.method import FakeGraphs, RandomGraphsHyperparameters
from graph_distillery.search_spaces import library

#: What fails a check, and what the failure says.
FAULTY: dict[str, tuple[type[Method[Any]], str]] = {}
M = TypeVar("M", bound=type[Method[Any]])


def failing(check: str, words: str) -> Callable[[M], M]:
    """Mark a class as a method that fails that check, and how the failure is told (a regular expression)."""

    def mark(faulty: M) -> M:
        FAULTY[check] = faulty, words
        return faulty

    return mark


@failing("test_learns", "accuracy 0")
class LearnsNothing(Supervised):
    """It minimises nothing."""

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": 0 * student.logits.sum()}


@failing("test_losses_are_finite_scalars", "no detached scalar")
class KeepsTheGraphAlive(Supervised):
    """Terms that are not detached hold on to the whole computation."""

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        super().step(batch, update)
        return self.loss(batch, self(batch.graph))


class Weighted(Hyperparameters):
    weight: float = Field(1.0, ge=0, description="as in the search space")


@failing("test_says_how_its_own_term_is_switched_off", "own_term names strength")
class SwitchesOffWhatItHasNot(Supervised):
    """`own_term` names a hyperparameter of another method."""

    Hyperparameters = Weighted
    own_term: ClassVar[dict[str, Any]] = {"strength": 0.0}


@failing("test_without_its_own_term_it_is_what_the_catalogue_says", "weights differ by .* from 'supervised'")
class IsNeverQuiteOff(Supervised):
    """Its penalty keeps a hundredth of its weight."""

    Hyperparameters = Weighted
    own_term: ClassVar[dict[str, Any]] = {"weight": 0.0}

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        penalty = (self.hyper.weight + 0.01) * student.logits.square().mean()
        return {**super().loss(batch, student), "penalty": penalty}


@failing("test_same_seed_same_result_whatever_ran_before", "scores|differ")
class DrawsFromTheClock(Supervised):
    """A generator that no seed reaches."""

    generator: ClassVar[torch.Generator] = torch.Generator()

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        noise = torch.rand((), generator=self.generator)
        return {name: term * (0.5 + noise) for name, term in super().loss(batch, student).items()}


@failing("test_same_seed_same_result_whatever_ran_before", "scores|differ")
class RemembersOtherRuns(Supervised):
    """The widest student of this process so far scales the loss of all that follow."""

    narrowest: ClassVar[int] = 10**9

    def setup(self) -> None:
        RemembersOtherRuns.narrowest = min(self.narrowest, sum(p.numel() for p in self.parameters()))

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        scale = 1 + 1e-3 * (self.narrowest % 97)
        return {name: term * scale for name, term in super().loss(batch, student).items()}


@failing("test_validation_labels_only_choose_the_epoch", "depends on the validation labels")
class TrainsOnTheValidationScore(Supervised):
    """It moves its weights by the validation score."""

    def on_epoch_end(self, epoch: int, validation: float) -> None:
        with torch.no_grad():
            next(self.parameters()).mul_(1 + 0.1 * validation)


@failing("test_every_parameter_is_trained", "never moved: head.weight, head.bias")
class HasADeadHead(Supervised):
    """A head that no loss reaches."""

    def setup(self) -> None:
        self.head = nn.Linear(3, 3)


@failing("test_leaves_graph_labels_and_teachers_as_they_are", "changed the graph")
class ScalesTheFeaturesInPlace(Supervised):
    """It normalises the features it was handed, in place."""

    def setup(self) -> None:
        data = self.context.data
        assert data is not None
        assert isinstance(data.graph.features, Tensor)
        data.graph.features.mul_(1.5)


class LeavesAFlag(Supervised):
    """It marks the teacher's network, as a method once did that wanted other states of it."""

    def setup(self) -> None:
        network = self.teachers[0].model
        assert network is not None
        network.keeps_everything = True  # type: ignore[assignment]


class LeavesAHook(Supervised):
    """It listens to the teacher's network and never stops."""

    def setup(self) -> None:
        network = self.teachers[0].model
        assert network is not None
        network.layers[0].register_forward_hook(lambda *given: None)  # type: ignore[index, union-attr]


@pytest.mark.parametrize(
    ("faulty", "words"), [(LeavesAFlag, "keeps_everything True"), (LeavesAHook, r"layers\.0\._forward_hooks 1")]
)
def test_what_is_left_on_a_teacher_is_found(
    faulty: type[Method[Any]], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = METHODS.load
    monkeypatch.setattr(METHODS, "load", lambda name: faulty if name == "kd" else load(name))
    with pytest.raises(AssertionError, match="left on the teacher: network 0: .*" + words):
        verdict("test_leaves_graph_labels_and_teachers_as_they_are", METHODS.get("kd"))


@failing("test_trains_in_mini_batches", "200")
class ExpectsEveryNode(Supervised):
    """It weighs by node, as if each batch held them all."""

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        assert student.logits.shape[0] >= 200
        return super().loss(batch, student)


@failing("test_trains_in_mini_batches_of_which_few_have_a_label", "nan")
class TakesTheMeanOfNone(Supervised):
    """It reads every node, and the mean over the labels of a batch is no number where it has none."""

    epoch_items = "observed"

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": nn.functional.cross_entropy(student.logits[batch.labelled], batch.labels)}


@failing("test_reads_sparse_features", "SparseMatrix")
class ExpectsDenseFeatures(Supervised):
    """It adds to the features, whatever their storage."""

    def inputs(self, graph: Graph) -> Graph:
        return graph.with_features(graph.features + 0.0)  # type: ignore[operator]


class Narrow(Hyperparameters):
    weight: float = Field(1.0, lt=5, description="narrower than its search space")


@failing("test_random_configurations_train", "UserError: method .unsound.: weight")
class RefusesItsOwnSpace(Supervised):
    """Its search space goes to 10."""

    Hyperparameters = Narrow


class Undecided(Hyperparameters):
    weight: float = Field(2.0, description="the search space says 1")


@failing("test_search_space_agrees_with_the_hyperparameters", "weight: 1.0 in the search space, 2.0")
class PublishesTwoDefaults(Supervised):
    """2 here, 1 in the search space."""

    Hyperparameters = Undecided


@failing("test_saves_and_loads", "round trip")
class KeepsStateOutsideItsState(Supervised):
    """What it learned stands in a plain attribute."""

    def setup(self) -> None:
        self.shift = 0.0

    def on_epoch_start(self, epoch: int) -> None:
        self.shift += 1.0

    def predict(self, graph: Graph) -> Output:
        return Output(self(graph).logits + torch.arange(10) * self.shift)


@failing("test_predicts_every_item_in_float32", "float64")
class PredictsInFloat64(Supervised):
    """It answers in double precision."""

    def predict(self, graph: Graph) -> Output:
        return Output(self(graph).logits.double())


@failing("test_needs_no_more_at_inference_than_the_catalogue_says", "read the edges")
class ReadsTheEdgesAtInference(Supervised):
    """It smooths its predictions over the neighbours, and the catalogue says features."""

    def predict(self, graph: Graph) -> Output:
        return Output(graph.propagation("mean_self") @ self(graph).logits)


@failing("test_documented_with_its_source", "Undocumented has no docstring")
class Undocumented(Supervised):
    pass


class ReadsTheDataOfOthers(FakeGraphs[RandomGraphsHyperparameters]):
    """It peeks at training data that something else left lying about."""

    Hyperparameters = RandomGraphsHyperparameters

    def setup(self) -> None:
        super().setup()
        data = PEEK[0]
        with torch.no_grad():
            next(self.parameters()).add_(float(data.labels[0]))


PEEK: list[TrainingData] = []


def test_a_peek_at_the_training_data_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a method that the catalogue says to do without, through no door of the contract."""
    load = METHODS.load
    monkeypatch.setattr(METHODS, "load", lambda name: ReadsTheDataOfOthers if name == "random-graphs" else load(name))
    whole = examples.build

    def leaving_it_about(configuration: Any, problem: Problem, teachers: Any) -> Method[Any]:
        PEEK[:] = [problem.training]
        return whole(configuration, problem, teachers)

    monkeypatch.setattr("graph_distillery.bench.training.engine.build", leaving_it_about)
    with pytest.raises(AssertionError, match=r"differ|scores"):
        verdict("test_without_training_data_means_none", METHODS.get("random-graphs"))


@pytest.fixture(autouse=True)
def fresh_examples() -> Iterator[None]:
    """What is kept for the process is made anew, and again afterwards."""
    forget()
    yield
    forget()


def forget() -> None:
    examples.first_run.cache_clear()
    examples.short_run.cache_clear()
    examples.later_run.cache_clear()
    examples.example_of.cache_clear()
    examples.example_on.cache_clear()


@pytest.fixture
def registered(tmp_path: Path) -> Iterator[Callable[[type[Method[Any]]], MethodInfo]]:
    """Register a class of this module as the method `unsound`, with one hyperparameter in its search space."""

    def register(faulty: type[Method[Any]]) -> MethodInfo:
        tuned = "\nparameters:\n  weight:\n    float: [0.1, 10.0]\n    default: 1.0\n    source: made up\n"
        has_weight = "weight" in faulty.Hyperparameters.model_fields
        (tmp_path / "unsound.yaml").write_text("name: unsound\nkind: method" + (tuned if has_weight else "\n"))
        library.register_space("method", "unsound", tmp_path / "unsound.yaml")
        monkeypatched.setattr(METHODS, "load", lambda name: faulty if name == "unsound" else load(name))
        info = MethodInfo(
            name="unsound", title="Faulty", paper="None", venue="nowhere", year=2000, url="https://example.org",
            family="logits", target="faulty:Faulty", teacher="none", tasks=("node-classification",),
            students=("mlp",), inference="features", own_term=getattr(faulty, "own_term", {"weight": 0.0}),
        )  # fmt: skip
        METHODS.register(info)
        return info

    load = METHODS.load
    with pytest.MonkeyPatch.context() as monkeypatched:
        yield register
    METHODS.unregister("unsound")
    library._registered.pop(("method", "unsound"), None)


def verdict(check: str, info: MethodInfo) -> None:
    """Run one check of the suite as pytest would."""
    suite = MethodConformance()
    run = getattr(suite, check)
    run(**({"case": cases_of(info.name)[0]} if "case" in inspect.signature(run).parameters else {"info": info}))


@pytest.mark.parametrize("check", sorted(FAULTY))
def test_the_fault_is_found(check: str, registered: Callable[[type[Method[Any]]], MethodInfo]) -> None:
    faulty, words = FAULTY[check]
    info = registered(faulty)
    with pytest.raises((AssertionError, TypeError), match=words):
        verdict(check, info)


@pytest.mark.parametrize(
    "check", ["test_learns_nothing_from_test_labels", "test_is_given_no_label_outside_the_training_set"]
)
def test_a_leak_of_test_labels_is_found(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut of the data that hands every label to training."""

    def leaky(dataset: Dataset, *rest: Any) -> tuple[Problem, TestSet]:
        problem, test = divide(dataset, *rest)
        data = problem.training
        everything = TrainingData(data.graph, data.task, torch.arange(data.num_items), dataset.labels)
        return replace(problem, training=everything), test

    monkeypatch.setattr(examples, "divide", leaky)
    with pytest.raises(AssertionError):
        verdict(check, METHODS.get("supervised"))


def test_a_sound_method_passes(registered: Callable[[type[Method[Any]]], MethodInfo]) -> None:
    """The faults above are all that these methods have: without one, every check is quiet."""

    class Sound(Supervised):
        """Somebody et al. (2000), equation 1."""

        Hyperparameters = Weighted

        def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
            terms = super().loss(batch, student)
            if self.hyper.weight > 0:
                terms["penalty"] = self.hyper.weight * student.logits.square().mean()
            return terms

    info = registered(Sound)
    for check in FAULTY:
        verdict(check, info)
