"""Datasets of pairs: what each part holds, what each graph shows, and what is refused."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from graph_distillery.bench.data.checks import sound
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.files.reading import own_dataset
from graph_distillery.bench.data.files.source import DataSource
from graph_distillery.bench.data.files.survey import proposal, spec_text
from graph_distillery.bench.data.loaders.links.pairs import BUCKETS, FIXED, NEW, PRODUCTION, check_hidden, link_dataset
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.problem import ProblemKey, divide
from graph_distillery.methods.contract.graph import Graph

NODES, SHARE = 90, 0.3


@pytest.fixture(scope="module")
def made() -> Dataset:
    generator = torch.Generator().manual_seed(3)
    joined = (torch.rand(NODES, NODES, generator=generator) < 0.25).triu(1).nonzero().T
    graph = Graph.build(torch.rand(NODES, 4, generator=generator), torch.cat([joined, joined.flip(0)], dim=1))
    return sound(link_dataset("made", graph, SHARE))


def pairs_of(dataset: Dataset, items: Tensor, label: int) -> set[tuple[int, ...]]:
    """The pairs of this label among items, as ordered tuples."""
    chosen = dataset.graph.asked_pairs[items[dataset.labels[items] == label]]
    return {tuple(sorted(pair)) for pair in chosen.tolist()}


def edges_of(graph: Graph) -> set[tuple[int, ...]]:
    return {tuple(sorted(arc)) for arc in graph.edge_index.T.tolist()}


def test_the_fixed_split_is_that_of_llps_code(made: Dataset) -> None:
    """PyG's `train_test_split_edges` after seed 234, to the pair."""
    from torch_geometric.data import Data
    from torch_geometric.utils import train_test_split_edges

    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(234)
        theirs = train_test_split_edges(Data(edge_index=made.graph.edge_index, num_nodes=NODES), 0.05, 0.1)
    split = make_split(made, FIXED, 7)[1]
    for part, items in (("val", split.val), ("test", split.test)):
        for label, sign in ((1, "pos"), (0, "neg")):
            assert pairs_of(made, items, label) == {tuple(p) for p in theirs[f"{part}_{sign}_edge_index"].T.tolist()}
    assert torch.equal(split.test, make_split(made, FIXED, 100)[1].test)


@pytest.mark.parametrize(("name", "setting"), [(FIXED, "transductive"), (PRODUCTION, "inductive")])
def test_no_graph_shows_what_is_asked(made: Dataset, name: str, setting: str) -> None:
    """Training and validation read the edges of training pairs, a test what LLP lets it read, and parts share none."""
    split = make_split(made, name, 0)[1]
    problem, test = divide(made, split, ProblemKey("made", name, setting), 0)
    training, judged = problem.training, test.parts["all"]
    parts = [split.train, split.val, split.test]
    for label in (0, 1):
        mine = [pairs_of(made, part, label) for part in parts]
        assert sum(map(len, mine)) == len(set.union(*mine))
    shown = edges_of(training.graph)
    assert shown == {tuple(sorted(p)) for p in training.graph.asked_pairs[training.labels == 1].tolist()}
    assert edges_of(problem.validation.graph) == shown
    train, val, tested = (pairs_of(made, part, 1) for part in parts)
    if name == FIXED:
        assert edges_of(judged.graph) == shown == edges_of(made.graph) - val - tested
        assert len(train) == (split.train.numel() + 1) // 2
        return
    new = set(made.graph.node_columns[NEW].nonzero().flatten().tolist())
    assert training.graph.num_nodes == NODES - len(new) == NODES - round(SHARE * NODES)
    assert not {node for pair in train | val for node in pair} & new
    assert set(training.graph.node_ids.tolist()).isdisjoint(new)
    read = {tuple(sorted(judged.graph.node_ids[list(edge)].tolist())) for edge in edges_of(judged.graph)}
    assert read == edges_of(made.graph) - tested
    asked = judged.graph.node_ids[judged.graph.asked_pairs]  # numbered anew, and the same pairs
    assert torch.equal(asked, made.graph.asked_pairs[split.test])
    every = edges_of(made.graph)
    for count, bucket in enumerate(BUCKETS):
        places = test.subsets[bucket]
        members = {edge for edge in every if len(new & set(edge)) == count}
        found = pairs_of(made, split.test[places], 1)
        assert found <= members
        assert len(found) == int(SHARE * len(members))
        assert int((judged.labels[places] == 0).sum()) == round(SHARE * len(every))


def test_what_is_wrong_with_pairs(made: Dataset) -> None:
    graph, pairs, labels = made.graph, made.graph.asked_pairs, made.labels
    (train, val, test) = made.fixed_splits[FIXED][0]

    def refused(text: str, **changed: object) -> None:
        with pytest.raises(DataFault, match=text):
            sound(replace(made, **changed))  # type: ignore[arg-type]

    other = pairs.clone()
    other[5] = torch.tensor([3, NODES])
    refused(f"pair 5 is .3, {NODES}.; nodes are 0 to {NODES - 1}", graph=graph.with_pairs(other))
    other[5] = 3
    refused("pair 5 joins node 3 with itself", graph=graph.with_pairs(other))
    refused("pair 0 has label 0, and an edge joins nodes", labels=torch.cat([1 - labels[:1], labels[1:]]))
    refused(r"pair [\d,]+ has label 1, and no edge joins nodes", labels=torch.cat([labels[:-1], 1 - labels[-1:]]))
    turned = torch.cat([pairs, pairs[test[:1]].flip(1)])
    twice = {FIXED: [(torch.cat([train, torch.tensor([len(pairs)])]), val, test)]}
    told = torch.cat([labels, labels[test[:1]]])
    refused("stands in it more than once", graph=graph.with_pairs(turned), labels=told, fixed_splits=twice)
    few = {FIXED: [(train, val[labels[val] == 1][:9], test)]}
    refused("all 9 items of its validation part have label 1", fixed_splits=few)
    few = {FIXED: [(train, torch.cat([val[:3], val[-9:]]), test)]}
    refused("validation part has 9 items of label 0, and Hits@20 needs 20", fixed_splits=few)
    with pytest.raises(DataFault, match="the graph shows the edge of nodes"):
        check_hidden(graph, pairs[test])
    with pytest.raises(UserError, match="split 'links-production' is inductive, not transductive"):
        divide(made, make_split(made, PRODUCTION, 0)[1], ProblemKey("made", PRODUCTION, "transductive"), 0)
    with pytest.raises(UserError, match="has no split 'random-60-20-20'"):
        make_split(made, "random-60-20-20", 0)


@pytest.fixture(scope="module")
def asked() -> Dataset:
    """Pairs of one's own, none of them an edge: what is asked about them is not what the graph is made of."""
    generator = torch.Generator().manual_seed(4)
    apart = torch.ones(NODES, NODES).triu(1).nonzero()
    apart = apart[torch.randperm(len(apart), generator=generator)]
    graph = Graph.build(torch.rand(NODES, 4, generator=generator), apart[300:600].T)
    labels, items = torch.arange(200) % 2, torch.arange(200)
    splits = {"public": [(items[:100], items[100:150], items[150:])]}
    return sound(Dataset.build("asked", "link-prediction", "hits_20", graph.with_pairs(apart[:200]), labels, 1, splits))


def test_pairs_of_ones_own_that_are_wrong(asked: Dataset) -> None:
    """The kinds of faults that sets of nodes are refused for, and a graph that shows what is to be found."""
    graph, pairs, labels = asked.graph, asked.graph.asked_pairs, asked.labels
    (train, val, test) = asked.fixed_splits["public"][0]

    def refused(text: str, **changed: object) -> None:
        with pytest.raises(DataFault, match=text):
            sound(replace(asked, **changed))  # type: ignore[arg-type]

    def with_pair(*ends: int) -> Graph:
        other = pairs.clone()
        other[7] = torch.tensor(ends)
        return graph.with_pairs(other)

    refused(f"pair 7 is .-1, 3.; nodes are 0 to {NODES - 1}", graph=with_pair(-1, 3))
    refused("pair 7 joins node 3 with itself", graph=with_pair(3, 3))
    refused(r"the pair of nodes .* is asked about more than once", graph=with_pair(*pairs[9].flip(0).tolist()))
    refused("the pairs are torch.float32, not int64", graph=graph.with_pairs(pairs.float()))
    refused(
        r"the pairs have shape .200, 3., not .pairs, 2.", graph=graph.with_pairs(torch.cat([pairs, pairs[:, :1]], 1))
    )
    refused("the graph names no pairs of nodes", graph=replace(graph, pairs=None))
    refused(r"the labels have shape .199., the task wants .200.", labels=labels[:-1])
    refused("item 5 has label 2; labels are 0 and 1", labels=torch.where(torch.arange(200) == 5, 2, labels))
    refused("there are 2 classes, and link-prediction tells one thing", num_classes=2)
    refused("its validation part is empty", fixed_splits={"public": [(train, val[:0], test)]})
    refused(
        "its training and test parts share 9 pairs",
        fixed_splits={"public": [(train, val, torch.cat([train[:9], test]))]},
    )
    nan = torch.full_like(graph.dense_features(), float("nan"))
    refused("node 0 has nan as feature 0", graph=graph.with_features(nan))
    wanted = int(test[labels[test] == 1][0])
    shown = graph.with_edges(torch.cat([graph.edge_index, pairs[wanted].flip(0)[:, None]], dim=1))
    refused(rf"its test part asks about nodes .* \(pair {wanted}\), whose edge the graph shows", graph=shown)
    trained = int(train[labels[train] == 1][0])  # what training asks about may be shown
    sound(replace(asked, graph=graph.with_edges(torch.cat([graph.edge_index, pairs[trained][:, None]], dim=1))))


def test_links_of_a_graph_of_ones_own(tmp_path: Path) -> None:
    """A file of nodes and edges, without labels, whose edges are to be found; what is wrong with it is one line."""
    generator = np.random.default_rng(1)
    edges, features = generator.integers(0, 80, (500, 2)), generator.normal(size=(80, 3))

    def read(name: str, task: str = "link-prediction", **arrays: object) -> Dataset:
        np.savez(tmp_path / f"{name}.npz", **{"x": features, "edges": edges, **arrays})
        return own_dataset(name, DataSource(file=str(tmp_path / f"{name}.npz"), name=name, task=task))

    found = read("mine")
    assert found.self_loops == int((edges[:, 0] == edges[:, 1]).sum())
    joined = {tuple(sorted(edge)) for edge in edges.tolist() if edge[0] != edge[1]}
    for name in (FIXED, PRODUCTION):
        of, split = make_split(found, name, 0)
        assert pairs_of(of, torch.arange(of.num_items), 1) == joined
        assert pairs_of(of, split.test, 1) < joined
    assert "methods: [supervised, kd, llp" in spec_text("mine", {"file": "mine.npz"}, proposal(found))
    for text, arrays in {
        "the graph has no edge, and its edges are what is to be found": {"edges": edges[:0]},
        "edge 0 joins nodes 0 and 80": {"edges": np.array([[0, 80]])},
        r"split 'links-5-10': its validation part has \d items of label 0": {"edges": edges[:40]},
        "have an edge and 0 none": {"x": features[:9], "edges": np.stack(np.triu_indices(9, 1), axis=1)},
    }.items():
        with pytest.raises(UserError, match=text):
            read("wrong", **arrays)
    with pytest.raises(ValueError, match="splits: the edges of a graph are its pairs"):
        DataSource(file="mine.npz", name="mine", task="link-prediction", splits="other.npz")
