"""Datasets of pairs: what each part holds, what each graph shows, and what is refused."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.data.checks import sound
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.faults import DataFault
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
