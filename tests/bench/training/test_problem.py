"""What training may see of a dataset, and what it may not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.splits import Split, hide_inductive, make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Configuration, train
from graph_distillery.bench.training.judging import judge, judge_test
from graph_distillery.bench.training.problem import Problem, ProblemKey, TestSet, divide, load_problem, open_test_set
from graph_distillery.methods.contract.graph import Graph

KEYS = {
    "transductive": ProblemKey("csbm", "random-60-20-20", "transductive"),
    "inductive": ProblemKey("csbm", "random-60-20-20", "inductive"),
    "graphs": ProblemKey("motifs", "holdout-70-30", "graph-level"),
    "multilabel": ProblemKey("multi-sbm-small", "graphs", "inductive"),
}


def cut(key: ProblemKey, seed: int = 0) -> tuple[Dataset, Split, Problem, TestSet]:
    dataset, split = make_split(load_dataset(key.dataset), key.split, seed)
    return dataset, split, *divide(dataset, split, key, seed)


def reachable(value: Any, path: str = "problem") -> Iterator[tuple[str, Tensor]]:
    """Every tensor that can be reached, through fields, caches and containers."""
    if isinstance(value, Tensor):
        yield path, value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from reachable(getattr(value, field.name), f"{path}.{field.name}")
        for name, kept in vars(value).items():  # cached properties
            if name not in {field.name for field in fields(value)}:
                yield from reachable(kept, f"{path}.{name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from reachable(item, f"{path}[{key!r}]")
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from reachable(item, f"{path}[{index}]")


def content(problem: Problem) -> dict[str, str]:
    """A hash per reachable tensor, of the whole storage behind it: a view would show what it was cut from."""
    found = {}
    for path, tensor in reachable(replace(problem, identity=None)):
        parts = [tensor] if tensor.layout == torch.strided else [tensor.crow_indices(), tensor.col_indices()]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(f"{part.dtype}{list(part.shape)}".encode())
            digest.update(torch.empty(0, dtype=torch.uint8).set_(part.untyped_storage()).numpy().tobytes())
        found[path] = digest.hexdigest()
    return found


@pytest.mark.parametrize("name", list(KEYS))
def test_no_test_label_is_within_reach(name: str) -> None:
    """Whatever the test labels are, the problem is the same in every byte that can be reached from it."""
    dataset, split, problem, _ = cut(KEYS[name])
    before = content(problem)  # at once: the other problem below stands on the same graph
    labels = dataset.labels.clone()
    labels[split.test] = 1 - labels[split.test] if labels.dim() > 1 else (labels[split.test] + 1) % dataset.num_classes
    other, _ = divide(dataset.with_labels(labels), split, KEYS[name], 0)
    assert other.identity.dataset_sha256 != problem.identity.dataset_sha256
    assert content(other) == before
    # What is compared does tell of labels: those of validation items show.
    labels[split.test], labels[split.val] = dataset.labels[split.test], labels[split.val] * 0
    told, _ = divide(dataset.with_labels(labels), split, KEYS[name], 0)
    assert {path for path, seen in content(told).items() if seen != before[path]} == {"problem.validation.labels"}


@pytest.mark.parametrize("name", ["transductive", "graphs"])
def test_no_test_item_is_within_reach(name: str) -> None:
    """Whichever of the other items are tested, the problem is the same."""
    dataset, split, problem, _ = cut(KEYS[name])
    before = content(problem)
    other, _ = divide(dataset, replace(split, test=split.test[::2]), KEYS[name], 0)
    assert content(other) == before


def test_judging_the_test_set_leaves_no_trace_in_the_problem() -> None:
    """Problem and test set share the observed graph, and what is kept with it must not tell of test items."""
    key = KEYS["transductive"]
    _, _, problem, test = cut(key)
    configuration = Configuration("supervised", student="mlp", student_hyper={"hidden": 4, "epochs": 1})
    (run,) = train(configuration, [0], lambda _: problem, lambda _: ())
    judge(run.method, problem, problem.validation)
    before = content(problem)
    judge_test(run.method, problem, test)
    assert content(problem) == before


def edge_set(graph: Graph) -> set[tuple[int, int]]:
    return set(zip(*graph.edge_index.tolist(), strict=True))


def test_hidden_nodes_are_away_and_observed_ones_keep_their_numbers() -> None:
    dataset, split, problem, test = cut(KEYS["inductive"])
    observed_test, hidden = (part.tolist() for part in hide_inductive(split, split.seed))
    whole, observed = test.parts["ind"].graph, problem.training.graph
    order = [node for node in range(1000) if node not in set(hidden)] + hidden
    assert observed.num_nodes == 1000 - len(hidden) == 960
    # Each node's features stand where its number says, in both graphs.
    assert torch.equal(whole.dense_features(), dataset.graph.dense_features()[order])
    assert torch.equal(observed.dense_features(), whole.dense_features()[:960])
    # The observed graph holds all edges among observed nodes, and none that touches a hidden one.
    renumbered = {(order[a], order[b]) for a, b in edge_set(whole)}
    assert renumbered == edge_set(dataset.graph)
    assert edge_set(observed) == {(a, b) for a, b in edge_set(whole) if a < 960 and b < 960}
    # The parts are the split's, under the new numbers, with their own labels.
    place = {node: number for number, node in enumerate(order)}
    parts = [
        (problem.training.labelled, problem.training.labels, split.train.tolist()),
        (problem.validation.items, problem.validation.labels, split.val.tolist()),
        (test.parts["tran"].items, test.parts["tran"].labels, observed_test),
        (test.parts["ind"].items, test.parts["ind"].labels, hidden),
    ]
    for items, labels, nodes in parts:
        assert items.tolist() == [place[node] for node in nodes]
        assert torch.equal(labels, dataset.labels[nodes])
    assert test.parts["tran"].graph is problem.validation.graph is observed


def test_prod_is_a_fifth_hidden_and_four_fifths_observed() -> None:
    """GLNN, section 5.1; and so the accuracy over all test items."""
    key = KEYS["inductive"]
    problem, test = load_problem(key, 1), open_test_set(key, 1)
    configuration = Configuration("supervised", student="gcn", student_hyper={"hidden": 8, "epochs": 5})
    (run,) = train(configuration, [1], lambda _: problem, lambda _: ())
    found = judge_test(run.method, problem, test)
    assert test.hidden_share == 0.2
    assert found["prod"] == 0.2 * found["ind"] + 0.8 * found["tran"] == found["accuracy"]
    hits = 0.0
    for part in test.parts.values():
        predicted = run.method.predict(part.graph).logits[part.items].argmax(1)
        hits += float((predicted == part.labels).sum())
    assert found["prod"] == pytest.approx(hits / 200, abs=1e-12)


@pytest.mark.parametrize("name", ["graphs", "multilabel"])
def test_sets_of_graphs_share_none(name: str) -> None:
    dataset, split, problem, test = cut(KEYS[name])
    graphs = [problem.training.graph, problem.validation.graph, test.parts["all"].graph]
    parts = [split.train, split.val, split.test]
    for graph, items in zip(graphs, parts, strict=True):
        nodes = items if dataset.level == "node" else dataset.graph.nodes_of(items)
        assert torch.equal(graph.dense_features(), dataset.graph.dense_features()[nodes])
    assert torch.equal(problem.training.labels, dataset.labels[split.train])
    assert torch.equal(test.parts["all"].labels, dataset.labels[split.test])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (ProblemKey("karate", "public", "graph-level"), "setting 'graph-level' does not fit dataset 'karate'"),
        (ProblemKey("karate", "public", "inductiv"), "unknown setting 'inductiv'; did you mean 'inductive'?"),
        (ProblemKey("motifs", "kfold-10", "transductive"), "does not fit dataset 'motifs', which is graph-level"),
        (ProblemKey("multi-sbm-small", "graphs", "transductive"), "has many graphs and is inductive"),
    ],
)
def test_a_setting_that_does_not_fit(key: ProblemKey, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_problem(key, 0)
