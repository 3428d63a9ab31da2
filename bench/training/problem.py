"""A dataset under a split and a setting, as training sees it, and the test set that it never sees."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset, largest_component
from graph_distillery.bench.data.files.source import number_of
from graph_distillery.bench.data.loaders.links.pairs import (
    LINK_SPLITS,
    NEW,
    PRODUCTION,
    buckets,
    check_hidden,
    inference_graph,
    observed_graph,
)
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.registry import why_not_together
from graph_distillery.bench.data.splits import COMPONENT_SPLITS, ISOLATION, Split, hide_inductive, make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract import Task, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import lasting
from graph_distillery.methods.task_info import Metric
from graph_distillery.methods.tasks.registry import TASKS, make_task
from graph_distillery.near_names import unknown_line

SETTINGS = ("transductive", "inductive", "graph-level")


@dataclass(frozen=True)
class ProblemKey:
    """What names a problem, less its seed."""

    dataset: str
    split: str
    setting: str
    data_dir: Path | None = None


@dataclass(frozen=True)
class Judged:
    """Items to be judged: predict on `graph`, read `items` ([count] int64), compare with `labels`.

    often: whether this is done in every epoch, so that it pays to find out first what has to be read.
    """

    graph: Graph
    items: Tensor
    labels: Tensor
    often: bool = False
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def cached(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` returns, made once for these items and kept under `key`."""
        if key not in self._kept:
            with lasting():
                self._kept[key] = make()
        return self._kept[key]

    @cached_property
    def rows(self) -> Graph:
        """The items' features without any edge, for what reads no more than that."""
        return self.graph.rows(self.items)


@dataclass(frozen=True)
class Identity:
    """What a record says of the data behind a run; `split_sha256` is that of the seed's own split, `test_sha256` that
    of its test items; `items` counts those of training, validation and test."""

    dataset_sha256: str
    node_order_sha256: str
    split_sha256: str
    metric: Metric
    task: str
    test_sha256: str | None = None
    items: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Precomputed:
    """An artefact of the observed graph: its settings, and its tensors by name."""

    settings: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that training and tuning may see for one seed. It holds no test item and no test label.

    artefacts: what was computed for it beforehand, by the artefact's name; see `precomputed`.
    """

    key: ProblemKey
    seed: int
    training: TrainingData
    validation: Judged
    identity: Identity
    artefacts: Mapping[str, Precomputed] = field(default_factory=dict)

    @cached_property
    def learned(self) -> Judged:
        """The labelled items of the training data, kept so that all trainings on it share what they read."""
        data = self.training
        return Judged(data.graph, data.labelled, data.labels, often=True)


@dataclass(frozen=True)
class TestSet:
    """The sealed part, opened by report runs alone.

    parts: "all" in the transductive and graph-level settings; "tran" and "ind" in GLNN's inductive setting, where
    `prod` is their mean weighted by the share of hidden items. subsets: places within "all", [count] int64, of items
    that are judged by themselves besides. numbers: of the same parts the items' numbers in the dataset, [count] int64,
    since a part's own graph may count anew.
    """

    __test__ = False

    parts: Mapping[str, Judged]
    numbers: Mapping[str, Tensor]
    hidden_share: float = 0.0
    subsets: Mapping[str, Tensor] = field(default_factory=dict)


class ProblemSource:
    """Makes problems of datasets, and keeps the last ones.

    datasets: gives a dataset by its name and the data folder. A worker on another machine has them from the driver;
    else they come from this machine's folders.
    """

    def __init__(self, datasets: Callable[[str, Path | None], Dataset] = load_dataset) -> None:
        self._datasets = datasets
        self._kept = lru_cache(maxsize=4)(self._read)
        self._views = lru_cache(maxsize=32)(self._cut)

    def problem(self, key: ProblemKey, seed: int, device: str = "cpu") -> Problem:
        """The problem of one seed; the seed picks the split where the split is random.

        Raises:
            UserError: the setting does not fit the dataset, or the split cannot be made.
        """
        return self._views(key, seed, device, number_of(key.dataset))[0]

    def test_set(self, key: ProblemKey, seed: int, device: str = "cpu") -> TestSet:
        """The test set of one seed. Only report runs call this."""
        return self._views(key, seed, device, number_of(key.dataset))[1]

    def dataset(self, key: ProblemKey) -> Dataset:
        """The dataset behind a problem: every split of it can be made from this."""
        return self._dataset(key.dataset, key.data_dir, False)

    def split_dataset(self, key: ProblemKey) -> Dataset:
        """The dataset whose items the splits of a problem number: of some splits the largest component alone."""
        return self._dataset(key.dataset, key.data_dir, key.split in COMPONENT_SPLITS)

    def _dataset(self, name: str, data_dir: Path | None, component: bool) -> Dataset:
        return self._kept(name, data_dir, component, number_of(name))

    def _read(self, name: str, data_dir: Path | None, component: bool, adopted: int) -> Dataset:
        """The dataset; with `component` its largest component, cut once so that all seeds share one graph."""
        if component:
            return largest_component(self._dataset(name, data_dir, False))
        return self._datasets(name, data_dir)

    def _cut(self, key: ProblemKey, seed: int, device: str, adopted: int) -> tuple[Problem, TestSet]:
        dataset, split = make_split(self.split_dataset(key), key.split, seed)
        return divide(dataset, split, key, seed, device)


#: What this process makes of the data that this machine has.
HERE = ProblemSource()


def load_problem(key: ProblemKey, seed: int, device: str = "cpu") -> Problem:
    """`ProblemSource.problem` of this machine's data."""
    return HERE.problem(key, seed, device)


def split_identity(key: ProblemKey, seed: int) -> Identity:
    """What records will say of the data behind a seed, without the views of them that training takes.

    Raises:
        UserError: the split cannot be made.
    """
    dataset, split = make_split(split_dataset(key), key.split, seed)
    return _identity(dataset, split)


def open_test_set(key: ProblemKey, seed: int, device: str = "cpu") -> TestSet:
    """`ProblemSource.test_set` of this machine's data."""
    return HERE.test_set(key, seed, device)


def whole_dataset(key: ProblemKey) -> Dataset:
    """`ProblemSource.dataset` of this machine's data."""
    return HERE.dataset(key)


def split_dataset(key: ProblemKey) -> Dataset:
    """`ProblemSource.split_dataset` of this machine's data."""
    return HERE.split_dataset(key)


def observed_by(key: ProblemKey, seed: int) -> list[Any]:
    """What the observed graph depends on besides the dataset: in the transductive setting nothing of the split."""
    if key.split == ISOLATION:
        return [ISOLATION, *([] if key.setting == "transductive" else [key.setting, seed])]
    if key.split in LINK_SPLITS:
        return [key.split]
    if key.setting == "transductive":
        return ["component" if key.split in COMPONENT_SPLITS else "whole"]
    return [key.setting, key.split, seed]


def divide(dataset: Dataset, split: Split, key: ProblemKey, seed: int, device: str = "cpu") -> tuple[Problem, TestSet]:
    """What training may see of a dataset that is at hand, and its test set.

    Raises:
        UserError: the setting does not fit the dataset.
    """
    check_setting(dataset, key.setting)
    if reason := why_not_together(TASKS.get(dataset.task), split.name, key.setting):
        raise UserError(f"dataset {dataset.name!r}: {reason}")
    task = make_task(dataset.task, dataset.num_classes)
    many = dataset.graph.num_graphs > 1
    if split.name in LINK_SPLITS:
        data, validation, test = _links(dataset, split, task)
    elif many:
        data, validation, test = _many_graphs(dataset, split, task)
    elif key.setting == "inductive":
        data, validation, test = _inductive(dataset, split, task)
    else:
        data, validation, test = _transductive(dataset, split, task)
    identity = _identity(dataset, split)
    moved = TrainingData(data.graph.to(device), task, data.labelled.to(device), data.labels.to(device), data.redraws)
    judged = replace(_to(validation, device, data.graph, moved.graph), often=True)
    problem = Problem(key, seed, moved, judged, identity)
    parts = {name: _to(part, device, data.graph, moved.graph) for name, part in test.parts.items()}
    return problem, replace(test, parts=parts)


def _identity(dataset: Dataset, split: Split) -> Identity:
    counts = (split.train.numel(), split.val.numel(), split.test.numel())
    named = (dataset.sha256, dataset.node_order_sha256, split.sha256, dataset.metric, dataset.task)
    return Identity(*named, split.test_sha256, counts)


def check_setting(dataset: Dataset, setting: str) -> None:
    """Raises UserError where the setting does not fit the dataset."""
    if setting not in SETTINGS:
        raise UserError(unknown_line("setting", setting, SETTINGS))
    fitting = TASKS.get(dataset.task).settings
    if setting not in fitting:
        raise UserError(f"setting {setting!r} does not fit dataset {dataset.name!r}, which is {' or '.join(fitting)}")
    if setting == "transductive" and dataset.graph.num_graphs > 1:
        raise UserError(f"dataset {dataset.name!r} has many graphs and is inductive")


def _to(judged: Judged, device: str, observed: Graph, moved: Graph) -> Judged:
    """On the device, sharing the observed graph (and its matrices) where it is the same."""
    graph = moved if judged.graph is observed else judged.graph.to(device)
    return Judged(graph, judged.items.to(device), judged.labels.to(device))


def _transductive(dataset: Dataset, split: Split, task: Task) -> tuple[TrainingData, Judged, TestSet]:

    def part(items: Tensor) -> Judged:
        graph = dataset.graph
        if task.items.are_asked:  # no part is asked about what belongs to another
            graph, places = task.items.chosen(graph, items)
            return Judged(graph, places, dataset.labels[items])
        return Judged(graph, items, dataset.labels[items])

    train = part(split.train)
    data = TrainingData(train.graph, task, train.items, train.labels)
    return data, part(split.val), TestSet({"all": part(split.test)}, {"all": split.test})


def _links(dataset: Dataset, split: Split, task: Task) -> tuple[TrainingData, Judged, TestSet]:
    """Training and validation read the edges of training pairs. So does the test of `links-5-10`; that of
    `links-production` reads every edge but its own, and its new nodes, which stand last, are in no other graph."""
    graph, order = dataset.graph, torch.arange(dataset.graph.num_nodes)
    observed = whole = observed_graph(dataset, split.train)
    if split.name == PRODUCTION:
        order = torch.argsort(graph.node_columns[NEW], stable=True)
        old = order[graph.node_columns[NEW][order] == 0]
        observed, whole = observed.induced_subgraph(old), inference_graph(dataset, split.test).induced_subgraph(order)
    pairs = torch.argsort(order)[graph.asked_pairs]
    asked = [(observed, split.train), (observed, split.val), (whole, split.test)]
    parts = [Judged(of.with_pairs(pairs[at]), torch.arange(at.numel()), dataset.labels[at]) for of, at in asked]
    for part in parts[1:]:
        check_hidden(part.graph, part.graph.asked_pairs[part.labels == 1])
    train, validation, test = parts
    data = TrainingData(train.graph, task, train.items, train.labels, redraws=True)
    subsets = buckets(dataset, split.test) if split.name == PRODUCTION else {}
    return data, validation, TestSet({"all": test}, {"all": split.test}, subsets=subsets)


def _inductive(dataset: Dataset, split: Split, task: Task) -> tuple[TrainingData, Judged, TestSet]:
    """GLNN, section 5.1: hidden test nodes and every edge that touches them are away until the report.

    The whole graph is renumbered with the hidden nodes last, so that observed nodes keep their numbers in both.
    """
    observed_test, hidden = hide_inductive(split, split.seed)
    is_hidden = torch.zeros(dataset.graph.num_nodes, dtype=torch.bool)
    is_hidden[hidden] = True
    order = torch.cat([torch.nonzero(~is_hidden).flatten(), torch.nonzero(is_hidden).flatten()])
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    whole = dataset.graph.induced_subgraph(order)
    observed = dataset.graph.induced_subgraph(order[: order.numel() - hidden.numel()])
    labels = dataset.labels
    data = TrainingData(observed, task, place[split.train], labels[split.train])
    validation = Judged(observed, place[split.val], labels[split.val])
    parts = {
        "tran": Judged(observed, place[observed_test], labels[observed_test]),
        "ind": Judged(whole, place[hidden], labels[hidden]),
    }
    return data, validation, TestSet(parts, {"tran": observed_test, "ind": hidden}, hidden.numel() / split.test.numel())


def _many_graphs(dataset: Dataset, split: Split, task: Task) -> tuple[TrainingData, Judged, TestSet]:
    """Training, validation and test are disjoint sets of graphs; every item of a set is labelled."""

    def part(items: Tensor) -> Judged:
        graph = dataset.graph.select_graphs(task.items.graphs_of(dataset.graph, items))
        return Judged(graph, torch.arange(items.numel()), dataset.labels[items])

    train = part(split.train)
    data = TrainingData(train.graph, task, train.items, train.labels)
    return data, part(split.val), TestSet({"all": part(split.test)}, {"all": split.test})
