"""Small problems with a trained teacher, and the cases of a method that are tried on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.splits import Split, make_split
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.training.engine import Configuration, Trained, build, train
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.bench.training.problem import Problem, ProblemKey, divide
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.contract import Method, Teacher, TrainingData
from graph_distillery.methods.tasks.registry import TASKS, make_task, stand_in_task

SEED = 0
#: Small data per task: real digits, generated motifs, generated graphs with ten labels a node.
DATA: Mapping[str, ProblemKey] = {
    "node-classification": ProblemKey("digits-knn", "cpf", "transductive"),
    "node-multilabel": ProblemKey("multi-sbm-small", "graphs", "inductive"),
    "graph-classification": ProblemKey("motifs", "holdout-70-30", "graph-level"),
}
#: The student of each kind.
STUDENTS = {"mlp": "mlp", "gnn": "sage"}
#: How students are trained here; narrower than the teacher, so that hidden states need a projection.
TRAINING: Mapping[str, Any] = {
    "layers": 2, "hidden": 16, "dropout": 0.1, "lr": 0.02, "weight_decay": 0.0, "epochs": 40, "patience": 0,
}  # fmt: skip
TEACHER: Mapping[str, Any] = {**TRAINING, "hidden": 24, "dropout": 0.0}
#: What a task's teacher has besides: methods without training data read the statistics of its batch norms.
TEACHER_OF: Mapping[str, Mapping[str, Any]] = {"graph-classification": {"norm": "batch"}}
#: How far above the best constant prediction a trained student's validation score must be.
MARGIN = {"accuracy": 0.2, "micro_f1": 0.05, "macro_f1": 0.05, "roc_auc": 0.2, "hits_20": 0.2}
#: Nodes of a task's own made-up data, where no small dataset stands for the task.
STAND_IN_SIZE = 200
#: Random points of its search space that a method's cases try together, at least three each.
DRAWS = 10
#: Epochs of the runs that are compared to the bit: what two runs share or do not share shows as well as in a full one.
SHORT = 6


@dataclass(frozen=True)
class Example:
    """A small problem with a trained teacher.

    dataset, split: what it was cut from, test items included; for checks, never for training.
    """

    dataset: Dataset
    split: Split
    problem: Problem
    teacher: Teacher

    def teachers(self, info: MethodInfo) -> tuple[Teacher, ...]:
        """As many teachers as the method takes; two of several, which are of different models and widths."""
        several = (self.teacher, second_teacher(self.problem.key)) if info.teacher == "many" else ()
        return several or (self.teacher,) * (info.teacher == "one")

    def taught_for(self, info: MethodInfo) -> Example:
        """The same, with the teacher made anew where the method asks for that."""
        if info.derived_teacher is None:
            return self
        return replace(self, teacher=teacher_anew(self.problem.key, info.derived_teacher))

    def with_other_training_data(self) -> Problem:
        """The same problem, but for what it trains on: noise as features, no edge, the next class as label."""
        data, generator = self.problem.training, torch.Generator().manual_seed(SEED)
        features = torch.rand(data.graph.num_nodes, data.graph.num_features, generator=generator)
        graph = data.graph.without_edges().with_features(features)
        labels = wrong_labels(self.dataset, self.split.train)
        return replace(self.problem, training=TrainingData(graph, data.task, data.labelled, labels))

    def relabelled(self, items: Tensor, labels: Tensor) -> Problem:
        """The same problem where the given items ([count] int64) carry other labels."""
        changed = self.dataset.labels.clone()
        changed[items] = labels
        problem, _ = divide(self.dataset.with_labels(changed), self.split, self.problem.key, SEED)
        return replace(problem, identity=self.problem.identity)


def problem_for(task: str) -> Example:
    """The small problem that stands for a task, and a GCN of 24 units trained on it for 40 epochs as its teacher.

    A task without a small dataset, such as a plug-in's, is tried on its own `stand_in`. Made once per process.

    Raises:
        UnknownNameError: no such task.
    """
    return example_on(DATA[task]) if task in DATA else _example_on_stand_in(task)


@lru_cache
def example_on(key: ProblemKey) -> Example:
    """The example on any data; made once per process."""
    return _example(*make_split(load_dataset(key.dataset), key.split, SEED), key)


@lru_cache
def _example_on_stand_in(name: str) -> Example:
    """Of the items that may be labelled, in an order that is drawn, three fifths train and a fifth validates."""
    task, generator = stand_in_task(name), torch.Generator().manual_seed(SEED)
    made = task.stand_in(generator, STAND_IN_SIZE)
    dataset = Dataset.build(name, name, task.info.metrics[0], made.graph, made.labels, task.num_classes)
    order = made.items[torch.randperm(made.items.numel(), generator=generator)]
    first, second = int(0.6 * order.numel()), int(0.8 * order.numel())
    parts = (part.sort().values for part in (order[:first], order[first:second], order[second:]))
    split = Split("random-60-20-20", SEED, *parts)
    return _example(dataset, split, ProblemKey(name, split.name, task.info.settings[0]))


def _example(dataset: Dataset, split: Split, key: ProblemKey) -> Example:
    problem, _ = divide(dataset, split, key, SEED)
    return Example(dataset, split, problem, _taught(problem, "gcn"))


@lru_cache
def second_teacher(key: ProblemKey) -> Teacher:
    """A SAGE of 20 units, for methods that take several teachers; made once per process."""
    return _taught(_known(key).problem, "sage", hidden=20)


@lru_cache
def teacher_anew(key: ProblemKey, method: str) -> Teacher:
    """The example's teacher as a method makes it anew (`MethodInfo.derived_teacher`); made once per process."""
    example = _known(key)
    problem, source = example.problem, example.teacher
    hyper = {**TEACHER, **TEACHER_OF.get(problem.training.task.name, {})}
    configuration = Configuration(method, "paper", METHODS.load(method).quick, source.name, hyper)
    (trained,) = train(configuration, [SEED], lambda _: problem, lambda _: (source,))
    return unpack_teacher(pack_teacher("0" * 16, trained, configuration), problem)


def _known(key: ProblemKey) -> Example:
    return _example_on_stand_in(key.dataset) if key.dataset in TASKS else example_on(key)


def _taught(problem: Problem, model: str, **hyper: Any) -> Teacher:
    hyper = {**TEACHER, **TEACHER_OF.get(problem.training.task.name, {}), **hyper}
    configuration = Configuration("supervised", student=model, student_hyper=hyper)
    (trained,) = train(configuration, [SEED], lambda _: problem, lambda _: ())
    return unpack_teacher(pack_teacher("0" * 16, trained, configuration), problem)


def wrong_labels(dataset: Dataset, items: Tensor) -> Tensor:
    """A false label for each item ([count], or [count, labels])."""
    return make_task(dataset.task, dataset.num_classes).other_labels(dataset.labels[items])


@dataclass(frozen=True)
class Case:
    """A method on one task, with one kind of student (None: it has none), in one variant.

    model: the student, where the method trains certain models alone; "" takes the one that stands for the kind.
    """

    method: str
    task: str
    kind: str | None
    variant: str = "paper"
    model: str = ""

    def __str__(self) -> str:
        variant = None if self.variant == "paper" else self.variant
        return "-".join(part for part in (self.method, self.task, self.model or self.kind, variant) if part)

    @property
    def info(self) -> MethodInfo:
        return METHODS.get(self.method)

    @property
    def method_class(self) -> type[Method[Any]]:
        loaded: type[Method[Any]] = METHODS.load(self.method)
        return loaded

    @property
    def example(self) -> Example:
        """With the artefacts that the method needs, and its teacher made anew where it asks for that; made once."""
        return example_of(self)

    def configuration(self, hyper: Mapping[str, Any] | None = None, **training: Any) -> Configuration:
        """Published defaults, `quick` ones where the method has them, and the training of this module, but for
        what is given; of what is quick nothing is changed."""
        student = (self.model or STUDENTS[self.kind]) if self.kind else None
        settings = {**TRAINING, **training} if student else {}
        if self.info.retrains_teacher:  # whatever is asked for, its layers and widths are the teacher's
            settings |= {"norm": "none", **TEACHER_OF.get(self.task, {}), "hidden": TEACHER["hidden"]}
        return Configuration(self.method, self.variant, {**(hyper or {}), **self.method_class.quick}, student, settings)

    def fresh(self, example: Example | None = None, **training: Any) -> Method[Any]:
        """The method as it is before training, in training mode."""
        example = example or self.example
        return build(self.configuration(**training), example.problem, example.teachers(self.info)).train()

    def trained(
        self,
        hyper: Mapping[str, Any] | None = None,
        problem: Problem | None = None,
        example: Example | None = None,
        **training: Any,
    ) -> Trained:
        """One run. Everything it draws is seeded by the problem's seed."""
        configuration = self.configuration(hyper, **training)
        given, teachers = self.example.problem, (example or self.example).teachers(self.info)
        if hyper or problem or example:
            given = prepared(problem or (example or self.example).problem, configuration)
        return next(train(configuration, [given.seed], lambda _: given, lambda _: teachers))


def cases_of(name: str) -> list[Case]:
    """Every case that the method's catalogue entry names."""
    info = METHODS.get(name)
    return [
        Case(name, task, kind, variant, model)
        for task in tasks_of(info)
        for kind, model in _students(info)
        for variant in info.variants
    ]


def sample_of(name: str) -> list[Case]:
    """Few of the cases, in which every student, every variant and every task comes at least once: the first, then
    again and again the first of those that bring most of what is missing."""
    cases = cases_of(name)
    brings = [{("task", each.task), ("student", each.kind, each.model), ("variant", each.variant)} for each in cases]
    missing, chosen = set[tuple[Any, ...]]().union(*brings), []
    while missing:
        next_one = max(range(len(cases)), key=lambda number: len(missing & brings[number]))
        chosen.append(cases[next_one])
        missing -= brings[next_one]
    return chosen


def tasks_of(info: MethodInfo) -> list[str]:
    """The tasks that it supports, by name."""
    return [name for name in TASKS.names if info.supports(name)]


def _students(info: MethodInfo) -> list[tuple[str | None, str]]:
    """Kind and model of each student it is tried on."""
    if info.retrains_teacher:
        return [("gnn", "gcn")]
    if info.student_models:
        return [(MODELS.get(model).kind, model) for model in info.student_models]
    return [(kind, "") for kind in info.students or (None,)]


@cache
def example_of(case: Case) -> Example:
    example = problem_for(case.task)
    if case.info.supports(case.task):
        example = example.taught_for(case.info)
    return replace(example, problem=prepared(example.problem, case.configuration()))


@cache
def first_run(case: Case) -> Trained:
    """The run that a case's checks share."""
    return case.trained()


@cache
def short_run(case: Case) -> Trained:
    """The run of `SHORT` epochs that another is compared to."""
    return case.trained(epochs=SHORT)


@cache
def later_run(case: Case) -> Trained:
    """The same again after a run of another seed and width in this process, and with every test label wrong."""
    example = case.example
    case.trained(problem=replace(example.problem, seed=SEED + 1), hidden=12, epochs=2)
    wrong = wrong_labels(example.dataset, example.split.test)
    return case.trained(problem=example.relabelled(example.split.test, wrong), epochs=SHORT)
