"""The heuristics against enumerations over sets and walks, and their Hits@20 against a count by hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graph_distillery.bench.data.loaders.links.pairs import FIXED, link_dataset
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.judging import judge_test
from graph_distillery.bench.training.problem import ProblemKey, divide
from graph_distillery.methods.contract import Graph
from graph_distillery.methods.controls.heuristics import scores

NODES = 9


def enumerated(arcs: list[tuple[int, int]]) -> dict[str, Callable[[int, int], float]]:
    """Each score by its definition, over sets of neighbours and lists of walks."""
    near: list[set[int]] = [set() for _ in range(NODES)]
    for a, b in arcs:
        near[a].add(b)
        near[b].add(a)

    def shared(u: int, v: int, weight: Callable[[int], float]) -> float:
        return sum(weight(len(near[w])) for w in near[u] & near[v])

    def walks(u: int, v: int) -> float:
        ends, total = Counter([u]), 0.0
        for steps in range(1, 5):
            onward: Counter[int] = Counter()
            for node, count in ends.items():
                for other in near[node]:
                    onward[other] += count
            ends, total = onward, total + 0.1**steps * onward[v]
        return total

    def nearness(u: int, v: int) -> float:
        seen, steps = {u}, 0
        while v not in seen and steps < 3:
            seen, steps = seen | {other for node in seen for other in near[node]}, steps + 1
        return (1 / max(steps, 1)) if v in seen else 0.0

    return {
        "common": lambda u, v: shared(u, v, lambda degree: 1),
        "adamic": lambda u, v: shared(u, v, lambda degree: 1 / math.log(degree) if degree > 1 else 0),
        "allocation": lambda u, v: shared(u, v, lambda degree: 1 / degree),
        "katz": walks,
        "path": nearness,
    }


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] != p[1]), max_size=20, unique=True)
)
@pytest.mark.parametrize("block", [1 << 22, 10])
def test_scores_are_those_of_an_enumeration(block: int, arcs: list[tuple[int, int]]) -> None:
    """Every ordered pair, a node with itself and a node without edges too, however they are cut into blocks."""
    edges = torch.tensor(arcs, dtype=torch.long).reshape(-1, 2).T
    graph = Graph.build(torch.ones(NODES, 1), edges)
    pairs = torch.cartesian_prod(torch.arange(NODES), torch.arange(NODES))
    pairs = pairs[torch.randperm(len(pairs), generator=torch.Generator().manual_seed(1))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "_BLOCK", block)
        found = {
            "common": scores.common_neighbours(graph, pairs),
            "adamic": scores.adamic_adar(graph, pairs),
            "allocation": scores.resource_allocation(graph, pairs),
            "katz": scores.katz(graph, pairs, 0.1, 4),
            "path": scores.shortest_path(graph, pairs, 3),
        }
    for name, by_hand in enumerated(arcs).items():
        expected = torch.tensor([by_hand(u, v) for u, v in pairs.tolist()], dtype=torch.double)
        torch.testing.assert_close(found[name], expected, msg=lambda told, name=name: f"{name}: {told}")
    assert scores.katz(graph, pairs[:0], 0.1, 4).shape == scores.common_neighbours(graph, pairs[:0]).shape == (0,)


def test_hits_at_20_are_those_of_a_count_by_hand() -> None:
    """Over the edges that the split shows: a hit has more common neighbours than all but at most 19 pairs without."""
    ring = torch.arange(90)
    arcs = torch.cat([torch.stack([ring, (ring + step) % 90]) for step in (1, 2, 3)], dim=1)
    made = link_dataset("ring", Graph.build(torch.ones(90, 2), torch.cat([arcs, arcs.flip(0)], dim=1)), 0.1)
    of, split = make_split(made, FIXED, 0)
    problem, test = divide(of, split, ProblemKey("ring", FIXED, "transductive"), 0)
    method = build(Configuration("common-neighbours"), problem, ())
    judged: dict[str, Any] = judge_test(method, problem, test)
    pairs: Tensor = made.graph.asked_pairs
    shown = {tuple(pairs[i].tolist()) for i in split.train.tolist() if made.labels[i] == 1}
    near = [{b if a == node else a for a, b in shown if node in (a, b)} for node in range(90)]
    counts = {i: len(near[int(pairs[i, 0])] & near[int(pairs[i, 1])]) for i in split.test.tolist()}
    good, bad = ([counts[i] for i in counts if made.labels[i] == label] for label in (1, 0))
    hits = sum(sum(other >= score for other in bad) < 20 for score in good) / len(good)
    assert judged["hits_20"] == pytest.approx(hits)
    assert 0 < hits < 1
